"""A photo's floor and a product at one scale: what is known of both, and the squares of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.explanation.alignment import Alignment

Scale = Literal["patterns", "sizes", "usual", "unknown"]
"""Where a common scale of floor and product comes from; see `ScaledViews`."""
SIDE = 640
"""Side of the two pictures, in pixels."""


@dataclass(frozen=True, eq=False)
class ScaledViews:
    """A floor and a product, as large as each other as far as that can be known.

    Attributes:
        floor: uint8 (s, s, 3) sRGB, a clean square of the photo's floor, from above if that is
            possible.
        product: uint8 (s, s, 3) sRGB, the product at the same scale, turned so that its boards lie
            along those of the floor, mirrored where its picture ends.
        scale: where the scale comes from. "patterns": the patterns of both agree at this scale and
            at no other. "sizes": the size of the boards in the product data, and a camera held
            1.4 m high. "usual": a camera held so, and a product picture that shows as much as most
            do. "unknown": the photo does not say from where it was taken; each is shown as it is.
    """

    floor: NDArray[np.uint8] = field(repr=False)
    product: NDArray[np.uint8] = field(repr=False)
    scale: Scale


@dataclass(frozen=True, eq=False)
class Surface:
    """A floor or a product.

    Attributes:
        rgb: uint8 (h, w, 3) sRGB, all of it floor.
        square: uint8 (s, s, 3) sRGB, the largest clean square.
        metres: what a side of the square measures, more or less; None: nobody knows.
        scale: where that is known from.
    """

    rgb: NDArray[np.uint8]
    square: NDArray[np.uint8]
    metres: float | None
    scale: Scale


@dataclass(frozen=True, eq=False)
class OneScale:
    """A floor and a product, and how they lie on each other: drawn at any size.

    Attributes:
        floor: in even light.
        as_seen: uint8 (s, s, 3) sRGB, the floor's square in the light of the photo.
        product: the product.
        alignment: how the product must be scaled and turned; None: nobody knows.
    """

    floor: Surface
    as_seen: NDArray[np.uint8] = field(repr=False)
    product: Surface
    alignment: Alignment | None

    @property
    def scale(self) -> Scale:
        """Where the scale comes from."""
        if self.alignment is None:
            return "unknown"
        return "patterns" if self.alignment.clear else self.product.scale

    def views(self, side: int = SIDE, *, even_light: bool = True) -> ScaledViews:
        """Returns both as pictures.

        Args:
            side: of the pictures, in pixels.
            even_light: whether slow shading of the room is divided out.

        Example:
            >>> grey = np.full((8, 8, 3), 128, np.uint8)
            >>> surface = Surface(grey, grey, None, "unknown")
            >>> views = OneScale(surface, grey, surface, None).views(64)
            >>> views.product.shape, views.scale
            ((64, 64, 3), 'unknown')
        """
        floor = _resized(self.floor.square if even_light else self.as_seen, side)
        if self.alignment is None:
            return ScaledViews(floor, _resized(self.product.square, side), self.scale)
        return ScaledViews(floor, _laid(self.product, self.alignment, side), self.scale)


def _resized(square: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(square))
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0))


def _laid(product: Surface, alignment: Alignment, side: int) -> NDArray[np.uint8]:
    """Returns uint8 (side, side, 3) sRGB: the product as it lies on the floor's square."""
    step = len(product.square) * alignment.ratio / side
    picture = Image.fromarray(np.ascontiguousarray(product.rgb))
    # Sampling does not average: what it would pass over is averaged beforehand.
    if step > 1:
        size = (max(1, round(picture.width / step)), max(1, round(picture.height / step)))
        picture, step = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), 1.0
    cos, sin = step * math.cos(alignment.turn), step * math.sin(alignment.turn)
    reach = math.ceil(side * (abs(cos) + abs(sin)) / 2) + 2
    rgb = np.asarray(picture)
    pads = [max(0, reach - length // 2) for length in rgb.shape[:2]]
    rgb = np.pad(rgb, ((pads[0],) * 2, (pads[1],) * 2, (0, 0)), mode="symmetric")
    x, y, middle = rgb.shape[1] / 2, rgb.shape[0] / 2, side / 2
    matrix = (
        *(cos, sin, x - (cos + sin) * middle),
        *(-sin, cos, y - (cos - sin) * middle),
    )
    laid = Image.fromarray(rgb).transform(
        (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )
    return np.asarray(laid)
