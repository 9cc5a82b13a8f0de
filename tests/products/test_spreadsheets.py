"""Tables in Excel files."""

from __future__ import annotations

import datetime
import io
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

openpyxl = pytest.importorskip("openpyxl", reason="needs the extra excel")

from floorlens.errors import MissingDependency, ProductSourceError
from floorlens.products import spreadsheets
from floorlens.products.columns import find_columns
from floorlens.products.reading import read_products
from floorlens.products.spreadsheets import read_spreadsheet
from floorlens.products.tables import Table


def book(*sheets: list[list[Any]], formats: dict[str, str] | None = None) -> bytes:
    """Returns an Excel file with some sheets; `formats` are those of cells of the first one."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for rows in sheets:
        sheet = made.create_sheet()
        for row in rows:
            sheet.append(row)
    for cell, style in (formats or {}).items():
        made.worksheets[0][cell].number_format = style
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def read(data: bytes) -> Table:
    return read_spreadsheet(data, find_columns)


def test_values_keep_their_meaning() -> None:
    rows: list[list[Any]] = [
        ["SKU", "Bild", "Preis", "neu", "seit", "Stück"],
        [1234567890123, "a.jpg", 49.9, True, datetime.date(2026, 3, 1), 12.0],
        [42, "b.jpg", "€ 9,90", False, datetime.datetime(2026, 3, 1, 12, 30), "#N/A"],
        ["007", "c.jpg", None, None, datetime.time(8), 1e300],
    ]
    table = read(book(rows, formats={"A3": "00000"}))
    assert table.header == ("SKU", "Bild", "Preis", "neu", "seit", "Stück")
    first, second, third = (row.cells for row in table.rows)
    assert first == (1234567890123, "a.jpg", 49.9, True, "2026-03-01", 12)
    assert type(first[5]) is int
    assert second == ("00042", "b.jpg", "€ 9,90", False, "2026-03-01 12:30:00")
    assert third == ("007", "c.jpg", None, None, "08:00:00", 1e300)
    assert [row.place for row in table.rows] == ["row 2", "row 3", "row 4"]


def test_a_shop_in_excel(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"a picture")
    rows: list[list[Any]] = [
        ["Preisliste", None],
        [],
        ["Artikelnummer", "Bild", "Bezeichnung", "Preis", "Code"],
        [1234567890123, "a.jpg", 1950, 49.9, "12"],
        [None, None],
        ["OAK-14/189", "b.jpg", "Oak\u00a014", "1.299,00 €", "7"],
        [13, None, "Ash"],
    ]
    file = tmp_path / "shop.xlsx"
    file.write_bytes(book([["Notes"], ["id"]], rows))
    shop = read_products(file)
    assert [(p.id, p.name, dict(p.metadata)) for p in shop.products] == [
        ("1234567890123", "1950", {"Preis": 49.9, "Code": "12"}),
        ("OAK-14/189", "Oak 14", {"Preis": 1299.0, "Code": "7"}),
    ]
    assert [(refusal.place, refusal.id) for refusal in shop.refusals] == [("row 7", "13")]
    assert shop.notes[:2] == (
        "read the sheet 'Sheet1'",
        "the header is row 3; what is above was left out",
    )
    (tmp_path / "shop.csv").write_bytes(file.read_bytes())
    assert read_products(tmp_path / "shop.csv").products == shop.products, "told by its content"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04fake", b"id,image\n", book([[]])])
def test_what_is_no_list_in_excel(data: bytes) -> None:
    with pytest.raises(ProductSourceError, match=r"is not an Excel file|holds no rows"):
        read(data)


def test_sizes_that_a_file_claims_or_unpacks_to_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell far away must cost neither the memory nor the time of all that lie between."""
    sheet = book([["id", "image"], ["1", "a.jpg"]])
    far = sheet_with(sheet, b'<row r="9"><c r="XFD9"><v>1</v></c></row></sheetData>')
    assert len(read(far).rows[-1].cells) == 16384
    deep = sheet_with(sheet, b'<row r="99999999999"><c r="A1"><v>1</v></c></row></sheetData>')
    monkeypatch.setattr(spreadsheets, "MAX_CELLS", 100_000)
    with pytest.raises(ProductSourceError, match="more than 100,000 cells"):
        read(deep)
    monkeypatch.setattr(spreadsheets, "MAX_UNPACKED", 1000)
    with pytest.raises(ProductSourceError, match="unpacks to more than"):
        read(sheet)


def sheet_with(data: bytes, rows: bytes) -> bytes:
    """Returns an Excel file with rows put at the end of its first sheet."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b"</sheetData>", rows)
            new.writestr(name, content)
    return changed.getvalue()


def test_damaged_files_are_one_clear_error() -> None:
    whole = book([["id", "image"], *([str(i), "a.jpg"] for i in range(20))])
    draw = random.Random(7)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(150):
        name = draw.choice(list(parts))
        part = bytearray(parts[name])
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(part))
            part[place : place + draw.randint(1, 9)] = draw.randbytes(draw.randint(0, 3))
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for each, content in parts.items():
                if each != name or draw.random() < 0.8:
                    archive.writestr(each, bytes(part) if each == name else content)
        for content in (data.getvalue(), whole[: draw.randrange(len(whole))]):
            try:
                read(content)
            except ProductSourceError as error:
                assert "Excel" in str(error) or "holds no rows" in str(error)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[excel\]"):
        read(b"PK")
