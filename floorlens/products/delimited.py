"""Tables in text: cells separated by commas, semicolons or tabs, as spreadsheets and shops write.

Python's `csv` stops at the first fault, and limits the length of a cell for the whole process. Here
a stray quote costs one row at most, and its line is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from floorlens.errors import ProductSourceError
from floorlens.products.columns import Columns
from floorlens.products.encodings import LINE_BREAK, UNREADABLE, decode
from floorlens.products.tables import HEADER_ROWS, MAX_COLUMNS, Row, Table

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# A quoted cell may go on over several lines, but not over more text than this.
_LONGEST_CELL = 4 << 20
_SEP = re.compile(r'"?sep=([^\w"\s]|\t)"?[;,\t]*+\s*', re.IGNORECASE)


def read_delimited(data: bytes, find: Callable[[Sequence[str]], Columns]) -> Table:
    r"""Returns the table in a text.

    Its delimiter is the one with which `find` recognises most columns of the header. A line
    `sep=;` above the header decides, as in Excel. The header is the first line with an id and a
    picture among the first 20; if there is none it is the first that is not empty.

    A quote inside a quoted cell (`"Oak 7" wide"`) is kept as it is where the row then has as many
    cells as the header, and in no other way. Otherwise the row has a `fault`, and the next one
    begins on the next line.

    Args:
        data: the file.
        find: takes a header, returns which of its columns is what.

    Raises:
        ProductSourceError: the file is empty.

    Example:
        >>> from floorlens.products.columns import find_columns
        >>> table = read_delimited(b"id;image\noak;oak.jpg\n", find_columns)
        >>> table.header, table.rows[0].cells
        (('id', 'image'), ('oak', 'oak.jpg'))
    """
    text, encoding = decode(data)
    notes = [] if encoding is None else [f"read as {encoding}"]
    lines = _lines(text)
    first = 0
    sep = _SEP.fullmatch(lines[0].text) if lines else None
    if sep:
        first = 1
    if len(lines) == first:
        raise ProductSourceError("holds no rows")
    delimiters = (sep[1],) if sep else tuple(DELIMITERS)
    head, columns = max(
        (_header(_Reader(text, lines, delimiter), first, find) for delimiter in delimiters),
        key=lambda pair: (pair[1].usable, pair[1].recognised, len(pair[0].cells)),
    )
    if not sep and head.delimiter != ",":
        notes.append(f"cells separated by {DELIMITERS[head.delimiter]}")
    if head.start > first:
        notes.append(f"the header is line {lines[head.start].number}; what is above was left out")
    reader = _Reader(text, lines, head.delimiter, len(head.cells), columns)
    rows: list[Row] = []
    mended: list[str] = []
    line = head.end
    while line < len(lines):
        record = reader.record(line)
        place = f"line {lines[line].number}"
        if record.mended:
            mended.append(place)
        fault = record.fault
        if fault is None and (damage := UNREADABLE.search("".join(record.cells))):
            byte = ord(damage[0]) - 0xDC00
            fault = f"holds the byte 0x{byte:02X}, no letter of the file's encoding: mend it"
        rows.append(Row(place, tuple(record.cells), fault))
        line = record.end
    if mended:
        more = f" and {len(mended) - 5} more" if len(mended) > 5 else ""
        notes.append(
            f"a quote inside a quoted cell was kept as a sign: {', '.join(mended[:5])}{more}"
        )
    place = f"line {lines[head.start].number}"
    # What is shown of a header, and stored, must be text.
    header = tuple(UNREADABLE.sub("\ufffd", name) for name in head.cells)
    return Table(header, place, tuple(rows), notes=tuple(notes))


class _Line(NamedTuple):
    """A line that is not empty; its number counts from 1, `start` and `end` are in the text."""

    number: int
    text: str
    start: int
    end: int


def _lines(text: str) -> list[_Line]:
    lines = []
    start = 0
    number = 1
    for match in LINE_BREAK.finditer(text + "\n"):
        end = match.start()
        line = text[start:end]
        if line and not line.isspace():
            lines.append(_Line(number, line, start, end))
        start = match.end()
        number += 1
    return lines


@dataclass(frozen=True)
class _Record:
    """The cells of a row, from `lines[start]` on and before `lines[end]`."""

    delimiter: str
    cells: list[str]
    start: int
    end: int
    mended: bool = False
    fault: str | None = None


def _header(
    reader: _Reader, first: int, find: Callable[[Sequence[str]], Columns]
) -> tuple[_Record, Columns]:
    """Returns the first record with usable columns; if there is none the first that is filled."""
    fallback: tuple[_Record, Columns] | None = None
    line = first
    for _ in range(HEADER_ROWS):
        if line == len(reader.lines):
            break
        record = reader.record(line)
        columns = find(record.cells[:MAX_COLUMNS])
        if columns.usable:
            return record, columns
        fallback = fallback or (record, columns)
        line = record.end
    if fallback is None:
        raise ProductSourceError("holds no rows")
    return fallback


class _Reader:
    """Reads records of a text; with the header's width and columns it also mends quotes."""

    def __init__(
        self,
        text: str,
        lines: list[_Line],
        delimiter: str,
        width: int | None = None,
        columns: Columns | None = None,
    ) -> None:
        self.text, self.lines = text, lines
        self._delimiter, self._width, self._columns = delimiter, width, columns
        d = re.escape(delimiter)
        end = rf"[ ]*(?={d}|[\r\n]|\Z)"
        self._plain = re.compile(rf"[^{d}\r\n]*")
        self._opening = re.compile(r'[ ]*"')
        # Possessive: what is once taken is not given back, so the time is linear.
        self._quoted = re.compile(rf'[ ]*"([^"]*+(?:""[^"]*+)*+)"{end}')
        # Two readings of a line with stray quotes: a doubled quote is one sign, or it is a sign
        # and the end of the cell.
        self._lenient = (
            re.compile(rf'[ ]*"((?:[^"]|""|"(?!{end}))*+)"{end}'),
            re.compile(rf'[ ]*"((?:[^"]|"(?!{end}))*+)"{end}'),
        )
        # Searching for the end of a cell that has none must not take quadratic time.
        self._patience = 8 * len(text) + 1_000_000

    def record(self, line: int) -> _Record:
        """Returns the record that begins on a line."""
        row = self.lines[line]
        if '"' not in row.text:
            return _Record(self._delimiter, row.text.split(self._delimiter), line, line + 1)
        strict = self._strict(line)
        if strict is not None and (strict.end > line + 1 or self._fits(strict.cells)):
            return strict
        # The second pattern parts cells where the first does and at more places, so at most one of
        # them gives as many cells as there are columns.
        for pattern in self._lenient:
            reading = self._cells(pattern, row.start, row.end, row.end)
            if reading is not None and self._fits(reading[0]):
                return _Record(self._delimiter, reading[0], line, line + 1, mended=True)
        if strict is not None:
            return strict
        fault = (
            'has a quote (") that does not end its cell: double it inside a quoted cell, '
            "or take the quotes around the cell away"
        )
        cells_as_they_are = row.text.split(self._delimiter)
        return _Record(self._delimiter, cells_as_they_are, line, line + 1, fault=fault)

    def _fits(self, cells: Sequence[str]) -> bool:
        if self._width is None:
            return True
        return len(cells) >= self._width and not "".join(cells[self._width :]).strip()

    def _strict(self, line: int) -> _Record | None:
        """Returns the record by the rules of RFC 4180; None if it breaks them."""
        row = self.lines[line]
        limit = max(row.end, min(len(self.text), row.start + _LONGEST_CELL))
        if self._patience < 0:
            limit = row.end
        read = self._cells(self._quoted, row.start, limit, row.end)
        if read is None:
            return None
        cells, position = read
        end = line + 1
        while end < len(self.lines) and self.lines[end].start <= position:
            end += 1
        # A quote that was meant as an inch mark may have swallowed whole rows up to the next one.
        # In a line that ends a cell, only what stands before its quote was inside.
        if self._columns is not None and any(
            self._columns.looks_like_row(inner.text.split('"')[0].split(self._delimiter))
            for inner in self.lines[line + 1 : end]
        ):
            self._patience -= position - row.start
            return None
        return _Record(self._delimiter, cells, line, end)

    def _cells(
        self, quoted: re.Pattern[str], start: int, limit: int, line_end: int
    ) -> tuple[list[str], int] | None:
        """Returns the cells from a position on and where they end; None if one does not end."""
        cells = []
        position = start
        while True:
            if self._opening.match(self.text, position, limit):
                match = quoted.match(self.text, position, limit)
                if match is None or (match.end() == limit < len(self.text) and limit != line_end):
                    if limit > line_end:
                        self._patience -= limit - position
                    return None
                cells.append(match[1].replace('""', '"'))
            else:
                match = self._plain.match(self.text, position, limit)
                if match is None:
                    return None
                cells.append(match[0])
            position = match.end()
            if position >= limit or self.text[position] != self._delimiter:
                return cells, position
            position += 1
