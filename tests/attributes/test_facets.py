"""Facets count what can be chosen from."""

from __future__ import annotations

from typing import Any

from floorlens.attributes.facets import MOST_VALUES, count_facets


def test_values_are_counted_the_commonest_first() -> None:
    records: list[dict[str, Any]] = [
        {"tone": "dark", "room": ["hall", "bath"], "new": True},
        {"tone": "light", "room": ["hall", "hall"], "code": "b"},
        {"tone": "dark", "room": None},
    ]
    facets = count_facets(records)
    assert list(facets) == ["tone", "code", "new", "room"]
    assert facets["tone"] == {"dark": 2, "light": 1}
    assert list(facets["room"].items()) == [("hall", 2), ("bath", 1)]


def test_numbers_and_names_are_no_facets() -> None:
    """Also where only one product has a number, and wherever it comes."""
    many: list[dict[str, Any]] = [
        {"code": str(number), "price": "auf Anfrage"} for number in range(MOST_VALUES + 1)
    ]
    assert count_facets([*many, {"price": 12.5}]) == {}
    assert count_facets([{"price": 12.5}, *many[:3]]) == {"code": {"0": 1, "1": 1, "2": 1}}
