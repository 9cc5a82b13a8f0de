"""A table: a header and rows, whatever file it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

# A list has at most so many cells: what unpacks to more is meant to do harm, or is to be divided.
MAX_CELLS = 20_000_000
# As in Excel.
MAX_COLUMNS = 16_384
# How far down a header may stand: some write a title above it.
HEADER_ROWS = 20


@dataclass(frozen=True)
class Row:
    """One row of a list.

    Attributes:
        place: where it stands, for people: "line 3" of a text, "row 3" of a sheet, "entry 3".
        cells: one value for each column of the header, in order: texts, or in JSON and Excel also
            numbers, booleans and lists. None is an empty cell. A row may have fewer or more.
        fault: why the row cannot be read and what to do about it; None if it can.
    """

    place: str
    cells: tuple[Any, ...]
    fault: str | None = None


@dataclass(frozen=True)
class Table:
    """What a file holds.

    Attributes:
        header: the names of the columns.
        place: where the header stands: "line 1".
        rows: all rows below it that are not empty lines.
        kind: of a "text" every cell is text and may mean a number, in a "sheet" text and numbers
            are told apart, and "records" are as their writer meant them.
        notes: what the reader decided, in sentences.
    """

    header: tuple[str, ...]
    place: str
    rows: tuple[Row, ...]
    kind: Literal["text", "sheet", "records"] = "text"
    notes: tuple[str, ...] = ()
