"""Export: a catalogue's products as CSV, JSONL or JSON, as `floorlens index` reads them back.

Pictures in the folder of the file, or below it, are named relative to it: both can be moved
together. Others are named by their whole path.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from floorlens.products.amounts import JSON_MARK, may_be_number, typed_cell
from floorlens.products.columns import field_title
from floorlens.products.product import Product
from floorlens.products.texts import tidy

# A spreadsheet computes what begins so, also in a CSV that somebody only looks at; with the
# wide signs, those of East Asia.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# What parts the pictures of a cell, or may do so.
_PARTS = re.compile(r"[|,;\t\r\n]|^\s|\s$")


def products_as_csv(products: Sequence[Product], folder: Path | None = None) -> str:
    """Returns a CSV with the columns id, image, name and every metadata field in order of name.

    Several pictures are joined by `|`. What a cell cannot show as it is stands there as JSON after
    `json:`, such as a list, or a text that would be read as a number, or that a spreadsheet would
    compute (`=1+1`); so does the name of a field that would be read as one of pictures.

    Args:
        products: which ones.
        folder: where the CSV will lie; None names all pictures by their whole paths.

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49, "rooms": ["hall"]}, ("/shop/oak.jpg",))
        >>> print(products_as_csv([oak]))
        id,image,name,price,rooms
        oak,/shop/oak.jpg,Oak,49,"json:[""hall""]"
        <BLANKLINE>
    """
    fields = sorted({key for product in products for key in product.metadata})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "image", "name", *map(_title, fields)])
    for product in _placed(products, folder):
        cells = (product.metadata.get(field) for field in fields)
        own = [_text_cell(product.id), _image_cell(product.images), _text_cell(product.name)]
        writer.writerow([*own, *map(_cell, cells)])
    return text.getvalue()


def products_as_jsonl(products: Sequence[Product], folder: Path | None = None) -> str:
    """Returns one JSON object a line: id, image (a list of paths), name, metadata.

    Args:
        products: which ones.
        folder: where the file will lie; None names all pictures by their whole paths.

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49}, ("/shop/oak.jpg",))
        >>> products_as_jsonl([oak], Path("/shop"))
        '{"id": "oak", "image": ["oak.jpg"], "name": "Oak", "price": 49}\\n'
    """
    return "".join(
        json.dumps(
            {
                "id": product.id,
                "image": list(product.images),
                "name": product.name,
                **{field_title(field): value for field, value in product.metadata.items()},
            },
            ensure_ascii=False,
        )
        + "\n"
        for product in _placed(products, folder)
    )


def products_as_json(products: Sequence[Product], folder: Path | None = None) -> str:
    """Returns one JSON array of id, name, metadata, images (a list of paths).

    Args:
        products: which ones.
        folder: where the file will lie; None names all pictures by their whole paths.

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49}, ("/shop/oak.jpg",))
        >>> print(products_as_json([oak])[:16])
        [
          {
            "id":
    """
    rows = [product.as_dict() for product in _placed(products, folder)]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def starts_formula(text: str) -> bool:
    """Returns whether a spreadsheet may compute a text that stands in a cell of a CSV.

    Source: OWASP, CSV Injection.

    Example:
        >>> starts_formula("=HYPERLINK(A1)"), starts_formula(" @SUM(A1)"), starts_formula("Oak")
        (True, True, False)
    """
    return text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)


def spreadsheet_cell(text: str) -> str:
    """Returns a text for a cell of a CSV for people: one that would be computed gets a `'`.

    Spreadsheets read that as "this is a text".

    Example:
        >>> spreadsheet_cell("=1+1"), spreadsheet_cell("Oak")
        ("'=1+1", 'Oak')
    """
    return f"'{text}" if starts_formula(text) else text


def of_spreadsheet_cell(cell: str) -> str:
    """Returns the text that `spreadsheet_cell` made a cell of.

    Example:
        >>> of_spreadsheet_cell("'=1+1"), of_spreadsheet_cell("'Oak'")
        ('=1+1', "'Oak'")
    """
    return cell[1:] if cell.startswith("'") and starts_formula(cell[1:]) else cell


def folders_outside(products: Iterable[Product], folder: Path) -> list[Path]:
    """Returns the folders of pictures that do not lie in a folder or below it, in order of path.

    Another catalogue than the one that was exported must be told to read pictures from there.

    Example:
        >>> from floorlens.products.product import Product
        >>> pictures = ("/shop/oak.jpg", "/shop/old/oak.jpg", "/lists/oak.jpg")
        >>> [path.as_posix() for path in folders_outside([Product("oak", "Oak", {}, pictures)],
        ...                                              Path("/lists"))]
        ['/shop']
    """
    folder = folder.resolve()
    parents = {Path(image).parent for product in products for image in product.images}
    outside: list[Path] = []
    for parent in sorted(parents):
        if not any(parent.is_relative_to(other) for other in (folder, *outside[-1:])):
            outside.append(parent)
    return outside


def _placed(products: Iterable[Product], folder: Path | None) -> Iterable[Product]:
    """Yields products whose pictures are named as a list in a folder names them."""
    place = None if folder is None else folder.resolve()
    for product in products:
        yield replace(product, images=tuple(_relative(image, place) for image in product.images))


def _relative(image: str, folder: Path | None) -> str:
    path = Path(image)
    if folder is None or not path.is_relative_to(folder):
        return image
    return path.relative_to(folder).as_posix()


def _title(field: str) -> str:
    title = field_title(field)
    return JSON_MARK + json.dumps(field, ensure_ascii=False) if starts_formula(title) else title


def _image_cell(images: Sequence[str]) -> str:
    odd = any(_PARTS.search(image) or image.startswith(JSON_MARK) for image in images)
    if odd or starts_formula(next(iter(images), "")):
        return JSON_MARK + json.dumps(list(images), ensure_ascii=False)
    return "|".join(images)


def _text_cell(text: str) -> str:
    marked = text.startswith(JSON_MARK) or starts_formula(text)
    if text and text == tidy(text) and not marked:
        return text
    return JSON_MARK + json.dumps(text, ensure_ascii=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and typed_cell(value) == value and not may_be_number(value):
        return _text_cell(value)
    if isinstance(value, int | float):
        text = format(Decimal(repr(value)), "f")
        if isinstance(value, float) and "." not in text:
            text += ".0"
        # In a column of prices, 1.299 may have thousands; 1.2990 has not.
        text += "0" * bool(re.search(r"\.[0-9]{3}$", text))
        number = typed_cell(text)
        if type(number) is type(value) and number == value:
            return text
    return JSON_MARK + json.dumps(value, ensure_ascii=False)
