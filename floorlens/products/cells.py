"""A product picture as cells: squares of pixels on a coarse grid, on which all is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Cells along the longer side of a picture, at most.
CELLS = 160
#: A cell is flat if its green values differ by no more; a photographed white table comes to 10.
FLAT = 10
#: What is of one colour, in code values.
SAME = 14

Cells = NDArray[np.float32]
Mask = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True)
class Cut:
    """What a look at a picture tells of it.

    Attributes:
        kind: "boards" or "framed", of which `mask` is the product; "doubtful" if the picture has
            something of a product on a ground or of a frame, but is more likely a swatch.
        mask: bool (r, c), the cells of the product.
        confidence: how plainly it is of this kind, 0..1.
    """

    kind: Literal["boards", "framed", "doubtful"]
    mask: Mask
    confidence: float


@dataclass(frozen=True)
class Rule(Generic[T]):
    """A reason to take a picture for a swatch after all.

    Attributes:
        name: what is seen in the picture.
        picture: the floor that it is for, by its name in tests/products/made_pictures.py.
        speaks: whether it is seen in a picture.
    """

    name: str
    picture: str
    speaks: Callable[[T], bool]


def cell_size(shape: tuple[int, ...]) -> int:
    """Returns the side of a cell, in pixels, for a picture of shape (height, width, ...).

    Example:
        >>> cell_size((640, 480, 3)), cell_size((100, 80, 3))
        (4, 1)
    """
    return max(1, -(-max(shape[:2]) // CELLS))


def cells_of(pixels: NDArray[np.uint8], size: int) -> tuple[Cells, Cells]:
    """Returns each cell's mean colour, float32 (r, c, 3), and its range of green, float32 (r, c).

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        size: the side of a cell, in pixels.

    Example:
        >>> cells, ranges = cells_of(np.full((640, 480, 3), 200, np.uint8), 4)
        >>> cells.shape, ranges.shape, float(ranges.max())
        ((160, 120, 3), (160, 120), 0.0)
    """
    means = np.asarray(Image.fromarray(pixels).reduce(size), np.float32)
    rows, columns = means.shape[:2]
    # Four by four samples tell flat from grained.
    stride = max(1, size // 4)
    side = -(-size // stride)
    green = pixels[..., 1]
    high = np.zeros((rows, columns), np.uint8)
    low = np.full((rows, columns), 255, np.uint8)
    down, across = np.arange(rows) * size, np.arange(columns) * size
    for dy in range(side):
        ys = np.minimum(down + dy * stride, green.shape[0] - 1)
        line = green[ys]
        for dx in range(side):
            part = line[:, np.minimum(across + dx * stride, green.shape[1] - 1)]
            np.maximum(high, part, out=high)
            np.minimum(low, part, out=low)
    return means, np.subtract(high, low, dtype=np.float32)


def similar(cells: Cells, colour: NDArray[np.floating], distance: float) -> Mask:
    """Returns whether each colour (..., 3) is within `distance` code values in every channel.

    Example:
        >>> similar(np.array([[250, 250, 250], [250, 200, 250]], np.float32), np.full(3, 255.0), 10)
        array([ True, False])
    """
    mask: Mask = np.abs(cells - colour).max(axis=-1) <= distance
    return mask


def commonest(colours: Cells) -> NDArray[np.float32]:
    """Returns the commonest of the colours (n, 3): the median around the fullest of 16³ bins.

    Example:
        >>> commonest(np.array([[90, 60, 30]] * 2 + [[250, 250, 250]] * 3, np.float32)).tolist()
        [250.0, 250.0, 250.0]
    """
    bins = (colours // 16).astype(np.intp) @ np.array([256, 16, 1])
    middle = np.median(colours[bins == np.bincount(bins).argmax()], axis=0)
    near = colours[similar(colours, middle, 16)]
    return np.asarray(np.median(near, axis=0), np.float32)
