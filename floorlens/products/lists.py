"""The products of a table: each row becomes a product, a further picture of one, or a refusal."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floorlens.errors import ProductSourceError
from floorlens.products.amounts import JSON_MARK, read_amounts, typed_cell
from floorlens.products.columns import (
    ROLES,
    Columns,
    looks_like_picture,
    missing_columns,
    titled_field,
)
from floorlens.products.ids import check_id
from floorlens.products.places import Places
from floorlens.products.product import MAX_IMAGES, Product, ProductList, Refusal
from floorlens.products.tables import MAX_CELLS, MAX_COLUMNS, Row, Table
from floorlens.products.texts import plain_name, tidy

_ADDRESSES = re.compile(r"(?<=[,;\s])(?=https?://)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[,;\n]")
# How programs make Excel keep the zeros of ="0012".
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
# So many places are named in a note.
_SHOWN = 5


def products_of(
    table: Table,
    path: Path,
    columns: Columns,
    *,
    numbers: bool = True,
    places: Places | None = None,
) -> ProductList:
    """Returns the products of a list.

    Rows without a value are skipped, and so is a row that repeats another. One that repeats an id
    and leaves all but the picture empty brings a further picture of it; in the export of a shop
    whose rows are pictures and variants (`ShopFormat.merged`) every row of an id does. Two other
    rows of one id are both refused.

    Args:
        table: the list.
        path: its file.
        columns: which column is what.
        numbers: whether text may become numbers.
        places: where its pictures may lie; None: in its folder.

    Raises:
        ProductSourceError: the list has no column for ids or for pictures.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.products.columns import find_columns
        >>> from floorlens.products.tables import MAX_CELLS, MAX_COLUMNS, Row, Table
        >>> rows = (Row("line 2", ("1", "oak-natural-plank.jpg", "Oak")), Row("line 3", ("2", "")))
        >>> table = Table(("SKU", "Bild", "Titel"), "line 1", rows)
        >>> shop = products_of(table, Path("products/list.csv"), find_columns(table.header))
        >>> [product.name for product in shop.products], shop.refusals[0].place
        (['Oak'], 'line 3')
    """
    width, height = len(table.header), len(table.rows)
    if width > MAX_COLUMNS or width * height > MAX_CELLS:
        raise ProductSourceError(
            f"{path}: has {height:,} rows of {width:,} columns, which are too many: divide it"
        )
    if not columns.usable:
        if not table.header and not table.rows:
            raise ProductSourceError(f"{path}: holds no rows")
        sample = [row.cells for row in table.rows[:200] if row.fault is None]
        raise ProductSourceError(
            f"{path}, {table.place}: {missing_columns(table.header, columns, sample)}"
        )
    drafts = _Drafts(table, columns)
    for draft in drafts.of_rows(numbers):
        drafts.add(draft)
    return drafts.finish(places or Places(path.parent))


@dataclass(frozen=True)
class _Literal:
    """A value that stands in a text as `json:"0012"` or `="0012"`, and means nothing else."""

    value: Any


@dataclass(frozen=True)
class _Variation:
    """What a row says about a variation of a product; `parent` is how it names the product."""

    parent: str
    values: dict[str, Any]
    place: str


@dataclass
class _Draft:
    """What rows say about a product, before its pictures are looked for."""

    id: str
    name: str | None
    images: list[str]
    values: dict[str, Any]
    rows: list[int]
    conflict: bool = False

    @property
    def content(self) -> tuple[Any, ...]:
        """What makes two rows equal."""
        return (self.name, self.images, self.values)


class _Drafts:
    """Reads rows into products, and remembers what was refused, skipped and merged on the way."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self._table, self._columns = table, columns
        self._merged = columns.shop is not None and columns.shop.merged
        self._notes = list(table.notes)
        self._refusals: list[tuple[int, Refusal]] = []
        self._drafts: dict[str, _Draft] = {}
        self._variations: list[_Variation] = []
        # Rows of an id as they were read, to know those that repeat one.
        self._contents: dict[str, list[tuple[Any, ...]]] = {}
        # What happened -> the places where it did.
        self._events: dict[str, list[str]] = {}
        self._note_columns()
        self._fields = self._name_fields()

    def of_rows(self, numbers: bool) -> Iterator[_Draft]:
        """Yields what each sound row says; others are refused or, if they are empty, skipped."""
        rows = [
            (number, cells)
            for number, row in enumerate(self._table.rows)
            if (cells := self._cells(number, row)) is not None
        ]
        self._read_numbers([cells for _, cells in rows], numbers)
        for number, cells in rows:
            place = self._table.rows[number].place
            cells = [cell.value if isinstance(cell, _Literal) else cell for cell in cells]
            try:
                product_id = check_id(self._id(cells), place)
            except ProductSourceError as error:
                self._refuse(number, None, str(error).removeprefix(f"{place}: "))
                continue
            if self._is_tidied(number, product_id):
                self._happened("ids with other spaces or unseen marks, tidied", place)
            images = self._images(cells)
            values = {
                key: cells[column]
                for column, key in self._fields.items()
                if cells[column] is not None
            }
            if self._is_variation(cells):
                self._add_variation(cells, values, place)
                if not images:
                    self._happened("variations without a picture left out", place)
                    continue
            name = None if self._columns.name is None else cells[self._columns.name]
            yield _Draft(
                product_id, None if name in (None, "") else str(name), images, values, [number]
            )

    def add(self, draft: _Draft) -> None:
        """Adds what a row says to what others said of the same id."""
        first = self._drafts.setdefault(draft.id, draft)
        contents = self._contents.setdefault(draft.id, [])
        if first is draft:
            contents.append((draft.name, list(draft.images), dict(draft.values)))
            return
        place = self._table.rows[draft.rows[0]].place
        if draft.content in contents:
            self._happened("rows that repeat another skipped", place)
            return
        first.rows.extend(draft.rows)
        contents.append(draft.content)
        # In a plain list such a row must leave empty what the first one says.
        only_picture = draft.name is None and all(map(_is_of_picture, draft.values))
        if self._merged or (only_picture and (first.name is not None or first.values)):
            self._happened("further rows of a product added to it", place)
            first.images.extend(image for image in draft.images if image not in first.images)
            first.name = first.name or draft.name
            for key, value in draft.values.items():
                first.values[key] = _merge(first.values.get(key), value)
        else:
            first.conflict = True

    def finish(self, places: Places) -> ProductList:
        """Returns the products, the refusals and the notes."""
        self._merge_variations()
        products = []
        for draft in self._drafts.values():
            if draft.conflict:
                lines = ", ".join(self._table.rows[number].place for number in draft.rows[:_SHOWN])
                for number in draft.rows:
                    self._refuse(
                        number,
                        draft.id,
                        f"the id {draft.id!r} occurs more than once ({lines}), with other values: "
                        "give each product its own, or put all its pictures into one row, "
                        "with | between",
                    )
                continue
            try:
                products.append(self._product(draft, places))
            except ProductSourceError as error:
                place = self._table.rows[draft.rows[0]].place
                self._refuse(draft.rows[0], draft.id, str(error).removeprefix(f"{place}: "))
        for event, rows in self._events.items():
            more = " …" if len(rows) > _SHOWN else ""
            self._notes.append(f"{event}: {len(rows)} ({', '.join(rows[:_SHOWN])}{more})")
        if places.note is not None:
            self._notes.append(places.note)
        return ProductList(
            tuple(sorted(products, key=lambda product: product.id)),
            tuple(refusal for _, refusal in sorted(self._refusals, key=lambda pair: pair[0])),
            tuple(self._notes),
        )

    # -- variations ----------------------------------------------------------------------------

    def _is_variation(self, cells: Sequence[Any]) -> bool:
        shop = self._columns.shop
        if shop is None or shop.variations is None:
            return False
        column, word = shop.variations
        return any(
            str(cells[place] or "").casefold().startswith(word) for place in self._called(column)
        )

    def _add_variation(self, cells: Sequence[Any], values: dict[str, Any], place: str) -> None:
        shop = self._columns.shop
        if shop is None or shop.parent is None:
            return
        columns = self._called(shop.parent[0])
        own = {self._fields[column] for column in columns if column in self._fields}
        rest = {key: value for key, value in values.items() if key not in own}
        for column in columns:
            if cells[column] is not None:
                self._variations.append(_Variation(str(cells[column]), rest, place))

    def _merge_variations(self) -> None:
        """Gives products what they lack and their variations have, such as a price."""
        shop = self._columns.shop
        if shop is None or shop.parent is None or not self._variations:
            return
        columns = self._called(shop.parent[1])
        codes = [self._fields[column] for column in columns if column in self._fields]
        drafts = {
            str(draft.values[code]): draft
            for code in codes
            for draft in reversed(self._drafts.values())
            if code in draft.values
        }
        drafts.update((f"id:{draft.id}", draft) for draft in self._drafts.values())
        known = {draft.id: frozenset(draft.values) for draft in drafts.values()}
        for variation in self._variations:
            parent = drafts.get(variation.parent)
            if parent is None:
                continue
            lacking = {k: v for k, v in variation.values.items() if k not in known[parent.id]}
            for key, value in lacking.items():
                parent.values[key] = _merge(parent.values.get(key), value)
            if lacking:
                what = "variations with values that their product lacks, given to it"
                self._happened(what, variation.place)

    def _called(self, name: str) -> list[int]:
        """Returns the columns of a name, as `plain_name` compares them."""
        return [
            place for place, title in enumerate(self._table.header) if plain_name(title) == name
        ]

    # -- columns -------------------------------------------------------------------------------

    def _note_columns(self) -> None:
        columns, header = self._columns, self._table.header
        if columns.shop is not None:
            self._notes.append(f"recognised as an export of {columns.shop.name}")
        places: dict[str, list[int | None]] = {
            "id": [columns.id],
            "image": list(columns.images),
            "name": [] if columns.name is None else [columns.name],
        }
        names = {
            role: [tidy(header[place]) for place in some if place is not None]
            for role, some in places.items()
        }
        if any(name != role for role, titles in names.items() for name in titles):
            parts = [
                f"{role} is {' and '.join(repr(title) for title in titles)}"
                for role, titles in names.items()
                if titles
            ]
            self._notes.append("columns: " + ", ".join(parts))

    def _name_fields(self) -> dict[int, str]:
        """Returns the metadata field of each column that has no role and has a name."""
        fields: dict[int, str] = {}
        # Those are not fields: an export writes columns of these names.
        used = set(ROLES)
        filled = {
            column
            for row in self._table.rows
            for column, cell in enumerate(row.cells)
            if cell is not None and cell != ""
        }
        numbers: Counter[str] = Counter()
        for column, title in enumerate(self._table.header):
            if column in self._columns.roles:
                continue
            name = tidy(titled_field(tidy(title))).replace("\0", "")
            name = name.encode("utf-8", "replace").decode()
            if not name:
                if column in filled:
                    self._notes.append(f"column {column + 1} has no name: it was left out")
                continue
            unique = name
            while unique in used:
                numbers[name] += 1
                unique = f"{name} {numbers[name] + 1}"
            if unique != name:
                self._notes.append(f"one more column is called {name!r}: it became {unique!r}")
            used.add(unique)
            fields[column] = unique
        return fields

    def _read_numbers(self, rows: Sequence[list[Any]], numbers: bool) -> None:
        """Puts numbers and booleans in the place of texts that mean them."""
        if self._table.kind == "records":
            return
        for column, name in self._fields.items():
            filled = [cells for cells in rows if not isinstance(cells[column], _Literal | None)]
            amounts = read_amounts(name, [cells[column] for cells in filled]) if numbers else None
            if amounts is not None:
                self._notes.append(amounts.note)
            if amounts is not None and amounts.values is not None:
                for cells, number in zip(filled, amounts.values, strict=True):
                    cells[column] = number
            elif self._table.kind == "text":
                for cells in filled:
                    value = typed_cell(cells[column])
                    if numbers or isinstance(value, bool):
                        cells[column] = value

    # -- rows ----------------------------------------------------------------------------------

    def _cells(self, number: int, row: Row) -> list[Any] | None:
        """Returns a row's cells, one for each column; None if it is refused or empty."""
        width = len(self._table.header)
        cells = [self._cell(column, cell) for column, cell in enumerate(row.cells)]
        if self._table.kind != "records":
            cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
        known = self._known_id(cells)
        if row.fault is not None:
            self._refuse(number, known, row.fault)
            return None
        if not any(cell is not None for cell in cells):
            self._happened("empty rows skipped", row.place)
            return None
        if any(cell is not None for cell in cells[width:]):
            cause = (
                f"has {len(cells)} cells, the header has {width}: a cell that holds the separator "
                "must stand in quotes"
            )
            self._refuse(number, known, cause)
            return None
        if len(cells) < width and self._table.kind == "text":
            self._happened("rows that end early, read as if empty cells followed", row.place)
        return cells[:width] + [None] * (width - len(cells))

    def _cell(self, column: int, cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        if self._table.kind == "text" and cell.lstrip().startswith(JSON_MARK):
            try:
                return _Literal(json.loads(cell.lstrip().removeprefix(JSON_MARK)))
            except (ValueError, RecursionError):
                # A text that only begins like it.
                pass
        if self._table.kind == "text" and (formula := _TEXT_FORMULA.fullmatch(cell.strip())):
            return _Literal(tidy(formula[1]) or None)
        # The name of a file may have other spaces.
        return cell if column in self._columns.images else tidy(cell)

    def _id(self, cells: Sequence[Any]) -> Any:
        value = cells[self._columns.id] if self._columns.id is not None else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and (isinstance(value, int) or self._table.kind == "sheet"):
            return str(value)
        return value

    def _is_tidied(self, number: int, product_id: str) -> bool:
        column, cells = self._columns.id, self._table.rows[number].cells
        written = None if column is None else cells[column]
        if not isinstance(written, str) or written.lstrip().startswith(JSON_MARK):
            return False
        return written.strip(" \t\r\n") != product_id

    def _known_id(self, cells: Sequence[Any]) -> str | None:
        if self._columns.id is None or self._columns.id >= len(cells):
            return None
        try:
            return check_id(self._id(cells), "")
        except ProductSourceError:
            return None

    def _images(self, cells: Sequence[Any]) -> list[str]:
        return [name for column in self._columns.images for name in _picture_names(cells[column])]

    def _happened(self, what: str, place: str) -> None:
        self._events.setdefault(what, []).append(place)

    def _refuse(self, number: int, product_id: str | None, cause: str) -> None:
        place = self._table.rows[number].place
        self._refusals.append((number, Refusal(place, product_id, cause)))

    # -- products ------------------------------------------------------------------------------

    def _product(self, draft: _Draft, places: Places) -> Product:
        place = self._table.rows[draft.rows[0]].place
        images = draft.images
        if not images:
            columns = ", ".join(repr(tidy(self._table.header[i])) for i in self._columns.images)
            raise ProductSourceError(f"names no picture: give it one in the column {columns}")
        if len(images) > MAX_IMAGES:
            if self._columns.shop is None:
                raise ProductSourceError(
                    f"names {len(images)} pictures, a product has at most {MAX_IMAGES}: "
                    "leave some out"
                )
            # Nobody edits a shop's export by hand.
            self._happened(f"products with more than {MAX_IMAGES} pictures, cut short", place)
            images = images[:MAX_IMAGES]
        name = draft.name or draft.id
        _refuse_nul("name", name)
        values = {}
        for key, value in draft.values.items():
            if isinstance(value, list) and not all(isinstance(item, str) for item in value):
                # Interfaces of shops answer so: no filter could use it, and nobody edits it.
                self._happened(f"{key!r} dropped, a list of other than texts", place)
            else:
                values[key] = metadata_value(key, value)
        pictures = tuple(places.find(image, place) for image in images)
        return Product(draft.id, name, values, pictures)


def _picture_names(cell: Any) -> Iterator[str]:
    """Yields the names of the pictures in a cell."""
    if isinstance(cell, list):
        for item in cell:
            # As the interfaces of shops answer: {"src": "https://…"}.
            source = item.get("src") or item.get("url") if isinstance(item, dict) else item
            if source is not None and str(source).strip():
                yield str(source).strip()
        return
    for part in str("" if cell is None else cell).split("|"):
        name = part.strip()
        if name.lower().startswith(("http://", "https://")):
            # An address may have commas within.
            parts = _ADDRESSES.split(name)
        else:
            parts = [each for each in _SEPARATORS.split(name) if each.strip()]
            if not all(looks_like_picture(each) for each in parts):
                parts = [name]
        for each in parts:
            if each.strip(" ,;\t\r\n"):
                yield each.strip(" ,;\t\r\n") if len(parts) > 1 else each


def _is_of_picture(field: str) -> bool:
    """Returns whether a field describes a picture or a variant rather than the product."""
    return plain_name(field).startswith(("image", "picture", "photo", "bild", "foto", "variant"))


def _merge(first: Any, value: Any) -> Any:
    """Returns the values of two rows of one product: different texts become a list."""
    if first is None:
        return value
    texts = first if isinstance(first, list) else [first]
    if not isinstance(value, str) or not all(isinstance(text, str) for text in texts):
        return first
    return first if value in texts else [*texts, value]


def check_fields(name: str | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the metadata of a product as it can be stored, field by field; None stays None.

    Args:
        name: the product's name is checked with it; None: it has none yet.
        metadata: field -> value.

    Raises:
        ProductSourceError: a field or a value cannot be stored.

    Example:
        >>> check_fields("Oak", {"colour": ["oak ", "grey"], "price": None})
        {'colour': ['oak', 'grey'], 'price': None}
    """
    if name is not None:
        _refuse_nul("name", name)
        if not name.strip():
            raise ProductSourceError("'name' is empty: write one, or leave it out")
    values: dict[str, Any] = {}
    for key, value in metadata.items():
        if not tidy(key) or key != tidy(key) or "\0" in key or key in ROLES:
            raise ProductSourceError(f"{key!r} cannot be the name of a field: call it another name")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise ProductSourceError(f"{key!r} is a list of other than texts: change it")
        values[key] = None if value is None else metadata_value(key, value)
    return values


def metadata_value(key: str, value: Any) -> Any:
    """Returns a value as a product's metadata can hold it.

    Raises:
        ProductSourceError: it is neither a text, a number, true or false, nor a list of texts.

    Example:
        >>> metadata_value("colour", ["oak ", "grey"])
        ['oak', 'grey']
    """
    if isinstance(value, float) and value - value != 0:
        raise ProductSourceError(f"{key!r} is not a finite number: leave it out")
    if isinstance(value, str):
        _refuse_nul(key, value)
        return value
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        for item in value:
            _refuse_nul(key, item)
        return [tidy(item) for item in value]
    raise ProductSourceError(
        f"{key!r} is neither a text, a number, true or false, nor a list of texts: change it or "
        "leave it out"
    )


def _refuse_nul(key: str, text: str) -> None:
    # PostgreSQL cannot store it, and no name has one.
    if "\0" in text:
        raise ProductSourceError(f"{key!r} holds a NUL character: take it out")
