"""Robustness curves: how often a room finds its product as light, camera or mask get worse.

The photos are real, their disturbances are simulated: of the photo (`robustness.py`), whose floor
is then found anew, or of the mask, which is then handed to the search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import FloorlensError
from floorlens.evaluation.clicks import distance_to_edge
from floorlens.evaluation.datasets import Pair, PairsDataset, TrueMask
from floorlens.evaluation.measured import Clock, Region
from floorlens.evaluation.metrics import bootstrap_interval, resize_nearest
from floorlens.evaluation.pairs import rank_of
from floorlens.evaluation.robustness import (
    Sample,
    blurred,
    cropped,
    exposed,
    lit_from_side,
    pitched,
    resized,
    tinted,
)
from floorlens.evaluation.searches import search_picture
from floorlens.images.loading import load_photo
from floorlens.images.shapes import grow
from floorlens.lens import Floorlens
from floorlens.segmentation import FloorRegion
from floorlens.segmentation.clicks import GRID_SIDE

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress

ROOMS = 40

PhotoChange = Callable[[Sample], Sample]
MaskChange = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Curve:
    """One kind of disturbance at growing strengths.

    Attributes:
        name: what it is called.
        unit: of the strengths.
        unchanged: the strength of the photo as it is.
        photo: strength -> change of the photo.
        mask: strength -> change of the mask.
    """

    name: str
    unit: str
    unchanged: float
    photo: Mapping[float, PhotoChange] = field(default_factory=dict)
    mask: Mapping[float, MaskChange] = field(default_factory=dict)


@dataclass(frozen=True)
class CurvePoint:
    """How the rooms find their products at one strength.

    Attributes:
        strength: of the disturbance.
        ranks: of the true product, for each room in the order of `Curves`.
    """

    strength: float
    ranks: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: rates 0..1 with 95 % intervals over rooms."""
        ranks = np.array(self.ranks, np.float64)
        values = {"top1": (ranks <= 1).astype(np.float64), "mrr": 1.0 / ranks}
        return {
            "strength": self.strength,
            **{name: float(np.mean(value)) for name, value in values.items()},
            "ci95": {name: list(bootstrap_interval(value)) for name, value in values.items()},
            "ranks": list(self.ranks),
        }


def scaled_mask(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Returns the mask grown by `share` of its longer side on all sides; negative: shrunk.

    A mask of which nothing would be left stays as it is.

    Example:
        >>> from floorlens.evaluation.curves import scaled_mask
        >>> mask = np.zeros((40, 40), np.bool_)
        >>> mask[10:30, 10:30] = True
        >>> int(scaled_mask(mask, 0.05).sum()), int(scaled_mask(mask, -0.05).sum())
        (564, 256)
    """
    radius = abs(share) * max(mask.shape)
    if share < 0:
        rest = distance_to_edge(mask) > radius
        return rest if rest.any() else mask
    # Beyond the picture there is no mask that could grow into it.
    edge = int(radius) + 2
    distances = distance_to_edge(np.pad(~mask, edge, constant_values=True))
    return distances[edge:-edge, edge:-edge] <= radius if mask.any() else mask


def shifted_mask(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Returns the mask moved up and to the right by `share` of its longer side.

    So it takes wall or furniture along, and leaves floor out. A mask that would leave the picture
    stays as it is.

    Example:
        >>> from floorlens.evaluation.curves import shifted_mask
        >>> shifted_mask(np.array([[False, False], [True, False]]), 0.5).tolist()
        [[False, True], [False, False]]
    """
    step = round(share * max(mask.shape))
    moved = np.zeros_like(mask)
    if step < min(mask.shape):
        moved[: mask.shape[0] - step, step:] = mask[step:, : mask.shape[1] - step]
    return moved if moved.any() else mask


def with_furniture(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Returns the mask and what stands in it: `share` of its box's other pixels, nearest first.

    With a share of 1 that is the whole box, as in a crop.

    Example:
        >>> from floorlens.evaluation.curves import with_furniture
        >>> mask = np.ones((5, 5), np.bool_)
        >>> mask[2, 1:4] = False
        >>> int(with_furniture(mask, 1 / 3).sum()), int(with_furniture(mask, 1).sum())
        (23, 25)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return mask
    box = np.zeros_like(mask)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    count = round(share * int((box & ~mask).sum()))
    result = mask.copy()
    while count > 0:
        ring = np.flatnonzero(grow(result) & box & ~result)[:count]
        result.ravel()[ring] = True
        count -= ring.size
    return result


def _photo_curve(
    name: str, unit: str, unchanged: float, change: Callable[[float], PhotoChange], *at: float
) -> Curve:
    return Curve(name, unit, unchanged, photo={strength: change(strength) for strength in at})


def _shrunk(sample: Sample, side: int) -> Sample:
    """Returns the picture with a longer side of at most `side` pixels."""
    return sample if max(sample.pixels.shape[:2]) <= side else resized(sample, side)


def _mask_curve(
    name: str, change: Callable[[NDArray[np.bool_], float], NDArray[np.bool_]], *at: float
) -> Curve:
    """Returns a curve of mask errors; strengths in per cent."""
    changes = {strength: partial(_changed, change, strength / 100) for strength in at}
    return Curve(name, "%", 0.0, mask=changes)


def _changed(
    change: Callable[[NDArray[np.bool_], float], NDArray[np.bool_]],
    share: float,
    mask: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    return change(mask, share)


CURVES: tuple[Curve, ...] = (
    _photo_curve("exposure", "EV", 0.0, lambda stops: partial(exposed, stops=stops), -2, -1, 1, 2),
    _photo_curve(
        "light from one side",
        "% lost on the other",
        0.0,
        lambda percent: partial(lit_from_side, share=percent / 100),
        40,
        80,
    ),
    _photo_curve(
        "colour of the light",
        "K",
        6500.0,
        lambda kelvin: partial(tinted, kelvin=kelvin),
        2700,
        4000,
        9000,
    ),
    _photo_curve(
        "camera pitch",
        "degrees down",
        0.0,
        lambda degrees: partial(pitched, degrees=degrees),
        -12,
        -6,
        6,
        12,
    ),
    _photo_curve(
        "crop",
        "% of each side",
        100.0,
        lambda percent: partial(cropped, share=percent / 100),
        70,
        50,
    ),
    _photo_curve(
        "size",
        "px, longer side",
        1280.0,
        lambda side: partial(_shrunk, side=int(side)),
        160,
        320,
        640,
    ),
    _photo_curve(
        "blur", "px of 640, sigma", 0.0, lambda sigma: partial(blurred, sigma=sigma), 1, 2, 4
    ),
    _mask_curve("mask grown or shrunk", scaled_mask, -4, -2, 2, 4),
    _mask_curve("mask moved", shifted_mask, 5, 10),
    _mask_curve("furniture taken along", with_furniture, 50, 100),
)
"""What is measured, and at which strengths."""


def sampled_pairs(data: PairsDataset, rooms: int = ROOMS) -> tuple[Pair, ...]:
    """Returns the first row of each of at most `rooms` rooms, evenly spread over the file.

    Example:
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.curves import sampled_pairs
        >>> from floorlens.evaluation.datasets import read_pairs
        >>> len(sampled_pairs(read_pairs(samples()), rooms=3))
        3
    """
    first: dict[str, Pair] = {}
    for pair in data.pairs:
        first.setdefault(pair.room, pair)
    pairs = list(first.values())
    count = min(rooms, len(pairs))
    return tuple(pairs[number * len(pairs) // count] for number in range(count))


def measure_curve(
    curve: Curve,
    lens: Floorlens,
    data: PairsDataset,
    pairs: Sequence[Pair],
    *,
    unchanged: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> tuple[CurvePoint, ...]:
    """Returns how rooms find their products at each strength, the unchanged photo among them.

    A photo in which no floor is found any more has the last rank. Photos are changed at the size
    that the pipeline works at, at most 1280 px.

    Args:
        curve: the disturbance.
        lens: the catalogue, with all products of the data.
        data: where the photos lie.
        pairs: the rooms.
        unchanged: the ranks of the photos as they are; None measures them.
        progress: called with (done, total) searches.

    Raises:
        CatalogueError: the catalogue itself is not usable.

    Example:
        >>> from floorlens import Floorlens
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.curves import CURVES, measure_curve, sampled_pairs
        >>> from floorlens.evaluation.datasets import read_pairs
        >>> data = read_pairs(samples())
        >>> with Floorlens.open("kept") as lens:
        ...     report = lens.add(samples() / "products", adapt=False)
        ...     points = measure_curve(CURVES[-1], lens, data, sampled_pairs(data, 1))
        >>> [point.strength for point in points]
        [0.0, 50, 100]
    """
    strengths = sorted({curve.unchanged, *curve.photo, *curve.mask})
    ranks: dict[float, list[int]] = {strength: [] for strength in strengths}
    if unchanged is not None:
        ranks[curve.unchanged] = list(unchanged)
        strengths.remove(curve.unchanged)
    done, total = 0, len(pairs) * len(strengths)
    for pair in pairs:
        photo = _pixels(data.rooms / pair.room)
        needed = curve.mask or unchanged is None
        floor = None if photo is None or not needed else _floor(lens, photo)
        for strength in strengths:
            rank = data.products.count
            if photo is not None:
                changed, region = _disturbed(curve, strength, photo, floor)
                found = search_picture(lens, changed, data.products, Clock(), region)
                rank = rank_of(pair, found, data.products)
            ranks[strength].append(rank)
            done += 1
            if progress is not None:
                progress(done, total)
    return tuple(CurvePoint(strength, tuple(ranks[strength])) for strength in sorted(ranks))


def _pixels(path: Path) -> NDArray[np.uint8] | None:
    try:
        return load_photo(path, max_megapixels=math.inf).pixels
    except FloorlensError:
        return None


def _floor(lens: Floorlens, photo: NDArray[np.uint8]) -> FloorRegion | None:
    try:
        return lens.mask(photo)
    except Exception:  # noqa: BLE001
        # Whatever the cause, the search of the photo meets it too, and says how the photo counts.
        return None


def _disturbed(
    curve: Curve, strength: float, photo: NDArray[np.uint8], floor: FloorRegion | None
) -> tuple[NDArray[np.uint8], Region | None]:
    """Returns the photo and its region as they are searched; no region where it is found anew."""
    if strength in curve.photo:
        nothing = TrueMask(*np.zeros((2, *photo.shape[:2]), np.bool_))
        return curve.photo[strength](Sample(photo, nothing)).pixels, None
    if strength in curve.mask and floor is not None:
        height, width = photo.shape[:2]
        scale = min(1.0, GRID_SIDE / max(height, width))
        grid = max(1, round(height * scale)), max(1, round(width * scale))
        mask = curve.mask[strength](resize_nearest(floor.mask, grid))
        return photo, resize_nearest(mask, (height, width))
    return photo, floor
