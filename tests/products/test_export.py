"""Export: what is written is what `floorlens index` reads back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.products.export import products_as_csv, products_as_json, products_as_jsonl
from floorlens.products.product import Product
from floorlens.products.reading import read_products
from floorlens.products.texts import tidy

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=12
).filter(lambda text: text == tidy(text))
VALUES = (
    TEXT
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | st.lists(TEXT, min_size=1, max_size=3)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop").resolve()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"x")
    return folder


@settings(deadline=None, derandomize=True)
@given(
    st.dictionaries(
        TEXT.filter(lambda key: key not in ("id", "image", "name")), VALUES, max_size=4
    ),
    TEXT,
)
def test_jsonl_comes_back_as_it_was(folder: Path, metadata: dict[str, object], name: str) -> None:
    images = (str(folder / "a.jpg"), str(folder / "b.jpg"))
    products = [Product("x", name, metadata, images), Product("y", "Yew", {}, images[:1])]
    file = folder / "list.jsonl"
    file.write_text(products_as_jsonl(products), encoding="utf-8")
    assert list(read_products(file).products) == products


def test_csv_comes_back_as_it_was(folder: Path) -> None:
    a, b = str(folder / "a.jpg"), str(folder / "b.jpg")
    products = [
        Product("007", 'Oak, "wide"\nplank', {"price": 49.5, "sku": "0012", "new": True}, (a, b)),
        Product("x", "Ünïcode", {"stock": 3}, (a,)),
    ]
    file = folder / "list.csv"
    file.write_text(products_as_csv(products), encoding="utf-8")
    assert list(read_products(file).products) == products


def test_csv_columns_are_the_union_in_order_and_lists_are_joined() -> None:
    products = [
        Product("1", "One", {"z": 1, "rooms": ["hall", "bath"]}, ("/p/1.jpg", "/p/2.jpg")),
        Product("2", "Two", {"a": False}, ("/p/3.jpg",)),
    ]
    rows = list(csv.reader(io.StringIO(products_as_csv(products))))
    assert rows == [
        ["id", "image", "name", "a", "rooms", "z"],
        ["1", "/p/1.jpg|/p/2.jpg", "One", "", "hall|bath", "1"],
        ["2", "/p/3.jpg", "Two", "false", "", ""],
    ]


def test_json_is_an_array_of_whole_products() -> None:
    product = Product("1", "Über", {"price": 5}, ("/p/1.jpg",))
    text = products_as_json([product])
    assert "Über" in text
    assert json.loads(text) == [product.as_dict()]


def test_no_products_give_a_header_and_nothing_else() -> None:
    assert products_as_csv([]) == "id,image,name\n"
    assert products_as_jsonl([]) == ""
    assert json.loads(products_as_json([])) == []
