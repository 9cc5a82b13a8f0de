"""The changes of a photo, each against what it is defined to be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.evaluation import robustness
from floorlens.evaluation.datasets import TrueMask
from floorlens.evaluation.robustness import CHANGES, Sample


def sample(height: int = 120, width: int = 160) -> Sample:
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows, columns, rows + columns], axis=-1) % 256
    floor = rows >= height // 2
    return Sample(pixels.astype(np.uint8), TrueMask(floor, columns < 8))


def flat(level: int, height: int = 30, width: int = 40) -> Sample:
    nothing = np.zeros((height, width), dtype=bool)
    return Sample(np.full((height, width, 3), level, dtype=np.uint8), TrueMask(nothing, nothing))


def linear(code: NDArray[np.uint8]) -> NDArray[np.float64]:
    value = code / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_returns_a_picture_and_spares_its_input(name: str) -> None:
    before = sample()
    pixels, floor = before.pixels.copy(), before.truth.floor.copy()
    first, again = CHANGES[name](before), CHANGES[name](before)
    assert first.pixels.dtype == np.uint8
    assert first.pixels.shape[2] == 3
    assert first.truth.floor.dtype == first.truth.ignored.dtype == np.bool_
    assert first.truth.floor.shape == first.truth.ignored.shape == (120, 160)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(before.pixels, pixels)
    assert np.array_equal(before.truth.floor, floor)
    assert (name == "clean") == np.array_equal(first.pixels, pixels)


def test_a_quarter_turn_is_exact_within_and_ignored_beyond() -> None:
    """Counter-clockwise, of a wide picture: the middle square is what numpy turns."""
    before = sample()
    after = robustness.rotated(before, 90)
    middle = slice(20, 140)
    assert np.array_equal(after.pixels[:, middle], np.rot90(before.pixels[:, middle]))
    assert np.array_equal(after.truth.floor[:, middle], np.rot90(before.truth.floor[:, middle]))
    assert after.truth.ignored[:, :20].all()
    assert not after.truth.floor[:, :20].any()
    assert np.array_equal(after.pixels[:, 0], after.pixels[:, 19])


def test_a_small_turn_moves_picture_and_mask_alike() -> None:
    before = sample()
    painted = Sample(
        np.repeat(np.where(before.truth.floor, np.uint8(255), np.uint8(0))[..., None], 3, axis=-1),
        before.truth,
    )
    after = robustness.rotated(painted, 15)
    valid = ~after.truth.ignored
    agree = (after.pixels[..., 0] > 127) == after.truth.floor
    assert agree[valid].mean() > 0.995
    # The corners of the frame come from beyond the picture, its middle does not.
    assert after.truth.ignored[0, 0]
    assert after.truth.ignored[-1, -1]
    assert not after.truth.ignored[60, 80]
    # Counter-clockwise: the floor, below, rises on the right.
    assert after.truth.floor[55, 120]
    assert not after.truth.floor[65, 40]


def test_two_mirrors_are_none() -> None:
    before = sample()
    once = robustness.mirrored(before)
    assert np.array_equal(once.truth.ignored, before.truth.ignored[:, ::-1])
    twice = robustness.mirrored(once)
    assert np.array_equal(twice.pixels, before.pixels)
    assert np.array_equal(twice.truth.floor, before.truth.floor)


@pytest.mark.parametrize("stops", [-2, -1, 1])
def test_exposure_scales_the_light(stops: int) -> None:
    before = flat(110)
    after = robustness.exposed(before, stops)
    ratio = linear(after.pixels).mean() / linear(before.pixels).mean()
    assert ratio == pytest.approx(2.0**stops, rel=0.03)
    assert (robustness.exposed(flat(220), 2).pixels == 255).all()


def test_colour_temperature() -> None:
    """Published chromaticities of black bodies, and grey that turns warm or cold."""
    to_xyz = np.linalg.inv(robustness._FROM_XYZ)
    # Wyszecki and Stiles, "Color Science" (1982): x, y of the Planckian locus.
    for kelvin, x, y in ((2700, 0.4599, 0.4106), (4000, 0.3805, 0.3768), (8000, 0.2952, 0.3048)):
        xyz = to_xyz @ robustness.planckian_rgb(kelvin)
        assert xyz[:2] / xyz.sum() == pytest.approx((x, y), abs=0.002)
    assert np.array_equal(robustness.tinted(flat(120), 6500).pixels, flat(120).pixels)
    red, green, blue = robustness.tinted(flat(120), 2700).pixels[0, 0]
    assert red > green > blue
    red, _, blue = robustness.tinted(flat(120), 8000).pixels[0, 0]
    assert red < blue
    warm = linear(robustness.tinted(flat(100), 4000).pixels)[0, 0]
    assert warm @ [0.2126, 0.7152, 0.0722] == pytest.approx(
        linear(flat(100).pixels)[0, 0, 0], rel=0.02
    )
    for kelvin in (1000, 30000):
        with pytest.raises(ValueError, match="25000"):
            robustness.planckian_rgb(kelvin)


def test_blur_and_noise_are_told_in_pixels_at_640() -> None:
    for side in (640, 1280):
        step = flat(0, 64, side)
        step.pixels[:, side // 2 :] = 255
        profile = robustness.blurred(step, 2.0).pixels[32, :, 0] / 255
        # The spread of the step's derivative is the blur's.
        weight = np.diff(profile)
        place = np.arange(side - 1) - (side / 2 - 1)
        assert np.sqrt((weight * place**2).sum()) == pytest.approx(2 * side / 640, rel=0.15)
    grain = robustness.noisy(flat(128, 480, 640), 15.0).pixels.astype(float)
    assert grain.std() == pytest.approx(15, rel=0.02)
    assert abs(grain.mean() - 128) < 0.2
    coarse = robustness.noisy(flat(128, 960, 1280), 15.0).pixels
    assert np.array_equal(coarse[::2, ::2], coarse[1::2, 1::2])


def test_sizes_and_compression() -> None:
    before = sample()
    assert robustness.resized(before, 320).pixels.shape == (240, 320, 3)
    assert robustness.resized(before, 4000).pixels.shape == (3000, 4000, 3)
    assert robustness.resized(before, 320).truth is before.truth
    noise = robustness.noisy(flat(128), 15.0)
    rough, fine = (robustness.compressed(noise, quality).pixels for quality in (20, 95))
    errors = [np.abs(each.astype(int) - noise.pixels).mean() for each in (rough, fine)]
    assert errors[0] > errors[1] > 0


def test_light_from_the_side_falls_off_evenly_in_linear_light() -> None:
    lit = robustness.lit_from_side(flat(120, 10, 81), 0.6)
    light = linear(lit.pixels)[0, :, 0] / linear(np.array(120, np.uint8))
    assert light[40] == pytest.approx(1, abs=0.02)
    assert light[80] / light[0] == pytest.approx(0.4, abs=0.02)
    assert np.abs(np.diff(light, 2)).max() < 0.04


@pytest.mark.parametrize("degrees", [-10, -4, 4, 10])
def test_a_tilted_camera_sees_each_line_at_its_new_angle(degrees: int) -> None:
    """A camera that looks down by d sees a direction d higher than before; both see 60 degrees."""
    height, width = 480, 640
    before = sample(height, width)
    tilted = robustness.pitched(before, degrees)
    focal = width / 2 / np.tan(np.pi / 6)
    angle = np.arctan2(0.0, focal) - np.deg2rad(degrees)
    line = height / 2 + focal * np.tan(angle)
    # What lies beyond the picture is cut off, above where the camera is tilted down.
    ends = [np.arctan2(y - height / 2, focal) - np.deg2rad(degrees) for y in (0, height)]
    top, bottom = (height / 2 + focal * np.tan(end) for end in ends)
    cut = max(0, top)
    rows = np.flatnonzero(tilted.truth.floor[:, tilted.truth.floor.shape[1] // 2])
    assert rows[0] == pytest.approx(line - cut, abs=6)
    assert tilted.pixels.shape[0] <= min(height, bottom) - cut + 1
    # Nothing from beyond the picture, which would be black.
    grey = robustness.pitched(flat(90, height, width), degrees).pixels
    assert grey[1:-1, 1:-1].min() >= 89


def test_tilted_by_nothing_it_is_the_same() -> None:
    before = sample()
    tilted = robustness.pitched(before, 0)
    # Interpolation rounds down.
    assert np.abs(tilted.pixels[2:-2, 2:-2] - before.pixels[2:-2, 2:-2].astype(int)).max() <= 2
    assert np.array_equal(tilted.truth.floor, before.truth.floor)


def test_a_crop_is_the_lower_middle() -> None:
    before = sample(120, 160)
    part = robustness.cropped(before, 0.5)
    assert np.array_equal(part.pixels, before.pixels[60:, 40:120])
    assert np.array_equal(part.truth.floor, before.truth.floor[60:, 40:120])
    assert np.array_equal(part.truth.ignored, before.truth.ignored[60:, 40:120])
