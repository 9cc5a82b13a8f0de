"""Shapes of small masks: parts, outline and hull, without a library for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Label the 4-connected components of a small mask by joining the runs of its rows.

    Args:
        mask: bool [h, w].

    Returns:
        Labels int64 [h, w], 0 outside the mask and components from 1; the area of each label,
        int64 [count + 1], that of label 0 included.
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
    """Returns the mask without parts under a tenth of the largest: writing, logos, dust."""
    # Opened, so that a thin line does not tie writing to a board.
    opened = grown(shrunk(mask)) & mask
    labels, areas = components(opened)
    if len(areas) < 2:
        return opened
    kept = np.flatnonzero(areas >= 0.1 * areas[1:].max())
    return np.isin(labels, kept[kept > 0])


def margins(product: Mask) -> tuple[int, int, int, int]:
    """Returns the cells above, below, left and right of a mask that is not empty."""
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    height, width = product.shape
    ends = (rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1])
    return int(ends[0]), int(ends[1]), int(ends[2]), int(ends[3])


def sides_reached(product: Mask) -> int:
    """Returns how many sides of the picture a mask reaches, give or take the outermost cell."""
    return sum(margin <= 1 for margin in margins(product))


def turned_alike(product: Mask) -> bool:
    """Whether the mask looks the same upside down, as the motifs of patterned tiles do."""
    turned = product[::-1, ::-1]
    return bool((product & turned).sum() > 0.9 * (product | turned).sum())


def solidity(shape: Mask) -> float:
    """Returns the share of its convex hull that a shape fills (hull by Andrew's monotone chain)."""
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
    """Returns the length of a mask's outline in cell sides, without the picture's rim."""
    return int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())


def rim(values: NDArray[Any]) -> NDArray[Any]:
    """Returns the outermost cells (n, ...) of (h, w, ...) values, once around."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def grown(mask: Mask) -> Mask:
    """Returns the mask with the cells beside it."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def shrunk(mask: Mask) -> Mask:
    """Returns the mask without the cells beside others; the picture's rim stays."""
    return ~grown(~mask)
