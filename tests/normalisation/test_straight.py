"""A floor from above: squares are square again, and what is not seen sharply is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from floorlens.normalisation.plane import FloorPlane, estimate_plane
from floorlens.normalisation.straight import straight_floor, straight_squares
from tests.normalisation.test_plane import tiled_room

PLANE = FloorPlane(math.radians(22), 0.0, 0.8, 0.4, 0.02, 1.0)
SIZE = (640, 480)


def test_tiles_are_square_and_of_their_size() -> None:
    pixels, mask = tiled_room(PLANE.pitch)
    view = straight_floor(pixels, mask, PLANE)
    grey = np.where(view.mask, view.rgb.mean(axis=2), np.nan)
    # Joints are whole rows and columns now: the dark ones lie 30 cm apart.
    for axis in (0, 1):
        profile = np.nanmean(grey, axis=axis)
        visible = np.isfinite(profile)
        profile = profile[visible] - profile[visible].mean()
        power = np.abs(np.fft.rfft(profile, 4096)) ** 2
        low = int(4096 * view.metres_per_pixel / 0.6)
        frequency = (low + int(power[low : 4 * low].argmax())) / 4096
        assert view.metres_per_pixel / frequency == pytest.approx(0.3, rel=0.06)


def test_far_floor_is_left_out_and_more_of_it_for_less_stretch() -> None:
    pixels, mask = tiled_room(math.radians(9))
    plane = FloorPlane(math.radians(9), 0.0, 0.8, 0.4, 0.02, 1.0)
    strict = straight_floor(pixels, mask, plane, stretch=1.5)
    lax = straight_floor(pixels, mask, plane, stretch=6.0)

    def area(view_mask: np.ndarray, scale: float) -> float:
        return float(view_mask.sum()) * scale**2

    assert area(strict.mask, strict.metres_per_pixel) < 0.8 * area(lax.mask, lax.metres_per_pixel)
    assert max(lax.rgb.shape) <= 513


def test_squares_of_two_sizes_show_the_floor_alone() -> None:
    pixels, mask = tiled_room(PLANE.pitch)
    lit = pixels.copy()
    lit[:, 320:], mask[:, 320:] = 255, False
    squares = straight_squares(lit, mask, PLANE, ((0.6, 2), (0.3, 3)), side=64)
    patches, coverage, places = squares.patches, squares.coverage, squares.places
    assert patches.shape == (5, 64, 64, 3)
    assert coverage.dtype == np.float32
    assert coverage.min() > 0.7
    assert (patches > 250).all(axis=3).mean() < 0.02, "what is not floor is not to be seen"
    # Their places in the photo are on the floor, and a patch of half the side is smaller there.
    columns, rows = places[:, :2].astype(int).T
    assert mask[rows, columns].all()
    assert places[2:, 2].max() < places[:2, 2].max()


def test_with_the_plane_found_rather_than_told() -> None:
    pixels, mask = tiled_room(math.radians(18))
    squares = straight_squares(pixels, mask, estimate_plane(pixels, mask))
    patches, coverage = squares.patches, squares.coverage
    assert patches.shape == (6, 224, 224, 3)
    assert coverage.mean() > 0.8


def test_near_floor_is_averaged_and_not_passed_over() -> None:
    """Fine grain of a near floor is grey from above; its single pixels are black or white."""
    _, mask = tiled_room(math.radians(60), size=(1280, 960))
    noise = np.random.default_rng(0).integers(0, 2, mask.shape, dtype=np.uint8) * np.uint8(255)
    patches = straight_squares(
        np.repeat(noise[..., None], 3, axis=2), mask, PLANE, ((1.2, 2),), side=64
    ).patches
    assert patches.std() < 60
    assert patches.mean() == pytest.approx(127, abs=8)


def test_a_floor_of_lines_is_framed_by_what_there_is() -> None:
    """Every other row of a large floor: the pixels looked at first may all be others."""
    pixels, mask = tiled_room(PLANE.pitch)
    even, odd = mask.copy(), mask.copy()
    even[::2], odd[1::2] = False, False
    whole = straight_floor(pixels, mask, PLANE)
    for lines in (even, odd):
        view = straight_floor(pixels, lines, PLANE)
        assert view.metres_per_pixel == pytest.approx(whole.metres_per_pixel, rel=0.05)


def test_a_mask_above_the_horizon_is_refused() -> None:
    mask = np.zeros((480, 640), np.bool_)
    mask[:20] = True
    with pytest.raises(ValueError, match="above the horizon"):
        straight_floor(np.zeros((480, 640, 3), np.uint8), mask, PLANE)


def test_an_empty_mask_and_another_photos_mask_are_refused() -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="no floor pixel"):
        straight_floor(pixels, np.zeros((48, 64), np.bool_), PLANE)
    with pytest.raises(ValueError, match="do not belong together"):
        straight_floor(pixels, np.ones((64, 48), np.bool_), PLANE)
