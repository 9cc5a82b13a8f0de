"""The built-in normaliser: which squares, which colours, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.normalisation.backends.builtin import (
    SCALES,
    SIDE,
    STRAIGHT_WEIGHT,
    BuiltinNormaliser,
)
from floorlens.normalisation.colours import images_of, sample_colours
from floorlens.normalisation.plane import estimate_plane
from floorlens.normalisation.shading import flatten
from floorlens.normalisation.squares import choose_squares

COUNT = sum(count for _, count in SCALES)


def room(height: int = 360, width: int = 480) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a brown floor of boards under a white wall, with a black box standing on it."""
    pixels = np.full((height, width, 3), 240, np.uint8)
    mask = np.zeros((height, width), np.bool_)
    top = height * 5 // 12
    boards = (np.arange(width) * 12 // width % 2 * 30).astype(np.uint8)
    pixels[top:] = np.array([150, 110, 70], np.uint8) + boards[None, :, None]
    mask[top:] = True
    box = (slice(top, top + height // 6), slice(width // 3, width // 2))
    pixels[box], mask[box] = 0, False
    return pixels, mask


def test_a_room_gives_clean_spread_patches_of_floor() -> None:
    pixels, mask = room()
    view = BuiltinNormaliser().view(pixels, mask)
    assert view.patches.shape == (COUNT, SIDE, SIDE, 3)
    assert view.patches.dtype == np.uint8
    assert view.coverage.dtype == np.float32
    assert view.lab.dtype == np.float32
    assert 100 < len(view.lab) <= 4096
    assert (view.coverage >= 0.9).all()
    lefts = {round(square.left) for square in choose_squares(mask, SCALES)}
    assert max(lefts) - min(lefts) > 150


def test_what_is_not_floor_is_filled_with_the_colour_of_the_floor() -> None:
    pixels, mask = room()
    view = BuiltinNormaliser().view(pixels, mask)
    assert view.patches.min() > 40
    assert view.patches.max() < 215


def test_a_product_picture_is_cut_by_the_same_rule() -> None:
    mask = np.ones((400, 400), np.bool_)
    squares = choose_squares(mask, SCALES)
    assert len(squares) == COUNT
    assert all(square.coverage == pytest.approx(1.0) for square in squares)
    assert all(square.side == pytest.approx(400 * min(1, SCALES[0][0])) for square in squares[:1])


@pytest.mark.parametrize("shape", [(40, 40), (6, 300), (300, 6), (1, 1)])
def test_any_floor_however_small_gives_a_view(shape: tuple[int, int]) -> None:
    pixels = np.full((480, 640, 3), (10, 200, 10), np.uint8)
    mask = np.zeros((480, 640), np.bool_)
    place = (slice(100, 100 + shape[0]), slice(200, 200 + shape[1]))
    pixels[place], mask[place] = (180, 140, 100), True
    view = BuiltinNormaliser().view(pixels, mask)
    assert view.patches.shape[0] == COUNT
    assert len(view.lab) >= 1
    assert view.lab[:, 1].mean() > 0, "the colour of the floor, not of the green around it"


def test_a_mask_of_other_true_bytes_is_the_same_mask() -> None:
    """Pillow's mode "1" and comparisons in other libraries leave 255 where numpy leaves 1."""
    pixels, mask = room()
    odd = (mask.astype(np.uint8) * np.uint8(255)).view(np.bool_)
    one, two = BuiltinNormaliser().view(pixels, mask), BuiltinNormaliser().view(pixels, odd)
    np.testing.assert_array_equal(one.patches, two.patches)
    np.testing.assert_array_equal(one.coverage, two.coverage)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (20, 20)])
def test_tiny_pictures_that_are_all_floor(size: tuple[int, int]) -> None:
    view = BuiltinNormaliser().view(np.full((*size, 3), 120, np.uint8), np.ones(size, np.bool_))
    assert view.patches.shape == (COUNT, SIDE, SIDE, 3)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(0, 10_000))
def test_squares_lie_inside_the_photo_and_tell_their_coverage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(30, 400, 2))
    coarse = rng.random((4, 4)) < 0.5
    mask = np.kron(coarse, np.ones((height // 4, width // 4))).astype(np.bool_)
    mask = np.pad(mask, ((0, height - mask.shape[0]), (0, width - mask.shape[1])))
    if not mask.any():
        return
    squares = choose_squares(mask, SCALES)
    assert len(squares) == COUNT
    for square in squares:
        assert square.left >= -1e-6
        assert square.left + square.side <= width + 1e-6
        assert square.top >= -1e-6
        assert square.top + square.side <= height + 1e-6
        assert 0 <= square.coverage <= 1
    assert squares == choose_squares(mask, SCALES)


def test_an_enlarged_photo_gives_the_same_squares_and_colours() -> None:
    pixels, mask = room()
    large = np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1)
    small_squares = choose_squares(mask, SCALES)
    large_squares = choose_squares(np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1), SCALES)
    for one, two in zip(small_squares, large_squares, strict=True):
        assert two.left == pytest.approx(2 * one.left, abs=8)
        assert two.top == pytest.approx(2 * one.top, abs=8)
        assert two.side == pytest.approx(2 * one.side, abs=8)
    normaliser = BuiltinNormaliser()
    one = normaliser.view(pixels, mask).lab.mean(axis=0)
    two = normaliser.view(large, np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)).lab.mean(axis=0)
    np.testing.assert_allclose(one, two, atol=0.5)


def tiles(height: int = 480, width: int = 640) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns square tiles below the horizon of a camera pitched 20 degrees, and a plain wall."""
    focal, pitch = 0.8 * width, np.deg2rad(20)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    u, v = (columns - width / 2) / focal, (rows - height / 2) / focal
    down = v * np.cos(pitch) + np.sin(pitch)
    mask = down > 0.12
    reach = 1.4 / np.maximum(down, 0.12)
    x, y = u * reach, (np.cos(pitch) - v * np.sin(pitch)) * reach
    joint = (np.mod(x, 0.3) < 0.02) | (np.mod(y, 0.3) < 0.02)
    pixels = np.full((height, width, 3), 225, np.uint8)
    pixels[mask] = (170, 140, 110)
    pixels[mask & joint] = (60, 50, 40)
    return pixels, mask


def test_from_above_joints_run_along_rows_and_columns_and_count_for_less() -> None:
    pixels, mask = tiles()
    above = BuiltinNormaliser().straightened(pixels, mask)
    assert above is not None
    assert above.patches.shape == (6, SIDE, SIDE, 3)
    assert above.lab.shape == (0, 3)
    assert above.coverage.max() <= STRAIGHT_WEIGHT
    for patch in above.patches[:3]:
        dark = patch[..., 0] < 120
        # A joint that fills a row or a column of the patch is straight and not slanted.
        assert dark.mean(axis=0).max() > 0.8
        assert dark.mean(axis=1).max() > 0.8


def test_a_plane_that_is_too_unsure_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, mask = tiles()
    spread = estimate_plane(pixels, mask).spread
    monkeypatch.setattr("floorlens.normalisation.backends.builtin.MOST_SPREAD", 1.01 * spread)
    assert BuiltinNormaliser().straightened(pixels, mask) is not None
    monkeypatch.setattr("floorlens.normalisation.backends.builtin.MOST_SPREAD", 0.99 * spread)
    assert BuiltinNormaliser().straightened(pixels, mask) is None


def test_the_light_of_a_room_is_not_a_colour_of_its_floor() -> None:
    pixels, mask = room()
    slope = np.linspace(0.75, 1.25, pixels.shape[1])[None, :, None]
    sloped = np.clip(pixels * slope, 0, 255).astype(np.uint8)
    even, lit = (BuiltinNormaliser().view(p, mask).lab[:, 0] for p in (pixels, sloped))
    raw, _ = sample_colours(*images_of(sloped, mask))
    assert np.ptp(np.quantile(raw[:, 0], [0.1, 0.9])) > np.ptp(np.quantile(lit, [0.1, 0.9])) + 3
    assert np.median(lit) == pytest.approx(np.median(even), abs=4)


@pytest.mark.parametrize("height", [360, 960])
def test_the_light_is_evened_on_a_small_copy_with_the_same_colours(height: int) -> None:
    """A quarter of the time, and less than the eye sees."""
    pixels, mask = room(height, height * 4 // 3)
    slope = np.linspace(0.8, 1.2, pixels.shape[1])[None, :, None]
    noise = np.random.default_rng(0).normal(0, 8, pixels.shape)
    pixels = np.clip(pixels * slope + noise, 0, 255).astype(np.uint8)
    small = BuiltinNormaliser().view(pixels, mask).lab
    large, _ = sample_colours(*images_of(*flatten(pixels, mask)))
    for share in (0.25, 0.5, 0.75):
        np.testing.assert_allclose(
            np.quantile(small, share, axis=0), np.quantile(large, share, axis=0), atol=0.6
        )


def test_a_mirrored_floor_gives_mirrored_patches() -> None:
    _, mask = room()
    squares = choose_squares(mask, SCALES)
    mirrored = choose_squares(mask[:, ::-1], SCALES)
    overlaps = [
        max(
            _overlap(width_minus(one.left, one.side), one.top, two.left, two.top, one.side)
            for two in mirrored
        )
        for one in squares[: SCALES[0][1] + SCALES[1][1]]
    ]
    # The small squares are too many places to choose from; what they show is alike.
    assert np.mean(overlaps) > 0.6


def width_minus(left: float, side: float, width: int = 480) -> float:
    return width - left - side


def _overlap(x1: float, y1: float, x2: float, y2: float, side: float) -> float:
    wide, tall = max(0.0, side - abs(x1 - x2)), max(0.0, side - abs(y1 - y2))
    return wide * tall / side**2


def test_misuse_is_refused() -> None:
    pixels, mask = room()
    with pytest.raises(ValueError, match="belong together"):
        BuiltinNormaliser().view(pixels, mask[:-1])
    with pytest.raises(ValueError, match="no floor"):
        BuiltinNormaliser().view(pixels, np.zeros_like(mask))
