"""Tables in text: encodings, separators, quotes, and that a fault costs its own row alone."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import ProductSourceError
from floorlens.products import delimited
from floorlens.products.columns import find_columns
from floorlens.products.delimited import read_delimited
from floorlens.products.tables import Table


def read(text: str | bytes) -> Table:
    return read_delimited(text if isinstance(text, bytes) else text.encode(), find_columns)


def cells(table: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows if row.fault is None]


def faults(table: Table) -> list[str]:
    return [row.place for row in table.rows if row.fault is not None]


# -- encodings ---------------------------------------------------------------------------------

TEXT = "id,image,name\n1,a.jpg,Eiche gekälkt €\n"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
    ],
)
def test_encodings(encoding: str, said: str | None) -> None:
    table = read(TEXT.encode(encoding))
    assert cells(table) == [("1", "a.jpg", "Eiche gekälkt €")]
    assert table.notes == (() if said is None else (f"read as {said}",))


def test_a_damaged_byte_costs_its_row_alone() -> None:
    """Of a list in UTF-8 no letter turns into two because one byte of it is damaged."""
    data = "id,image\nä1,a.jpg\nü2,a.jpg\nx,a.jpg\n".encode().replace(b"x", b"x\xe4")
    table = read(data)
    assert [row[0] for row in cells(table)] == ["ä1", "ü2"]
    assert table.rows[2].fault is not None
    assert "0xE4" in table.rows[2].fault
    assert read(b"id,image\nx\xe4,a.jpg\ny\x81,a.jpg\n").rows[1].fault is not None


def test_a_damaged_header_can_still_be_shown() -> None:
    table = read(b"\xc3,image\n" + "ä,a.jpg\n".encode() * 2)
    assert table.header == ("\ufffd", "image")


# -- separators and headers --------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_the_separator_is_told_by_the_header(delimiter: str, line_break: str) -> None:
    """Not by counting: prices and names have commas as well."""
    rows = [["id", "image", "name"], ["1", "a.jpg", 'Oak, 7"; wide'], ["2", "b.jpg", "x,y,z;\t"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_break).writerows(rows)
    table = read(text.getvalue())
    assert [list(row) for row in (table.header, *cells(table))] == rows


@pytest.mark.parametrize("line", ["sep=;", "SEP=;\r", '"sep=;"', "sep=;;;"])
def test_a_line_for_excel_decides(line: str) -> None:
    table = read(f"{line}\nid;image,name\n1;a.jpg\n")
    assert (table.header, table.place) == (("id", "image,name"), "line 2")
    assert read("sep=|\nid|image\n1|a.jpg").rows[0].cells == ("1", "a.jpg")


def test_a_title_may_stand_above_the_header() -> None:
    table = read("Preisliste 2026,,\n\n,,\nid,image,name\n1,a.jpg,Oak\n")
    assert (table.header, table.place) == (("id", "image", "name"), "line 4")
    assert table.notes == ("the header is line 4; what is above was left out",)
    assert table.rows[0].place == "line 5"


@pytest.mark.parametrize("text", ["", "\n \n", "sep=;\n", "\ufeff"])
def test_nothing_is_an_error(text: str) -> None:
    with pytest.raises(ProductSourceError, match="holds no rows"):
        read(text)


# -- quotes ------------------------------------------------------------------------------------

HEAD = "id,image,name,price\n"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('1,a.jpg,"Oak 7" wide",9', 'Oak 7" wide'),
        ('1,a.jpg,Oak 7" wide,9', 'Oak 7" wide'),
        ('"1","a.jpg","Oak 7"","9"', 'Oak 7"'),
        ('1,a.jpg,"Oak 7"",9', 'Oak 7"'),
        ('1,a.jpg, "Oak, wide" ,9', "Oak, wide"),
        ('1,a.jpg,"Oak ""7"" wide",9', 'Oak "7" wide'),
        ('1,a.jpg,"Oak\n\n7"" wide",9', 'Oak\n\n7" wide'),
    ],
)
def test_quotes_that_can_be_read_in_one_way(line: str, name: str) -> None:
    table = read(f"{HEAD}{line}\n2,b.jpg,Yew,5\n")
    assert cells(table) == [("1", "a.jpg", name, "9"), ("2", "b.jpg", "Yew", "5")]


@pytest.mark.parametrize(
    "line",
    [
        '1,a.jpg,"Oak 7 wide,9',
        '1,a.jpg,"Oak"7", wide",9,"',
        '1,a.jpg,"',
    ],
)
@pytest.mark.parametrize("rest", ["", '3,c.jpg,"Ash",7\n', '3,c.jpg,Ash 7",7\n'])
def test_other_quotes_cost_their_row_and_swallow_none(line: str, rest: str) -> None:
    table = read(f"{HEAD}{line}\n2,b.jpg,Yew,5\n{rest}")
    assert faults(table) == ["line 2"]
    assert [row[0] for row in cells(table)] == ["2", *(["3"] if rest else [])]


def test_a_cell_of_several_lines_may_stand_before_id_and_picture() -> None:
    """Its last line then ends like a row."""
    table = read('text,id,image\n"one\ntwo, three",1,a.jpg\n"x\n\ny",2,b.jpg\n')
    assert [row[1:] for row in cells(table)] == [("1", "a.jpg"), ("2", "b.jpg")]
    assert [row.place for row in table.rows] == ["line 2", "line 4"]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('ab," ;\n'), max_size=6), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_csv_writes_is_read_as_it_was(rows: list[list[str]], quoting: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["id", "image", "text", "note"])
    whole = [[str(number), "a", *row] for number, row in enumerate(rows)]
    writer.writerows(whole)
    assert [list(row) for row in cells(read(text.getvalue()))] == whole


@pytest.mark.parametrize("line", ['x,a.jpg,""b', 'x,a.jpg,"b\nx,a.jpg,b",', '"" "', '"'])
def test_searching_for_the_end_of_cells_is_bounded(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each of many lines with an odd quote is looked through to the end of the file."""
    effort = 0
    cells_of = delimited._Reader._cells

    def counting(self: Any, quoted: Any, start: int, limit: int, line_end: int) -> Any:
        nonlocal effort
        reading = cells_of(self, quoted, start, limit, line_end)
        effort += (limit if reading is None else reading[1]) - start
        return reading

    monkeypatch.setattr(delimited._Reader, "_cells", counting)
    text = "id,image,name\n" + f"{line}\n" * 20_000
    read(text)
    assert effort < 40 * len(text) + 5_000_000
