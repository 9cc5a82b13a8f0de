"""Which column is what, by its name."""

from __future__ import annotations

from typing import Any

import pytest

from floorlens.errors import UsageError
from floorlens.products.columns import (
    SHOP_FORMATS,
    SYNONYMS,
    Columns,
    find_columns,
    looks_like_picture,
    missing_columns,
    parse_columns,
)


@pytest.mark.parametrize(
    ("header", "titles"),
    [
        (["id", "image", "name"], ("id", ["image"], "name")),
        (["NAME", " Image ", "ID"], ("ID", [" Image "], "NAME")),
        (["sku", "id", "image"], ("id", ["image"], None)),
        (["SKU", "Image Src", "Title"], ("SKU", ["Image Src"], "Title")),
        (["Artikel-Nr.", "Bezeichnung", "Bild"], ("Artikel-Nr.", ["Bild"], "Bezeichnung")),
        (["Artikel", "Artikelnummer", "Foto"], ("Artikelnummer", ["Foto"], "Artikel")),
        (["Référence", "Nom", "Photo 1", "Photo 2"], ("Référence", ["Photo 1", "Photo 2"], "Nom")),
        (
            ["sku", "name", "base_image", "additional_images"],
            ("sku", ["base_image", "additional_images"], "name"),
        ),
        (
            ["image", "id", "image 02", "image_10", "image size"],
            ("id", ["image", "image 02", "image_10"], None),
        ),
        (["id", "Bild", "Bild", "bild"], ("id", ["Bild", "Bild", "bild"], None)),
    ],
)
def test_columns_are_known_by_their_names(header: list[str], titles: tuple[Any, ...]) -> None:
    columns = find_columns(header)
    assert columns.usable
    assert (
        header[columns.id or 0],
        [header[place] for place in columns.images],
        None if columns.name is None else header[columns.name],
    ) == titles


def test_our_own_names_come_before_a_shop_format() -> None:
    assert find_columns(["id", "image", "Handle", "Title", "Image Src"]).shop is None
    shop = find_columns(["Handle", "Title", "Image Src", "Variant SKU"]).shop
    assert shop is not None
    assert shop.name == "Shopify"


def test_what_the_user_names_comes_first() -> None:
    header = ["id", "image", "name", "Größe", "Bild gross"]
    columns = find_columns(header, {"id": ["Grösser"], "image": ["Bild gross"]})
    assert (columns.id, columns.images, columns.name) == (None, (4,), 2)
    assert columns.absent == ("Grösser",)
    assert not columns.usable
    assert find_columns(header, {"id": ["GRÖSSE"], "image": ["bild_gross"]}).usable


@pytest.mark.parametrize(
    ("header", "rows", "parts"),
    [
        (["Nummer", "Ansicht"], [["1", "a.jpg"]], ["column image", '--columns image="Ansicht"']),
        (
            ["image", "Ident", "Holz"],
            [["a.jpg", "7", "oak"], ["b.jpg", "8", "oak"]],
            ["column id;", "--columns id=\"Ident\" (likely it is 'Ident')"],
        ),
        (["Preis", "image"], [["3", "a.jpg"], ["4", "b.jpg"]], ['--columns id="…"']),
        (["Farbe"], [["oak"], ["oak"]], ["columns id and image", 'id="…",image="…"', "'Farbe'"]),
        (["imgae", "id"], [], ['image="imgae"']),
        (["1", "a.jpg"], [["2", "b.jpg"]], ["has no header: its first row is '1', 'a.jpg'"]),
    ],
)
def test_what_is_missing_is_said_with_what_is_there(
    header: list[str], rows: list[list[str]], parts: list[str]
) -> None:
    message = missing_columns(header, find_columns(header), rows)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    "columns",
    [{"picture": "a"}, {"id": ""}, {"id": ["a", "b"]}, {"name": []}, {"image": ["a", ""]}],
)
def test_roles_that_cannot_be(columns: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="columns:"):
        parse_columns(columns)


def test_the_tables_are_sound() -> None:
    for role, names in SYNONYMS.items():
        assert len(set(names)) == len(names), role
        assert all(names), role
    assert not set(SYNONYMS["image"]) & (set(SYNONYMS["id"]) | set(SYNONYMS["name"]))
    for shop in SHOP_FORMATS:
        assert {shop.id, shop.image, shop.title} <= set(shop.needs)


def test_pictures_and_rows_are_told_by_endings() -> None:
    assert looks_like_picture("https://shop.test/a.JPG?v=1#x")
    assert not any(map(looks_like_picture, ["a", "a.csv", "https://shop.test/a", "oak.jpg, wide"]))
    columns = Columns(id=1, images=(0,))
    assert columns.looks_like_row(["a.jpg", "x"])
    assert not any(map(columns.looks_like_row, [["a.jpg"], ["a.jpg", " "], ["wide", "x"], []]))
