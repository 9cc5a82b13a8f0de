"""Shapes of small masks: their parts, outline and hull, in numpy and Python alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the 4-connected components of a small mask, found by joining the runs of its rows.

    Args:
        mask: bool (h, w).

    Returns:
        Labels, int64 (h, w): 0 outside the mask, components from 1 on. The area of each label,
        int64 (count + 1,), that of label 0 included.

    Example:
        >>> labels, areas = components(np.array([[True, True, False, True]]))
        >>> labels.tolist(), areas.tolist()
        ([[1, 1, 0, 2]], [1, 2, 1])
    """
    height, width = mask.shape
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    first = np.searchsorted(rows, np.arange(height + 1))
    for row in range(1, height):
        above, here = int(first[row - 1]), int(first[row])
        stop_above, stop_here = here, int(first[row + 1])
        while above < stop_above and here < stop_here:
            if starts[above] < ends[here] and starts[here] < ends[above]:
                parent[root(here)] = root(above)
            if ends[above] < ends[here]:
                above += 1
            else:
                here += 1
    roots = np.array([root(run) for run in range(len(rows))], np.int64)
    names = np.unique(roots, return_inverse=True)[1] + 1 if len(rows) else roots
    labels = np.zeros((height, width), np.int64)
    for run, name in enumerate(names):
        labels[rows[run], starts[run] : ends[run]] = name
    return labels, np.bincount(labels.ravel(), minlength=1)


def large_parts(mask: Mask) -> Mask:
    """Returns the mask without parts under a tenth of the largest: writing, logos, dust.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> mask[0, 7] = True
        >>> int(large_parts(mask).sum())
        12
    """
    # Opened, so that a thin line does not tie writing to a board.
    opening = grow(shrink(mask)) & mask
    labels, areas = components(opening)
    if len(areas) < 2:
        return opening
    large = np.flatnonzero(areas >= 0.1 * areas[1:].max())
    return np.isin(labels, large[large > 0])


def margins(product: Mask) -> tuple[int, int, int, int]:
    """Returns the cells above, below, left and right of a mask that is not empty.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> margins(mask)
        (1, 1, 2, 2)
    """
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    height, width = product.shape
    ends = (rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1])
    return int(ends[0]), int(ends[1]), int(ends[2]), int(ends[3])


def sides_reached(product: Mask) -> int:
    """Returns how many sides of the picture a mask comes within one cell of.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> sides_reached(mask)
        2
    """
    return sum(margin <= 1 for margin in margins(product))


def point_symmetric(product: Mask) -> bool:
    """Returns whether a mask looks the same upside down, as motifs of patterned tiles do.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> point_symmetric(mask)
        True
    """
    half_turn = product[::-1, ::-1]
    return bool((product & half_turn).sum() > 0.9 * (product | half_turn).sum())


def solidity(shape: Mask) -> float:
    """Returns the share of its convex hull that a mask fills (hull by Andrew's monotone chain).

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> mask[1:3, 2:4] = False
        >>> round(solidity(mask), 2)
        0.86
    """
    rows = np.flatnonzero(shape.any(axis=1))
    first = shape[rows].argmax(axis=1)
    last = shape.shape[1] - shape[rows, ::-1].argmax(axis=1)
    ends = [(float(x), float(y)) for y, x in zip(rows, first, strict=True)]
    ends += [(float(x), float(y + 1)) for y, x in zip(rows, first, strict=True)]
    ends += [(float(x), float(y)) for y, x in zip(rows, last, strict=True)]
    ends += [(float(x), float(y + 1)) for y, x in zip(rows, last, strict=True)]
    points = sorted(set(ends))
    hull: list[tuple[float, float]] = []
    for chain in (points, points[::-1]):
        start = len(hull)
        for x, y in chain:
            while len(hull) > start + 1:
                (ax, ay), (bx, by) = hull[-2], hull[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        hull.pop()
    xs, ys = np.array(hull).T
    area = abs(float((xs * np.roll(ys, -1) - ys * np.roll(xs, -1)).sum())) / 2
    return float(shape.sum()) / max(area, 1.0)


def outline(mask: Mask) -> int:
    """Returns the length of a mask's outline inside the picture, in sides of cells.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> outline(mask)
        16
    """
    return int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())


def rim(values: NDArray[Any]) -> NDArray[Any]:
    """Returns the outermost cells (n, ...) of (h, w, ...) values, once around.

    Example:
        >>> rim(np.arange(12).reshape(3, 4)).tolist()
        [0, 1, 2, 3, 8, 9, 10, 11, 4, 7]
    """
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def grow(mask: Mask) -> Mask:
    """Returns the mask and the cells above, below, left and right of it.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> int(mask.sum()), int(grow(mask).sum())
        (16, 32)
    """
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def shrink(mask: Mask) -> Mask:
    """Returns the mask without the cells that touch its outside; the picture's rim stays.

    Example:
        >>> mask = np.zeros((6, 8), bool)
        >>> mask[1:5, 2:6] = True
        >>> int(shrink(mask).sum())
        4
    """
    return ~grow(~mask)
