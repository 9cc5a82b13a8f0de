"""Connected components of a mask, without a library that the base install would have to bring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
