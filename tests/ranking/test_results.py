"""What a search returns: a sequence of matches that can be copied, pickled and shown."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from floorlens import FloorRegion, Match, Product, Ranking, SearchResult


@pytest.fixture
def result() -> SearchResult:
    mask = np.zeros((40, 60), bool)
    mask[20:] = True
    floor = FloorRegion(mask, 0.9, 1.0, "automatic", (600, 400))
    oak = Product("oak", "Oak", {"price": 40, "tags": ["matt"]}, ("/oak.jpg",))
    matches = (
        Match(1, oak, 0.9, {"colour": 0.8}, "swatch", word="same floor"),
        Match(2, Product("ash", "Ash"), 0.5, None),
    )
    return SearchResult(matches=matches, total=7, timings={"total": 0.2}, floors=(floor, None))


def test_copies_are_equal(result: SearchResult) -> None:
    """A result travels between processes, into caches and to disk."""
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), copy.copy(result)):
        assert twin == result
        assert twin.as_dict() == result.as_dict()
        assert np.array_equal(twin.floor.mask, result.floor.mask)
        assert twin.matches[0].components == {"colour": 0.8}
    assert result != replace(result, total=8)


def test_the_mask_at_the_size_of_the_photo_is_not_pickled(result: SearchResult) -> None:
    before = len(pickle.dumps(result))
    assert result.floor.mask.shape == (400, 600)
    assert len(pickle.dumps(result)) == before
    assert pickle.loads(pickle.dumps(result)).floor.mask.shape == (400, 600)


def test_regions_differ_by_their_masks(result: SearchResult) -> None:
    floor = result.floor
    assert floor == replace(floor, working_mask=floor.working_mask.copy())
    assert floor != replace(floor, working_mask=~floor.working_mask)
    assert floor != replace(floor, confidence=0.1)
    assert floor != "floor"


def test_a_ranking_is_a_sequence(result: SearchResult) -> None:
    first, second = result
    assert (len(result), result[0], result[-1], result[:1]) == (2, first, second, (first,))
    assert [match.rank for match in reversed(result.matches)] == [2, 1]
    assert second in result
    with pytest.raises(IndexError):
        result[2]


def test_it_prints_short(result: SearchResult) -> None:
    """In a notebook's cell, not a page of metadata or the numbers of a mask."""
    assert repr(result) == "SearchResult(2 of 7 products: 'oak' 0.90, 'ash' 0.50)"
    assert repr(result.matches[0]) == "Match(1, 'oak', 0.90, 'same floor')"
    assert repr(result.matches[1]) == "Match(2, 'ash', 0.50)"
    assert repr(result.floor) == "FloorRegion(automatic, 50% of 600 x 400)"
    long = Ranking(matches=result.matches * 2, total=9, timings={})
    assert repr(long) == "Ranking(4 of 9 products: 'oak' 0.90, 'ash' 0.50, 'oak' 0.90, …)"


def test_json_has_the_floor_of_each_photo(result: SearchResult) -> None:
    values = result.as_dict()
    assert values["floor"]["box"] == [0, 200, 600, 400]
    assert values["floors"] == [values["floor"], None]
    ranking = Ranking(matches=result.matches, total=7, timings={})
    assert ranking.as_dict()["matches"] == values["matches"]
    assert "floor" not in ranking.as_dict()


def test_doubts_about_a_floor_come_before_what_the_ranking_says(result: SearchResult) -> None:
    assert result.verdict == ""
    nothing = replace(result, nothing_close=True)
    assert nothing.verdict == "Nothing in this catalogue is close to this floor."
    doubted = replace(result.floor, reasons=("too small: 1 %", "unsure: 50 %"))
    one = replace(nothing, floors=(doubted,)).verdict
    assert one == f"The floor is in doubt (too small: 1 %; unsure: 50 %). {nothing.verdict}"
    several = replace(result, floors=(result.floor, None, doubted)).verdict
    assert several == "The floor of photo 3 is in doubt (too small: 1 %; unsure: 50 %)."
