"""What is learned is what is served, and it is right on lists that follow the model."""

from __future__ import annotations

import numpy as np
import pytest

from floorlens.ranking.calibration import default_calibrations, list_probabilities, read

pytest.importorskip("torch", reason="needs the extra train")

import torch

from floorlens.evaluation.calibration import bins_of, calibration_error
from training.matching.fit_calibration import (
    DEPTH,
    Lists,
    first_probabilities,
    fit,
    log_odds,
)

CENTRE = 0.45


def drawn_lists(count: int, seed: int) -> Lists:
    """Returns lists whose right product is drawn by the calibration that the package has."""
    rng, calibration = np.random.default_rng(seed), default_calibrations()["adapted"]
    likeness = np.full((count, DEPTH), np.nan)
    truth, own = np.zeros(count, np.int64), np.zeros(count)
    total = rng.integers(64, 1500, count)
    for row in range(count):
        values = np.sort(rng.beta(2, 8, 64))[::-1]
        odds = list_probabilities(values, int(total[row]), calibration)
        likeness[row, :64] = values
        truth[row] = rng.choice(65, p=odds) - 1
        own[row] = values[truth[row]] if truth[row] >= 0 else values[-1]
    shop = np.array(["one", "two"])[rng.integers(0, 2, count)]
    return Lists(likeness, truth, truth >= 0, own, total, np.zeros(count, np.bool_), shop)


def test_what_is_learned_is_what_is_served() -> None:
    lists, calibration = drawn_lists(20, 0), default_calibrations()["adapted"]
    weights = torch.tensor([*calibration.power, *calibration.absence], dtype=torch.float64)
    learned = log_odds(weights, lists, calibration.centre).exp().numpy()
    for row, total, odds in zip(lists.likeness, lists.total, learned, strict=True):
        values = row[~np.isnan(row)]
        served = list_probabilities(values, int(total), calibration)
        np.testing.assert_allclose(odds[: len(served)], served, atol=1e-12)
    first = first_probabilities(lists, calibration)
    row = lists.likeness[0][~np.isnan(lists.likeness[0])]
    assert read(row, int(lists.total[0]), calibration).probabilities[0] == pytest.approx(first[0])


def test_it_is_right_on_lists_that_follow_the_model() -> None:
    calibration = fit(drawn_lists(500, 1), CENTRE)
    new = drawn_lists(600, 2)
    held = new.of(new.present)
    assert (
        calibration_error(bins_of(first_probabilities(held, calibration), held.truth == 0)) < 0.09
    )
    covered = [
        truth < read(row[~np.isnan(row)], int(total), calibration).equals
        for row, total, truth in zip(held.likeness, held.total, held.truth, strict=True)
    ]
    assert 0.84 < np.mean(covered) < 0.98
