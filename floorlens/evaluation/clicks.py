"""Simulated corrections: where a person would click next. Functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from floorlens.evaluation.metrics import resize_nearest
from floorlens.images.shapes import components
from floorlens.segmentation import Click

GRID_SIDE = 320
"""The longer side of the grid on which errors are looked for; nobody would click a finer one."""


def next_click(
    mask: NDArray[np.bool_],
    floor: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    size: tuple[int, int],
    earlier: Sequence[Click] = (),
) -> Click | None:
    """Returns the click that corrects the largest error, None where there is no error.

    It is the innermost pixel of the largest connected region of missed floor or of wrong floor.
    Pixels of earlier clicks are left out. Sources: Xu et al., "Deep interactive object selection"
    (CVPR 2016); Sofiiuk et al., "Reviving iterative training with mask guidance for interactive
    segmentation" (2021), for the rule on earlier clicks.

    Args:
        mask, floor, ignored: bool (h, w): the predicted mask, the true one, and the pixels that do
            not count.
        size: (width, height) of the photo, in whose pixels the click is returned.
        earlier: the clicks so far, in the same pixels.

    Example:
        >>> from floorlens.evaluation.clicks import next_click
        >>> nothing = np.zeros((30, 40), np.bool_)
        >>> floor = nothing.copy()
        >>> floor[10:21, 10:21] = True
        >>> next_click(nothing, floor, nothing, size=(400, 300))
        Click(x=155.0, y=155.0, floor=True)
    """
    shape = _grid_shape(floor.shape)
    answer, truth, unknown = (resize_nearest(part, shape) for part in (mask, floor, ignored))
    scale_x, scale_y = size[0] / shape[1], size[1] / shape[0]
    free = np.ones(shape, dtype=np.bool_)
    for click in earlier:
        row, column = int(click.y / scale_y), int(click.x / scale_x)
        free[min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)] = False
    errors = []
    for missing, wrong in ((True, truth & ~answer & ~unknown), (False, answer & ~truth & ~unknown)):
        labels, areas = components(wrong)
        errors += [(int(areas[label]), missing, labels, label) for label in range(1, len(areas))]
    # Of equal areas missed floor comes first, then the order of the rows: nothing is random.
    for _, missing, labels, label in sorted(errors, key=lambda error: -error[0]):
        region = labels == label
        depth = np.where(free, distance_to_edge(region), 0)
        row, column = divmod(int(depth.argmax()), shape[1])
        if depth[row, column] > 0:
            return Click((column + 0.5) * scale_x, (row + 0.5) * scale_y, floor=missing)
    return None


def distance_to_edge(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns each pixel's distance to the nearest pixel outside the mask, 0 outside it.

    Float32 (h, w), in pixels, exact. Beyond the picture counts as outside. Source: the two passes
    of Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (2012); the second
    is done by brute force, so that a row takes the square of its width.

    Args:
        mask: bool (h, w), a few hundred pixels a side.

    Example:
        >>> from floorlens.evaluation.clicks import distance_to_edge
        >>> distance_to_edge(np.ones((3, 5), np.bool_))[1]
        array([1., 2., 2., 2., 1.], dtype=float32)
    """
    distance = np.zeros(mask.shape, dtype=np.float32)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return distance
    # Only the box around the mask, and one pixel of the outside around that.
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = np.pad(mask[box], 1)
    steps = np.zeros(inside.shape, dtype=np.float32)
    for row in range(1, len(steps)):
        steps[row] = (steps[row - 1] + 1) * inside[row]
    for row in range(len(steps) - 2, 0, -1):
        steps[row] = np.minimum(steps[row], steps[row + 1] + 1)
    columns = np.arange(inside.shape[1], dtype=np.float32)
    across = (columns[:, None] - columns) ** 2
    squared = np.stack([(across + row**2).min(axis=1) for row in steps[1:-1]])
    distance[box] = np.sqrt(squared[:, 1:-1])
    return distance


def _grid_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(1.0, GRID_SIDE / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
