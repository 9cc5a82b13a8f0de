"""Simulated clicks: distances against brute force, and where the next one goes."""

from __future__ import annotations

import numpy as np
import pytest

from floorlens.evaluation.clicks import GRID_SIDE, distance_to_edge, next_click
from floorlens.segmentation import Click

NOTHING = np.zeros((60, 80), dtype=bool)


@pytest.mark.parametrize("seed", range(8))
def test_distances_are_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((13, 17)) > (0.05, 0.3)[seed % 2]
    outside = np.argwhere(~np.pad(mask, 1)) - 1
    expected = [
        [np.sqrt(((outside - (r, c)) ** 2).sum(axis=1).min()) for c in range(17)] for r in range(13)
    ]
    assert np.allclose(distance_to_edge(mask), expected, atol=1e-5)


def test_distances_at_the_extremes() -> None:
    assert not distance_to_edge(NOTHING).any()
    assert distance_to_edge(~NOTHING).max() == 30


def test_the_largest_error_is_clicked_in_its_middle() -> None:
    floor = NOTHING.copy()
    floor[30:] = True
    mask = floor.copy()
    mask[40:59, 10:30] = False  # missed, 19 x 20
    mask[5:14, 50:59] = True  # wrongly claimed, 9 x 9
    click = next_click(mask, floor, NOTHING, (800, 600))
    assert click is not None
    assert click.floor
    assert [click.x, click.y] == pytest.approx([200, 495], abs=10)
    # That error ignored, the other one is the largest.
    other = next_click(mask, floor, floor, (800, 600))
    assert other == Click(545, 95, floor=False)


def test_neighbouring_errors_of_both_kinds_are_two() -> None:
    floor = NOTHING.copy()
    floor[:, 40:] = True
    click = next_click(~floor, floor, NOTHING, (80, 60))
    assert click is not None
    assert click.floor
    assert click.x == pytest.approx(60, abs=11)


def test_a_pixel_is_not_clicked_twice() -> None:
    floor = NOTHING.copy()
    floor[20:23, 20:23] = True
    earlier: list[Click] = []
    for _ in range(9):
        click = next_click(NOTHING, floor, NOTHING, (80, 60), earlier)
        assert click is not None
        assert click not in earlier
        earlier.append(click)
    assert earlier[0] == Click(21.5, 21.5)
    assert next_click(NOTHING, floor, NOTHING, (80, 60), earlier) is None


def test_no_error_no_click() -> None:
    assert next_click(NOTHING, NOTHING, NOTHING, (80, 60)) is None
    assert next_click(~NOTHING, NOTHING, ~NOTHING, (80, 60)) is None


def test_large_masks_are_clicked_in_photo_pixels() -> None:
    floor = np.zeros((1200, 1600), dtype=bool)
    floor[600:1000, 400:800] = True
    click = next_click(np.zeros_like(floor), floor, np.zeros_like(floor), (3200, 2400))
    assert click is not None
    step = 3200 / GRID_SIDE
    assert [click.x, click.y] == pytest.approx([1200, 1600], abs=step)
