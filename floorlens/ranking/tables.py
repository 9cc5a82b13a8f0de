"""A ranking as a table: HTML with pictures for notebooks, a DataFrame for pandas, CSV for all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.errors import FloorlensError, MissingDependency
from floorlens.html import table
from floorlens.images.decoding import decode_photo
from floorlens.images.drawing import picture_uri
from floorlens.products.export import spreadsheet_cell

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS = 20
"""A notebook shows so many matches, at most."""
PICTURE_SIDE = 72
"""The longer side of their pictures, in pixels."""

# Which columns a person needs beside the picture; what is empty in all rows is left out.
_SHOWN = ("rank", "name", "id", "score", "word", "reason")


def ranking_html(
    title: str, rows: Sequence[Mapping[str, Any]], pictures: Sequence[str | None]
) -> str:
    """Returns an HTML table of the first `ROWS` matches, with small pictures within it.

    A picture that cannot be read is left out.

    Args:
        title: what stands above it, plain text; it is escaped, as all texts are.
        rows: for each match column -> value.
        pictures: the path of each match's picture.

    Example:
        >>> rows = [{"rank": 1, "id": "a<b", "score": 0.5}]
        >>> table = ranking_html("1 of 1", rows, ["products/oak-natural-plank.jpg"])
        >>> "a&lt;b" in table, "data:image/jpeg" in table, "<script" in table
        (True, True, False)
    """
    columns = [name for name in _SHOWN if any(row.get(name) not in (None, "") for row in rows)]
    body = (
        [_picture(path), *(_cell(row.get(name)) for name in columns)]
        for row, path in zip(rows[:ROWS], pictures, strict=False)
    )
    rest = f"<p>… and {len(rows) - ROWS} more</p>" if len(rows) > ROWS else ""
    return f"<div><p>{escape(title)}</p>{table(['', *columns], body)}{rest}</div>"


def data_frame(rows: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Returns a DataFrame with a row for each match.

    Args:
        rows: for each match column -> value.
        fields: further columns of each. One that is called like a column of `rows` becomes
            `metadata.<name>`, with as many `metadata.` as make it the only one of that name.

    Raises:
        MissingDependency: pandas is not installed.

    Example:
        >>> data_frame([{"id": "oak", "score": 0.9}], [{"id": "7"}]).columns.tolist()
        ['id', 'score', 'metadata.id']
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependency("a table needs pandas: pip install 'floorlens[pandas]'") from error
    own, columns = _columns(rows, fields)
    return pandas.DataFrame(
        [
            {**row, **{columns[name]: value for name, value in more.items()}}
            for row, more in zip(rows, fields, strict=True)
        ],
        columns=[*own, *columns.values()],
    )


def csv_text(rows: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]) -> str:
    """Returns a CSV with a row for each match, its columns those of `data_frame`.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        rows, fields: as for `data_frame`.

    Example:
        >>> csv_text([{"id": "oak", "score": 0.9}], [{"note": "=1+1", "price": -4}])
        "id,score,note,price\\noak,0.9,'=1+1,-4\\n"
    """
    own, columns = _columns(rows, fields)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_csv_cell(name) for name in (*own, *columns.values())])
    for row, more in zip(rows, fields, strict=True):
        values = (*(row.get(name) for name in own), *(more.get(name) for name in columns))
        writer.writerow([_csv_cell(value) for value in values])
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    """Returns a value as a cell: numbers as they are, texts so that no program runs them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return str(spreadsheet_cell(text))


def _columns(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]
) -> tuple[list[str], dict[str, str]]:
    """Returns the columns of rows, and field -> column of the others; none has another's name."""
    own = dict.fromkeys(name for row in rows for name in row)
    columns = {name: name for row in fields for name in row}
    for name in own.keys() & columns.keys():
        while columns[name] in own or columns[name] in columns:
            columns[name] = f"metadata.{columns[name]}"
    return list(own), columns


def _picture(path: str | None) -> str:
    if path is None:
        return ""
    try:
        photo = decode_photo(Path(path), working_side=2 * PICTURE_SIDE)
    except FloorlensError:
        # It was moved or deleted since: the rest of the table says what it can.
        return ""
    return f'<img src="{picture_uri(photo.pixels, PICTURE_SIDE)}" alt="">'


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else escape(str(value))
