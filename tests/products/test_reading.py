"""Reading products: what each source means, and errors that name the file and the line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import ImageError, ProductSourceError, UsageError
from floorlens.images.loading import read_bytes
from floorlens.products.ids import MAX_ID_LENGTH, check_id
from floorlens.products.product import Product
from floorlens.products.reading import read_products


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (shop / name).write_bytes(b"a picture")
    (tmp_path / "private.jpg").write_bytes(b"not of the shop")
    return shop


def read(source: Path, **options: Any) -> list[Product]:
    """Returns the products alone."""
    return list(read_products(source, **options).products)


def table(folder: Path, text: str | bytes, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


# -- a folder ----------------------------------------------------------------------------------


def test_folder_takes_every_picture_below_it_sorted_by_id(folder: Path) -> None:
    (folder / "tiles" / "old").mkdir(parents=True)
    (folder / "tiles" / "old" / "Aa.WEBP").write_bytes(b"x")
    (folder / "tiles" / "z.heic").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    products = read(folder)
    assert [p.id for p in products] == ["Aa", "a", "b", "c", "z"]
    assert products[0].name == "Aa"
    assert products[0].images == (str((folder / "tiles" / "old" / "Aa.WEBP").resolve()),)
    assert all(Path(p.images[0]).is_absolute() and not p.metadata for p in products)


def test_a_prefix_stands_before_every_id_and_no_name(folder: Path) -> None:
    """With it the ids of an index that the reference design has filled are met."""
    products = read(folder, id_prefix="floor_")
    assert [p.id for p in products] == ["floor_a", "floor_b", "floor_c"]
    assert [p.name for p in products] == ["a", "b", "c"]
    file = table(folder, "id,image\n7,a.jpg\n")
    assert [p.id for p in read(file, id_prefix="floor_")] == ["floor_7"]


@pytest.mark.parametrize("prefix", ["../", "..\\", "a\n", "x" * MAX_ID_LENGTH])
def test_a_prefix_cannot_make_an_id_that_is_none(folder: Path, prefix: str) -> None:
    with pytest.raises(ProductSourceError, match="with the prefix: the id"):
        read(folder, id_prefix=prefix)


def test_hidden_files_and_folders_are_no_products(folder: Path) -> None:
    """Among them are the "._x.jpg" that macOS leaves on other file systems."""
    (folder / "._a.jpg").write_bytes(b"x")
    (folder / ".trash").mkdir()
    (folder / ".trash" / "old.jpg").write_bytes(b"x")
    (folder / "album.jpg").mkdir()
    assert [p.id for p in read(folder)] == ["a", "b", "c"]


def test_a_folder_below_a_hidden_one_is_read(tmp_path: Path) -> None:
    below = tmp_path / ".cache" / "shop"
    below.mkdir(parents=True)
    (below / "a.jpg").write_bytes(b"x")
    assert len(read(below)) == 1


def test_equal_stems_in_two_folders_are_products_of_their_own(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.png").write_bytes(b"x")
    content = read_products(folder)
    assert [product.id for product in content.products] == ["a", "b", "c", "sub/a"]


def test_a_link_in_a_folder_is_followed(folder: Path, tmp_path: Path) -> None:
    """Whoever can put a link into the folder can put the picture there; data sets are made so."""
    (tmp_path / "elsewhere.jpg").touch()
    (folder / "d.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with_link = {product.id: product for product in read(folder)}
    assert with_link["d"].images == (str(tmp_path / "elsewhere.jpg"),)


@pytest.mark.parametrize("name", ["empty", "gone", "list.pdf", "list.xls"])
def test_sources_without_products(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.pdf").touch()
    (tmp_path / "list.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    problem = {
        "empty": "no product images",
        "gone": "no such",
        "list.pdf": "give a folder",
        "list.xls": "of the old kind: save it as .xlsx",
    }[name]
    with pytest.raises(ProductSourceError, match=problem) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


# -- a CSV -------------------------------------------------------------------------------------


def test_csv_cells_become_text_numbers_and_booleans(folder: Path) -> None:
    rows = "id,image,name,price,stock,sku,new,note\n007,a.jpg, Oak ,49.5,12,0012,TRUE,\n"
    (product,) = read(table(folder, rows))
    assert product.id == "007"
    assert product.name == "Oak"
    assert product.metadata == {"price": 49.5, "stock": 12, "sku": "0012", "new": True}
    assert type(product.metadata["stock"]) is int


def test_csv_ids_and_names_stay_text_even_as_numbers(folder: Path) -> None:
    (product,) = read(table(folder, "id,image,name\n12,a.jpg,1950\n"))
    assert (product.id, product.name) == ("12", "1950")


def test_csv_without_names_takes_the_id(folder: Path) -> None:
    products = read(table(folder, "image,id,name\na.jpg,x,\nb.jpg,y,Yew\n"))
    assert [p.name for p in products] == ["x", "Yew"]


def test_csv_with_bom_quotes_and_windows_lines(folder: Path) -> None:
    """As Excel writes it."""
    text = '\ufeffid,image,name\r\nx,a.jpg,"Oak, ""wide""\r\nplank"\r\n'
    (product,) = read(table(folder, text))
    assert product.name == 'Oak, "wide"\r\nplank'


def test_csv_header_with_spaces_is_understood(folder: Path) -> None:
    (product,) = read(table(folder, "id, image, colour \nx, a.jpg, red\n"))
    assert product.metadata == {"colour": "red"}


def test_csv_with_several_images(folder: Path) -> None:
    (product,) = read(table(folder, "id,image\nx,b.jpg | a.jpg\n"))
    assert product.images == tuple(str((folder / n).resolve()) for n in ("b.jpg", "a.jpg"))
    nine = "|".join(["a.jpg"] * 9)
    with pytest.raises(ProductSourceError, match="line 2: names 9 pictures"):
        read(table(folder, f"id,image\nx,{nine}\n"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,name\nx,Oak\n", r"line 1: lacks the column image; its columns are 'id', 'name'"),
        ("", r"holds no rows"),
        ("\n , \n", r"lacks the columns id and image"),
        ("id,image\n", r"holds no products: no row"),
        ("id,image\n,\n", r"holds no products: no row"),
        ("id,image\nx,a.jpg\ny,b.jpg,7\n", r"line 3: has 3 cells, the header has 2"),
        ("id,image\nx,a.jpg\ny\n", r"line 3: names no picture: .* the column 'image'"),
        ("id,image\n ,a.jpg\n", r"line 2: the id is empty"),
        ("id,image\nx,\n", r"line 2: names no picture"),
        ("id,image\n../x,a.jpg\n", r"line 2: the id '../x' has an empty part, '.' or '..'"),
        ("id,image\na\\b,a.jpg\n", r"line 2: .* has a backslash: write / or -"),
        ('id,image\n"a\nb",a.jpg\n', r"line 2: .* has a line break"),
        (f"id,image\n{'x' * 513},a.jpg\n", r"line 2: the id is longer than 512"),
        ("id,image\nx,a.jpg\ny,b.jpg\nx,c.jpg,\n", r"2 rows .*line 2: .* \(line 2, line 4\)"),
        ("id,image\nx,../private.jpg\n", r"line 2: the image private.jpg lies outside"),
        ("id,image\nx,/etc/passwd\n", r"line 2: the image passwd lies outside"),
        ("id,image\nx,link.jpg\n", r"line 2: the image link.jpg lies outside"),
        ("id,image\nx,ring.jpg\n", r"line 2: the image 'ring.jpg' cannot be found"),
        ("id,image\nx,a\0b.jpg\n", r"line 2: the image 'a\\x00b.jpg' cannot be found"),
        ('id,image\nx,"a.jpg\n', r"line 2: has a quote .* that does not end its cell"),
    ],
)
def test_csv_errors_name_file_and_line(folder: Path, text: str | bytes, problem: str) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "private.jpg")
    (folder / "ring.jpg").symlink_to(folder / "ring.jpg")
    file = table(folder, text)
    with pytest.raises(ProductSourceError, match=f"(?s){problem}") as caught:
        read(file, strict=True)
    assert str(caught.value).startswith(str(file))


def test_a_ring_of_links_in_a_folder_fails_later_and_alone(folder: Path) -> None:
    before = len(read(folder))
    (folder / "ring.jpg").symlink_to(folder / "ring.jpg")
    assert len(read(folder)) == before + 1
    with pytest.raises(ImageError):
        read_bytes(folder / "ring.jpg")


def test_a_folder_whose_name_is_no_text_is_refused_clearly(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        return  # This file system has no such names.
    (folder / "a.jpg").write_bytes(b"x")
    (folder / "list.csv").write_text("id,image\nx,a.jpg\n")
    for source in (folder, folder / "list.csv"):
        with pytest.raises(ProductSourceError, match="not UTF-8"):
            read(source)


def test_images_may_be_named_by_their_whole_path_inside_the_folder(folder: Path) -> None:
    (product,) = read(table(folder, f"id,image\nx,{folder / 'a.jpg'}\n"))
    assert product.images == (str((folder / "a.jpg").resolve()),)


def test_an_image_that_is_not_there_fails_alone(folder: Path) -> None:
    """One missing file must not refuse the whole list."""
    content = read_products(table(folder, "id,image\nx,gone.jpg\ny,a.jpg\n"))
    assert [product.id for product in content.products] == ["y"]
    assert [refusal.id for refusal in content.refusals] == ["x"]
    assert "'gone.jpg' cannot be found in" in content.refusals[0].cause


def test_what_was_tried_for_pictures_is_said_once(folder: Path) -> None:
    rows = "".join(f"x{number},gone-{number}.jpg\n" for number in range(30))
    content = read_products(table(folder, f"id,image\n{rows}y,a.jpg\n"))
    assert not any("upper" in refusal.cause for refusal in content.refusals)
    (note,) = content.notes
    assert note.startswith("pictures that cannot be found: 30; they were looked for in upper and")
    with pytest.raises(ProductSourceError) as error:
        read_products(table(folder, f"id,image\n{rows}"))
    assert str(error.value).count("upper") == 1


# -- a JSONL -----------------------------------------------------------------------------------


def test_jsonl_keeps_types_and_takes_lists(folder: Path) -> None:
    rows = [
        {"id": 7, "image": ["a.jpg", "b.jpg"], "name": "Oak", "rooms": ["hall", "bath"]},
        {"id": "x", "image": "c.jpg", "sku": "12", "price": 1.5, "new": False, "gone": None},
    ]
    lines = "\n\n".join(json.dumps(row) for row in rows)
    seven, x = read(table(folder, "\ufeff" + lines, "list.jsonl"))
    assert (seven.id, len(seven.images), seven.metadata) == ("7", 2, {"rooms": ["hall", "bath"]})
    assert x.metadata == {"sku": "12", "price": 1.5, "new": False}
    assert x.name == "x"


def test_jsonl_text_may_hold_unicode_line_breaks(folder: Path) -> None:
    """They are allowed within JSON text and must not part a row."""
    row = json.dumps({"id": "x", "image": "a.jpg", "name": "Oak\u2028\x85wide"}, ensure_ascii=False)
    assert read(table(folder, row, "list.jsonl"))[0].name == "Oak\u2028\x85wide"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "x"', r"line 2: is not JSON"),
        ("[1]", r"line 2: is not a JSON object"),
        ('{"id": "x"}', r"line 2: names no picture"),
        ('{"image": "a.jpg"}', r"line 2: the id is empty"),
        ('{"id": null, "image": "a.jpg"}', r"line 2: the id is empty"),
        ('{"id": true, "image": "a.jpg"}', r"line 2: the id True is not a text"),
        ('{"id": "x", "image": []}', r"line 2: names no picture"),
        ('{"id": "x", "image": "a.jpg", "price": NaN}', r"line 2: 'price' is not a finite"),
        ('{"id": "x", "image": "../private.jpg"}', r"line 2: the image private.jpg lies outside"),
        ('{"id": "x", "image": "a\\u0000.jpg"}', r"line 2: .* cannot be found"),
        ('{"id": "x", "image": "a.jpg", "name": "\\ud800"}', r"line 2: holds half a character"),
        ('{"id": "x", "image": "a.jpg", "n": ' + "9" * 5000 + "}", r"line 2: is not JSON"),
        ('{"id": "first", "image": "a.jpg"}', r"\(line 1, line 2\)"),
    ],
)
def test_jsonl_errors_name_file_and_line(folder: Path, line: str, problem: str) -> None:
    file = table(folder, '{"id": "first", "image": "b.jpg"}\n' + line, "list.jsonl")
    with pytest.raises(ProductSourceError, match=problem) as caught:
        read(file, strict=True)
    assert str(caught.value).startswith(str(file))


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=20) | st.integers() | st.none())
def test_an_accepted_id_can_be_an_address(product_id: Any) -> None:
    try:
        accepted = check_id(product_id, "here")
    except ProductSourceError as error:
        assert str(error).startswith("here: the id")
    else:
        assert accepted == product_id
        # Between slashes stands something that browsers leave as it is.
        assert not set(accepted.split("/")) & {"", ".", ".."}
        assert not set(accepted) & set("\\\0\n\r")


def test_nul_characters_are_refused(tmp_path: Path) -> None:
    """They cannot be stored in every database that a catalogue may live in."""
    (tmp_path / "a.png").touch()
    for field in ('"name": "a\\u0000b"', '"tag": "a\\u0000"', '"tags": ["\\u0000"]'):
        rows = tmp_path / "products.jsonl"
        rows.write_text(f'{{"id": "x", "image": "a.png", {field}}}')
        with pytest.raises(ProductSourceError, match="NUL"):
            read(rows)


def test_options_that_are_not_for_this_source_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        read(folder, columns={"id": "SKU"})
    with pytest.raises(UsageError, match="is a list"):
        read(table(folder, "id,image\nx,a.jpg\n"), layout="folders")


def test_an_address_is_no_source() -> None:
    with pytest.raises(ProductSourceError, match="download the list"):
        read_products("https://shop.example/feed.csv")


def test_a_list_in_a_folder_is_named(folder: Path) -> None:
    """Whoever has both may have meant the list: by the folder alone its columns are lost."""
    assert read_products(folder).notes == ()
    table(folder, "id,image\nx,a.jpg\n", "shop.CSV")
    assert "'shop.CSV' in it was not read" in read_products(folder).notes[-1]
