"""How alike two floors are laid: 1 for equals, and one board agrees with anything of wood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.pattern import CLASSES, default_probe, pattern_likeness
from floorlens.models.onnx import load_session, session_stamp


def shares(**named: float) -> NDArray[np.float64]:
    out = np.zeros(len(CLASSES))
    for name, share in named.items():
        out[CLASSES.index(name.replace("_", " "))] = share
    return out


def test_the_probe_belongs_to_the_encoder() -> None:
    assert default_probe().encoder == session_stamp(load_session("encoder.onnx", 1)).version


def test_one_board_agrees_with_wood_and_not_with_tiles() -> None:
    floors = np.stack([shares(straight_plank=1), shares(herringbone=1), shares(ceramic_tile=1)])
    likeness = pattern_likeness(shares(one_board=1), floors)
    np.testing.assert_allclose(likeness, [1, 1, 0], atol=1e-6)
    planks = pattern_likeness(shares(straight_plank=1), floors)
    np.testing.assert_allclose(planks, [1, 0, 0], atol=1e-6)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 10_000))
def test_likeness_is_symmetric_between_0_and_1_and_1_for_itself(seed: int) -> None:
    one, two = np.random.default_rng(seed).dirichlet(np.full(len(CLASSES), 0.3), 2)
    there, back = pattern_likeness(one, two[None])[0], pattern_likeness(two, one[None])[0]
    assert there == pytest.approx(back, abs=1e-5)
    assert 0 <= there <= 1
    assert pattern_likeness(one, one[None])[0] == pytest.approx(1.0, abs=1e-5)
