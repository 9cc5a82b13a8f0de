"""What models of the hub are shown of a floor: its box, a mask without specks, how many squares."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.images.masks import mask_image
from floorlens.images.shapes import large_parts
from floorlens.models.options import Rerank
from floorlens.normalisation.squares import Scales

#: Squares besides the first patch where patches are compared: sides relative to the square root of
#: the floor's area, and how many of each. Those of 512 numbers all fit into a signature.
SCALES: Scales = ((0.6, 2), (0.35, 2))
#: Patches of one picture.
PATCHES: Mapping[Rerank, int] = MappingProxyType(
    {"single": 1, "patches": 1 + sum(count for _, count in SCALES)}
)
#: Parts of a mask are found on a grid of so many cells along the longer side.
CELLS = 192


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Returns the rows and columns between the first and the last True pixel, both included.

    Example:
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[300:400, 20:600] = True
        >>> bounding_box(mask)
        (slice(300, 400, None), slice(20, 600, None))
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask without parts under a tenth of the largest; itself if nothing else is.

    Example:
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[300:], mask[:20, :20] = True, True
        >>> bool(without_specks(mask)[:100].any())
        False
    """
    if mask.all():
        return mask
    size = max(1, -(-max(mask.shape) // CELLS))
    cells = np.asarray(mask_image(mask).reduce(size)) > 127
    large = large_parts(cells).repeat(size, axis=0).repeat(size, axis=1)
    floor = mask & large[: mask.shape[0], : mask.shape[1]]
    return floor if floor.any() else mask
