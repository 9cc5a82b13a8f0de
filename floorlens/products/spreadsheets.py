"""Tables in Excel files (.xlsx), read by openpyxl: the extra `[excel]`."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

from floorlens.errors import MissingDependency, ProductSourceError
from floorlens.products.columns import Columns
from floorlens.products.tables import HEADER_ROWS, MAX_CELLS, Row, Table

# An .xlsx is a zip archive, which can unpack to a thousand times its size.
MAX_UNPACKED = 512 << 20
_ZEROS = re.compile("0{2,40}")
_DAMAGE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError),
    *(ParseError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)


def read_spreadsheet(data: bytes, find: Callable[[Sequence[str]], Columns]) -> Table:
    """Returns the table on the first sheet that has a header with an id and a picture.

    Numbers, booleans and dates keep their meaning; a date becomes the text 2026-03-01. A number
    that is shown with leading zeros (format 00000) becomes a text with them. Of a formula the value
    is taken that was stored with it.

    Args:
        data: the file.
        find: takes a header, returns which of its columns is what.

    Raises:
        ProductSourceError: it is no Excel file, is encrypted, empty or too large.
        MissingDependency: the extra `[excel]` is not installed.

    Example:
        >>> read_spreadsheet(Path("products.xlsx").read_bytes(), find_columns)  # doctest: +SKIP
        Table(header=('id', 'image'), …)
    """
    try:
        import openpyxl
    except ImportError as error:
        raise MissingDependency(
            "Excel files need openpyxl: pip install 'floorlens[excel]', or save the list as CSV"
        ) from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                raise ProductSourceError(
                    f"unpacks to more than {MAX_UNPACKED >> 20} MiB: divide it, or save it as CSV"
                )
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            tables = [_table(sheet, find) for sheet in book.worksheets[:20]]
        finally:
            book.close()
    except _DAMAGE as error:
        raise ProductSourceError(
            "is not an Excel file that can be read (.xlsx): open it and save it anew, or as CSV"
        ) from error
    filled = [pair for pair in tables if pair is not None]
    if not filled:
        raise ProductSourceError("holds no rows")
    return next((pair for pair in filled if pair[1].usable), filled[0])[0]


def _table(sheet: Any, find: Callable[[Sequence[str]], Columns]) -> tuple[Table, Columns] | None:
    """Returns a sheet's table and columns; None if the sheet is empty."""
    rows = [(number, cells) for number, cells in _rows(sheet) if any(c is not None for c in cells)]
    if not rows:
        return None
    candidates = [(i, find(_header(cells))) for i, (_, cells) in enumerate(rows[:HEADER_ROWS])]
    place, columns = next((pair for pair in candidates if pair[1].usable), candidates[0])
    number, header = rows[place]
    notes = [f"read the sheet {sheet.title!r}"]
    if place:
        notes.append(f"the header is row {number}; what is above was left out")
    return (
        Table(
            tuple(_header(header)),
            f"row {number}",
            tuple(Row(f"row {number}", cells) for number, cells in rows[place + 1 :]),
            "sheet",
            tuple(notes),
        ),
        columns,
    )


def _header(cells: Sequence[Any]) -> list[str]:
    names = ["" if cell is None else str(cell) for cell in cells]
    while names and not names[-1].strip():
        names.pop()
    return names


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    # What the file says about its size may be wrong.
    sheet.reset_dimensions()
    total = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        # An absent row costs time as well.
        total += len(cells) + 1
        if total > MAX_CELLS:
            raise ProductSourceError(f"has more than {MAX_CELLS:,} cells: divide it")
        values = [_value(cell) for cell in cells]
        while values and values[-1] is None:
            values.pop()
        yield number, tuple(values)


def _value(cell: Any) -> Any:
    value = cell.value
    if value is None or cell.data_type == "e":
        # "#N/A" is no value.
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int | float):
        zeros = _ZEROS.fullmatch(str(cell.number_format or ""))
        return str(value).zfill(len(zeros[0])) if zeros and isinstance(value, int) else value
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
