"""Outlines and run lengths are the mask again when they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from floorlens.images import contours
from floorlens.images.contours import polygons, run_lengths

Mask = NDArray[np.bool_]
masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


def drawn(parts: list[list[contours.Ring]], shape: tuple[int, ...]) -> Mask:
    """Draws outlines four times as large, so that no pixel's centre lies on an edge."""
    union = np.zeros((shape[0] * 4, shape[1] * 4), np.bool_)
    for part in parts:
        canvas = Image.new("L", (shape[1] * 4, shape[0] * 4))
        for number, ring in enumerate(part):
            points = [(x, y) for x, y in (ring * 4).tolist()]
            ImageDraw.Draw(canvas).polygon(points, fill=int(number == 0))
        union |= np.asarray(canvas) > 0
    return union[2::4, 2::4]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(masks)
def test_outlines_with_all_corners_are_the_mask(mask: Mask) -> None:
    """Parts, holes, parts in holes, and pixels that touch at a corner."""
    assert np.array_equal(drawn(polygons(mask, 0), mask.shape), mask)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(masks)
def test_run_lengths_are_the_mask(mask: Mask) -> None:
    """Decoded as COCO's tools do it: runs in turn, down each column, of False first."""
    lengths = run_lengths(mask)
    values = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    assert np.array_equal(values.reshape(mask.shape, order="F"), mask)


def test_a_simple_outline_is_near_the_true_one() -> None:
    y, x = np.mgrid[:300, :400]
    mask = (x - 200) ** 2 + (y - 150) ** 2 < 120**2
    mask &= (x - 200) ** 2 + (y - 150) ** 2 > 40**2
    ((outline, hole),) = polygons(mask, 1.5)
    assert len(outline) < 60
    assert np.abs(np.hypot(*(outline - [200, 150]).T) - 120).max() < 3
    assert np.abs(np.hypot(*(hole - [200, 150]).T) - 40).max() < 3


def test_specks_are_left_out_and_the_largest_part_comes_first() -> None:
    mask = np.zeros((200, 200), np.bool_)
    mask[10:20, 10:20] = True
    mask[100:180, 100:180] = True
    mask[0, 199] = True
    assert [part[0][0].tolist() for part in polygons(mask)] == [[100, 100], [10, 10]]
    # A mask of nothing but a speck is that speck.
    speck = np.zeros((200, 200), np.bool_)
    speck[3, 4] = True
    assert len(polygons(speck)) == 1
    assert polygons(np.zeros((9, 9), np.bool_)) == []


def test_noise_has_an_outline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which nobody needs a million corners."""
    monkeypatch.setattr(contours, "_MOST_EDGES", 500)
    noise = np.random.default_rng(0).random((120, 160)) < 0.5
    parts = polygons(noise)
    assert 0 < sum(len(ring) for part in parts for ring in part) <= 500
