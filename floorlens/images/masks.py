"""Masks as pictures: resizing one, reading one that a user drew, writing the one that was found."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import UsageError
from floorlens.images.drawing import overlay, save_picture
from floorlens.images.loading import MAX_MEGAPIXELS, load_photo

#: Endings of the lossless formats that a mask is written in.
ENDINGS = (".png", ".tif", ".tiff", ".bmp")
#: The longer side, in pixels, that a mask is read with: its own, whatever that is.
FULL_SIZE = 1 << 15


def mask_image(mask: NDArray[np.bool_]) -> Image.Image:
    """Returns a bool (h, w) mask as a Pillow image of mode L: 255 where it is True, 0 elsewhere.

    Example:
        >>> mask_image(np.ones((480, 640), bool)).size
        (640, 480)
    """
    # Not a view of its bytes: True is 255 in the bool arrays that come from Pillow. A product takes
    # each for 1, in a tenth of the time of `np.where`.
    return Image.fromarray(np.multiply(mask, np.uint8(255)))


def resize_mask(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns a bool mask resampled to `shape` = (height, width), edges at half coverage.

    Example:
        >>> resize_mask(np.array([[True, False]]).repeat(2, axis=0), (4, 4))[0].tolist()
        [True, True, False, False]
    """
    if mask.shape == shape:
        return mask
    image = mask_image(mask).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(image) > 127


def load_mask(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.bool_]:
    """Returns a mask picture as bool (height, width): True where it is brighter than half.

    Raises:
        ImageError: it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> save_mask(np.ones((48, 64), bool), Path("mask.png"))
        >>> load_mask(Path("mask.png")).shape
        (48, 64)
    """
    photo = load_photo(path, working_side=FULL_SIZE, max_megapixels=max_megapixels)
    return np.asarray(Image.fromarray(photo.pixels).convert("L")) > 127


def save_mask(mask: NDArray[np.bool_], path: Path) -> None:
    """Writes a bool (h, w) mask as an 8-bit grey picture: white is True.

    For a region that means `FloorRegion.mask`, which has the photo's own size.

    Raises:
        UsageError: the file cannot be written, or its ending names no lossless format.

    Example:
        >>> from pathlib import Path
        >>> save_mask(np.ones((48, 64), bool), Path("masks/room.png"))
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a mask is written as .png (or .tif, .bmp)")
    save_picture(np.asarray(mask_image(mask)), path)


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """Returns a bool (h, w) mask as the bytes of an 8-bit grey PNG: white is True.

    Example:
        >>> mask_png(np.ones((48, 64), bool))[:4]
        b'\\x89PNG'
    """
    file = io.BytesIO()
    # Two values in large areas: the quickest compression makes it small already.
    mask_image(mask).save(file, "PNG", compress_level=1)
    return file.getvalue()


def save_overlay(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], path: Path) -> None:
    """Writes a photo with a mask drawn on it (see `drawing.overlay`).

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor.
        path: where to write; its ending names the format.

    Raises:
        UsageError: the file cannot be written, or its ending names no picture format.

    Example:
        >>> from pathlib import Path
        >>> save_overlay(np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool), Path("drawn.jpg"))
    """
    save_picture(overlay(pixels, mask), path)
