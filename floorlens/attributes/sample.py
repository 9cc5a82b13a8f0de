"""A small copy of a floor, from which all attributes are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.masks import mask_image

#: Longer side of the copy that colours are taken from, and of the one that shows joints.
COLOURS, DETAIL = 160, 480
#: A cell of the copy is floor if at least this share of it is.
FLOOR = 0.9
#: A pixel is a clipped highlight if all its channels are at least this.
CLIPPED = 250


@dataclass(frozen=True)
class Sample:
    """A small copy of a floor.

    Attributes:
        lab: float32 (h, w, 3) CIELAB, the longer side at most `COLOURS`.
        floor: bool (h, w), what of it is floor; some of it is.
        clipped: bool (h, w), what of it is brighter than the picture can show.
        lightness: float32 (H, W), L* with the longer side at most `DETAIL`; the floor's median
            outside the floor.
        upright: whether the floor fills its box, as in a swatch and in a straightened patch.
    """

    lab: NDArray[np.float32]
    floor: NDArray[np.bool_]
    clipped: NDArray[np.bool_]
    lightness: NDArray[np.float32]
    upright: bool

    @property
    def colours(self) -> NDArray[np.float32]:
        """float32 (m, 3), the colours of the floor; clipped highlights only where all are."""
        lit = self.floor & ~self.clipped
        return self.lab[lit if lit.sum() >= 0.25 * self.floor.sum() else self.floor]


def sample_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Sample:
    """Returns the small copy of a floor.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor, at least once.

    Example:
        >>> sample = sample_of(np.full((600, 900, 3), 128, np.uint8), np.ones((600, 900), bool))
        >>> sample.lab.shape, sample.lightness.shape, sample.upright
        ((107, 160, 3), (320, 480), True)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    photo, inside = Image.fromarray(np.ascontiguousarray(pixels[box])), mask[box]
    filled = bool(inside.all())
    detail = _shrunk(photo, DETAIL)
    small = _shrunk(detail, COLOURS)
    rgb = np.asarray(small)
    floor = np.ones(rgb.shape[:2], np.bool_)
    lightness = srgb_lightness(np.asarray(detail))
    if not filled:
        share = mask_image(inside)
        cover = np.asarray(share.resize(small.size, Image.Resampling.BOX), np.float32) / 255
        floor = np.asarray(cover >= min(FLOOR, float(cover.max())))
        sharp = np.asarray(share.resize(detail.size, Image.Resampling.BOX), np.float32) / 255
        on = sharp >= min(FLOOR, float(sharp.max()))
        lightness = np.where(on, lightness, np.median(lightness[on])).astype(np.float32)
    return Sample(
        srgb_to_lab(rgb),
        floor,
        np.all(rgb >= CLIPPED, axis=-1),
        lightness,
        upright=filled or bool(inside.mean() >= 0.97),
    )


def srgb_lightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns L*, float32 (h, w), of uint8 (h, w, 3) sRGB pixels, to half a unit.

    Its cube roots are looked up: those of all pixels would take longer than all else.

    Example:
        >>> srgb_lightness(np.full((1, 1, 3), 255, np.uint8)).tolist()
        [[100.0]]
    """
    luminance = _LINEAR[0][pixels[..., 0]] + _LINEAR[1][pixels[..., 1]] + _LINEAR[2][pixels[..., 2]]
    roots: NDArray[np.float32] = _ROOTS[(np.sqrt(luminance) * 1023).astype(np.int16)]
    return roots


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    longer = max(image.size)
    if longer <= side:
        return image
    size = (
        max(1, round(image.width * side / longer)),
        max(1, round(image.height * side / longer)),
    )
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _linear(weight: float) -> NDArray[np.float32]:
    code = np.arange(256) / 255
    curve = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return (weight * curve).astype(np.float32)


# The rows of luminance of IEC 61966-2-1, and L* by the square root of luminance, which spreads the
# dark ones: CIE 15:2004.
_LINEAR = tuple(_linear(weight) for weight in (0.2126729, 0.7151522, 0.0721750))
_Y = (np.arange(1025) / 1023) ** 2
_ROOTS = np.where(_Y > 216 / 24389, 116 * np.cbrt(_Y) - 16, _Y * 24389 / 27).astype(np.float32)
