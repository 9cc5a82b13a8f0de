"""Reading products from a folder or from a list: CSV, JSON or Excel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO

from floorlens.errors import ProductSourceError, UsageError
from floorlens.products.columns import find_columns, parse_columns
from floorlens.products.delimited import read_delimited
from floorlens.products.folders import Layout, read_folder
from floorlens.products.ids import check_id
from floorlens.products.lists import products_of
from floorlens.products.places import Places
from floorlens.products.product import Product, ProductList, Refusal
from floorlens.products.records import read_records
from floorlens.products.rows import PictureFolder, ProductSource, Rows, read_rows
from floorlens.products.spreadsheets import read_spreadsheet
from floorlens.products.tables import Table

MAX_BYTES = 512 << 20
RECORDS = (".json", ".jsonl", ".ndjson")
TEXTS = (".csv", ".tsv", ".tab", ".txt")
SHEETS = (".xlsx", ".xlsm")
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# So many refusals are named when the whole source is refused.
_SHOWN = 20


def read_products(
    source: ProductSource,
    *,
    id_prefix: str = "",
    strict: bool = False,
    numbers: bool = True,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    layout: Layout = "auto",
    places: Places | None = None,
    picture_folder: PictureFolder | None = None,
) -> ProductList:
    """Returns the products of a folder of images or of a list, and what could not be used.

    A list is a CSV (also with semicolons or tabs), JSON, JSONL or Excel file with a column of ids
    and one of pictures, perhaps one of names; every other column is metadata. Columns are known by
    their names, in several languages and as shops export them. Pictures are relative to the file.

    Args:
        source: the folder or file; a list that is open, whose pictures are relative to its folder
            if it has one, else to the current one; or rows (`floorlens.products.rows`).
        id_prefix: put before every id; with "floor_" a folder's ids are those of the reference
            design.
        strict: whether one row that cannot be used refuses the whole source.
        numbers: whether text is read as numbers where it plainly is one, or where a whole column
            of prices can be read so. Numbers in JSON and Excel are numbers in any case.
        columns: for "id", "image" or "name" the name of its column, for "image" also several.
        layout: of a folder, whether its files or its sub-folders are products: see `read_folder`.
        places: where the pictures of a list may lie; None: in its folder.
        picture_folder: keeps the pictures of rows that have no file; None refuses them.

    Raises:
        ProductSourceError: the source is missing, empty or of another kind, no row can be used, or
            one cannot and `strict` is set.
        MissingDependency: it is an Excel file and the extra `[excel]` is not installed.
        UsageError: `columns` names another role, or is given with a folder; or `layout` is given
            with a list.

    Example:
        >>> [product.id for product in read_products("products", id_prefix="floor_").products]
        ['floor_oak-natural-plank', 'floor_terrazzo-grigio', 'floor_walnut-herringbone']
    """
    path = path_of(source)
    wanted = parse_columns(columns or {})
    if not isinstance(source, str | Path):
        if layout != "auto":
            raise UsageError(f"a layout is that of a folder, and there is none in {path}")
        table = _read_open(source, path, wanted, picture_folder or PictureFolder(None))
        columns_ = find_columns(table.header, wanted)
        content = products_of(table, path, columns_, numbers=numbers, places=places)
    elif path.is_dir():
        if wanted:
            raise UsageError(f"columns are those of a list, and {path} is a folder")
        content = read_folder(path, layout=layout)
        content = replace(content, notes=(*content.notes, *_lists_in(path)))
    elif not path.exists():
        raise ProductSourceError(_absent(path))
    else:
        if layout != "auto":
            raise UsageError(f"a layout is that of a folder, and {path} is a list")
        content = _read_list(path, numbers, wanted, places)
    if id_prefix:
        content = _with_prefix(content, id_prefix, path)
    if content.refusals and (strict or not content.products):
        raise ProductSourceError(_refusal_of_all(path, content, strict))
    if not content.products:
        lacking = "product images" if path.is_dir() else "products: no row below the header has one"
        raise ProductSourceError(f"{path}: holds no {lacking}")
    return content


def path_of(source: ProductSource) -> Path:
    """Returns the path of a source; of one without a path, what messages call it.

    Its folder is where pictures are looked for.

    Example:
        >>> path_of("products/list.csv").name, str(path_of([]))
        ('list.csv', 'rows')
    """
    if isinstance(source, str | Path):
        return Path(source)
    if not hasattr(source, "read"):
        return Path("rows")
    name = getattr(source, "name", None)
    return Path(name) if isinstance(name, str) else Path("list")


def _read_open(
    source: BinaryIO | TextIO | Rows,
    path: Path,
    wanted: Mapping[str, Sequence[str]],
    picture_folder: PictureFolder,
) -> Table:
    """Returns the table of an open list, or of rows.

    Raises:
        ProductSourceError: the list cannot be read.
    """
    if not hasattr(source, "read"):
        return read_rows(source, picture_folder)
    try:
        data = source.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ProductSourceError(f"{path}: the file cannot be read ({error})") from error
    data = data.encode() if isinstance(data, str) else bytes(data)
    if len(data) > MAX_BYTES:
        raise ProductSourceError(f"{path}: is larger than {MAX_BYTES >> 20} MiB: divide it")
    ending = path.suffix.lower()
    if ending not in (*RECORDS, *TEXTS, *SHEETS, ".xls"):
        ending = ".json" if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{") else ".csv"
    try:
        return _read_table(data, ending, wanted)
    except ProductSourceError as error:
        raise ProductSourceError(f"{path}: {error}") from error


def _lists_in(folder: Path) -> Iterator[str]:
    """Yields a note if a folder holds a list: perhaps that was meant."""
    endings = {*RECORDS, *TEXTS, *SHEETS} - {".txt"}
    lists = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in endings)
    if lists:
        yield f"{lists[0]!r} in it was not read: to index that list, name the file, not its folder"


def _absent(path: Path) -> str:
    # A path has taken one of the slashes away.
    if re.match("https?:/", str(path), re.IGNORECASE):
        return "the source is an address: download the list, and give the file that it became"
    return f"{path}: no such folder or file"


def read_list_bytes(path: Path) -> bytes:
    """Returns the bytes of a list of products or pairs.

    Raises:
        ProductSourceError: it is too large, or cannot be read.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("list.csv").write_text("id,image")
        >>> read_list_bytes(Path("list.csv"))
        b'id,image'
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProductSourceError(f"{path}: is larger than {MAX_BYTES >> 20} MiB: divide it")
        return path.read_bytes()
    except OSError as error:
        raise ProductSourceError(f"{path}: cannot be read ({error.strerror})") from error


def _read_list(
    path: Path, numbers: bool, wanted: Mapping[str, Sequence[str]], places: Places | None
) -> ProductList:
    if path.suffix.lower() not in (*RECORDS, *TEXTS, *SHEETS, ".xls"):
        raise ProductSourceError(
            f"{path}: give a folder of images or a list: .csv, .tsv, .json, .jsonl or .xlsx"
        )
    data = read_list_bytes(path)
    try:
        table = _read_table(data, path.suffix.lower(), wanted)
    except ProductSourceError as error:
        raise ProductSourceError(f"{path}: {error}") from error
    columns = find_columns(table.header, wanted)
    return products_of(table, path, columns, numbers=numbers, places=places)


def _read_table(data: bytes, ending: str, wanted: Mapping[str, Sequence[str]]) -> Table:
    find = partial(find_columns, wanted=wanted)
    if data.startswith(_OLD_EXCEL) or ending == ".xls":
        raise ProductSourceError("is an Excel file of the old kind: save it as .xlsx or as CSV")
    if data.startswith(_ZIP) or ending in SHEETS:
        return read_spreadsheet(data, find)
    if ending in RECORDS:
        return read_records(data)
    return read_delimited(data, find)


def _with_prefix(content: ProductList, prefix: str, path: Path) -> ProductList:
    # A prefix that makes no id is a mistake of the caller, not of a row.
    check_id(prefix + "x", f"{path}, with the prefix")
    products: list[Product] = []
    refusals: list[Refusal] = []
    for refusal in content.refusals:
        named = None if refusal.id is None else prefix + refusal.id
        refusals.append(replace(refusal, id=named))
    for product in content.products:
        product_id = prefix + product.id
        try:
            products.append(replace(product, id=check_id(product_id, "with the prefix")))
        except ProductSourceError as error:
            refusals.append(Refusal(product.id, product_id, str(error)))
    return replace(content, products=tuple(products), refusals=tuple(refusals))


def _refusal_of_all(path: Path, content: ProductList, strict: bool) -> str:
    refusals = content.refusals
    if len(refusals) == 1:
        return f"{path}, {refusals[0].place}: {refusals[0].cause}"
    lines = [f"  {refusal.place}: {refusal.cause}" for refusal in refusals[:_SHOWN]]
    if len(refusals) > _SHOWN:
        lines.append(f"  … and {len(refusals) - _SHOWN} more")
    what = f"{len(refusals)} rows cannot be used" if strict else "no row can be used"
    # Which column was taken for what, or where pictures were looked for, may be the cause of all.
    return "\n".join([f"{path}: {what}:", *lines, *content.notes])
