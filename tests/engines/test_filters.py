"""The filter language: each operator, against a reading of it written a second time, plainly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.engines.filters import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Condition,
    demanded_fields,
    demanded_values,
    number_fields,
    parse_filter,
)
from floorlens.errors import FilterError

OAK = {"material": "oak", "price": 40, "new": True, "rooms": ["hall", "bath"], "sku": "40"}


def passes(where: Any, metadata: dict[str, Any]) -> bool:
    condition = parse_filter(where)
    return condition is None or condition.matches(metadata)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"material": "oak"}, True),
        ({"material": "Oak"}, False),
        ({"material": {"$eq": "oak"}}, True),
        ({"material": {"$ne": "oak"}}, False),
        ({"colour": {"$ne": "red"}}, True),
        ({"price": {"$gt": 39}}, True),
        ({"price": {"$gt": 40}}, False),
        ({"price": {"$gte": 40}}, True),
        ({"price": {"$lt": 40}}, False),
        ({"price": {"$lte": 40.0}}, True),
        ({"price": {"$gt": 10, "$lt": 30}}, False),
        ({"sku": {"$gt": 1}}, False),
        ({"new": {"$gt": 0}}, False),
        ({"weight": {"$lt": 5}}, False),
        ({"price": 40.0}, True),
        ({"price": "40"}, False),
        ({"sku": 40}, False),
        ({"new": True}, True),
        ({"new": 1}, False),
        ({"rooms": "bath"}, True),
        ({"rooms": {"$in": ["kitchen", "hall"]}}, True),
        ({"rooms": {"$nin": ["kitchen", "hall"]}}, False),
        ({"rooms": {"$ne": "kitchen"}}, True),
        ({"material": {"$in": []}}, False),
        ({"material": {"$nin": []}}, True),
        ({"colour": {"$nin": ["red"]}}, True),
        ({"material": {"$exists": True}}, True),
        ({"colour": {"$exists": True}}, False),
        ({"colour": {"$exists": False}}, True),
        ({"material": "oak", "price": {"$lt": 30}}, False),
        ({"$or": [{"material": "pine"}, {"price": 40}]}, True),
        ({"$and": [{"material": "oak"}, {"price": {"$ne": 40}}]}, False),
        ({"$or": [{"material": "pine"}, {"$and": [{"new": True}, {"rooms": "hall"}]}]}, True),
        ({"$or": [{"material": "pine"}], "price": 40}, False),
        ({}, True),
        (None, True),
    ],
)
def test_what_each_operator_lets_pass(where: Any, expected: bool) -> None:
    assert passes(where, OAK) is expected


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("material=oak", "a filter is a mapping"),
        ([{"material": "oak"}], "a filter is a mapping"),
        ({5: "oak"}, "keys are field names"),
        ({"$not": {"material": "oak"}}, r"unknown operator \$not: known are \$eq"),
        ({"price": {"$regex": "4"}}, r"unknown operator '\$regex' on 'price'"),
        ({"price": {"lt": 4}}, "unknown operator 'lt' on 'price'"),
        ({"price": {}}, "the condition on 'price' is empty"),
        ({"price": {"$lt": "50"}}, r"\$lt on 'price' takes a number, not '50'"),
        ({"price": {"$lt": True}}, "takes a number"),
        ({"price": {"$lt": float("nan")}}, r"\$lt on 'price' takes a finite number, not nan"),
        ({"price": {"$gte": float("-inf")}}, r"\$gte on 'price' takes a finite number, not -inf"),
        ({"price": float("inf")}, r"\$eq on 'price' takes a finite number, not inf"),
        ({"price": {"$in": [1, float("inf")]}}, r"\$in on 'price' takes a finite number, not inf"),
        ({"price": {"$nin": [float("nan")]}}, "takes a"),
        ({"price": {"$lt": 10**400}}, r"\$lt on 'price' takes a number of at most 1.8e308"),
        ({"price": {"$ne": -(10**400)}}, r"\$ne on 'price' takes a number of at most 1.8e308"),
        ({"$or": [{"price": {"$in": [10**400]}}]}, r"\$in on 'price' takes a number of at most"),
        ({"price": {"$lt": None}}, "takes a number"),
        ({"price": None}, "takes a string, number or boolean"),
        ({"price": [1, 2]}, "takes a string, number or boolean"),
        ({"price": {"$in": 5}}, "takes a list"),
        ({"price": {"$in": "ab"}}, "takes a list"),
        ({"price": {"$nin": [None]}}, "takes a list"),
        ({"price": {"$exists": 1}}, "takes true or false"),
        ({"$and": []}, r"\$and takes a list of one or more"),
        ({"$or": {"material": "oak"}}, r"\$or takes a list"),
        ({"$or": "ab"}, r"\$or takes a list"),
        ({"$or": [{}]}, r"\$or holds an empty filter"),
        ({"$or": ["ab"]}, "a filter is a mapping"),
        ({"material": {"$and": [{"$eq": "oak"}]}}, r"unknown operator '\$and' on 'material'"),
    ],
)
def test_what_is_no_filter_says_why(where: Any, problem: str) -> None:
    with pytest.raises(FilterError, match=problem):
        parse_filter(where)


def test_the_tree_is_as_small_as_the_filter() -> None:
    assert parse_filter({"a": 1}) == Condition("a", "$eq", 1)
    assert parse_filter({"$and": [{"a": 1}]}) == AllOf((Condition("a", "$eq", 1),))
    assert parse_filter({"a": {"$gt": 1, "$lt": 5}}) == AllOf(
        (Condition("a", "$gt", 1), Condition("a", "$lt", 5))
    )
    assert isinstance(parse_filter({"$or": [{"a": 1}, {"b": 2}]}), AnyOf)


# -- the same, read a second time --------------------------------------------------------------

SCALARS = st.sampled_from(["oak", "pine", "1", "", 0, 1, 2, 1.0, 1.5, -3, True, False])
NUMBERS = st.sampled_from([0, 1, 2, 1.0, 1.5, -3])
FIELDS = st.sampled_from(["a", "b", "c"])
METADATA = st.dictionaries(
    FIELDS, SCALARS | st.lists(st.sampled_from(["oak", "pine", "1"]), max_size=2)
)
CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
)
LEAVES = st.builds(lambda field, pair: {field: {pair[0]: pair[1]}}, FIELDS, CONDITIONS)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda key, parts: {key: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def kind(value: Any) -> str:
    return "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def plainly(where: dict[str, Any], metadata: dict[str, Any]) -> bool:
    ((key, value),) = where.items()
    if key == "$and":
        return all(plainly(part, metadata) for part in value)
    if key == "$or":
        return any(plainly(part, metadata) for part in value)
    ((name, target),) = value.items()
    values = metadata.get(key, [])
    values = values if isinstance(values, list) else [values]

    def equal(other: Any) -> bool:
        return any(kind(one) == kind(other) and one == other for one in values)

    numbers = [one for one in values if kind(one) == "number"]
    readings: dict[str, Callable[[], bool]] = {
        "$eq": lambda: equal(target),
        "$ne": lambda: not equal(target),
        "$gt": lambda: any(one > target for one in numbers),
        "$gte": lambda: any(one >= target for one in numbers),
        "$lt": lambda: any(one < target for one in numbers),
        "$lte": lambda: any(one <= target for one in numbers),
        "$in": lambda: any(equal(other) for other in target),
        "$nin": lambda: not any(equal(other) for other in target),
        "$exists": lambda: (key in metadata) == target,
    }
    return readings[name]()


@settings(deadline=None, derandomize=True, max_examples=300)
@given(FILTERS, METADATA)
def test_any_filter_means_what_it_says(where: dict[str, Any], metadata: dict[str, Any]) -> None:
    assert passes(where, metadata) is plainly(where, metadata)


@settings(deadline=None, derandomize=True)
@given(FILTERS, FILTERS, METADATA)
def test_several_keys_mean_all_of_them(
    first: dict[str, Any], second: dict[str, Any], metadata: dict[str, Any]
) -> None:
    both = passes(first, metadata) and passes(second, metadata)
    assert passes({"$and": [first, second]}, metadata) is both
    if not set(first) & set(second):
        assert passes({**first, **second}, metadata) is both


def test_a_filter_that_nests_without_end_is_refused() -> None:
    nested: dict[str, Any] = {"a": 1}
    for _ in range(MAX_DEPTH):
        nested = {"$and": [nested]}
    assert parse_filter(nested) is not None
    for _ in range(2000):
        nested = {"$or": [nested]}
    with pytest.raises(FilterError, match="deep"):
        parse_filter(nested)


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ({"a": 1, "b": {"$gt": 1, "$lt": 5}}, ("a", "b")),
        ({"$or": [{"a": {"$in": [1]}}, {"$and": [{"b": {"$exists": True}}]}]}, ("a", "b")),
        ({"a": {"$ne": 1}, "b": {"$nin": [1]}, "c": {"$exists": False}}, ()),
        ({"a": {"$exists": False, "$eq": 1}}, ("a",)),
    ],
)
def test_fields_that_a_product_must_have(where: Any, fields: tuple[str, ...]) -> None:
    """Of what is absent only these keep a product out; a hint on others would be wrong."""
    condition = parse_filter(where)
    assert condition is not None
    assert demanded_fields(condition) == fields


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ({"a": 1, "b": {"$in": ["x", "y"]}}, {"a": (1,), "b": ("x", "y")}),
        (
            {"$or": [{"a": 1}, {"$and": [{"a": {"$in": [2, 1]}}, {"b": "x"}]}]},
            {"a": (1, 2), "b": ("x",)},
        ),
        ({"a": {"$ne": 1}, "b": {"$nin": [1]}, "c": {"$exists": True}, "d": {"$lt": 3}}, {}),
    ],
)
def test_values_that_a_filter_wants(where: Any, values: dict[str, Any]) -> None:
    condition = parse_filter(where)
    assert condition is not None
    assert demanded_values(condition) == values


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ({"price": {"$gte": 5, "$lt": 9}}, ("price",)),
        ({"$or": [{"code": 12}, {"size": {"$in": [1, 2]}}]}, ("code", "size")),
        ({"code": "12", "new": True, "size": {"$in": [1, "2"]}, "a": {"$ne": 5}}, ()),
    ],
)
def test_fields_that_are_compared_with_numbers(
    where: dict[str, Any], fields: tuple[str, ...]
) -> None:
    condition = parse_filter(where)
    assert condition is not None
    assert number_fields(condition) == fields
