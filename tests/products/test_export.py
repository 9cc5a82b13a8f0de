"""Export: what is written is what `floorlens index` reads back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floorlens.products.export import (
    folders_outside,
    of_spreadsheet_cell,
    products_as_csv,
    products_as_json,
    products_as_jsonl,
    spreadsheet_cell,
)
from floorlens.products.product import Product
from floorlens.products.reading import read_products
from floorlens.products.texts import tidy

WRITERS = {".csv": products_as_csv, ".jsonl": products_as_jsonl, ".json": products_as_json}
Writer = Callable[[Sequence[Product], Path | None], str]

# What a list can bring into a catalogue: tidied texts. Some look like something else.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=12
).filter(lambda text: text == tidy(text))
ODD = st.sampled_from(
    [
        *(
            "12",
            "007",
            "-0",
            "49.90",
            "49,90",
            "€ 49,90",
            "1.299",
            "1.299,00 €",
            "1e5",
            "nan",
            "CHF 12.-",
        ),
        *(
            "true",
            "FALSE",
            "null",
            "json:12",
            'json:"x"',
            "[1]",
            '["hall"]',
            "hall|bath",
            "a, b; c\td",
        ),
        *(
            '7" wide',
            '"quoted"',
            "sep=;",
            "=1+1",
            "'",
            "a\nb",
            "a\u2028b",
            "5 €/m²",
            ".5",
            "5.",
            "+1",
            "-",
            "-5 °C",
            "@SUM(A1)",
            "'=1+1",
            "\uff1d1+1",
            '=HYPERLINK("https://evil.example","Oak")',
        ),
    ]
)
NUMBERS = (
    st.integers(-(10**12), 10**12)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.299, 12.345, 5e-324, 1.7e308, 10**15, -(10**15), 2**63])
)
VALUES = TEXT | ODD | st.booleans() | NUMBERS | st.lists(TEXT | ODD, max_size=3)
# Some are what shops call the columns of ids, names and pictures.
KEYS = st.sampled_from(
    [
        *("price", "Preis (€)", "colour", "a b", "size.x", "Größe", "stock", "note", "ID", "SKU"),
        *("Title", "Handle", "Image Src", "a;b", "a\tb", "Type", "image 2", "images", "Image"),
        *("gallery", 'json:"x"', "json:", "=1+1", "-", "@b", "+c"),
    ]
) | TEXT.filter(lambda key: key not in ("id", "image", "name"))
METADATA = st.dictionaries(KEYS, VALUES, max_size=4)
PICTURES = ("a.jpg", "b, c.jpg", "sub/d|e.jpg", "sub/Eiche 14 mm.jpg", "json:f.jpg", "=1.jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop").resolve()
    for name in PICTURES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def types(products: Sequence[Product]) -> list[dict[str, type]]:
    """Returns what Python's equality does not tell: 1, 1.0 and True."""
    return [{key: type(value) for key, value in p.metadata.items()} for p in products]


@pytest.mark.parametrize("ending", WRITERS)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(METADATA, min_size=1, max_size=4),
    TEXT | ODD,
    st.lists(st.sampled_from(PICTURES), min_size=1, max_size=3, unique=True),
    st.sampled_from(("OAK-", "=", "-", "@", "+")),
)
@example([{"price": "€ 49,90"}, {"price": "12"}, {"price": "1.299"}], "Oak", ["a.jpg"], "OAK-")
@example([{"price": 1.299}, {"price": 2.5}], "Oak", ["a.jpg"], "OAK-")
@example([{"note": ""}, {"note": []}], "Oak", ["a.jpg"], "OAK-")
@example([{"note": "=1+1", "=1": -1}], "=1+1", ["=1.jpg"], "=")
def test_what_is_written_is_read_back(
    folder: Path,
    ending: str,
    rows: list[dict[str, object]],
    name: str,
    images: list[str],
    prefix: str,
) -> None:
    """Values, their types and the pictures, whatever column they stand in."""
    whole = tuple(str(folder / image) for image in images)
    products = [
        Product(f"{prefix}{number}/a", name, metadata, whole)
        for number, metadata in enumerate(rows)
    ]
    file = folder / f"list{ending}"
    file.write_text(WRITERS[ending](products, folder), encoding="utf-8")
    content = read_products(file)
    assert list(content.products) == products
    assert types(content.products) == types(products)
    assert not content.refusals


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@settings(deadline=None, derandomize=True, max_examples=200)
@given(METADATA, TEXT | ODD, st.sampled_from(("oak", "=1+1", "-1", "@x")))
@example({"=cmd": "=cmd|' /C calc'!A0"}, "+1", "-1")
def test_no_cell_is_computed_by_a_spreadsheet(
    metadata: dict[str, object], name: str, product_id: str
) -> None:
    """Whatever a supplier writes into a list, and a colleague opens the export of."""
    product = Product(product_id, name, metadata, ("=a.jpg",))
    for row in csv.reader(io.StringIO(products_as_csv([product]))):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or is_number(cell)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\ra", " =1", "\n-1", "＝1"])
def test_texts_that_a_spreadsheet_would_compute_are_quoted(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"
    assert of_spreadsheet_cell(spreadsheet_cell(text)) == text


@pytest.mark.parametrize("text", ["Oak", "", "a=1", "'Oak'", "'"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert spreadsheet_cell(text) == of_spreadsheet_cell(text) == text


def test_a_file_in_another_folder_names_whole_paths(folder: Path, tmp_path: Path) -> None:
    """Only what lies with the file can move with it."""
    products = [Product("x", "Oak", {}, (str(folder / "a.jpg"), "/elsewhere/b.jpg"))]
    assert products_as_csv(products, folder).splitlines()[1] == "x,a.jpg|/elsewhere/b.jpg,Oak"
    assert json.loads(products_as_jsonl(products, tmp_path))["image"] == list(products[0].images)
    assert json.loads(products_as_json(products, folder))[0]["images"][0] == "a.jpg"
    sub = folder / "sub"
    assert folders_outside(products, folder) == [Path("/elsewhere")]
    assert folders_outside(products, sub) == [Path("/elsewhere"), folder]
    assert folders_outside([], folder) == []


def test_csv_columns_are_the_union_in_order() -> None:
    products = [
        Product("1", "One", {"z": 1, "rooms": ["hall", "bath"]}, ("/p/1.jpg", "/p/2.jpg")),
        Product("2", "Two", {"a": False}, ("/p/3.jpg",)),
    ]
    rows = list(csv.reader(io.StringIO(products_as_csv(products))))
    assert rows == [
        ["id", "image", "name", "a", "rooms", "z"],
        ["1", "/p/1.jpg|/p/2.jpg", "One", "", 'json:["hall", "bath"]', "1"],
        ["2", "/p/3.jpg", "Two", "false", "", ""],
    ]


def test_plain_cells_stay_as_people_would_write_them() -> None:
    metadata = {"a": 49.5, "b": 12, "c": "0012", "d": True, "e": "Oak, 14 mm", "f": 1.299}
    text = products_as_csv([Product("1", 'Oak "wide"', metadata, ("/p/1.jpg",))])
    assert list(csv.reader(io.StringIO(text)))[1][2:] == [
        *('Oak "wide"', "49.5", "12", "0012", "true", "Oak, 14 mm", "1.2990")
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
