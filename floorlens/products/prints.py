"""Prints: what tells one picture of a floor from all others, in 4 kB: its structure without colour.

Two pictures come from one if the structure of one lies in that of the other. This holds however
they were encoded, scaled, cut, turned by quarters or coloured, and for no two boards of one kind of
wood. A print is the picture in grey, of about 64 x 64 pixels. It is compared by normalised
cross-correlation (Lewis 1995) of what its surroundings do not explain: grey less its local mean, by
its local spread.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

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
#: How much smaller each step makes a print that is looked for in another, and how many steps.
STEP, STEPS = 1.04, 17
#: Share of a side by which a print may stick out of the one in which it is looked for.
_SURPLUS = 0.06
#: Radii in pixels: of the noise that is smoothed away, the local mean and the local spread.
_NOISE, _MEAN, _SPREAD = 0.6, 4.0, 6.0
#: Grey levels that count as no structure.
_FLAT = 1.5
#: Prints that are nowhere so much alike at half the size are not compared further: of 120 pairs of
#: one picture, also cut ones, 98 % are; of other near neighbours a tenth.
_GLANCE = 0.6


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


@dataclass(frozen=True)
class Overlap:
    """Where the structure of one of two pictures lies in that of the other.

    Attributes:
        likeness: the correlation there, 0..1; 0 where a glance at half the size shows none.
        share: the smaller one's side as a share of the larger one's, at most 1.
        turn: by how many quarters, counter-clockwise, the first picture is turned to lie so.
    """

    likeness: float
    share: float
    turn: int


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
    raise CatalogueError("a stored print is of another version: run `floorlens index --rebuild`")


def overlap(first: Print, second: Print) -> Overlap:
    """Returns where one of two pictures lies in the other, upright or turned.

    It is the same the other way round, but for the direction of the turn.

    Example:
        >>> squares = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
        >>> floor = squares.repeat(20, axis=0).repeat(20, axis=1)
        >>> part = overlap(print_of(floor), print_of(floor[:256, :256]))
        >>> part.likeness > 0.7, part.turn
        (True, 0)
    """
    if not first.grey.size or not second.grey.size:
        return Overlap(0.0, 1.0, 0)
    best = Overlap(0.0, 1.0, 0)
    for turn in range(4):
        turned = np.rot90(first.grey, turn)
        for place, part in ((turned, second.grey), (second.grey, turned)):
            glance = _search(_ladder_of(place, 2), _ladder_of(part, 2))
            if glance[0] < _GLANCE:
                continue
            likeness, share = _search(_ladder_of(place, 1), _ladder_of(part, 1))
            if likeness > best.likeness:
                best = Overlap(likeness, share, turn)
    return best


@dataclass(frozen=True)
class _Ladder:
    """A print's relief, ready to be searched and to be looked for.

    Attributes:
        relief: float32 (h, w).
        spectrum: of the relief.
        sums: of the relief and of its square, over all that lies above and to the left.
        steps: the relief of the print at each size, and which share of its side that is.
    """

    relief: NDArray[np.float32]
    spectrum: NDArray[np.complex64]
    sums: tuple[NDArray[np.float64], NDArray[np.float64]]
    steps: tuple[tuple[NDArray[np.float32], float], ...]


def _ladder_of(grey: NDArray[np.uint8], reduction: int) -> _Ladder:
    return _ladder(grey.tobytes(), grey.shape[0], grey.shape[1], reduction)


@lru_cache(maxsize=1024)
def _ladder(data: bytes, height: int, width: int, reduction: int) -> _Ladder:
    grey = np.frombuffer(data, np.uint8).reshape(height, width).astype(np.float32)
    steps = []
    # At half the size, every other step is near enough.
    for step in range(0, STEPS, reduction):
        share = STEP**-step
        shape = [max(6, round(side * share / reduction)) for side in grey.shape]
        steps.append((_relief(_scaled(grey, shape[0], shape[1])), share))
    relief = steps[0][0]
    spectrum = np.fft.rfft2(relief).astype(np.complex64)
    return _Ladder(relief, spectrum, (_sums(relief), _sums(relief**2)), tuple(steps))


def _sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.pad(values.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))


def _scaled(grey: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    if grey.shape == (height, width):
        return grey
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS))


def _relief(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    smooth = _blurred(grey, _NOISE)
    high = smooth - _blurred(smooth, _MEAN)
    return np.asarray(high / (np.sqrt(_blurred(high**2, _SPREAD)) + _FLAT), np.float32)


def _blurred(values: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    height, width = values.shape
    return np.asarray(_blur(height, radius) @ values @ _blur(width, radius).T, np.float32)


@lru_cache(maxsize=512)
def _blur(size: int, radius: float) -> NDArray[np.float32]:
    """Returns (size, size): a Gaussian mean along a row, less at the ends, where it is cut off."""
    places = np.arange(size)
    weights = np.exp(-((places[:, None] - places) ** 2) / (2 * radius**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _search(place: _Ladder, part: _Ladder) -> tuple[float, float]:
    """Returns the best correlation of any step of `part` inside `place`, and that step's share."""
    height, width = place.relief.shape
    reliefs, shares = [], []
    for relief, share in part.steps:
        rows, columns = relief.shape
        if rows > height * (1 + _SURPLUS) or columns > width * (1 + _SURPLUS):
            continue
        top, left = max(0, rows - height) // 2, max(0, columns - width) // 2
        inner = relief[top : top + height, left : left + width]
        reliefs.append(inner - inner.mean())
        shares.append(share)
    if not reliefs:
        return -1.0, 1.0
    padded = np.zeros((len(reliefs), height, width), np.float32)
    for row, relief in zip(padded, reliefs, strict=True):
        row[: relief.shape[0], : relief.shape[1]] = relief
    products = np.fft.irfft2(np.conj(np.fft.rfft2(padded)) * place.spectrum, (height, width))
    best = -1.0, 1.0
    for product, relief, share in zip(products, reliefs, shares, strict=True):
        rows, columns = relief.shape
        mean = _box(place.sums[0], rows, columns) / relief.size
        energy = _box(place.sums[1], rows, columns) - relief.size * mean**2
        inner = product[: energy.shape[0], : energy.shape[1]]
        own = float((relief**2).sum())
        likeness = float((inner / np.sqrt(np.maximum(energy * own, 1e-6))).max())
        if likeness > best[0]:
            best = likeness, share
    return best


def _box(sums: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Returns the sum over each window of so many rows and columns, from running sums."""
    return np.asarray(
        sums[rows:, columns:]
        - sums[:-rows, columns:]
        - sums[rows:, :-columns]
        + sums[:-rows, :-columns]
    )
