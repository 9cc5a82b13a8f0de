"""Simulated clicks: on mistakes, and drawn as the runtime draws a user's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

import torch

from floorlens.segmentation import Click
from floorlens.segmentation.backends import builtin
from training.segmentation.clicks import click_maps, draw_clicks
from training.segmentation.data import FLOOR, OTHER, UNSURE
from training.segmentation.model import CLICK_STRIDE

pytestmark = pytest.mark.slow

CLICKS = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 23), st.booleans()), max_size=6)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(CLICKS)
def test_training_and_runtime_draw_clicks_alike(clicks: list[tuple[int, int, bool]]) -> None:
    """Also where they contradict each other: the last one holds."""
    maps = np.zeros((2, 16, 24), np.float32)
    for row, column, floor in clicks:
        draw_clicks(maps, row, column, floor)
    points = [Click(CLICK_STRIDE * x + 1.0, CLICK_STRIDE * y + 2.0, f) for y, x, f in clicks]
    assert np.array_equal(maps, builtin.click_maps(16, 24, points))


@pytest.mark.parametrize("floor", [True, False])
def test_the_largest_mistake_is_clicked(floor: bool) -> None:
    """As what it is, and never in what is unlabelled."""
    masks = torch.full((1, 128, 128), FLOOR if floor else OTHER, dtype=torch.uint8)
    masks[:, :, :32] = UNSURE
    logits = torch.full((1, 1, 32, 32), 5.0 if floor else -5.0)
    logits[..., 20:30, 12:30] *= -1
    logits[..., 2:5, 2:5] *= -1
    for seed in range(20):
        maps = click_maps(np.random.default_rng(seed), logits, masks, most=1)[0]
        right, wrong = maps[0 if floor else 1], maps[1 if floor else 0]
        assert right[20:30, 12:30].any()
        assert not wrong.any()
        assert not right[2:5, 2:5].any()
