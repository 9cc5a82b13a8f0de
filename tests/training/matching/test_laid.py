"""Real boards laid in a known pattern: they keep their colours, joints run where they should."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="needs the extra train")

from training.matching.laid import OF_BOARDS, OF_FACES, Laying, draw_laying, lay
from training.synthesis.layouts import Layout

pytestmark = pytest.mark.slow


def board() -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    grain = rng.integers(-12, 12, (1, 90, 1))
    return np.clip(np.full((300, 90, 3), (180, 140, 100)) + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("pattern", [*OF_BOARDS, *OF_FACES])
def test_a_floor_has_the_colour_of_its_board_and_depends_on_the_generator_alone(
    pattern: str,
) -> None:
    floors = [
        lay(board(), draw_laying(pattern, rng), 128, 1200.0, rng)
        for rng in (np.random.default_rng(5), np.random.default_rng(5), np.random.default_rng(6))
    ]
    assert floors[0].shape == (128, 128, 3)
    np.testing.assert_array_equal(floors[0], floors[1])
    assert (floors[0] != floors[2]).any()
    # The joints of small tiles take a share of their own.
    assert np.abs(np.median(floors[0], axis=(0, 1)) - (180, 140, 100)).max() < 60


def test_joints_run_along_the_tiles() -> None:
    laying = Laying(Layout("grid", 300.0, 300.0, 10.0, 0.0), 0.0, (0.0, 0.0, 0.0), 1.0)
    plain = np.full((64, 64, 3), 200, np.uint8)
    floor = lay(plain, laying, 240, 1200.0, np.random.default_rng(0))[..., 0].astype(int)
    dark = floor.mean(axis=1) < 100
    # A joint at every 60 pixels, of 2 pixels each: four across the picture, perhaps a fifth.
    assert 6 <= dark.sum() <= 12
    assert floor[~dark][:, floor.mean(axis=0) > 150].min() >= 150
