"""How far a picture of a floor can be trusted: its light, in a few numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.masks import mask_image

TRUST = ("shading", "cast", "clipped", "dark")
"""The numbers: how much lightness, then colour, changes slowly over the floor (standard deviations
in CIELAB); then the shares of its pixels that are burnt out, and that are almost black."""
#: Longer side of the pixels that are looked at: single ones, so that burnt-out ones stay so.
_SIDE = 96
#: A pixel is clipped, or dark, if all its channels are at least, or at most, this.
_CLIPPED, _DARK = 250, 12
#: The light's colour is that of the palest among the bright half of what surrounds a floor, which
#: is at least so much of the photo. Tried on 468 rooms of shops, as they are and under a lamp's
#: light that makes a grey of b* 18: the median b* is 1 and 19.
_PALEST, _SURROUNDINGS = 0.3, 0.1


def light_of(photo: Image.Image, floor: Image.Image | None) -> NDArray[np.float32]:
    """Returns float32 (4,), the values of `TRUST`.

    Slow is what a polynomial of the second degree in the place follows: a lamp, a window, a
    vignette, and no boards.

    Args:
        photo: RGB.
        floor: the mask, 255 on floor, of the photo's size; None if all is floor.

    Example:
        >>> even = Image.new("RGB", (640, 480), (150, 110, 70))
        >>> light_of(even, None).round(3).tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    scale = min(1.0, _SIDE / max(photo.size))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    small = np.asarray(photo.resize(size, Image.Resampling.NEAREST))
    on = np.ones(small.shape[:2], np.bool_)
    if floor is not None:
        on = np.asarray(floor.resize(size, Image.Resampling.NEAREST)) > 127
        # A floor of a few pixels may lie between those that were taken.
        on = on if on.any() else np.ones_like(on)
    pixels = small[on]
    y, x = (2 * places / max(1, max(size) - 1) - 1 for places in np.nonzero(on))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    lab = srgb_to_lab(pixels).astype(np.float64)
    slow = (terms @ np.linalg.lstsq(terms, lab, rcond=None)[0]).std(axis=0)
    clipped, dark = (pixels >= _CLIPPED).all(axis=1), (pixels <= _DARK).all(axis=1)
    values = (slow[0], np.hypot(slow[1], slow[2]), clipped.mean(), dark.mean())
    return np.array(values, np.float32)


def tint_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Returns the colour of a room's light as float32 (2,), a* and b*; None where too little shows.

    It is what a grey surface would look like: b* is above 0 in warm light and below in cool light.
    The median of the palest surfaces among the bright ones beside the floor, as far as they are
    not clipped: walls, ceilings, frames. A room where even these are beige looks as if its light
    were warm. Related to the white-patch method (Land and McCann, 1971).

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), the floor.

    Example:
        >>> pixels = np.full((90, 120, 3), (200, 190, 160), np.uint8)
        >>> mask = np.zeros((90, 120), bool)
        >>> mask[45:] = True
        >>> tint_of(pixels, mask).round().tolist()
        [-1.0, 16.0]
    """
    step = max(1, max(mask.shape) // _SIDE)
    # Means of small cells, so that noise does not pass for a colour.
    small = np.asarray(Image.fromarray(pixels).reduce(step))
    floor = np.asarray(mask_image(mask).reduce(step))
    beside = small[floor < 32]
    usable = beside[(beside < _CLIPPED).all(axis=1) & (beside > _DARK).any(axis=1)]
    if len(usable) < _SURROUNDINGS * floor.size:
        return None
    lab = srgb_to_lab(usable)
    bright = lab[lab[:, 0] >= np.median(lab[:, 0]), 1:]
    chroma = np.hypot(*bright.T)
    palest = bright[chroma <= np.quantile(chroma, _PALEST)]
    return np.asarray(np.median(palest, axis=0), np.float32)
