"""What a ranking can be narrowed by: counts, ranges, and the filters that result."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.catalogue.field_values import FieldValues
from floorlens.catalogue.narrowing import SearchFacet, bucket_borders, count_matching, narrow

PRODUCTS: dict[str, dict[str, Any]] = {
    "a": {"tone": "light", "rooms": ["hall", "bath"], "price": 19.9, "waxed": True},
    "b": {"tone": "light", "rooms": ["hall"], "price": 24.9, "waxed": False},
    "c": {"tone": "dark", "rooms": ["bath"], "price": 39.9},
    "d": {"tone": "dark", "rooms": [], "price": 59.0, "waxed": True},
    "e": {"tone": "medium", "price": 120},
}
TABLE = FieldValues.of((name, record, record) for name, record in sorted(PRODUCTS.items()))


def facet(field: str, where: dict[str, Any] | None = None, *without: str) -> SearchFacet:
    return next(one for one in narrow(TABLE, where, without).facets if one.field == field)


def counts(field: str, where: dict[str, Any] | None = None, *without: str) -> dict[Any, int]:
    return {one.value: one.count for one in facet(field, where, *without).values}


def test_values_are_counted_under_the_rest_of_the_filter() -> None:
    where = {"tone": {"$in": ["light"]}, "rooms": "bath"}
    assert narrow(TABLE, where).total == 1
    assert counts("tone", where) == {"dark": 1, "light": 1, "medium": 0}
    assert counts("rooms", where) == {"bath": 1, "hall": 2}
    assert counts("waxed", where) == {True: 1, False: 0}
    assert counts("waxed", where, "a") == {True: 0, False: 0}
    assert counts("tone", {"$or": [{"tone": "dark"}, {"waxed": True}]}) == {
        "dark": 2,
        "light": 1,
        "medium": 0,
    }


def test_a_value_comes_with_the_filter_that_results() -> None:
    other = {"$or": [{"rooms": "hall"}, {"price": {"$gt": 1}}]}
    light, dark = {"tone": {"$in": ["light"]}}, {"tone": {"$in": ["light", "dark"]}}

    def of(value: Any, where: dict[str, Any] | None) -> Any:
        return next((v.selected, v.where) for v in facet("tone", where).values if v.value == value)

    assert of("light", None) == (False, light)
    assert of("dark", {**light, **other}) == (False, {**dark, **other})
    assert of("light", {"tone": "light", **other}) == (True, other)
    assert of("dark", {**dark, **other}) == (True, {**light, **other})
    assert of("light", {"tone": "light"}) == (True, None)
    assert of("light", {"tone": {"$ne": "dark", "$eq": "light"}}) == (
        True,
        {"tone": {"$ne": "dark"}},
    )
    assert facet("tone", {"tone": {"$in": ["dark"]}, **other}).without == other


def test_what_cannot_be_said_by_values_counts_whole() -> None:
    assert counts("tone", {"tone": {"$ne": "dark"}}) == {"dark": 0, "light": 2, "medium": 1}
    both = {"tone": {"$eq": "light", "$in": ["light", "dark"]}}
    assert counts("tone", both) == {"dark": 0, "light": 2, "medium": 0}
    assert not any(one.selected for one in facet("tone", both).values)


def test_a_value_that_no_product_has_any_more_can_be_taken_back() -> None:
    gone = facet("tone", {"tone": {"$in": ["grey", "dark"]}}).values[-1]
    assert (gone.value, gone.count, gone.selected) == ("grey", 0, True)
    assert gone.where == {"tone": {"$in": ["dark"]}}


def test_prices_have_ranges_that_stay_where_they_are() -> None:
    price = facet("price")
    assert [one.at_least for one in price.buckets][1:] == [one.below for one in price.buckets][:-1]
    assert sum(one.count for one in price.buckets) == 5
    assert (price.lowest, price.highest) == (19.9, 120)
    chosen = price.buckets[0].where
    narrowed = facet("price", {**(chosen or {}), "tone": "light"})
    assert [one.selected for one in narrowed.buckets] == [True] + [False] * (len(price.buckets) - 1)
    assert [one.below for one in narrowed.buckets] == [one.below for one in price.buckets]
    assert narrowed.buckets[0].where == {"tone": "light"}
    second = narrowed.buckets[1]
    assert second.where == {
        "price": {"$gte": second.at_least, "$lt": second.below},
        "tone": "light",
    }


def test_fields_that_narrow_nothing_are_left_out() -> None:
    rows: dict[str, dict[str, Any]] = {
        f"{number:03}": {
            "currency": "EUR",
            "sku": f"S{number}",
            "ean": 4000000000000 + number,
            "care": "Wipe it with a damp cloth, " * 3 + "a" * (number % 2),
            "thickness": 8 + 2 * (number % 3),
            "lightness": float(number),
            "preis": 10 + number,
            "brand": "AB"[number % 2],
        }
        for number in range(40)
    }
    facets = narrow(FieldValues.of((name, row, row) for name, row in rows.items()), None).facets
    assert [one.field for one in facets] == ["preis", "brand", "thickness"]
    assert [one.value for one in facets[2].values] == [8, 10, 12]


NUMBERS = st.lists(
    st.floats(-1e12, 1e12, allow_subnormal=False) | st.integers(0, 300).map(float), min_size=1
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(NUMBERS)
def test_borders_divide_what_there_is(numbers: list[float]) -> None:
    borders = bucket_borders(np.array(numbers))
    assert len(borders) <= 5
    assert borders == sorted(set(borders))
    assert all(min(numbers) < border <= max(numbers) for border in borders)


@pytest.mark.parametrize(
    ("numbers", "borders"),
    [
        ([5.0, 5.0], []),
        ([0.0, 1.0], [0.5]),
        ([9.99, 12.5, 14.95, 19.9, 24.0, 29.9, 35.0, 49.9, 64.9, 79.0, 99.0, 249.0], None),
    ],
)
def test_borders_are_round(numbers: list[float], borders: list[float] | None) -> None:
    found = bucket_borders(np.array(numbers))
    if borders is not None:
        assert found == borders
    else:
        assert len(found) >= 4
        assert all(border % 10 == 0 for border in found)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4))
def test_a_count_is_what_the_filter_then_lets_pass(choices: list[tuple[int, int]]) -> None:
    """Whatever is chosen one after the other: the page only sends filters back."""
    where: Any = None
    for first, second in choices:
        facets = narrow(TABLE, where).facets
        one = facets[first % len(facets)]
        options = one.values or one.buckets
        option = options[second % len(options)]
        alone = {**(one.without or {})}
        own = narrow(TABLE, alone or None)
        same = next(other for other in own.facets if other.field == one.field)
        assert option.count == count_matching(
            TABLE, (same.values or same.buckets)[second % len(options)].where
        )
        where = option.where
        json.dumps(where)
    assert narrow(TABLE, where).total == count_matching(TABLE, where)


def test_numbers_that_no_float_can_be_are_no_choice() -> None:
    rows = [(name, {"x": value}, ["x"]) for name, value in (("a", 10**400), ("b", 1), ("c", 2))]
    assert narrow(FieldValues.of(rows), None).facets == ()


def test_a_product_with_a_list_of_numbers_counts_once_in_a_range() -> None:
    rows: list[tuple[str, dict[str, Any]]] = [
        ("a", {"price": [10, 11, 12]}),
        ("b", {"price": [10, 95]}),
        ("c", {"price": 40.0}),
        ("d", {"price": [70, 95]}),
        ("e", {"price": []}),
    ]
    table = FieldValues.of((name, row, row) for name, row in rows)
    (price,) = narrow(table, None).facets
    counts = [one.count for one in price.buckets]
    assert counts == [count_matching(table, one.where) for one in price.buckets]
    assert max(counts) <= len(rows)
    assert counts[0] == 2
