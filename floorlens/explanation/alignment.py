"""How many times a floor's picture is larger than a product's, and how far it is turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Side of the squares whose spectra are compared, in pixels.
SIDE = 256
#: The frequencies that are compared, in waves a side, and how many rings and directions they are.
LOWEST, HIGHEST, RINGS, DIRECTIONS = 2.5, 100.0, 96, 72
#: Two spectra must share at least this part of their rings: scales that differ more are not tried.
SHARED = 0.35
#: Price of a scale that is unusual by a factor of two, and of a direction between rows and columns
#: that is 45 degrees off, beside a correlation of all rings that is `sqrt(RINGS)` at best.
UNUSUAL, OBLIQUE = 0.3, 1.0
#: A scale is clear if the best is better than any other by this.
CLEAR = 1.0
#: Weight of the direction of the grain, which correlates by one at best.
GRAIN = 1.5
#: Turns that differ from a right angle by no more than that are one, where the scale is clear and
#: where it is not, in radians.
STRAIGHT, NEARLY = math.radians(6), math.radians(30)


@dataclass(frozen=True)
class Alignment:
    """How a product must be scaled and turned to lie on a floor.

    Attributes:
        ratio: how many sides of the product's square make one side of the floor's.
        turn: by how much the product is turned clockwise, in radians, -pi/2 to pi/2.
        clear: whether their patterns agree at that scale and at no other.
        lead: by how much that scale is better than any other.
    """

    ratio: float
    turn: float
    clear: bool
    lead: float


def align(
    floor: NDArray[np.uint8], product: NDArray[np.uint8], usual: float, spread: float = 0.6
) -> Alignment:
    """Returns at which scale and turn the pattern of a product is that of a floor.

    A change of scale shifts a spectrum along the logarithm of frequency and a turn shifts it along
    the direction: both are where two spectra correlate best (Reddy & Chatterji, "An FFT-based
    technique for translation, rotation, and scale-invariant image registration", 1996).

    Args:
        floor: uint8 (n, n, 3) sRGB, a floor from above.
        product: uint8 (m, m, 3) sRGB, the product from above.
        usual: the ratio that is to be expected.
        spread: how many octaves it is usually off.

    Example:
        >>> from PIL import Image
        >>> tiles = np.full((800, 800, 3), 90, np.uint8)
        >>> tiles[::100] = tiles[:, ::100] = tiles[1::100] = tiles[:, 1::100] = 220
        >>> found = align(tiles, tiles[:400, :400], usual=1.6)
        >>> round(found.ratio, 1), found.turn
        (2.0, 0.0)
    """
    (one, along), (other, other_along) = _spectrum(floor), _spectrum(product)
    step = math.log2(HIGHEST / LOWEST) / (RINGS - 1)
    padding = np.zeros((RINGS, DIRECTIONS))
    correlation = np.fft.ifft2(
        np.fft.fft2(np.concatenate([one, padding]))
        * np.conj(np.fft.fft2(np.concatenate([other, padding])))
    ).real
    shifts = np.arange(-RINGS + 1, RINGS)
    shifts = shifts[RINGS - np.abs(shifts) >= SHARED * RINGS]
    # The energy of the rings that both have, of either.
    energy, other_energy = (np.cumsum([0, *(each**2).sum(axis=1)]) for each in (one, other))
    first, last = np.maximum(0, shifts), RINGS + np.minimum(0, shifts)
    share = (energy[last] - energy[first]) * (
        other_energy[last - shifts] - other_energy[first - shifts]
    )
    scores = correlation[shifts] / np.sqrt(share + 1e-9)[:, None]
    scores *= np.sqrt(RINGS - np.abs(shifts))[:, None]
    # Boards lie along or across what the view from above calls up, nearly always.
    oblique = np.abs((np.arange(DIRECTIONS) * 4 / DIRECTIONS + 1) % 2 - 1)
    scores -= OBLIQUE * oblique
    # Of two that are equal, as of square tiles, the one that is not turned.
    columns = np.arange(DIRECTIONS)
    scores -= 0.05 * np.minimum(columns, DIRECTIONS - columns) / DIRECTIONS
    # Grain and boards have an own direction, also where nothing tells their scale.
    scores += GRAIN * np.fft.ifft(np.fft.fft(along) * np.conj(np.fft.fft(other_along))).real
    scores -= UNUSUAL * ((shifts * step - math.log2(usual))[:, None] / spread) ** 2
    row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
    others = scores[np.abs(shifts - shifts[row]) > 6]
    lead = float(scores[row, column] - others.max()) if others.size else 0.0
    clear = lead >= CLEAR
    turn = float(column) * math.pi / DIRECTIONS
    straight = round(turn / (math.pi / 2)) * math.pi / 2
    if abs(turn - straight) <= (STRAIGHT if clear else NEARLY):
        turn = straight
    return Alignment(
        ratio=float(2 ** (shifts[row] * step)),
        turn=turn - math.pi if turn > 0.51 * math.pi else turn,
        clear=clear,
        lead=lead,
    )


def _spectrum(square: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns how much more there is of a frequency than usual, and how much of each direction.

    float64 (`RINGS`, `DIRECTIONS`) and float64 (`DIRECTIONS`,), the latter with mean 0 and norm 1.
    """
    picture = Image.fromarray(np.ascontiguousarray(square))
    kind = Image.Resampling.BOX if picture.width > SIDE else Image.Resampling.BICUBIC
    grey = np.asarray(picture.resize((SIDE, SIDE), kind), np.float64) @ (0.3, 0.6, 0.1)
    grey = np.log(grey + 10)
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    grey -= (grey * window).sum() / window.sum()
    waves = np.abs(np.fft.fftshift(np.fft.fft2(grey * window)))
    radius = np.geomspace(LOWEST, HIGHEST, RINGS)[:, None]
    angle = np.arange(DIRECTIONS) * math.pi / DIRECTIONS
    x, y = SIDE / 2 + radius * np.cos(angle), SIDE / 2 + radius * np.sin(angle)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, low = x - left, y - top
    upper = waves[top, left] * (1 - right) + waves[top, left + 1] * right
    lower = waves[top + 1, left] * (1 - right) + waves[top + 1, left + 1] * right
    polar = upper * (1 - low) + lower * low
    polar = np.log(polar + 0.01 * polar.mean() + 1e-9)
    along = polar.mean(axis=0) - polar.mean()
    # All pictures have less of what is finer: what is left says what this one is made of.
    slope = np.polynomial.polynomial.polyvander(np.linspace(-1, 1, RINGS), 2)
    basis, _ = np.linalg.qr(slope)
    return polar - basis @ (basis.T @ polar), along / (np.linalg.norm(along) + 1e-9)
