"""The pattern probe: it finds what is there to be found, and knows what swatches show."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

from floorlens.embedding.pattern import CLASSES, WOODEN
from training.matching.fit import MadePicture, fit_probe, patterns_of
from training.synthesis.design import FAMILIES

pytestmark = pytest.mark.slow


def test_the_probe_knows_the_families_that_are_made_in_their_order() -> None:
    assert (*FAMILIES, "one board") == CLASSES
    assert all("tile" not in name for name in CLASSES[:WOODEN])


def test_a_probe_finds_patterns_that_features_tell() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (len(CLASSES), 24))
    pictures = [
        MadePicture(
            number,
            (centres[number % len(CLASSES)] + rng.normal(0, 0.3, (6, 24))).astype(np.float16),
            np.ones(6, np.float32),
            number % len(CLASSES),
        )
        for number in range(110)
    ]
    probe = fit_probe(pictures, "1", steps=100)
    for picture in pictures[:22]:
        shares = probe.probabilities(picture.base, picture.coverage)
        assert shares.sum() == pytest.approx(1.0, abs=1e-5)
        assert int(shares.argmax()) == picture.pattern


def test_only_the_near_swatch_may_show_one_board() -> None:
    board = CLASSES.index("one board")
    shown = [patterns_of(number, 0) for number in range(40)]
    assert any(near == board for near, _, _ in shown)
    assert all(board not in (far, room) and far == room for _, far, room in shown)
