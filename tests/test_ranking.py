"""One ranking out of components and retrieval: order, weights, and the border between the two."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens import Floorlens
from floorlens.errors import UsageError
from floorlens.ranking import Scored, merged_weights, rank, tail

UNIT = st.floats(0, 1, width=32)


def components(**values: list[float]) -> dict[str, Any]:
    return {name: np.array(numbers, np.float32) for name, numbers in values.items()}


def test_score_is_the_weighted_mean() -> None:
    found = rank(["a", "b"], components(x=[1, 0], y=[0, 0.5]), {"x": 3, "y": 1})
    assert [(s.id, s.score) for s in found] == [("a", 0.75), ("b", 0.125)]
    assert dict(found[0].components or {}) == {"x": 1, "y": 0}


def test_a_weight_of_zero_takes_a_component_out_of_the_score_but_shows_it() -> None:
    found = rank(["a", "b"], components(x=[1, 0], y=[0, 0.5]), {"x": 0, "y": 1})
    assert [s.id for s in found] == ["b", "a"]
    assert dict(found[0].components or {}) == {"x": 0, "y": 0.5}


def test_equal_scores_are_in_order_of_id() -> None:
    found = rank(["c", "a", "b"], components(x=[0.5, 0.5, 0.5]), {"x": 1})
    assert [s.id for s in found] == ["a", "b", "c"]


def test_no_products_give_no_ranking() -> None:
    assert rank([], components(x=[]), {"x": 1}) == []


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(UNIT, UNIT, st.floats(-1, 1, width=32)), min_size=1, max_size=20),
    st.integers(1, 20),
    st.tuples(st.floats(0, 10), st.floats(0.01, 10)),
)
def test_scores_never_rise_and_stay_between_0_and_1(
    rows: list[tuple[float, float, float]], depth: int, weight: tuple[float, float]
) -> None:
    """Above, across and below the border between re-ranked and merely retrieved products."""
    hits = sorted(((f"p{i:02}", row[2]) for i, row in enumerate(rows)), key=lambda hit: -hit[1])
    top = [int(product_id[1:]) for product_id, _ in hits[:depth]]
    scored = rank(
        [hits[i][0] for i in range(len(top))],
        components(x=[rows[i][0] for i in top], y=[rows[i][1] for i in top]),
        {"x": weight[0], "y": weight[1]},
    )
    whole = scored + tail(scored, hits, depth)
    scores = [item.score for item in whole]
    assert sorted(item.id for item in whole) == sorted(hit[0] for hit in hits)
    assert all(0 <= score <= 1 for score in scores)
    assert all(a >= b for a, b in pairwise(scores))
    assert [item.components is None for item in whole] == [i >= depth for i in range(len(whole))]


@settings(deadline=None, derandomize=True)
@given(st.lists(UNIT, min_size=1, max_size=8), st.floats(0.1, 100))
def test_only_the_proportion_of_weights_counts(values: list[float], factor: float) -> None:
    ids = [str(i) for i in range(len(values))]
    parts = components(x=values, y=values[::-1])
    once = rank(ids, parts, {"x": 1.0, "y": 2.0})
    again = rank(ids, parts, {"x": factor, "y": 2 * factor})
    assert [s.score for s in once] == pytest.approx([s.score for s in again])


def test_below_the_border_the_score_falls_with_the_similarity() -> None:
    scored = [Scored("a", 0.6, {})]
    below = tail(scored, [("a", 1.0), ("b", 0.5), ("c", -1.0)], 1)
    assert [(item.id, item.score) for item in below] == [("b", pytest.approx(0.45)), ("c", 0.0)]


def test_given_weights_lie_over_the_default_ones() -> None:
    default = {"x": 1.0, "y": 2.0}
    assert merged_weights(default, None) == default
    assert merged_weights(default, {"y": 0}) == {"x": 1.0, "y": 0.0}
    assert default == {"x": 1.0, "y": 2.0}


@pytest.mark.parametrize(
    ("given_weights", "problem"),
    [
        ({"z": 1}, "unknown component 'z': known are x, y"),
        ({"x": -1}, "weight of 'x' must be 0 or a positive number"),
        ({"x": float("nan")}, "weight of 'x'"),
        ({"x": float("inf")}, "weight of 'x'"),
        ({"x": "1"}, "weight of 'x'"),
        ({"x": None}, "weight of 'x'"),
        ({"x": 0, "y": 0}, "at least one component"),
    ],
)
def test_weights_without_meaning(given_weights: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        merged_weights({"x": 1.0, "y": 2.0}, given_weights)


def test_a_result_as_json_holds_everything_but_the_mask(lens: Floorlens, room: Any) -> None:
    result = lens.search(room, limit=2)
    shown = result.as_dict()
    assert [m["rank"] for m in shown["matches"]] == [1, 2]
    first = result.matches[0]
    assert shown["matches"][0] == {
        "rank": 1,
        "id": "oak",
        "name": "Oak floor",
        "metadata": {"material": "wood", "price": 40, "stock": False},
        "score": first.score,
        "components": dict(first.components or {}),
    }
    assert shown["total"] == 6
    assert shown["floor"]["source"] == "automatic"
    assert shown["timings"]["total"] > 0
