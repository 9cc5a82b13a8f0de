"""Tables in JSON: an array of objects, or one object a line (JSONL)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from floorlens.errors import ProductSourceError
from floorlens.products.columns import field_title
from floorlens.products.encodings import decode
from floorlens.products.tables import MAX_CELLS, Row, Table

# Objects inside objects, so many deep: a price with its currency, not a whole shop.
_DEPTH = 4


def read_records(data: bytes) -> Table:
    r"""Returns the table in a JSON array of objects, or in JSONL, told by the text itself.

    The header is every key that any object has, in order of appearance. Objects within objects
    become fields with a dot: `{"price": {"value": 3}}` is the field `price.value`. One object that
    holds nothing but an array of objects (`{"products": […]}`) stands for that array. Of what
    `floorlens export` writes, `metadata` is no field: its members are.

    Raises:
        ProductSourceError: it is not JSON as a whole.

    Example:
        >>> table = read_records(b'{"id": "oak", "image": "oak.jpg"}\n{"id": "elm"}\n')
        >>> table.header, [row.cells for row in table.rows]
        (('id', 'image'), [('oak', 'oak.jpg'), ('elm', None)])
    """
    text, encoding = decode(data)
    notes = () if encoding is None else (f"read as {encoding}",)
    try:
        entries = _array(json.loads(text))
    except (ValueError, RecursionError) as error:
        # Not splitlines: it would also split at Unicode's line breaks inside a text.
        lines = [line.strip() for line in text.split("\n")]
        if text.lstrip().startswith("[") and not _is_json(next(filter(None, lines))):
            raise ProductSourceError(f"is not JSON ({error}): mend it there") from error
        entries = None
        items = [(f"line {number}", *_parse(line)) for number, line in enumerate(lines, 1) if line]
    if entries is not None:
        items = [(f"entry {i}", entry, None) for i, entry in enumerate(entries, 1)]
    return table_of(items, notes)


def table_of(items: Iterable[tuple[str, Any, str | None]], notes: Sequence[str] = ()) -> Table:
    """Returns the table of objects.

    Args:
        items: of each object its place, what it is, and why it cannot be read, if it cannot.
        notes: what their reader decided, in sentences.

    Raises:
        ProductSourceError: they have too many different fields.

    Example:
        >>> table_of([("entry 1", {"price": {"value": 3}}, None)]).header
        ('price.value',)
    """
    records = []
    for place, entry, fault in items:
        record: dict[str, Any] = {}
        if fault is None:
            fault = _fault(entry) or _flatten(entry, record)
        elif isinstance(entry, dict):
            # What is sound of it says whose fault it is.
            _flatten(entry, record)
        records.append((place, record, fault))
    header = tuple(dict.fromkeys(key for _, record, _ in records for key in record))
    if len(header) * len(records) > MAX_CELLS:
        raise ProductSourceError(f"has {len(header):,} different fields: divide it")
    rows = tuple(
        Row(place, tuple(record.get(key) for key in header), fault)
        for place, record, fault in records
    )
    return Table(header, "its keys", rows, "records", tuple(notes))


def _array(value: Any) -> list[Any] | None:
    """Returns the entries of a whole text; None if it may also be one line of JSONL."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        if isinstance(only, list) and only and all(isinstance(item, dict) for item in only):
            return only
    return [value]


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(line: str) -> tuple[Any, str | None]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        return None, f"is not JSON ({error})"
    return entry, None


def _fault(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "is not a JSON object: write {…} with the fields of one product"
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds half a character (\\ud800…) or a byte that is not UTF-8: mend it"
    except RecursionError:
        return "has objects within objects, too deep to be read"
    return None


def _flatten(
    entry: dict[str, Any], record: dict[str, Any], prefix: str = "", depth: int = 1
) -> str | None:
    """Puts an object's fields into `record`; returns why that is impossible, if it is."""
    exported = depth == 1 and isinstance(entry.get("images"), list) and "metadata" in entry
    for key, value in entry.items():
        if not isinstance(value, dict):
            record.setdefault(prefix + key, value)
            continue
        if depth == _DEPTH:
            return f"{prefix + key!r} has objects within objects, too deep to be read"
        inner = f"{prefix}{key}."
        if exported and key == "metadata":
            # Its members are fields, also one that is called "images".
            inner, value = "", {field_title(field): item for field, item in value.items()}
        fault = _flatten(value, record, inner, depth + 1)
        if fault is not None:
            return fault
    return None
