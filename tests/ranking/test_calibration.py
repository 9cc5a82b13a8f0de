"""Likenesses become probabilities, words and groups of equals that agree with each other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.models.onnx import WEIGHTS
from floorlens.ranking.calibration import (
    CALIBRATION,
    default_calibrations,
    list_probabilities,
    read,
)
from floorlens.reranking import Scale
from floorlens.reranking.backends.builtin import default_parameters

SCALES: tuple[Scale, ...] = ("adapted", "plain")
WORDS = ("same floor", "very close", "close", "related", None)
LIKENESS = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.3, 0.7, 1.0])), min_size=1, max_size=200
)


@pytest.mark.parametrize("scale", SCALES)
@settings(deadline=None, derandomize=True)
@given(LIKENESS, st.integers(0, 20_000))
def test_a_reading_never_contradicts_the_order(
    scale: Scale, likeness: list[float], more: int
) -> None:
    values = sorted(likeness, reverse=True)
    reading = read(values, len(values) + more, default_calibrations()[scale])
    probabilities = reading.probabilities
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.sum() <= 1 + 1e-9
    assert (np.diff(probabilities) <= 1e-12).all()
    places = [WORDS.index(word) for word in reading.words]
    assert places == sorted(places)
    assert 1 <= reading.equals <= len(values)
    for one, two in zip(range(len(values)), range(1, len(values)), strict=False):
        if values[one] == values[two]:
            assert probabilities[one] == probabilities[two]
            assert reading.words[one] == reading.words[two]
            # A group of equals does not end between two that are exactly alike.
            assert reading.equals != two
    assert reading.nothing_close == (reading.words[0] in ("related", None))


@pytest.mark.parametrize("scale", SCALES)
def test_a_rival_takes_from_the_first_and_a_stranger_does_not(scale: Scale) -> None:
    calibration = default_calibrations()[scale]
    high = calibration.centre + 0.25
    alone = read([high, 0.1, 0.1], 300, calibration)
    beside = read([high, high - 0.01, 0.1], 300, calibration)
    assert alone.probabilities[0] > 0.8
    assert 0.3 < beside.probabilities[0] < 0.7
    assert (alone.equals, beside.equals) == (1, 2)
    crowd = read([high - 0.2] * 100, 300, calibration)
    assert crowd.equals == 100
    assert crowd.probabilities[0] <= 0.01 + 1e-9


@pytest.mark.parametrize("scale", SCALES)
def test_a_list_of_strangers_is_called_so(scale: Scale) -> None:
    calibration = default_calibrations()[scale]
    assert 0 < calibration.related < calibration.close < calibration.very_close < 1
    strangers = read([calibration.close - 0.01, 0.05], 300, calibration)
    assert strangers.nothing_close
    assert strangers.words == ("related", None)
    assert not read([calibration.close, 0.05], 300, calibration).nothing_close
    # Where the only likely product is unlike, "none of these" gains.
    near = list_probabilities(np.array([calibration.centre + 0.2]), 300, calibration)
    far = list_probabilities(np.array([0.1]), 300, calibration)
    assert near[0] < 0.1 < far[0]


def test_the_calibration_belongs_to_the_ranker_in_the_package() -> None:
    values = json.loads((WEIGHTS / CALIBRATION).read_text(encoding="utf-8"))
    # After fit_ranker comes fit_calibration: the likenesses have changed.
    assert values["ranker"] == default_parameters().version
