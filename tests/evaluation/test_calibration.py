"""Figures on scores, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from floorlens.evaluation.calibration import (
    Bin,
    ScoreOutcome,
    bins_of,
    calibration_error,
    score_figures,
)

RIGHT = ScoreOutcome(
    score=0.9,
    right=True,
    equals=1,
    covered=True,
    nothing_close=False,
    without=True,
    likeness=0.8,
    likeness_without=0.3,
)
WRONG = replace(RIGHT, score=0.5, right=False, equals=7, covered=False, without=False)
UNSURE = replace(
    WRONG, score=0.3, covered=True, nothing_close=True, likeness=0.2, likeness_without=0.2
)


def test_bins_hold_what_lies_in_them_and_1_is_in_the_last() -> None:
    low, high = bins_of([1.0, 0.0, 0.0625], [True, False, True])
    assert (low, high) == (Bin(2, 0.03125, 0.5), Bin(1, 1.0, 1.0))


def test_scores_that_come_true_have_no_error() -> None:
    scores = np.repeat([0.25, 0.75], 400)
    right = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    assert calibration_error(bins_of(scores, right)) == pytest.approx(0)
    assert calibration_error(bins_of(scores, ~right)) == pytest.approx(0.5)


def test_the_figures_of_three_searches() -> None:
    figures = score_figures([RIGHT, WRONG, UNSURE], ["a", "b", "c"])
    assert figures["base_rate"] == pytest.approx(1 / 3)
    assert figures["mean_score"] == pytest.approx(1.7 / 3)
    assert figures["ece"] == pytest.approx((0.1 + 0.5 + 0.3) / 3)
    assert figures["equals_cover"] == pytest.approx(2 / 3)
    assert figures["equals_median"] == 7
    assert figures["nothing_close"] == pytest.approx(1 / 3)
    assert figures["nothing_close_taken_out"] == pytest.approx(1 / 3)
    # Likenesses .8, .8, .2 with the product, .3, .3, .2 without it.
    assert figures["taken_out_auroc"] == pytest.approx(6.5 / 9)


def test_a_catalogue_of_one_product_has_no_rate_without_it() -> None:
    alone = replace(RIGHT, likeness_without=None)
    assert "taken_out_auroc" not in score_figures([alone], ["a"])
