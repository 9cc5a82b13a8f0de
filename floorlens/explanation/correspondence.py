"""Which patches of two floors correspond."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Patches whose centres are nearer than this share of the smaller one's side are of one spot.
APART = 0.5


def corresponding(
    floor: NDArray[np.floating],
    product: NDArray[np.floating],
    count: int,
    floor_places: NDArray[np.floating] | None = None,
    product_places: NDArray[np.floating] | None = None,
) -> list[tuple[int, int, float]]:
    """Returns pairs (patch of the floor, patch of the product, cosine), most alike first.

    Each patch is in one pair at most, and is the nearest of the other among those that are left:
    the first pair is mutually nearest, and so is each later one without what those before it took.
    A patch from a spot that has a pair already is left out.

    Args:
        floor: (p, d), features of the floor's patches.
        product: (q, d), those of the product's.
        count: of pairs, at most.
        floor_places, product_places: (p, 3) and (q, 3), centre x, y and side of the patches; None
            counts all as apart.

    Example:
        >>> floor, product = np.eye(4)[:3], np.eye(4)[[2, 0, 3]]
        >>> corresponding(floor, product, 2)
        [(0, 1, 1.0), (2, 0, 1.0)]
    """
    cosines = np.clip(_unit(floor) @ _unit(product).T, -1.0, 1.0)
    left = cosines.copy()
    pairs: list[tuple[int, int, float]] = []
    while len(pairs) < count:
        one, other = np.unravel_index(int(np.argmax(left)), left.shape)
        if left[one, other] <= 0:
            break
        pairs.append((int(one), int(other), float(cosines[one, other])))
        left[_near(floor_places, int(one), len(floor))] = -np.inf
        left[:, _near(product_places, int(other), len(product))] = -np.inf
    return pairs


def _near(places: NDArray[np.floating] | None, one: int, count: int) -> NDArray[np.bool_]:
    """Returns bool (count,): which patches are of the same spot as one of them, itself included."""
    near = np.arange(count) == one
    if places is not None:
        x, y, _ = (places - places[one]).T
        near |= np.hypot(x, y) < APART * np.minimum(places[:, 2], places[one, 2])
    return np.asarray(near, np.bool_)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(rows, np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9))
