"""Even light: a slope of light goes, the pattern of the floor stays, reflections are left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.images.colour import srgb_to_lab
from floorlens.normalisation.shading import flatten


def boards(
    slope: float = 0.0, size: tuple[int, int] = (300, 400)
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns brown boards, lit more on the right by `slope`, on the lower two thirds."""
    rng = np.random.default_rng(0)
    tones = rng.normal(1.0, 0.06, (size[0] // 10, 1))
    board = np.repeat(tones, 10, axis=0) * np.ones((1, size[1]))
    light = 1 + slope * np.linspace(-1, 1, size[1])
    pixels = np.clip(np.array([150, 115, 85]) * (board * light)[..., None], 0, 255)
    mask = np.zeros(size, np.bool_)
    mask[size[0] // 3 :] = True
    return pixels.astype(np.uint8), mask


def test_a_slope_of_light_is_taken_out() -> None:
    pixels, mask = boards(slope=0.3)
    even, usable = flatten(pixels, mask)

    def slope(picture: NDArray[np.uint8]) -> float:
        light = srgb_to_lab(picture)[..., 0]
        return float(light[120:, -80:].mean() - light[120:, :80].mean())

    assert slope(pixels) > 15
    assert abs(slope(even)) < 0.35 * slope(pixels)
    assert usable[mask].mean() > 0.95
    before, after = (np.median(srgb_to_lab(p)[mask][:, 0]) for p in (pixels, even))
    assert abs(before - after) < 3


def test_evenly_lit_boards_stay_different() -> None:
    """What is finer than the light is the floor's own."""
    pixels, mask = boards()
    even, _ = flatten(pixels, mask)
    was, now = (srgb_to_lab(p)[110:, 200, 0].std() for p in (pixels, even))
    assert now > 0.7 * was


def test_nothing_but_the_floor_is_touched() -> None:
    pixels, mask = boards(slope=0.3)
    original = pixels.copy()
    even, usable = flatten(pixels, mask)
    np.testing.assert_array_equal(even[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, original)
    assert not (usable & ~mask).any()


def test_the_reflection_of_a_window_is_left_out() -> None:
    pixels, mask = boards()
    pixels[180:240, 150:220] = (246, 244, 242)
    _, usable = flatten(pixels, mask)
    assert usable[185:235, 155:215].mean() < 0.02
    assert usable[mask].mean() > 0.8


def test_a_white_floor_is_no_reflection() -> None:
    pixels = np.full((120, 160, 3), 253, np.uint8)
    _, usable = flatten(pixels, np.ones((120, 160), np.bool_))
    assert usable.all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10_000))
def test_any_photo_and_mask_give_a_usable_floor(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 200, 2))
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    mask = rng.random((height, width)) < rng.random()
    mask[rng.integers(height), rng.integers(width)] = True
    even, usable = flatten(pixels, mask)
    assert even.shape == pixels.shape
    assert even.dtype == np.uint8
    assert usable.any()
    assert not (usable & ~mask).any()


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="no floor pixel"):
        flatten(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.bool_))
