"""Pictures for people: a mask drawn on a photo, a small JPEG beside a page or in it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.shapes import shrink

#: The colour of a mask's outline, sRGB.
OUTLINE = np.array([0, 224, 255], dtype=np.uint8)


def overlay(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns the photo, uint8 (h, w, 3) sRGB, dark outside the mask and with the mask outlined.

    Args:
        pixels: uint8 (h, w, 3) sRGB; not changed.
        mask: bool (h, w), True on floor.

    Raises:
        ValueError: mask and photo differ in size.

    Example:
        >>> pixels = np.full((60, 80, 3), 200, np.uint8)
        >>> mask = np.zeros((60, 80), bool)
        >>> mask[30:] = True
        >>> overlay(pixels, mask)[[0, 59], 0].tolist()
        [[70, 70, 70], [200, 200, 200]]
    """
    if mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask {mask.shape} and photo {pixels.shape[:2]} differ in size")
    picture = pixels.copy()
    outside = ~mask
    # Dark and nearly grey, so that the floor keeps the only true colours of the picture.
    grey = pixels[outside].mean(axis=-1, keepdims=True)
    picture[outside] = (0.35 * (0.4 * pixels[outside] + 0.6 * grey)).astype(np.uint8)
    picture[_outline(mask, max(1, round(max(mask.shape) / 400)))] = OUTLINE
    return picture


def picture_file(pixels: NDArray[np.uint8], path: Path, max_side: int) -> Path:
    """Writes a JPEG without metadata and returns its path.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        path: where to write; its folder is made if absent.
        max_side: the longer side in pixels that it is shrunk to; never enlarged.

    Raises:
        ValueError: `max_side` is below 1.

    Example:
        >>> from pathlib import Path
        >>> picture_file(np.zeros((480, 640, 3), np.uint8), Path("pictures/room.jpg"), 200).name
        'room.jpg'
    """
    picture = _shrunk(pixels, max_side)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=86, optimize=True)
    return path


def picture_uri(pixels: NDArray[np.uint8], max_side: int) -> str:
    """Returns a JPEG without metadata as a `data:` address, which needs no file beside the page.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        max_side: the longer side in pixels that it is shrunk to; never enlarged.

    Raises:
        ValueError: `max_side` is below 1.

    Example:
        >>> picture_uri(np.zeros((480, 640, 3), np.uint8), 96)[:23]
        'data:image/jpeg;base64,'
    """
    data = io.BytesIO()
    _shrunk(pixels, max_side).save(data, "JPEG", quality=86, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def _shrunk(pixels: NDArray[np.uint8], max_side: int) -> Image.Image:
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return picture


def _outline(mask: NDArray[np.bool_], thickness: int) -> NDArray[np.bool_]:
    """Returns the mask's outermost `thickness` pixels: bool (h, w). The frame is no edge."""
    core = mask
    for _ in range(thickness):
        core = shrink(core)
    return mask & ~core
