"""The "floor visible" score: fitted, kept, and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

from training.segmentation.calibrate import FILE, fit, read_calibration

pytestmark = pytest.mark.slow


def test_overconfident_logits_are_drawn_in() -> None:
    """Logits three times too large, shifted by one; pictures with a floor four times as many."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-true))).astype(np.float64)
    kept = (labels == 1) | (rng.random(4000) < 0.25)
    slope, offset = fit(3 * true[kept] + 1, labels[kept])
    assert slope == pytest.approx(1 / 3, abs=0.04)
    assert offset == pytest.approx(-1 / 3, abs=0.1)


def test_a_run_without_calibration_is_left_as_it_is(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) == (1.0, 0.0)
    (tmp_path / FILE).write_text('{"slope": 0.5, "offset": -0.25}')
    assert read_calibration(tmp_path) == (0.5, -0.25)
