"""Filters on columns say the same as filters on rows."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens import Floorlens, Product
from floorlens.catalogue import catalogue as module
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.field_values import FieldValues
from floorlens.engines.filters import parse_filter

SCALARS = st.sampled_from(["a", "b", "", 0, 1, 1.0, 2.5, True, False])
CONTENTS = SCALARS | st.none() | st.lists(SCALARS, max_size=3)
FIELDS = st.sampled_from(["x", "y", "z"])
RECORDS = st.lists(st.dictionaries(FIELDS, CONTENTS), max_size=6)
OPERANDS = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["$in", "$nin"]),
        st.lists(SCALARS, max_size=3),
    ),
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.sampled_from([0, 1, 2.5]),
    ),
    st.builds(lambda value: {"$exists": value}, st.booleans()),
)
CLAUSES = st.builds(
    lambda pairs: dict(pairs),
    st.lists(
        st.tuples(FIELDS | st.just("none has it"), OPERANDS | SCALARS), min_size=1, max_size=3
    ),
)
WHERE = st.recursive(
    CLAUSES,
    lambda parts: st.builds(
        lambda name, both: {name: both},
        st.sampled_from(["$or", "$and"]),
        st.lists(parts, min_size=1, max_size=2),
    ),
    max_leaves=3,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(RECORDS, WHERE)
def test_columns_and_rows_agree(records: list[dict[str, Any]], where: dict[str, Any]) -> None:
    condition = parse_filter(where)
    assert condition is not None
    table = FieldValues.of((str(row), record, record) for row, record in enumerate(records))
    assert table.passing(condition).tolist() == [condition.matches(record) for record in records]


def test_a_list_counts_for_each_member_once() -> None:
    table = FieldValues.of([("a", {"room": ["hall", "hall", "bath"]}, ()), ("b", {"room": []}, ())])
    assert dict(zip(table.columns["room"].values, table.counts("room").tolist(), strict=True)) == {
        "hall": 1,
        "bath": 1,
    }
    assert table.passing(parse_filter({"room": {"$exists": True}})).tolist() == [True, True]


def test_the_table_follows_the_catalogue(lens: Floorlens) -> None:
    """Also what other processes change, as long as reading it takes no time."""
    assert lens.count_matching({"material": "wood"}) == 4
    lens.update("oak", metadata={"material": "stone"})
    assert lens.count_matching({"material": "wood"}) == 3
    lens.remove(["ash"])
    assert lens.count_matching({"material": "wood"}, without=["walnut", "no product"]) == 1
    assert lens.count_matching() == 5


def test_a_table_that_takes_long_to_read_serves_for_a_while(
    lens: Floorlens, monkeypatch: Any
) -> None:
    """Or every question during an import of many products would read all of them."""
    monkeypatch.setattr(module, "_NOTICEABLE", 0.0)
    monkeypatch.setattr(module, "_SERVES", 1e9)
    assert lens.folder is not None
    catalogue = Catalogue(lens.folder)
    before = catalogue.field_values()
    lens.remove(["ash"])
    assert catalogue.field_values() is before
    monkeypatch.setattr(module, "_SERVES", 0)
    assert len(catalogue.field_values()) == len(before) - 1


def test_filters_on_fields_of_any_kind_are_stored_as_they_are() -> None:
    product = Product("a", "A", {"price": 10**400})
    table = FieldValues.of([(product.id, product.metadata, product.metadata)])
    assert table.passing(parse_filter({"price": {"$gt": 5}})).tolist() == [True]
