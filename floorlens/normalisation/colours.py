"""The colours of a floor: a sample of them in CIELAB, and their mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.masks import mask_image
from floorlens.images.shapes import shrink

#: Cells across a square as large as the floor when its colours are sampled.
CELLS = 64
#: Colours in a sample, at most.
MOST = CELLS**2
#: A cell is clear if at least this share of it is floor.
CLEAR = 0.99
#: Clear cells alone are taken where they make at least this share of the floor.
ENOUGH = 0.25
#: A cell is a clipped highlight if all its channels are at least this.
CLIPPED = 250
#: Highlights are left out where they are less than this share of the cells.
HIGHLIGHTS = 0.75


def images_of(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[Image.Image, Image.Image | None]:
    """Returns photo and mask as Pillow images; None for a mask that is all floor.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor.

    Example:
        >>> images_of(np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), bool))[1] is None
        True
    """
    photo = Image.fromarray(pixels)
    return photo, None if mask.all() else mask_image(mask)


def sample_colours(
    photo: Image.Image, floor: Image.Image | None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Returns Lab colours float32 (m, 3), 1 <= m <= 4,096, and the mean floor colour uint8 (3,).

    The photo is averaged to cells of 1/64 of the floor's extent, so that noise and grain finer than
    that count alike at every resolution. Cells that touch the mask's edge are left out, and so are
    clipped highlights, unless that leaves less than a quarter.

    Args:
        photo: RGB.
        floor: the mask, 255 on floor, of the photo's size; None if all is floor.

    Example:
        >>> from PIL import Image
        >>> lab, mean = sample_colours(Image.new("RGB", (640, 480), (150, 110, 70)), None)
        >>> lab.shape, mean.tolist()
        ((4070, 3), [150, 110, 70])
    """
    width, height = photo.size
    area = width * height if floor is None else float(np.count_nonzero(np.asarray(floor)))
    scale = min(1.0, CELLS / math.sqrt(area))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(photo.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    if floor is None:
        cells = small.reshape(-1, 3)
    else:
        cover = floor.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        share = np.asarray(cover, np.float32) / 255.0
        cells = small[_inside(share)]
    clipped = (cells >= CLIPPED).all(axis=1)
    colours = cells[~clipped] if clipped.mean() < HIGHLIGHTS else cells
    if len(colours) > MOST:
        colours = colours[np.linspace(0, len(colours) - 1, MOST).astype(np.intp)]
    mean = np.rint(cells.mean(axis=0)).astype(np.uint8)
    return srgb_to_lab(colours), mean


def for_colours(
    photo: Image.Image, floor: Image.Image
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns the photo and its floor as small as `sample_colours` still gives the same colours of.

    Args:
        photo: RGB.
        floor: the mask, 255 on floor, of the photo's size.

    Returns:
        uint8 (h, w, 3) sRGB and bool (h, w); of a floor of a few pixels, as they were.

    Example:
        >>> photo, floor = Image.new("RGB", (1280, 960)), Image.new("L", (1280, 960), 255)
        >>> pixels, mask = for_colours(photo, floor)
        >>> pixels.shape, mask.shape
        ((120, 160, 3), (120, 160))
    """
    area = float(np.count_nonzero(np.asarray(floor)))
    # Two pixels across a cell: less, and the floor's edge would colour too many of them.
    factor = int(math.sqrt(area) / (2 * CELLS))
    if factor > 1:
        photo, floor = photo.reduce(factor), floor.reduce(factor)
    return np.asarray(photo), np.asarray(floor) > 127


def _inside(share: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Returns the cells that are surely floor: the strictest choice that leaves enough of it."""
    clear = share >= CLEAR
    for choice in (shrink(clear), clear, share >= 0.5):
        if choice.sum() >= ENOUGH * share.sum() and choice.any():
            return choice
    return np.asarray(share >= share.max())
