"""Rooms of a known camera: the floor that is shown must be where that camera sees it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")

from training.matching.planes import box_room

pytestmark = pytest.mark.slow


def test_the_floor_lies_below_the_cameras_horizon() -> None:
    texture = np.random.default_rng(0).integers(60, 200, (200, 200, 3), dtype=np.uint8)
    made = (box_room(texture, 1.5, np.random.default_rng(seed)) for seed in range(6))
    rooms = [room for room in made if room is not None]
    assert len(rooms) >= 3
    for view, camera in rooms:
        assert view.rgb.shape == (*view.mask.shape, 3) == (480, 640, 3)
        assert view.mask.mean() > 0.05
        focal = 320 / np.tan(camera.field / 2)
        # With a roll one side's horizon is higher by half the width times its tangent.
        horizon = 240 - focal * np.tan(camera.pitch) - 320 * abs(np.tan(camera.roll))
        assert not view.mask[: max(0, int(horizon))].any()
