"""Prints: what tells one picture of a floor from all others, in 4 kB: its structure without colour.

A print is the picture in grey, of about 64 x 64 pixels, and its mean colour. Where one picture lies
in another is told by `overlaps.py`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import CatalogueError
from floorlens.images.colour import srgb_to_lab

#: Pixels of a print, about: of a square picture 64 x 64.
PIXELS = 4096
#: A side has at least and at most so many pixels; what is longer is cut off.
SHORT, LONG = 16, 255
_HEAD = struct.Struct("<4sBB3e")
_MAGIC = b"FLP1"


@dataclass(frozen=True)
class Print:
    """The structure and the colour of a picture.

    Attributes:
        grey: uint8 (h, w); empty where the picture shows no floor from above.
        lab: float32 (3,), the mean colour.
    """

    grey: NDArray[np.uint8]
    lab: NDArray[np.float32]


NOTHING = Print(np.zeros((0, 0), np.uint8), np.zeros(3, np.float32))
"""The print of a picture that shows no floor from above: a room, a drawing."""


def print_of(pixels: NDArray[np.uint8]) -> Print:
    """Returns the print of a picture of a floor from above.

    Args:
        pixels: uint8 (h, w, 3) sRGB; nothing else in it.

    Example:
        >>> print_of(np.full((300, 600, 3), 128, np.uint8)).grey.shape
        (45, 91)
    """
    picture = Image.fromarray(pixels)
    scale = (PIXELS / (picture.width * picture.height)) ** 0.5
    width, height = (
        min(LONG, max(SHORT, round(side * scale))) for side in (picture.width, picture.height)
    )
    small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    lab = srgb_to_lab(np.asarray(small)).reshape(-1, 3).mean(axis=0)
    return Print(np.asarray(small.convert("L")), np.asarray(lab, np.float32))


def pack(value: Print) -> bytes:
    """Returns a print as bytes.

    Example:
        >>> len(pack(print_of(np.full((300, 300, 3), 128, np.uint8)))), len(pack(NOTHING))
        (4108, 12)
    """
    return _HEAD.pack(_MAGIC, *value.grey.shape, *value.lab.tolist()) + value.grey.tobytes()


def unpack(data: bytes) -> Print:
    """Returns the print in bytes.

    Raises:
        CatalogueError: they are not a print of this version.

    Example:
        >>> unpack(pack(NOTHING)).grey.size
        0
    """
    if data[:4] == _MAGIC and len(data) >= _HEAD.size:
        _, height, width, *lab = _HEAD.unpack_from(data)
        if len(data) == _HEAD.size + height * width:
            grey = np.frombuffer(data, np.uint8, offset=_HEAD.size).reshape(height, width)
            return Print(grey, np.array(lab, np.float32))
    raise CatalogueError(
        "a stored print is of another version: run `floorlens attributes --measure --anew`"
    )
