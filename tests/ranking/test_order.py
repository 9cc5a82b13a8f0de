"""One ranking out of components and retrieval: order, weights, and the border between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens import Floorlens
from floorlens.engines import Hit
from floorlens.errors import UsageError
from floorlens.models.stamp import Stamp
from floorlens.products.product import Product
from floorlens.ranking.order import Place, component_weights, matches_of, rank, rank_hits, tail
from floorlens.reranking import Comparison, Looks

UNIT = st.floats(0, 1, width=32)


def components(**values: list[float]) -> Comparison:
    return Comparison({name: np.array(numbers, np.float32) for name, numbers in values.items()})


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
    hits = [Hit(f"p{i:02}", row[2]) for i, row in enumerate(rows)]
    hits.sort(key=lambda hit: -hit.similarity)
    top = [int(hit.id[1:]) for hit in hits[:depth]]
    head = rank(
        [hits[i].id for i in range(len(top))],
        components(x=[rows[i][0] for i in top], y=[rows[i][1] for i in top]),
        {"x": weight[0], "y": weight[1]},
    )
    whole = head + tail(head, hits)
    scores = [item.score for item in whole]
    assert sorted(item.id for item in whole) == sorted(hit.id for hit in hits)
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
    head = [Place("a", 0.6, {})]
    below = tail(head, [Hit("a", 1.0), Hit("b", 0.5), Hit("c", -1.0)])
    assert [(item.id, item.score) for item in below] == [("b", pytest.approx(0.45)), ("c", 0.0)]


@dataclass(frozen=True)
class ScriptedReranker:
    """Takes a signature for the product's only component."""

    signature_format = "a number"
    stamp: Stamp
    weights: Mapping[str, float]

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        values = np.array([float(candidate) for candidate in candidates], np.float32)
        return Comparison({"x": values}, ("scene", "both"))


def test_retrieved_products_are_reranked_or_stay_as_they_are() -> None:
    hits = [Hit("a", 0.8), Hit("b", 0.6), Hit("c", 1.0000001 - 2)]
    signatures = {"a": b".25", "b": b".5"}
    reranker = ScriptedReranker(Stamp("scripted", "1", 0, "none", "none"), {"x": 1.0})
    ranking = rank_hits(hits, signatures, b"", reranker, {}, total=3)
    whole = ranking.places
    assert ranking.weights == {"x": 1.0}
    # Nothing is known of this scale: the score is the likeness.
    assert (ranking.equals, ranking.nothing_close) == (0, None)
    assert [(item.id, item.score) for item in whole] == [("b", 0.5), ("a", 0.25), ("c", ANY)]
    assert [item.components is None for item in whole] == [False, False, True]
    assert [item.evidence for item in whole] == ["both", "scene", None]
    ranking = rank_hits(hits, signatures, b"", reranker, None)
    plain = ranking.places
    assert ranking.weights is None
    assert [item.id for item in plain] == ["a", "b", "c"]
    assert [item.score for item in plain] == pytest.approx([0.9, 0.8, 0.0], abs=1e-6)
    assert {(item.components, item.evidence) for item in plain} == {(None, None)}


@dataclass(frozen=True)
class CalibratedReranker:
    """Two components on a scale that is known: the first four fifths of the likeness."""

    signature_format = "two numbers"
    stamp: Stamp = field(default_factory=lambda: Stamp("calibrated", "1", 0, "none", "none"))
    weights: Mapping[str, float] = field(default_factory=lambda: {"x": 0.8, "y": 0.2})

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        rows = [candidate.split() for candidate in candidates]
        x, y = np.array(rows, np.float32).T
        return Comparison({"x": x, "y": y}, scale="adapted")


def test_scores_are_probabilities_in_the_order_that_they_are_known_for() -> None:
    hits = [Hit("a", 0.9), Hit("b", 0.8), Hit("c", 0.7), Hit("d", 0.1)]
    signatures = {"a": b".7 .7", "b": b".2 .9", "c": b".1 .1"}
    reranker = CalibratedReranker()
    order = rank_hits(hits, signatures, b"", reranker, {}, total=300)
    first, second, third, fourth = order.places
    assert first.likeness == pytest.approx(0.7)
    assert first.score > 0.8
    assert (first.word, third.word, fourth.word) == ("same floor", None, None)
    assert first.score > second.score > third.score > fourth.score
    assert first.score + second.score + third.score <= 1
    assert (order.equals, order.nothing_close) == (1, False)
    # By a user's weights b comes first. It is still no closer than it was, and a still is.
    order = rank_hits(hits, signatures, b"", reranker, {"x": 0.01}, total=300)
    assert [place.id for place in order.places] == ["b", "a", "c", "d"]
    assert [place.word for place in order.places] == [second.word, "same floor", None, None]
    # The score is the mean by these weights, the likeness the one that the words go by.
    assert order.places[0].score > 0.8
    assert order.places[0].likeness == second.likeness
    assert (order.equals, order.nothing_close) == (0, False)
    # The weights that counted are no weights of a user's own.
    again = rank_hits(hits, signatures, b"", reranker, {"x": 8, "y": 2}, total=300)
    assert (again.places[0].score, again.equals) == (first.score, 1)
    # Among a few products there is no probability: the score is the likeness.
    few = rank_hits(hits, signatures, b"", reranker, {}, total=4)
    assert few.places[0].score == few.places[0].likeness
    assert [place.word for place in few.places] == ["very close", second.word, None, None]
    assert (few.equals, few.nothing_close) == (0, False)
    # Beside a product nothing is known.
    order = rank_hits(hits, signatures, b"", reranker, {})
    assert {place.word for place in order.places} == {None}
    assert (order.equals, order.nothing_close) == (0, None)


@dataclass(frozen=True)
class EmphaticReranker:
    """Two components, of which these floors tell more by the first."""

    signature_format = "a number"
    stamp: Stamp
    weights: Mapping[str, float] = field(default_factory=lambda: {"x": 0.2, "y": 0.6})

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        values = np.array([float(candidate) for candidate in candidates], np.float32)
        return Comparison({"x": values, "y": 1 - values}, None, {"x": 3.0})


def test_the_score_is_the_mean_by_the_weights_that_are_told() -> None:
    hits, signatures = [Hit("a", 0.8), Hit("b", 0.6)], {"a": b".25", "b": b".75"}
    emphatic = EmphaticReranker(Stamp("emphatic", "1", 0, "none", "none"))
    weights = rank_hits(hits, signatures, b"", emphatic, {}).weights
    assert weights is not None
    assert weights["x"] == pytest.approx(0.5)
    ranking = rank_hits(hits, signatures, b"", emphatic, {"x": 1.8})
    weights = ranking.weights
    assert weights is not None
    assert weights["x"] == pytest.approx(0.75)
    assert ranking.default_weights == pytest.approx({"x": 0.5, "y": 0.5})
    for place in ranking.places:
        assert place.components is not None
        mean = sum(weights[name] * value for name, value in place.components.items())
        assert place.score == pytest.approx(mean)


def test_reasons_go_with_their_products() -> None:
    looks = Looks(
        patterns=(),
        floor_colour=np.array([50, 0, 0], np.float32),
        colour=np.array([[60, 0, 0], [50, 0, 0]], np.float32),
        floor_variation=1.0,
        variation=np.ones(2, np.float32),
        floor_pattern=np.empty(0, np.float32),
        pattern=np.empty((2, 0), np.float32),
        same_pattern=np.ones(2, np.float32),
        texture=np.array([0.4, 0.4], np.float32),
    )
    alike = replace(components(x=[0.2, 0.8]), looks=looks)
    places = rank(["a", "b"], alike, {"x": 1}, ("warm light",))
    uncertain = "colour uncertain: warm light"
    assert [(place.id, place.reason) for place in places] == [
        ("b", f"same colour, {uncertain}"),
        ("a", f"20 % lighter, {uncertain}"),
    ]
    matches = matches_of(places, {name: Product(name, name) for name in "ab"})
    assert [match.reason for match in matches] == [place.reason for place in places]
    assert tail(places, [Hit("a", 1), Hit("b", 0.9), Hit("c", 0.5)])[0].reason == ""


def test_a_product_that_has_gone_leaves_no_gap() -> None:
    ranking = [Place(name, score, None) for name, score in (("a", 0.9), ("b", 0.5), ("c", 0.1))]
    matches = matches_of(ranking, {name: Product(name, name) for name in "ac"})
    assert [(m.rank, m.product.id, m.score) for m in matches] == [(1, "a", 0.9), (2, "c", 0.1)]


def test_weights_without_reranking_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing is re-ranked"):
        component_weights({"x": 1.0}, {"x": 2.0}, rerank=False)
    assert component_weights({"x": 1.0}, {}, rerank=False) == {"x": 1.0}


def test_given_weights_lie_over_the_default_ones() -> None:
    default = {"x": 1.0, "y": 2.0}
    assert component_weights(default, None) == default
    assert component_weights(default, {"y": 0}) == {"x": 1.0, "y": 0.0}
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
        ({"x": 10**400}, "weight of 'x'"),
        ({"x": 0, "y": 0}, "at least one component"),
    ],
)
def test_weights_without_meaning(given_weights: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        component_weights({"x": 1.0, "y": 2.0}, given_weights)


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
        "evidence": None,
        "likeness": first.likeness,
        "word": first.word,
        "reason": first.reason,
        "attributes": {name: item.as_dict() for name, item in first.attributes.items()},
        "variants": [],
    }
    assert shown["matches"][0]["attributes"]["tone"]["origin"] == "measured"
    assert shown["total"] == 6
    assert shown["floor"]["source"] == "automatic"
    assert shown["timings"]["total"] > 0


def test_weights_whose_sum_has_no_end_are_refused() -> None:
    """All scores would be 0."""
    with pytest.raises(UsageError, match="too large"):
        component_weights({"x": 0.5, "y": 0.5}, {"x": 1e308, "y": 1e308})
    assert component_weights({"x": 0.5, "y": 0.5}, {"x": 1e9})["x"] == 1e9
