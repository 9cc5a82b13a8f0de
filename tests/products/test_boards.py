"""Floors of boards from a picture of one: joints, their direction, and no giant kaleidoscope."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from floorlens.products.boards import lay_boards, lay_herringbone


def grain(height: int = 200, width: int = 160) -> NDArray[np.uint8]:
    """Stripes that run down and drift a little."""
    rows, columns = np.mgrid[:height, :width]
    wave = 128 + 40 * np.sin(columns / 3 + rows / 60) + columns / 8
    return np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)


def flat() -> NDArray[np.uint8]:
    return np.full((240, 240, 3), 150, np.uint8)


def joints(sheet: NDArray[np.uint8]) -> list[int]:
    """Returns the columns where a joint begins: all at once darker than the one before."""
    column = sheet.mean(axis=(0, 2))
    return [int(place) + 1 for place in np.flatnonzero(column[1:] < 0.9 * column[:-1])]


def test_boards_have_thin_joints_at_equal_distances() -> None:
    """In a flat picture every dark line is a joint; the boards between are the sheet's 1/8-1/3."""
    for seed in range(20):
        sheet = lay_boards(flat(), np.random.default_rng(seed))
        assert sheet.shape == (240, 240, 3)
        assert sheet.dtype == np.uint8
        found = joints(sheet)
        assert 2 <= len(found) <= 8
        widths = np.diff(found)
        if widths.size:
            assert np.ptp(widths) <= 1
            assert 240 / 8 - 1 <= widths[0] <= 240 / 3 + 1
        assert (sheet.mean(axis=2) < 0.88 * np.median(sheet)).mean() < 0.1


def test_butt_joints_are_staggered_and_tones_differ_little() -> None:
    sheet = lay_boards(flat(), np.random.default_rng(1)).mean(axis=2)
    starts = [0, *joints(np.repeat(sheet[..., None], 3, axis=2).astype(np.uint8)), 240]
    ends, tones = set(), []
    for left, right in pairwise(starts):
        if right - left < 12:
            continue
        board = sheet[:, left + 4 : right - 4].mean(axis=1)
        ends |= set(np.flatnonzero(board < 0.9 * np.median(board)) // 4)
        tones.append(float(np.median(board)))
    assert len(ends) >= 2
    assert 0 < np.ptp(tones) < 60


def test_boards_run_along_the_grain() -> None:
    upright = lay_boards(grain(), np.random.default_rng(2))
    lying = lay_boards(np.ascontiguousarray(grain().swapaxes(0, 1)), np.random.default_rng(2))
    assert np.array_equal(lying.swapaxes(0, 1), upright)
    step_down, step_across = (np.abs(np.diff(upright.astype(int), axis=k)).mean() for k in (0, 1))
    assert step_down < step_across


def test_a_sheet_repeats_for_its_seed_and_differs_from_board_to_board() -> None:
    first, again, other = (lay_boards(grain(), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    # A kaleidoscope would be its own mirror image about some column.
    grey = first.mean(axis=2)
    for middle in range(40, 160):
        left, right = grey[:, middle - 40 : middle], grey[:, middle : middle + 40][:, ::-1]
        assert np.abs(left - right).mean() > 5


def test_the_smallest_pictures_can_be_laid() -> None:
    for shape in ((1, 1), (1, 40), (40, 1), (3, 2)):
        sheet = lay_boards(np.full((*shape, 3), 90, np.uint8), np.random.default_rng(0))
        assert sheet.shape == (max(shape), max(shape), 3)


def test_herringbone_boards_meet_at_right_angles_and_differ_in_tone() -> None:
    """A board's end lies against the side of the next: joints run aslant both ways."""
    sheet = lay_herringbone(flat(), np.random.default_rng(3))
    assert sheet.shape == (240, 240, 3)
    assert sheet.dtype == np.uint8
    light = sheet.mean(axis=2)
    dark = light < 0.88 * np.median(light)
    assert 0.01 < dark.mean() < 0.25
    assert max(dark.mean(axis=0).max(), dark.mean(axis=1).max()) < 0.6, "no joint runs straight"
    falling = [np.diagonal(dark, k).mean() for k in range(-120, 121)]
    rising = [np.diagonal(dark[:, ::-1], k).mean() for k in range(-120, 121)]
    for diagonals in (falling, rising):
        assert max(diagonals) > 3 * dark.mean()
    assert len(np.unique(light[~dark] // 2)) > 3


def test_herringbone_repeats_for_its_seed_and_shows_both_directions_of_the_grain() -> None:
    first, again, other = (
        lay_herringbone(grain(), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    grey = first.mean(axis=2)
    falling = np.abs(grey[1:, 1:] - grey[:-1, :-1])
    rising = np.abs(grey[1:, :-1] - grey[:-1, 1:])
    # In a board the grey changes across the grain and hardly along it.
    assert 0.2 < (falling > rising).mean() < 0.8


def test_the_smallest_pictures_can_be_laid_as_herringbone() -> None:
    for shape in ((1, 1), (1, 40), (40, 1), (3, 2)):
        sheet = lay_herringbone(np.full((*shape, 3), 90, np.uint8), np.random.default_rng(0))
        assert sheet.shape == (max(shape), max(shape), 3)
