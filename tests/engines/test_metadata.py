"""Metadata as tokens and sort keys: what makes filters of fixed schemas exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.engines import Record
from floorlens.engines.filters import Condition, parse_filter
from floorlens.engines.metadata import (
    check_storable,
    decode,
    encode,
    filter_expression,
    number_key,
    numbers,
    sort_key,
    tokens,
    valid_ids,
)
from floorlens.errors import EngineUnsupported

VECTOR = np.array([1, 0], np.float32)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from([0, -0.0, 2**53, 2**53 + 1, float(2**53), 1e23, 10**23, 5e-324]),
)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(NUMBERS, NUMBERS)
def test_texts_sort_as_their_numbers(one: float, other: float) -> None:
    """Whole numbers beyond 2**53 too, next to the doubles that round to the same."""
    assert (sort_key(one) < sort_key(other)) is (one < other)
    assert (sort_key(one) == sort_key(other)) is (one == other)


@settings(deadline=None, derandomize=True)
@given(st.integers(-(2**80), 2**80), st.integers(-5, 5))
def test_neighbours_sort_as_their_numbers(number: int, step: int) -> None:
    """Not only numbers that are far apart."""
    assert (sort_key(number) < sort_key(number + step)) is (step > 0)


def test_a_number_beyond_all_doubles_sorts_at_the_end() -> None:
    """As a bound it lies beyond whatever can be stored."""
    assert sort_key(10**400) > sort_key(1.7976931348623157e308)
    assert sort_key(-(10**400)) < sort_key(-1.7976931348623157e308)


def test_tokens_tell_kinds_and_fields_apart() -> None:
    """1, True, "1" and "True" differ; 1 and 1.0 do not; names cannot run into values."""
    assert len({tuple(tokens({"a": value})) for value in (1, True, "1", "True", ["b"])}) == 5
    assert tokens({"a": 1}) == tokens({"a": 1.0})
    assert not set(tokens({"ab": "c"})) & set(tokens({"a": "bc"}))
    assert not set(tokens({"atext": "x"})) & set(tokens({"a": "textx"}))
    assert tokens({"a": None}) == []
    assert len(tokens({"a": []})) == 1
    assert len(tokens({"a": ["x", "y"]})) == 3
    assert all(set(token) <= set("0123456789abcdef") for token in tokens({"'; --": '"\\%_'}))


def test_numbers_are_neither_flags_nor_texts() -> None:
    """A field has an entry only in products where it is a number."""
    assert numbers({"a": True, "b": "1", "c": ["1"], "d": None}) == {}
    assert numbers({"a": 2}) == {number_key("a"): sort_key(2)}


def test_an_expression_is_made_of_what_the_engine_gives() -> None:
    """Only tokens are negated: numbers that lack would be neither true nor false."""

    def has_any(texts: Any) -> str:
        return f"has{len(texts)}"

    def compare(column: str, sign: str, number: str) -> str:
        return f"n {sign}"

    where = {"$or": [{"a": {"$nin": [1, 2]}}, {"b": {"$gte": 1}, "c": {"$exists": False}}]}
    condition = parse_filter(where)
    assert condition is not None
    text = filter_expression(condition, has_any, compare)
    assert text == "((not has2) or (n >= and (not has1)))"
    assert filter_expression(Condition("a", "$eq", False), has_any, compare) == "has1"


@settings(deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.text(),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=3),
    )
)
def test_json_gives_back_what_it_took(metadata: dict[str, Any]) -> None:
    assert decode(encode(metadata)) == metadata
    assert encode(metadata).isascii()


@pytest.mark.parametrize("value", [{}, [1], (None,), float("nan"), 10**400, b"x", np.int64(1)])
def test_other_values_are_refused_by_name(value: Any) -> None:
    with pytest.raises(EngineUnsupported, match=r"'the id'.*'the field'"):
        check_storable([Record("the id", VECTOR, {"fine": None, "the field": value})])


@pytest.mark.parametrize("record_id", ["", "a\0b", "a\nb", "\ud800", "x" * 513])
def test_ids_that_no_product_has_are_refused(record_id: str) -> None:
    """And never asked for: an engine would not know what to make of them."""
    with pytest.raises(EngineUnsupported, match="the id"):
        check_storable([Record(record_id, VECTOR, {})])
    assert valid_ids(["fine", record_id, "größe 木"]) == ["fine", "größe 木"]
