"""Variants that are made of a product's picture, so that what finds variants can be measured."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import lab_to_srgb, srgb_to_lab
from floorlens.products.boards import lay_boards

Pixels = NDArray[np.uint8]


def encoded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the picture after JPEG at quality 60."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer, formats=["JPEG"]).convert("RGB"))


def cropped(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns a part of the picture with 70 to 90 % of each side."""
    height, width = pixels.shape[:2]
    rows, columns = (max(8, round(side * rng.uniform(0.7, 0.9))) for side in (height, width))
    top, left = (int(rng.integers(0, n + 1)) for n in (height - rows, width - columns))
    return pixels[top : top + rows, left : left + columns]


def scaled(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the picture at half the size."""
    picture = Image.fromarray(pixels)
    size = (max(8, picture.width // 2), max(8, picture.height // 2))
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS))


def turned(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the picture turned by a quarter, one way or the other."""
    return np.ascontiguousarray(np.rot90(pixels, int(rng.choice([1, 3]))))


def recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the picture in another colour: moved by 12 to 25 in CIELAB, other contrast."""
    lab = srgb_to_lab(pixels)
    mean = lab.reshape(-1, 3).mean(axis=0)
    away = rng.normal(size=3) * (1.0, 0.5, 0.8)
    away *= rng.uniform(12, 25) / np.linalg.norm(away)
    if not 25 < mean[0] + away[0] < 90:
        away[0] = -away[0]
    moved = mean + away + (lab - mean) * rng.uniform((0.8, 0.7, 0.7), (1.2, 1.3, 1.3))
    return lab_to_srgb(moved)


def relaid(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns a floor that is laid of the picture: boards of another width, other joints."""
    return lay_boards(pixels, rng)


KINDS: Mapping[str, Callable[[Pixels, np.random.Generator], Pixels]] = MappingProxyType(
    {
        "encoded": encoded,
        "cropped": cropped,
        "scaled": scaled,
        "turned": turned,
        "recoloured": recoloured,
        "relaid": relaid,
    }
)
