"""A ranking as a table: HTML with pictures for notebooks, a DataFrame for pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.errors import FloorlensError, MissingDependency
from floorlens.html import table
from floorlens.images.decoding import decode_photo
from floorlens.images.drawing import picture_uri

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
    own = dict.fromkeys(name for row in rows for name in row)
    columns = {name: name for row in fields for name in row}
    for name in own.keys() & columns.keys():
        while columns[name] in own or columns[name] in columns:
            columns[name] = f"metadata.{columns[name]}"
    return pandas.DataFrame(
        [
            {**row, **{columns[name]: value for name, value in more.items()}}
            for row, more in zip(rows, fields, strict=True)
        ],
        columns=[*own, *columns.values()],
    )


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
