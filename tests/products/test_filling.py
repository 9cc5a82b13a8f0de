"""Filling: strokes go, the floor's grain comes, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.products.filling import fill
from tests.products.altered_pictures import STROKES
from tests.products.made_pictures import floor, saved


def busy(pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """The mean step between neighbours, where both are."""
    green = pixels[..., 1].astype(float)
    both = where[:, 1:] & where[:, :-1]
    return float(np.abs(np.diff(green, axis=1))[both].mean())


@pytest.mark.parametrize("texture", ["oak-natural-plank", "terrazzo-grigio", "marble-nero"])
@pytest.mark.parametrize("case", STROKES)
def test_writing_is_filled_with_colours_and_grain_of_the_floor(case: str, texture: str) -> None:
    original = saved(floor(texture))
    pixels, clean = STROKES[case](floor(texture))
    strokes = np.zeros(clean.shape, bool)
    # As wide as the network's answer: strokes with a margin.
    for down in range(-3, 4):
        for across in range(-3, 4):
            strokes |= np.roll(~clean, (down, across), axis=(0, 1))
    before = pixels.copy()
    filled = fill(pixels, strokes)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(filled[~strokes], pixels[~strokes])
    # Grain from elsewhere is not the grain that was there, but it has its colours.
    truth, result = original[~clean].mean(axis=0), filled[~clean].mean(axis=0)
    assert np.abs(result - truth).max() < 5
    assert np.abs(pixels[~clean].mean(axis=0) - truth).max() > 15
    assert 0.7 < busy(filled, strokes) / busy(original, strokes) < 1.4


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_any_strokes_can_be_filled(tall: int, wide: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 90, (tall, wide, 3), dtype=np.uint8)
    strokes = rng.random((tall, wide)) < share
    pixels[strokes] = 255
    filled = fill(pixels, strokes)
    assert filled.shape == pixels.shape
    assert filled.dtype == np.uint8
    if not strokes.all():
        assert filled.max() < 130, "nothing of the writing is left"
        np.testing.assert_array_equal(filled[~strokes], pixels[~strokes])
