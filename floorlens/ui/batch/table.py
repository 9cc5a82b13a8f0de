"""The answers of a batch as a table: CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from floorlens.products.export import spreadsheet_cell
from floorlens.ui import texts
from floorlens.ui.batch.rooms import Batch

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | float | None


def rows(batch: Batch, top: int, site: str) -> list[list[Cell]]:
    """Returns a row for each of the first matches of each room, and one for a room without any.

    Args:
        batch: its rooms; those that are still to be asked are left out.
        top: so many matches of each room.
        site: the address of the page, before the path of links.
    """
    lines: list[list[Cell]] = []
    for room in batch.rooms:
        link = "" if room.search is None else f"{site}/?search={room.search}"
        if room.problem is not None:
            lines.append([room.name, None, "", "", "", None, link, room.problem.title])
        elif room.page is not None:
            remark = texts.NOTHING_CLOSE if room.page.nothing_close else ""
            for match in room.page.matches[:top]:
                product: list[Cell] = [match.rank, match.id, match.name, match.word or ""]
                lines.append([room.name, *product, round(match.score, 4), link, remark])
    return lines


def as_csv(lines: Sequence[Sequence[Cell]]) -> str:
    """Returns rows as CSV with a line of titles."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(texts.TABLE_COLUMNS)
    writer.writerows([_safe(cell) for cell in line] for line in lines)
    return text.getvalue()


def as_xlsx(lines: Sequence[Sequence[Cell]]) -> bytes:
    """Returns rows as an Excel file with a line of titles that stays in sight."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook()
    sheet = book.active
    sheet.append(list(texts.TABLE_COLUMNS))
    for line in lines:
        sheet.append(
            [
                ILLEGAL_CHARACTERS_RE.sub("", cell) if isinstance(cell, str) else cell
                for cell in line
            ]
        )
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                # A name such as "=1+1" is a text and no formula.
                cell.data_type = "s"
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFGH", (24, 6, 28, 34, 14, 8, 60, 34), strict=True):
        sheet.column_dimensions[letter].width = width
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _safe(cell: Cell) -> Cell:
    return spreadsheet_cell(cell) if isinstance(cell, str) else cell
