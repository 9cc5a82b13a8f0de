"""Joints between boards or tiles, as straight lines along a picture's sides, and what they part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Half the width of a joint, and of what is beside it, in pixels of the copy (`sample.DETAIL`).
NEAR, BESIDE = 0, 3
#: A line is a joint where it stands out from the other lines of its direction by so many times
#: their usual difference, and is at least so far from the next one, and from the rim.
STRENGTH, APART = 4.0, 10
#: Gaps are of one kind of piece if the widest is at most so many times the narrowest.
REGULAR = 1.6


@dataclass(frozen=True)
class Joints:
    """Straight joints in a picture.

    Attributes:
        columns, rows: where upright and level joints are, in pixels of the copy, from left and top.
        width, height: of the copy.
    """

    columns: tuple[int, ...]
    rows: tuple[int, ...]
    width: int
    height: int


def find_joints(lightness: NDArray[np.float32]) -> Joints:
    """Returns the straight joints in a lightness (h, w), L*.

    A joint is a thin line that is darker or lighter than both its sides, over the whole picture:
    grain and veins wander.

    Example:
        >>> tiles = np.full((300, 400), 70, np.float32)
        >>> tiles[:, 100::100] = tiles[100::100] = 40
        >>> joints = find_joints(tiles)
        >>> joints.columns, joints.rows
        ((100, 200, 300), (100, 200))
    """
    height, width = lightness.shape
    upright, level = line_strengths(lightness), line_strengths(lightness.T)
    return Joints(_peaks(upright), _peaks(level), width, height)


def line_strengths(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns float32 (w,): how far each column of (h, w) stands out as a line, 1 being usual.

    Example:
        >>> picture = np.random.default_rng(0).normal(60, 2, (200, 200)).astype(np.float32)
        >>> picture[:, 50] -= 20
        >>> int(line_strengths(picture).argmax())
        50
    """
    height, width = lightness.shape
    if width < 6 * BESIDE or height < 6 * BESIDE:
        return np.zeros(width, np.float32)
    # In bands, so that what a part of a column shows does not stand for all of it.
    bands = np.stack([part.mean(axis=0) for part in np.array_split(lightness, 8)])
    total = np.cumsum(np.pad(bands, ((0, 0), (1, 0))), axis=1)

    def mean(start: int, stop: int) -> NDArray[np.float32]:
        places = np.arange(width)
        left, right = np.clip(places + start, 0, width), np.clip(places + stop, 0, width)
        means = (total[:, right] - total[:, left]) / np.maximum(right - left, 1)
        return np.asarray(means, np.float32)

    near = mean(-NEAR, NEAR + 1)
    left, right = mean(-NEAR - BESIDE, -NEAR), mean(NEAR + 1, NEAR + 1 + BESIDE)
    dark = np.minimum(left, right) - near
    light = near - np.maximum(left, right)
    lines = np.maximum(_lower_mean(dark), _lower_mean(light))
    rim = NEAR + BESIDE
    lines[:rim] = lines[-rim:] = 0
    usual = np.median(np.abs(np.median(dark, axis=0))) + 0.15
    return np.asarray(np.maximum(lines, 0) / usual, np.float32)


def _lower_mean(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the mean of the lower half of eight bands, but for the lowest: (8, w) -> (w,)."""
    return np.asarray(np.sort(lines, axis=0)[1:5].mean(axis=0), np.float32)


def _peaks(strengths: NDArray[np.float32]) -> tuple[int, ...]:
    peaks: list[int] = []
    for place in np.argsort(-strengths):
        if strengths[place] < STRENGTH:
            break
        if all(abs(int(place) - peak) >= APART for peak in peaks):
            peaks.append(int(place))
    return tuple(sorted(peaks))


def piece_size(joints: Joints) -> tuple[float | None, float | None]:
    """Returns width and length of a board or tile, as shares of the picture's longer side.

    The width is the smaller median gap between neighbouring joints of one direction. The length is
    told only where joints of the other direction run through as well, as those of tiles do: the
    short sides of boards are staggered. None stands for what the picture does not show.

    Example:
        >>> piece_size(Joints((100, 200, 300), (80, 160, 240), 400, 320))
        (0.2, 0.25)
    """
    longer = max(joints.width, joints.height)
    gaps = [gap for places in (joints.columns, joints.rows) if (gap := _gap(places)) is not None]
    if not gaps:
        return None, None
    if len(gaps) == 2:
        return round(min(gaps) / longer, 4), round(max(gaps) / longer, 4)
    return round(gaps[0] / longer, 4), None


def _gap(places: tuple[int, ...]) -> float | None:
    """Returns the median gap between joints, None where the gaps are not of one kind of piece."""
    if len(places) < 2:
        return None
    gaps = np.diff(places)
    # A joint that was not seen doubles a gap; one that is none halves it.
    return float(np.median(gaps)) if gaps.max() <= REGULAR * gaps.min() else None
