"""The paired difference: against numbers by hand, against SciPy, and its symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.evaluation.paired import Ratio, paired_difference


def mean(values: list[float]) -> Ratio:
    return Ratio(values, [1.0] * len(values))


def test_by_hand() -> None:
    """Three of four photos gain: of 8 ways to swap them, 2 differ as much (all, and none)."""
    change = paired_difference(mean([0, 0, 0, 1]), mean([1, 1, 1, 1]), list("abcd"))
    assert (change.first, change.second, change.difference) == (0.25, 1.0, 0.75)
    assert change.p == 0.25
    assert 0 <= change.low < 0.75 < change.high == 1.0


def test_rows_of_a_room_count_as_one() -> None:
    """As one coin for all: a single room can't be told from chance, however many rows it has."""
    values = mean([0.0] * 20), mean([1.0] * 20)
    alone = paired_difference(*values, [str(number) for number in range(20)])
    together = paired_difference(*values, ["room"] * 20)
    assert alone.p < 0.001
    assert together.p == 1.0


def test_rooms_of_many_rows_weigh_more() -> None:
    change = paired_difference(mean([0, 0, 0, 0]), mean([1, 1, 1, 0]), ["a", "a", "a", "b"])
    # Drawn are two of the rooms a and b: only b, only a, or both.
    assert (change.low, change.high) == (0.0, 1.0)
    assert change.difference == 0.75


def test_a_ratio_pools_its_parts() -> None:
    """3 of 10 pixels against 5 of 10, of two photos of unlike size."""
    first, second = Ratio([2, 1], [8, 2]), Ratio([4, 1], [8, 2])
    change = paired_difference(first, second, ["a", "b"])
    assert (change.first, change.second) == (0.3, 0.5)
    assert change.difference == pytest.approx(0.2)
    # Drawing only b changes nothing, drawing only a changes 2 of 8.
    assert (change.low, change.high) == (0.0, 0.25)


def test_agrees_with_the_normal_approximation() -> None:
    """Of many rooms the mean's error is normal: 1.96 standard errors, and its p-value."""
    rng = np.random.default_rng(3)
    before = rng.random(400)
    steps = rng.normal(0.02, 0.2, 400)
    names = [str(number) for number in range(400)]
    change = paired_difference(mean(list(before)), mean(list(before + steps)), names)
    error = float(steps.std(ddof=1)) / math.sqrt(400)
    middle = float(steps.mean())
    assert (change.low, change.high) == pytest.approx(
        (middle - 1.96 * error, middle + 1.96 * error), abs=0.1 * error
    )
    assert change.p == pytest.approx(math.erfc(abs(middle) / error / math.sqrt(2)), abs=0.02)
    # Apart, the intervals would overlap: what is common to both is most of the variance.
    assert change.high - change.low < 0.8 * 2 * 1.96 * float(before.std()) / math.sqrt(200)


VALUES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("abcdefghijklmnop")),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(VALUES)
def test_symmetries(rows: list[tuple[int, int, str]]) -> None:
    """Swapping the systems turns the sign; a system does not differ from itself."""
    before, after = [row[0] / 4 for row in rows], [row[1] / 4 for row in rows]
    groups = [row[2] for row in rows]
    forth = paired_difference(mean(before), mean(after), groups, draws=200, swaps=400)
    back = paired_difference(mean(after), mean(before), groups, draws=200, swaps=400)
    assert back.difference == pytest.approx(-forth.difference)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))
    assert back.p == pytest.approx(forth.p, abs=0.1)
    assert 0 < forth.p <= 1
    same = paired_difference(mean(before), mean(before), groups, draws=200)
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_equal_calls_give_equal_results() -> None:
    rng = np.random.default_rng(0)
    values = mean(list(rng.random(40))), mean(list(rng.random(40)))
    groups = [str(number // 2) for number in range(40)]
    assert paired_difference(*values, groups) == paired_difference(*values, groups)
    other = paired_difference(*values, groups, seed=1)
    assert other != paired_difference(*values, groups)


@pytest.mark.parametrize("groups", [[], ["a"], ["a", "b", "c"]])
def test_what_cannot_be_compared(groups: list[str]) -> None:
    values = mean([1.0, 0.0]) if groups else mean([])
    with pytest.raises(ValueError, match="same photos"):
        paired_difference(values, values, groups)
