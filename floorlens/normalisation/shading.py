"""Light that is not even: slow shading is divided out, reflections are left out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.masks import mask_image
from floorlens.normalisation import check_view

#: Longer side of the copy on which the light is looked at, in pixels.
LONGER_SIDE = 128
#: Light that changes over less than this share of the floor's extent belongs to the floor.
REACH = 0.2
#: The most that the light is raised or lowered, in coded values.
MOST = 1.5
#: A reflection is so much lighter (L*) than the floor's median, and so much less colourful, or it
#: is clipped.
LIGHTER, PALER = 10.0, 0.8
#: Coded value from which on a pixel is clipped.
CLIPPED = 250
#: Reflections that cover more than this share of the floor are taken for the floor itself.
TOO_MUCH = 0.5


def flatten(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns the photo with even light on the floor, and the floor that is fit for comparison.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor.

    Returns:
        uint8 (h, w, 3) sRGB, changed on the floor alone, the floor's median lightness about as
        before; bool (h, w), the mask without reflections and clipped light.

    Raises:
        ValueError: the shapes differ, or the mask is empty.
    """
    check_view(pixels, mask)
    height, width = mask.shape
    factor = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    floor = mask_image(mask)
    share = np.asarray(floor.resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float64) / 255
    shine = _reflections(small, share)
    clean = np.where(shine, 0.0, np.where(share > 0.6, share, 0.0))
    usable = mask
    if clean.sum() >= (1 - TOO_MUCH) * np.where(share > 0.6, share, 0.0).sum():
        fine = mask_image(shine).resize((width, height), Image.Resampling.BILINEAR)
        usable = mask & (np.asarray(fine) < 128)
    else:
        clean = share
    gain = _gain(small, clean if clean.any() else share)
    whole = np.asarray(Image.fromarray(gain).resize((width, height), Image.Resampling.BILINEAR))
    even = pixels.copy()
    even[mask] = np.clip(pixels[mask] * whole[mask][:, None] + 0.5, 0, 255).astype(np.uint8)
    return even, usable if usable.any() else mask


def _reflections(small: NDArray[np.uint8], share: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns bool (h, w): reflections of windows and lamps on the floor."""
    lab = srgb_to_lab(small)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    on = share >= min(0.6, float(share.max()))
    light, colour = float(np.median(lab[on][:, 0])), float(np.median(chroma[on]))
    # The floor's own boards differ in lightness: only what stands out from them shines.
    own = 1.48 * float(np.median(np.abs(lab[on][:, 0] - light)))
    lit = (lab[..., 0] > light + LIGHTER + 1.5 * own) & (chroma < PALER * colour + 1.0)
    return np.asarray(on & (lit | (small >= CLIPPED).all(axis=2)))


def _gain(small: NDArray[np.uint8], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns float32 (h, w): what the coded values are to be multiplied by."""
    grey = np.log(small.astype(np.float64) @ (0.2126, 0.7152, 0.0722) + 4.0)
    radius = max(1, round(REACH * math.sqrt(float(weight.sum())) / 2))
    top, bottom = grey * weight, weight
    # Three boxes make a smooth bell; dividing by the blurred weights keeps the outside out.
    for _ in range(3):
        top, bottom = _boxed(top, radius), _boxed(bottom, radius)
    level = top / np.maximum(bottom, 1e-6)
    on = weight > 0
    middle = float(np.median(level[on]))
    known = np.where(bottom > 1e-6, level, middle)
    limit = math.log(MOST)
    return np.exp(np.clip(middle - known, -limit, limit)).astype(np.float32)


def _boxed(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Returns the means over squares of 2 `radius` + 1, zero outside."""
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(values, padding), axis=axis)
        count = 2 * radius + 1
        if axis == 0:
            values = (total[count:] - total[:-count]) / count
        else:
            values = (total[:, count:] - total[:, :-count]) / count
    return values
