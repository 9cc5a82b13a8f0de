"""Squares of a floor at random sizes, each kept at its own resolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.matching.pack import SIDE
from training.matching.pipeline import choose_squares, cut_squares, images_of, sample_colours

#: Side of a square relative to the square root of the floor's area: a swatch may show one board
#: and a room a hundred.
SHARES = (0.14, 0.85)
#: Sizes to a picture: choosing the places is what takes the time.
SIZES = 3
#: The smallest side that is stored, in pixels.
SMALLEST = 40
#: A square with less floor in it teaches nothing.
LEAST_FLOOR = 0.75


def draw_squares(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """Returns at most `count` squares, uint8 (s, s, 3) sRGB with s at most `SIDE`.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor; not empty.
        count: how many are wanted; squares that show too little floor are left out.
        rng: decides the sizes: one draw from each of `SIZES` ranges, so that all are seen.
    """
    low, high = np.log(SHARES)
    places = (np.arange(SIZES) + rng.uniform(0, 1, SIZES)) / SIZES
    shares = np.exp(low + (high - low) * places)
    counts = np.bincount(np.arange(count) % SIZES, minlength=SIZES)
    scales = tuple((float(s), int(n)) for s, n in zip(shares, counts, strict=True) if n)
    photo, floor = images_of(pixels, mask)
    _, fill = sample_colours(photo, floor)
    cut: list[NDArray[np.uint8]] = []
    for square in choose_squares(mask, scales):
        if square.coverage < LEAST_FLOOR:
            continue
        side = int(np.clip(round(square.side), SMALLEST, SIDE))
        cut.append(cut_squares(photo, floor, [square], fill, side)[0])
    return cut
