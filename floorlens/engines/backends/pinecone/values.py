"""What Pinecone accepts: ids, vectors with metadata, filters, and how much of it at once.

Limits and kinds are those of Pinecone's public documentation ("Operation limits", "Indexing
overview", "Filter by metadata"). Nothing here uses the network.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np

from floorlens.engines import Record
from floorlens.engines.filters import ORDER, AllOf, Condition, Filter
from floorlens.errors import EngineUnsupported

T = TypeVar("T")

MOST_IDS = 1_000
MOST_VECTORS = 1_000
MOST_IN_FILTER = 10_000
ID_LENGTH = 512
METADATA_BYTES = 40 * 1024
UPSERT_BYTES = 1_900_000
"""An upsert may have 2 MB; some are left for its envelope."""
ADDRESS_CHARACTERS = 7_000
"""`fetch` is a GET, so its ids must fit into an address that every proxy accepts."""
# A float64 has at most 24 characters in JSON, and a comma.
_FLOAT_CHARACTERS = 25


def is_id(text: str) -> bool:
    """Returns whether Pinecone accepts a text as the id of a record or the name of a namespace.

    Example:
        >>> is_id("oak-01"), is_id("größe")
        (True, False)
    """
    return 1 <= len(text) <= ID_LENGTH and text.isascii() and "\0" not in text


def vector_item(record: Record) -> dict[str, Any]:
    """Returns a record as the SDK expects it. Fields without a value are left out.

    Raises:
        EngineUnsupported: Pinecone cannot keep its id, its vector or a field, which the message
            names.

    Example:
        >>> vector_item(Record("oak", np.array([1, 0], np.float32), {"price": 40, "width": None}))
        {'id': 'oak', 'values': [1.0, 0.0], 'metadata': {'price': 40}}
    """
    if not is_id(record.id):
        raise EngineUnsupported(
            f"Pinecone keeps ids of 1 to {ID_LENGTH} ASCII characters, and {record.id!r} is not one"
        )
    if not np.isfinite(record.vector).all() or not record.vector.any():
        raise EngineUnsupported(
            f"Pinecone keeps no vector that is zero or not finite, and that of {record.id!r} is one"
        )
    metadata = {
        key: _check_value(record.id, key, value)
        for key, value in record.metadata.items()
        if value is not None
    }
    size = _json_bytes(metadata)
    if size > METADATA_BYTES:
        largest = max(metadata, key=lambda key: _json_bytes(metadata[key]))
        raise EngineUnsupported(
            f"Pinecone keeps {METADATA_BYTES // 1024} KB of metadata: {record.id!r} has {size} "
            f"bytes, most of them in {largest!r}"
        )
    return {"id": record.id, "values": record.vector.tolist(), "metadata": metadata}


def upsert_batches(items: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yields items of `vector_item` in batches for one upsert each.

    Example:
        >>> item = vector_item(Record("oak", np.array([1, 0], np.float32), {}))
        >>> [len(batch) for batch in upsert_batches([item] * 1500)]
        [1000, 500]
    """
    return _batches(
        items,
        MOST_VECTORS,
        UPSERT_BYTES,
        lambda item: (
            _json_bytes(item["id"])
            + _json_bytes(item["metadata"])
            + _FLOAT_CHARACTERS * len(item["values"])
            + 50
        ),
    )


def fetch_batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yields ids in batches for one fetch each, whose address holds them.

    Example:
        >>> [len(batch) for batch in fetch_batches(["a" * 95] * 100)]
        [70, 30]
    """
    return _batches(
        ids, MOST_IDS, ADDRESS_CHARACTERS, lambda text: len(quote(text, safe="")) + len("&ids=")
    )


def delete_batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yields ids in batches for one delete each.

    Example:
        >>> [len(batch) for batch in delete_batches(["oak"] * 1500)]
        [1000, 500]
    """
    return _batches(ids, MOST_IDS, MOST_IDS, lambda _: 1)


def is_same_item(
    item: Mapping[str, Any], values: Sequence[float], metadata: Mapping[str, Any] | None
) -> bool:
    """Returns whether a record as it was read is the item that was written.

    Vectors may come back rounded, lists in another order, and empty lists not at all.

    Example:
        >>> item = {"id": "oak", "values": [1.0, 0.0], "metadata": {"rooms": ["hall", "bath"]}}
        >>> is_same_item(item, [0.9999999, 0.0], {"rooms": ["bath", "hall"]})
        True
    """
    return bool(
        _comparable(item["metadata"]) == _comparable(metadata or {})
        and len(values) == len(item["values"])
        and np.allclose(values, item["values"], atol=1e-5)
    )


def translate_filter(where: Filter) -> dict[str, Any] | bool:
    """Returns a filter in Pinecone's language; True if every record passes, False if none does.

    Pinecone's documentation does not say what becomes of a record without the field, of an empty
    list of values, of booleans in `$in`, and of values of several kinds in one list. The filter is
    written so that the answer does not depend on it.

    Raises:
        EngineUnsupported: a number is no 64-bit float, or there are more than 10,000 values.

    Example:
        >>> translate_filter(Condition("price", "$lt", 50))
        {'price': {'$lt': 50}}
        >>> translate_filter(Condition("price", "$in", ()))
        False
    """
    if isinstance(where, Condition):
        return _condition(where)
    every = isinstance(where, AllOf)
    return _join([translate_filter(part) for part in where.parts], every=every)


def _condition(condition: Condition) -> dict[str, Any] | bool:
    field, name, value = condition.field, condition.operator, condition.value
    values = value if isinstance(value, tuple) else (value,)
    if len(values) > MOST_IN_FILTER:
        raise EngineUnsupported(
            f"Pinecone compares {field!r} with {MOST_IN_FILTER} values at most, not {len(values)}"
        )
    if name == "$exists":
        return {field: {name: value}}
    numbers = [
        _check_number(number, f"the filter's value of {field!r}")
        for number in values
        if not isinstance(number, str | bool)
    ]
    if name in ORDER:
        return {field: {name: numbers[0]}}
    texts = [text for text in values if isinstance(text, str)]
    flags = [flag for flag in values if isinstance(flag, bool)]
    equal = name in ("$eq", "$in")
    one_of, same = ("$in", "$eq") if equal else ("$nin", "$ne")
    groups: list[list[Any]] = [texts, numbers, *([flag] for flag in set(flags))]
    kinds = [group for group in groups if group]
    parts = [{field: {one_of: group} if len(group) > 1 else {same: group[0]}} for group in kinds]
    test = _join(parts, every=not equal)
    # In our language a record without the field passes `$ne` and `$nin`.
    return test if equal else _join([test, {field: {"$exists": False}}], every=False)


def _join(parts: Sequence[dict[str, Any] | bool], *, every: bool) -> dict[str, Any] | bool:
    if any(part is (not every) for part in parts):
        return not every
    rest = [part for part in parts if not isinstance(part, bool)]
    if len(rest) > 1:
        return {"$and" if every else "$or": rest}
    return rest[0] if rest else every


def _check_number(value: float, subject: str) -> float:
    """Returns a number as it can be sent; `subject` says in the error what it is."""
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double) or double != value:
        raise EngineUnsupported(f"Pinecone keeps 64-bit floats, which {subject} is not: {value}")
    # The SDK sends integers of at most 64 bits.
    return value if abs(value) < 2**53 else double


def _check_value(record_id: str, key: str, value: Any) -> Any:
    """Returns a value of the metadata as it can be sent."""
    subject = f"of {record_id!r} the field {key!r}"
    if key.startswith("$") or not _is_text(key):
        raise EngineUnsupported(f"Pinecone cannot keep {subject}: names may not begin with $")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _check_number(value, subject)
    texts = list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, bool) or all(_is_text(text) for text in texts):
        return texts if isinstance(value, list | tuple) else value
    raise EngineUnsupported(
        f"Pinecone cannot keep {subject}: it takes strings, numbers, booleans and lists of strings"
    )


def _comparable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in metadata.items()
        if value != []
    }


def _is_text(value: Any) -> bool:
    # JSON in UTF-8 cannot hold half a surrogate pair.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _batches(
    items: Sequence[T], most: int, limit: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    batch: list[T] = []
    total = 0
    for item in items:
        item_size = size(item)
        if batch and (len(batch) == most or total + item_size > limit):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += item_size
    if batch:
        yield batch
