"""Mask files: reading one that a user drew, writing the one that was found."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import UsageError
from floorlens.html import overlay
from floorlens.images.loading import MAX_MEGAPIXELS, Photo, load_photo
from floorlens.segmentation import FloorRegion


def load_mask(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.bool_]:
    """Returns a mask picture as bool (height, width): True where it is brighter than half.

    Raises:
        ImageError: it cannot be read.
    """
    photo = load_photo(path, working_side=1 << 15, max_megapixels=max_megapixels)
    return np.asarray(Image.fromarray(photo.pixels).convert("L")) > 127


def save_mask(floor: FloorRegion, path: Path) -> None:
    """Writes the mask at the photo's own size, white is floor, as an 8-bit grey picture.

    Raises:
        UsageError: the file cannot be written, or its ending names no lossless format.
    """
    if path.suffix.lower() not in (".png", ".tif", ".tiff", ".bmp"):
        raise UsageError(f"{path}: a mask is written as .png (or .tif, .bmp)")
    _save(_grey(floor), path)


def mask_png(floor: FloorRegion) -> bytes:
    """Returns the mask at the photo's own size as an 8-bit grey PNG, white is floor."""
    file = io.BytesIO()
    # Two values in large areas: the quickest compression makes it small already.
    Image.fromarray(_grey(floor)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def save_overlay(photo: Photo, floor: FloorRegion, path: Path) -> None:
    """Writes the photo with the floor drawn on it, at the working size.

    Raises:
        UsageError: the file cannot be written, or its ending names no picture format.
    """
    _save(overlay(photo.pixels, floor.working_mask), path)


def _grey(floor: FloorRegion) -> NDArray[np.uint8]:
    return np.where(floor.mask, np.uint8(255), np.uint8(0))


def _save(pixels: NDArray[np.uint8], path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path}: cannot be written as a picture") from error
