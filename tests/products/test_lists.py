"""Lists as people bring them: what becomes of each row, and that none is lost without a word."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floorlens.errors import ProductSourceError
from floorlens.products.product import Product, ProductList
from floorlens.products.reading import read_products

PICTURES = ("a.jpg", "b.jpg", "c.jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = tmp_path_factory.mktemp("shop")
    odd = ("Oak, wide.jpg", "Oak, a.jpg", "b|c.jpg", *(f"{number}.jpg" for number in range(12)))
    for name in (*PICTURES, *odd):
        (shop / name).write_bytes(b"a picture")
    return shop


def read(folder: Path, data: str | bytes, name: str = "list.csv", **options: Any) -> ProductList:
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_products(file, **options)


def pictures(product: Product) -> list[str]:
    return [Path(image).name for image in product.images]


# -- rows --------------------------------------------------------------------------------------


def test_empty_and_short_rows_are_no_faults(folder: Path) -> None:
    shop = read(folder, "id,image,name,price\nx,a.jpg,Oak,5\n,,,\ny,b.jpg\n , ,\t,\n\n,,,,,\n")
    assert [product.id for product in shop.products] == ["x", "y"]
    assert shop.refusals == ()
    assert shop.notes == (
        "empty rows skipped: 3 (line 3, line 5, line 7)",
        "rows that end early, read as if empty cells followed: 1 (line 4)",
    )


def test_every_bad_row_is_named_with_its_id_and_a_cure(folder: Path) -> None:
    nine = "|".join(["a.jpg"] * 9)
    rows = ["x,a.jpg,Oak", "y,,Yew", f"z,{nine},Ash", ",a.jpg,Elm", "v,a.jpg,Oak, wide", "w,a\0,W"]
    shop = read(folder, "id,image,name\n" + "\n".join(rows))
    assert [product.id for product in shop.products] == ["x"]
    assert [(refusal.place, refusal.id) for refusal in shop.refusals] == [
        ("line 3", "y"),
        ("line 4", "z"),
        ("line 5", None),
        ("line 6", "v"),
        ("line 7", "w"),
    ]
    causes = " / ".join(refusal.cause for refusal in shop.refusals)
    for part in ("in the column 'image'", "9 pictures", "id is empty", "4 cells, the header has 3"):
        assert part in causes


def test_equal_rows_are_one_product_and_others_of_one_id_are_refused(folder: Path) -> None:
    rows = "x,a.jpg,Oak\ny,b.jpg,Yew\nx,a.jpg,Oak\ny,b.jpg,Ash\nx,a.jpg, Oak \n"
    shop = read(folder, "id,image,name\n" + rows)
    assert [product.name for product in shop.products] == ["Oak"]
    assert [refusal.place for refusal in shop.refusals] == ["line 3", "line 5"]
    assert "more than once (line 3, line 5)" in shop.refusals[0].cause
    assert shop.notes == ("rows that repeat another skipped: 2 (line 4, line 6)",)


def test_a_row_with_only_a_picture_adds_it_to_its_product(folder: Path) -> None:
    shop = read(folder, "id,image,name,Image Position\nx,a.jpg,Oak,1\nx,b.jpg,,2\n")
    assert pictures(shop.products[0]) == ["a.jpg", "b.jpg"]
    assert shop.notes == ("further rows of a product added to it: 1 (line 3)",)
    two_columns = "id,image\nx,a.jpg\nx,b.jpg\ny,c.jpg\n"
    assert [product.id for product in read(folder, two_columns).products] == ["y"]


def test_ids_and_names_are_tidied_and_an_id_may_have_slashes(folder: Path) -> None:
    rows = "OAK-14/189,a.jpg,Oak\u00a014\u202fmm\nA\u00a07\u200b,b.jpg,Gru\u0308n\n"
    shop = read(folder, "id,image,name\n" + rows)
    assert [(product.id, product.name) for product in shop.products] == [
        ("A 7", "Grün"),
        ("OAK-14/189", "Oak 14 mm"),
    ]
    assert shop.notes == ("ids with other spaces or unseen marks, tidied: 1 (line 3)",)


@pytest.mark.parametrize("parent", ["W-1", "id:11"])
def test_a_variable_product_has_what_its_variations_say(folder: Path, parent: str) -> None:
    """The export gives the price to the variations only; those with a picture are products too."""
    table = (
        "ID,Type,SKU,Name,Parent,Regular price,Finish,Wood,Images\n"
        f"12,variation,W-1-a,Eiche,{parent},59.90,natur,Buche,\n"
        "11,variable,W-1,Eiche,,,,Eiche,a.jpg\n"
        f"13,variation,W-1-b,Eiche,{parent},49.90,weiss,,b.jpg\n"
        "14,variation,W-9-a,Nuss,W-9,9.90,,,\n"
    )
    shop = read(folder, table)
    eiche, white = shop.products
    assert eiche.metadata == {
        "Type": "variable",
        "SKU": "W-1",
        "Wood": "Eiche",
        "Regular price": 59.9,
        "Finish": ["natur", "weiss"],
    }
    assert (white.id, white.metadata["Parent"]) == ("13", parent)
    assert white.metadata["Regular price"] == 49.9
    note = "variations with values that their product lacks, given to it: 2 (line 2, line 4)"
    assert note in shop.notes
    for english, german in {
        **{"Type": "Typ", "SKU": "Artikelnummer", "Images": "Bilder"},
        "Parent": "\u00dcbergeordnetes Produkt",
    }.items():
        table = table.replace(english, german, 1)
    assert read(folder, table).products[0].metadata["Regular price"] == 59.9


def test_a_price_on_request_is_a_product_without_one(folder: Path) -> None:
    rows = 'x,a.jpg,"49,90 €"\ny,b.jpg,auf Anfrage\nz,c.jpg,\n'
    shop = read(folder, "id,image,Preis\n" + rows)
    assert [dict(product.metadata) for product in shop.products] == [{"Preis": 49.9}, {}, {}]
    (note,) = shop.notes
    assert "'49,90 €' is 49.9; has no value in 1 row ('auf Anfrage')" in note


def test_no_row_is_too_long(folder: Path) -> None:
    """Python's csv refuses cells of more than 131,072 characters, for a whole process."""
    text = "<p>" + "x" * 3_000_000 + "</p>"
    shop = read(folder, f'id,image,text\nx,a.jpg,"{text}"\ny,b.jpg,{text}\n')
    assert [product.metadata["text"] for product in shop.products] == [text, text]


def test_a_text_that_excel_is_to_keep_stays_text(folder: Path) -> None:
    table = 'id,image,code,note\n="0012",a.jpg,"=""12""","=""a"""\n="7",b.jpg,json:"7",json:\n'
    shop = read(folder, table)
    assert [product.id for product in shop.products] == ["0012", "7"]
    assert shop.products[0].metadata == {"code": "12", "note": "a"}
    assert shop.products[1].metadata == {"code": "7", "note": "json:"}


# -- pictures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
        ('"a.jpg, b.jpg"', ["a.jpg", "b.jpg"]),
        ('"a.jpg;b.jpg;"', ["a.jpg", "b.jpg"]),
        ('"a.jpg\nb.jpg"', ["a.jpg", "b.jpg"]),
        ('"Oak, wide.jpg"', ["Oak, wide.jpg"]),
        ('"json:[""Oak, a.jpg"", ""b|c.jpg""]"', ["Oak, a.jpg", "b|c.jpg"]),
    ],
)
def test_several_pictures_of_a_cell(folder: Path, cell: str, names: list[str]) -> None:
    assert pictures(read(folder, f"id,image\nx,{cell}\n").products[0]) == names


def test_columns_of_pictures_may_have_one_name(folder: Path) -> None:
    shop = read(folder, "id,image,image,price,price\nx,a.jpg,b.jpg,1,2\n")
    assert pictures(shop.products[0]) == ["a.jpg", "b.jpg"]
    assert shop.products[0].metadata == {"price": 1, "price 2": 2}


def test_pictures_of_several_columns(folder: Path) -> None:
    table = "Artikelnummer;Bild 1;Bezeichnung;Bild 2;Bild 3\n7;a.jpg;Eiche;b.jpg;\n"
    (product,) = read(folder, table).products
    assert (product.id, product.name, product.metadata) == ("7", "Eiche", {})
    assert pictures(product) == ["a.jpg", "b.jpg"]


# -- shops -------------------------------------------------------------------------------------


def test_shopify_has_a_row_for_each_picture_and_variant(folder: Path) -> None:
    head = "Handle,Title,Body (HTML),Variant SKU,Variant Price,Image Src,Image Position\n"
    rows = (
        'eiche,Eiche,"<p>one\ntwo ""x""</p>",E-1,49.90,a.jpg,1\n'
        "eiche,,,E-2,59.90,b.jpg,2\neiche,,,,,a.jpg,3\nnuss,Nuss,,N-1,9.90,,\nnuss,,,,,c.jpg,1\n"
    )
    shop = read(folder, head + rows)
    eiche, nuss = shop.products
    assert pictures(eiche) == ["a.jpg", "b.jpg"]
    assert eiche.metadata["Variant SKU"] == ["E-1", "E-2"], "a filter finds each of them"
    assert eiche.metadata["Variant Price"] == 49.9
    assert eiche.metadata["Body (HTML)"] == '<p>one\ntwo "x"</p>'
    assert (nuss.name, pictures(nuss)) == ("Nuss", ["c.jpg"])
    assert "recognised as an export of Shopify" in shop.notes
    many = "".join(f"eiche,,,,,{i}.jpg,{i}\n" for i in range(12))
    shop = read(folder, head + rows + many)
    assert len(shop.products[0].images) == 8
    assert "products with more than 8 pictures, cut short: 1 (line 2)" in shop.notes


def test_woocommerce_has_its_pictures_in_a_cell(folder: Path) -> None:
    table = (
        "ID,Type,SKU,Name,Regular price,Images\n"
        '11,variable,W-1,Eiche,"49,90","a.jpg, b.jpg"\n12,variation,W-1-a,Eiche,"59,90",\n'
        "13,simple,W-2,Nuss,,\n"
    )
    shop = read(folder, table)
    (eiche,) = shop.products
    assert (eiche.id, pictures(eiche)) == ("11", ["a.jpg", "b.jpg"])
    assert eiche.metadata == {"Type": "variable", "SKU": "W-1", "Regular price": 49.9}
    assert [refusal.id for refusal in shop.refusals] == ["13"]
    assert "recognised as an export of WooCommerce" in shop.notes
    assert "variations without a picture left out: 1 (line 3)" in shop.notes
    for english, german in {"Type": "Typ", "SKU": "Artikelnummer", "Images": "Bilder"}.items():
        table = table.replace(english, german, 1)
    in_german = read(folder, table)
    assert [product.id for product in in_german.products] == ["11"]
    assert [refusal.id for refusal in in_german.refusals] == ["13"]


def test_what_the_interface_of_a_shop_answers(folder: Path) -> None:
    text = """{"products": [
      {"id": 7, "title": "Oak", "tags": ["wood"], "variants": [{"id": 1, "price": "49.90"}],
       "images": [{"id": 5, "src": "a.jpg"}, {"src": "b.jpg"}]},
      {"id": 8, "title": "Ash", "variants": [], "images": [{"src": "c.jpg"}]}]}"""
    shop = read(folder, text, "products.json")
    oak = shop.products[0]
    assert (oak.id, oak.name, pictures(oak)) == ("7", "Oak", ["a.jpg", "b.jpg"])
    assert oak.metadata == {"tags": ["wood"]}
    assert "'variants' dropped, a list of other than texts: 1 (entry 1)" in shop.notes
    assert (len(shop.products), shop.refusals) == (2, ())


def test_google_merchant_is_tabs_and_image_link(folder: Path) -> None:
    table = "title\tid\timage_link\tadditional_image_link\tprice\nOak\t7\ta.jpg\tb.jpg\t49.90 EUR\n"
    (product,) = read(folder, table, "feed.tsv").products
    assert (product.id, product.name, product.metadata) == ("7", "Oak", {"price": 49.9})
    assert pictures(product) == ["a.jpg", "b.jpg"]


# -- metadata ----------------------------------------------------------------------------------


def test_a_column_of_prices_becomes_numbers_unless_asked_not_to(folder: Path) -> None:
    table = 'id;image;Preis;Code\nx;a.jpg;"€ 49,90";007\ny;b.jpg;€ 1.299,00;12\n'
    shop = read(folder, table)
    assert [product.metadata["Preis"] for product in shop.products] == [49.9, 1299.0]
    assert [product.metadata["Code"] for product in shop.products] == ["007", 12]
    assert "'Preis' was read as numbers: '€ 49,90' is 49.9" in shop.notes
    kept = read(folder, table, numbers=False)
    assert kept.products[1].metadata == {"Preis": "€ 1.299,00", "Code": "12"}
    assert kept.notes == ("cells separated by semicolons",)


def test_a_row_that_is_refused_does_not_decide_what_a_column_means(folder: Path) -> None:
    table = 'id,image,name,price\nx,a.jpg,Oak,"49,90"\ny,a.jpg,Oak, wide,"9,90"\n'
    assert read(folder, table).products[0].metadata == {"price": 49.9}


def test_columns_without_a_name_and_with_equal_names(folder: Path) -> None:
    shop = read(folder, "id,image,Tags,Tags,,Name,name\nx,a.jpg,1,2,3,N,Oak\n")
    assert shop.products[0].metadata == {"Tags": 1, "Tags 2": 2, "name 2": "Oak"}
    assert "column 5 has no name: it was left out" in shop.notes
    assert "one more column is called 'Tags': it became 'Tags 2'" in shop.notes


def test_columns_that_the_user_names(folder: Path) -> None:
    table = "Nr.,Ansicht,Bild,Titel\n7,a.jpg,b.jpg,Oak\n"
    options = {"id": "nr.", "image": ["Bild", "Ansicht"]}
    (product,) = read(folder, table, columns=options).products
    assert (product.id, pictures(product), product.name) == ("7", ["b.jpg", "a.jpg"], "Oak")
    with pytest.raises(ProductSourceError, match=r"no column 'Ansich' \(did you mean 'Ansicht'"):
        read(folder, table, columns={"image": "Ansich"})


def test_objects_in_json_become_fields_with_a_dot(folder: Path) -> None:
    entry = {"sku": 7, "images": [{"src": "a.jpg"}, "b.jpg"], "price": {"value": 3, "in": "EUR"}}
    for name, data in (
        ("l.json", [entry]),
        ("l.jsonl", [entry]),
        ("m.json", {"products": [entry]}),
    ):
        (product,) = read(folder, json.dumps(data), name).products
        assert (product.id, pictures(product)) == ("7", ["a.jpg", "b.jpg"])
        assert product.metadata == {"price.value": 3, "price.in": "EUR"}


# -- whatever comes ----------------------------------------------------------------------------


def check(shop: ProductList) -> None:
    """Checks what a catalogue relies on: storable texts, ids once, a cause for each refusal."""
    ids = [product.id for product in shop.products]
    assert ids == sorted(set(ids))
    for product in shop.products:
        text = json.dumps(product.as_dict(), ensure_ascii=False, allow_nan=False)
        text.encode()
        assert "\\u0000" not in text
        assert 1 <= len(product.images) <= 8
        assert not {"id", "image", "name"} & set(product.metadata)
    assert all(refusal.place and refusal.cause for refusal in shop.refusals)
    "".join(shop.notes).encode()


CELLS = st.one_of(
    st.sampled_from(
        [*PICTURES, "", " ", "x", "x", "y", "a.jpg|b.jpg", "a.jpg, b.jpg", '"', '""', 'Oak 7" wide']
    ),
    st.sampled_from(["€ 49,90", "1.299", "1,5", "007", "true", "json:[1]", "\u00a0", "\0", "a\nb"]),
    st.text(max_size=6),
)
HEADS = st.sampled_from(
    [
        ["id", "image", "name", "price"],
        ["SKU", "Bild", "Bild 2", ""],
        ["Handle", "Title", "Image Src", "Variant SKU"],
        ["ID", "Type", "SKU", "Name", "Images"],
        ["name", "text", "image", "id", "id"],
    ]
)
COUNTS = re.compile(r"(?:skipped|added to it|left out): ([0-9]+) ")


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    HEADS, st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=8), st.sampled_from(",;\t")
)
def test_every_row_of_a_table_is_accounted_for(
    folder: Path, head: list[str], rows: list[list[str]], delimiter: str
) -> None:
    """It is a product, a picture of one, refused, or counted in a note as skipped."""
    text = io.StringIO()
    # With quotes around all of them, or whether a quote has to be doubled is left to chance.
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(head)
    writer.writerows([cell.replace("\r", "\n") for cell in row] for row in rows)
    data = text.getvalue().encode("utf-8", "surrogatepass")
    try:
        shop = read(folder, data)
    except ProductSourceError as error:
        assert str(error).startswith(str(folder))
        return
    check(shop)
    counted = sum(int(count) for note in shop.notes for count in COUNTS.findall(note))
    assert len(rows) == len(shop.products) + len(shop.refusals) + counted


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    st.sampled_from(["id,image,name\n", "id;image;name\n", "sep=;\nid;image\n", "id\timage\n", ""]),
    st.lists(
        st.sampled_from(
            [*'",;\t\n\r|', "\r\n", '""', "x", "a.jpg", "\ny,b.jpg,", 'z;"a.jpg";', "\ufeff", "é"]
        ),
        max_size=40,
    ).map("".join)
    | st.text(max_size=60),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"]),
)
@example("id,image\n", "x,a.jpg\n" * 3 + '"', "utf-8")
def test_any_text_is_products_and_refusals_or_one_error(
    folder: Path, head: str, text: str, encoding: str
) -> None:
    try:
        check(read(folder, (head + text).encode(encoding, "ignore")))
    except ProductSourceError as error:
        assert str(error).startswith(str(folder))


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.binary(max_size=80), st.sampled_from(["list.csv", "list.jsonl", "list.json"]))
@example(b"\xff\xfe\x00", "list.csv")
@example(b"id,image\nx,a.jpg\ny\xe4\x81,b.jpg\n", "list.csv")
def test_any_bytes_are_products_and_refusals_or_one_error(
    folder: Path, data: bytes, name: str
) -> None:
    for content in (data, b"id,image\nx,a.jpg\n" + data, b'[{"id": "x", "image": "a.jpg"},' + data):
        try:
            check(read(folder, content, name))
        except ProductSourceError as error:
            assert str(error).startswith(str(folder))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "image", "a", "a.b", "name", "\0"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(JSON, max_size=4), st.booleans())
def test_any_json_is_products_and_refusals_or_one_error(
    folder: Path, entries: list[Any], lines: bool
) -> None:
    good = {"id": "x", "image": "a.jpg"}
    rows = [json.dumps(entry) for entry in (good, *entries)]
    text = "\n".join(rows) if lines else f"[{','.join(rows)}]"
    try:
        shop = read(folder, text, "list.json")
    except ProductSourceError as error:
        assert str(error).startswith(str(folder))
    else:
        check(shop)
