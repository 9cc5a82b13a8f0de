"""Ties at and before the cut, whatever order a search has them in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.engines import Hit
from floorlens.engines.ties import TIE, nearest


def search_three(hits: Sequence[Hit], counts: list[int]) -> list[Hit]:
    """Runs `nearest` for 3 of hits that are best first; notes what it asked for."""

    def search(count: int) -> Sequence[Hit]:
        counts.append(count)
        return hits[:count]

    return nearest(search, 3, 1000)


def test_one_question_is_enough_without_ties() -> None:
    counts: list[int] = []
    hits = [Hit(name, 1 - i / 10) for i, name in enumerate("zyxwv")]
    assert search_three(hits, counts) == hits[:3]
    assert counts == [4]


def test_the_rest_of_a_tie_is_asked_for() -> None:
    """Else the cut would keep whichever of the tied the engine names first."""
    counts: list[int] = []
    hits = [Hit("z", 0.9), *(Hit(name, 0.5) for name in "qponmlkjihgfedcba")]
    assert [hit.id for hit in search_three(hits, counts)] == ["z", "a", "b"]
    assert counts == [4, 8, 16, 32]


def test_what_differs_by_rounding_ties() -> None:
    """Products of byte-identical vectors may differ in the last bit with their place."""
    hits = [Hit("b", 0.5 + TIE / 2), Hit("a", 0.5), Hit("c", 0.5 - TIE / 3), Hit("d", 0.4)]
    hits = search_three(hits, [])
    assert [hit.id for hit in hits] == ["a", "b", "c"]
    assert len({hit.similarity for hit in hits}) == 1


def test_similarities_are_cosines() -> None:
    """Rounding takes none beyond 1 or -1."""
    hits = nearest(lambda _: [Hit("a", 1.0000002), Hit("b", -1.0000002)], 5, 1000)
    assert hits == [Hit("a", 1.0), Hit("b", -1.0)]


@pytest.mark.parametrize("most", [3, 4])
def test_no_more_is_asked_for_than_the_engine_gives(most: int) -> None:
    counts: list[int] = []

    def search(count: int) -> list[Hit]:
        counts.append(count)
        return [Hit(name, 0.5) for name in "fedcba"[:count]]

    assert len(nearest(search, 3, most)) == 3
    assert counts == [most]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([0.1, 0.5, 0.9]), max_size=30), st.integers(1, 40))
def test_it_is_the_head_of_the_full_order(similarities: list[float], k: int) -> None:
    hits = [Hit(f"p{i:02}", value) for i, value in enumerate(similarities)]
    shuffled = sorted(hits, key=lambda hit: (-hit.similarity, hit.id[::-1]))
    expected = sorted(hits, key=lambda hit: (-hit.similarity, hit.id))[:k]
    assert nearest(lambda count: shuffled[:count], k, 1000) == expected
