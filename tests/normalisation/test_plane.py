"""The plane of the floor: on rooms whose camera is known, and where a photo says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.normalisation.plane import CAMERA_HEIGHT, FloorPlane, estimate_plane


def tiled_room(
    pitch: float, focal: float = 0.8, turn: float = 0.4, size: tuple[int, int] = (640, 480)
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a floor of square tiles, 30 cm each with a dark joint, up to 4.5 m away."""
    width, height = size
    camera = FloorPlane(pitch, 0.0, focal, turn, 0.1, 1.0)
    to_floor = np.linalg.inv(camera.homography(size))
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y, w = np.einsum("ij,jhw->ihw", to_floor, np.stack([columns, rows, np.ones_like(rows)]))
    x, y = x / np.where(w == 0, 1, w), y / np.where(w == 0, 1, w)
    mask = (w > 0) & (x**2 + y**2 < 4.5**2)
    joint = (np.mod(x, 0.3) < 0.02) | (np.mod(y, 0.3) < 0.02)
    pixels = np.where((mask & ~joint)[..., None], (190, 170, 150), (90, 80, 70)).astype(np.uint8)
    pixels[~mask] = (215, 215, 210)
    return pixels, mask


@pytest.mark.parametrize("pitch", [8, 15, 24, 35])
@pytest.mark.parametrize("focal", [0.65, 1.0])
def test_tiles_give_the_camera_away(pitch: int, focal: float) -> None:
    """A constant answer would be wrong by ten degrees here."""
    pixels, mask = tiled_room(math.radians(pitch), focal)
    plane = estimate_plane(pixels, mask)
    assert abs(math.degrees(plane.pitch) - pitch) < 3.0
    assert abs(plane.focal / focal - 1) < 0.12
    assert plane.turn is not None
    assert abs(plane.turn - 0.4) < math.radians(4)
    truth = FloorPlane(math.radians(pitch), 0.0, focal, None, 0.1, 1.0).horizon((640, 480))
    assert abs(plane.horizon((640, 480)) - truth) < 0.05 * 480


def test_a_photo_without_edges_is_answered_without_confidence() -> None:
    pixels, mask = np.full((300, 400, 3), 128, np.uint8), np.zeros((300, 400), np.bool_)
    mask[180:] = True
    plane = estimate_plane(pixels, mask)
    clear = estimate_plane(*tiled_room(math.radians(20)))
    assert plane.turn is None
    assert plane.spread > 2 * clear.spread
    assert plane.confidence < 0.8 < clear.confidence
    assert plane.horizon((400, 300)) < 180


def test_the_answer_does_not_change_from_run_to_run_or_with_resolution() -> None:
    pixels, mask = tiled_room(math.radians(20))
    assert estimate_plane(pixels, mask) == estimate_plane(pixels, mask)
    large = np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1)
    twice = estimate_plane(large, np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1))
    assert abs(twice.pitch - estimate_plane(pixels, mask).pitch) < math.radians(2)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.floats(-0.1, 0.8), st.floats(-0.1, 0.1), st.floats(0.5, 1.3), st.floats(0, 1.5),
    st.floats(-2, 2), st.floats(1, 6),
)  # fmt: skip
def test_the_homography_is_that_of_a_pinhole(
    pitch: float, roll: float, focal: float, turn: float, x: float, y: float
) -> None:
    """Against the formula of `simulation._ground`, written the other way about."""
    size = (640, 480)
    plane = FloorPlane(pitch, roll, focal, turn, 0.1, 1.0)
    column, row, depth = plane.homography(size, turn=0.0) @ (x, y, 1.0)
    if depth < 0.1:
        return
    u, v = (column / depth - 320) / (640 * focal), (row / depth - 240) / (640 * focal)
    u, v = u * math.cos(roll) - v * math.sin(roll), u * math.sin(roll) + v * math.cos(roll)
    reach = CAMERA_HEIGHT / (v * math.cos(pitch) + math.sin(pitch))
    assert u * reach == pytest.approx(x, abs=1e-6)
    assert (math.cos(pitch) - v * math.sin(pitch)) * reach == pytest.approx(y, abs=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (20, 20)])
def test_tiny_pictures_have_an_answer(size: tuple[int, int]) -> None:
    plane = estimate_plane(np.full((*size, 3), 90, np.uint8), np.ones(size, np.bool_))
    assert math.isfinite(plane.pitch)
    assert 0 <= plane.confidence <= 1


def test_a_floor_narrower_than_the_columns_that_are_looked_at_has_an_answer() -> None:
    mask = np.zeros((72, 1280), np.bool_)
    mask[50:, 40:45] = True
    plane = estimate_plane(np.full((72, 1280, 3), 90, np.uint8), mask)
    assert math.isfinite(plane.pitch)


def test_an_empty_mask_and_another_photos_mask_are_refused() -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="no floor pixel"):
        estimate_plane(pixels, np.zeros((20, 30), np.bool_))
    with pytest.raises(ValueError, match="do not belong together"):
        estimate_plane(pixels, np.ones((30, 20), np.bool_))
