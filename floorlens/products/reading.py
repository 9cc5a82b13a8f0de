"""Reading products from a folder, a CSV or a JSONL file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from floorlens.errors import ProductSourceError
from floorlens.images.formats import SUFFIXES
from floorlens.products.product import Product

MAX_ID_LENGTH = 512
MAX_IMAGES = 8
# "007" is an article number, "1_000" and "nan" are words. Only plain numbers become numbers, and of
# those only the ones that every engine stores exactly.
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)")


def read_products(source: str | Path, *, id_prefix: str = "") -> list[Product]:
    """Returns the products of a folder of images, a CSV or a JSONL file, sorted by id.

    In a folder, every image file is a product, also those in folders below; the file's stem is id
    and name. A CSV or JSONL has the columns `id` and `image`, perhaps `name`; every other column is
    metadata. Images are relative to the file and lie in its folder; several are separated by `|`,
    or in JSONL a list. In a CSV, numbers are read as numbers, `true` and `false` as booleans, and
    an empty cell as absent.

    Args:
        source: the folder or file.
        id_prefix: put before every id; with "floor_" a folder's ids are those of the reference
            design.

    Raises:
        ProductSourceError: the source is missing, empty or of another kind, or a row is wrong: a
            missing column, a bad or repeated id, an image outside the folder.

    Example:
        >>> [product.id for product in read_products("products", id_prefix="floor_")]
        ['floor_oak-natural-plank', 'floor_terrazzo-grigio', 'floor_walnut-herringbone']
    """
    path = Path(source)
    if path.is_dir():
        products = _read_folder(path)
    elif not path.exists():
        raise ProductSourceError(f"{path}: no such folder or file")
    elif path.suffix.lower() == ".csv":
        products = _read_rows(path, _csv_rows(path))
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        products = _read_rows(path, _jsonl_rows(path))
    else:
        raise ProductSourceError(f"{path}: give a folder of images, a .csv or a .jsonl file")
    if not products:
        raise ProductSourceError(f"{path}: holds no product images")
    if id_prefix:
        products = [
            replace(product, id=check_id(id_prefix + product.id, f"{path}, with the prefix"))
            for product in products
        ]
    return sorted(products, key=lambda product: product.id)


def check_id(product_id: Any, where: str) -> str:
    """Returns a product's id after checking it.

    Args:
        product_id: the id.
        where: where it stands, for the error.

    Raises:
        ProductSourceError: it is no text, empty, longer than 512 characters, "." or "..", or has a
            slash or a control character.

    Example:
        >>> check_id("oak-natural-plank", "products.csv, line 2")
        'oak-natural-plank'
    """
    if product_id is not None and not isinstance(product_id, str):
        raise ProductSourceError(f"{where}: the id {product_id!r} is not a text")
    if not product_id or not product_id.strip():
        raise ProductSourceError(f"{where}: the id is empty")
    if len(product_id) > MAX_ID_LENGTH:
        raise ProductSourceError(f"{where}: the id is longer than {MAX_ID_LENGTH} characters")
    if (
        product_id in (".", "..")
        or not product_id.isprintable()
        or any(mark in product_id for mark in "/\\")
    ):
        raise ProductSourceError(
            f"{where}: the id {product_id!r} has a slash, '..' or a control character"
        )
    return product_id


def _read_folder(folder: Path) -> list[Product]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    places: dict[str, list[str]] = {}
    for path in files:
        places.setdefault(path.stem, []).append(str(path.relative_to(folder)))
    _refuse_duplicates(places, folder, "In a folder the id is the file's name without its ending")
    return [
        Product(
            id=check_id(path.stem, str(path)),
            name=path.stem,
            # The folder's owner put the link there: it is followed, also out of the folder.
            images=(_storable(_follow(path), str(path)),),
        )
        for path in files
    ]


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            reader.fieldnames = _header(reader.fieldnames or (), path)
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise ProductSourceError(
                        f"{where}: has another number of cells than the header"
                    )
                cells = {key: typed_cell(value) for key, value in row.items() if value.strip()}
                for text in ("id", "image", "name"):
                    if text in row and row[text].strip():
                        cells[text] = row[text].strip()
                yield where, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProductSourceError(f"{path}: is not a UTF-8 CSV file ({error})") from error


def _header(names: Sequence[str], path: Path) -> list[str]:
    names = [name.strip() for name in names]
    missing = {"id", "image"} - set(names)
    if missing:
        hint = "; separate the cells by commas" if ";" in "".join(names) else ""
        raise ProductSourceError(
            f"{path}, line 1: lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(sorted(missing))}; a product needs id and image{hint}"
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ProductSourceError(
            f"{path}, line 1: names the column {', '.join(twice)} more than once"
        )
    return names


def typed_cell(text: str) -> str | int | float | bool:
    """Returns a cell's text as a boolean or number if it plainly is one, else as text.

    Example:
        >>> typed_cell("19.5"), typed_cell("true"), typed_cell("007")
        (19.5, True, '007')
    """
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _jsonl_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        # Not splitlines: it would also split at Unicode's line breaks inside a text.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ProductSourceError(f"{path}: is not UTF-8 text") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ProductSourceError(f"{where}: holds half a character (\\ud800…)") from error
        except (ValueError, RecursionError) as error:
            raise ProductSourceError(f"{where}: is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise ProductSourceError(f"{where}: is not a JSON object")
        if isinstance(row.get("id"), int) and not isinstance(row["id"], bool):
            row["id"] = str(row["id"])
        missing = {"id", "image"} - set(row)
        if missing:
            raise ProductSourceError(f"{where}: lacks {', '.join(sorted(missing))}")
        yield where, row


def _read_rows(path: Path, rows: Iterable[tuple[str, dict[str, Any]]]) -> list[Product]:
    folder = path.parent.resolve()
    products = []
    places: dict[str, list[str]] = {}
    for where, row in rows:
        product_id = check_id(row.pop("id", None), where)
        images = row.pop("image", None)
        places.setdefault(product_id, []).append(where.rsplit(", ", 1)[-1])
        names = images if isinstance(images, list) else str(images or "").split("|")
        names = [str(name).strip() for name in names if str(name).strip()]
        if not 1 <= len(names) <= MAX_IMAGES:
            raise ProductSourceError(f"{where}: a product has 1 to {MAX_IMAGES} images")
        name = str(row.pop("name", None) or product_id)
        _refuse_nul("name", name, where)
        products.append(
            Product(
                product_id,
                name,
                {
                    key: _metadata_value(key, value, where)
                    for key, value in row.items()
                    if value is not None
                },
                tuple(_inside(folder, folder / image, where) for image in names),
            )
        )
    _refuse_duplicates(places, path, "Ids must be unique")
    return products


def _metadata_value(key: str, value: Any, where: str) -> Any:
    if isinstance(value, float) and value - value != 0:
        raise ProductSourceError(f"{where}: {key!r} is not a finite number")
    if isinstance(value, str):
        _refuse_nul(key, value, where)
        return value
    if isinstance(value, int | float):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        for item in value:
            _refuse_nul(key, item, where)
        return value
    raise ProductSourceError(
        f"{where}: {key!r} is neither a string, a number, a boolean nor a list of strings"
    )


def _refuse_nul(key: str, text: str, where: str) -> None:
    # PostgreSQL cannot store it, and no name has one.
    if "\0" in text:
        raise ProductSourceError(f"{where}: {key!r} holds a NUL character")


def _inside(folder: Path, path: Path, where: str) -> str:
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # A ring of links, or what cannot be the name of a file.
        raise ProductSourceError(f"{where}: the image {path.name!r} cannot be found") from error
    if not resolved.is_relative_to(folder):
        raise ProductSourceError(f"{where}: the image {path.name} lies outside {folder}")
    return _storable(resolved, where)


def _follow(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        # A ring of links: reading it fails, and only this product with it.
        return path.absolute()


def _storable(path: Path, where: str) -> str:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ProductSourceError(
            f"{where!r}: the path is not UTF-8, so it cannot be stored; rename it"
        ) from error
    return str(path)


def _refuse_duplicates(places: Mapping[str, Sequence[str]], path: Path, rule: str) -> None:
    twice = sorted(product_id for product_id, where in places.items() if len(where) > 1)
    if twice:
        first = "; ".join(f"{name} ({', '.join(places[name][:5])})" for name in twice[:5])
        more = " …" if len(twice) > 5 else ""
        raise ProductSourceError(
            f"{path}: {len(twice)} id(s) occur more than once: {first}{more}. {rule}"
        )
