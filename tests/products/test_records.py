"""Tables in JSON and JSONL."""

from __future__ import annotations

import json

import pytest

from floorlens.errors import ProductSourceError
from floorlens.products.records import read_records
from floorlens.products.tables import Table

ENTRIES = [{"id": "x", "image": "a.jpg"}, {"id": "y", "image": "b.jpg", "note": "ä\u2028"}]
LINES = "\n\n".join(json.dumps(entry, ensure_ascii=False) for entry in ENTRIES)


def read(text: str) -> Table:
    return read_records(text.encode())


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (LINES, ["line 1", "line 3"]),
        ("\ufeff\n" + LINES, ["line 2", "line 4"]),
        (json.dumps(ENTRIES), ["entry 1", "entry 2"]),
        (json.dumps(ENTRIES, indent=2), ["entry 1", "entry 2"]),
        (json.dumps({"products": ENTRIES}), ["entry 1", "entry 2"]),
    ],
)
def test_the_text_itself_says_how_it_is_written(text: str, places: list[str]) -> None:
    table = read(text)
    assert table.header == ("id", "image", "note")
    assert [row.place for row in table.rows] == places
    assert [row.cells for row in table.rows] == [
        ("x", "a.jpg", None),
        ("y", "b.jpg", "ä\u2028"),
    ]


def test_one_object_is_one_product_and_faults_cost_their_entry_alone() -> None:
    assert len(read(json.dumps(ENTRIES[0])).rows) == 1
    table = read(json.dumps([*ENTRIES, 7, {"id": "\ud800"}]))
    assert [row.place for row in table.rows if row.fault] == ["entry 3", "entry 4"]
    table = read(f'{LINES}\n{{"id"\n[1]\n')
    assert [row.place for row in table.rows if row.fault] == ["line 4", "line 5"]


def test_objects_within_objects_have_a_limit() -> None:
    deep = {"id": "x", "a": {"b": {"c": {"d": 1}}}}
    assert read(json.dumps(deep)).header == ("id", "a.b.c.d")
    assert read(json.dumps([{"id": "x", "a": deep}])).rows[0].fault is not None


def test_what_export_writes_as_json_has_its_fields_in_metadata() -> None:
    product = {"id": "x", "name": "X", "metadata": {"price": 1}, "images": ["a.jpg"]}
    assert read(json.dumps([product])).header == ("id", "name", "price", "images")
    assert read(json.dumps([{"id": "x", "metadata": {"price": 1}}])).header[1] == "metadata.price"


@pytest.mark.parametrize(
    "text", ['[{"id": "x"}, {"id": }]', '[\n{"id": "x"}\n{"id": "y"}]', "[" * 9999]
)
def test_an_array_that_is_broken_is_one_error(text: str) -> None:
    with pytest.raises(ProductSourceError, match="is not JSON"):
        read(text)


def test_fields_have_a_limit() -> None:
    """A row has a place for each field that any other row has."""
    entries = [{f"{number}-{field}": 1 for field in range(100)} for number in range(500)]
    with pytest.raises(ProductSourceError, match="50,000 different fields"):
        read(json.dumps(entries))
