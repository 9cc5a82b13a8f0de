"""What Pinecone takes: ids, vectors with metadata, filters, and how much of it at once.

Limits and kinds are those of Pinecone's public documentation ("Operation limits", "Indexing
overview", "Filter by metadata"). Nothing here talks to anybody.
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
# Of the 2 MB of an upsert we leave some for its envelope.
UPSERT_BYTES = 1_900_000
# `fetch` is a GET: its ids must fit into an address that every proxy lets pass.
ADDRESS_CHARACTERS = 7_000
# A float64 has at most 24 characters in JSON, and a comma.
_FLOAT_CHARACTERS = 25


def is_id(text: str) -> bool:
    """Returns whether Pinecone can hold a record, or a namespace, of this name."""
    return 1 <= len(text) <= ID_LENGTH and text.isascii() and "\0" not in text


def vector_item(record: Record) -> dict[str, Any]:
    """Returns a record as the SDK takes it. Fields without a value are left out.

    Raises:
        EngineUnsupported: Pinecone cannot keep its id, its vector or a field; the text names them.
    """
    if not is_id(record.id):
        raise EngineUnsupported(
            f"Pinecone keeps ids of 1 to {ID_LENGTH} ASCII characters: {record.id!r} is none"
        )
    if not np.isfinite(record.vector).all() or not record.vector.any():
        raise EngineUnsupported(
            f"Pinecone keeps no vector that is zero or not finite, as that of {record.id!r}"
        )
    metadata = {
        key: _kept(record.id, key, value)
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
    """Yields items of `vector_item` in batches that one upsert may carry."""
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
    """Yields ids in batches that the address of one fetch may carry."""
    return _batches(
        ids, MOST_IDS, ADDRESS_CHARACTERS, lambda text: len(quote(text, safe="")) + len("&ids=")
    )


def delete_batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yields ids in batches that one delete may carry."""
    return _batches(ids, MOST_IDS, MOST_IDS, lambda _: 1)


def is_seen(
    item: Mapping[str, Any], values: Sequence[float], metadata: Mapping[str, Any] | None
) -> bool:
    """Returns whether what was read is the item that was written.

    Vectors may come back rounded, lists in another order, and empty ones not at all.
    """
    return bool(
        _plain(item["metadata"]) == _plain(metadata or {})
        and len(values) == len(item["values"])
        and np.allclose(values, item["values"], atol=1e-5)
    )


def translated(where: Filter) -> dict[str, Any] | bool:
    """Returns a filter in Pinecone's language; True or False where all or no record passes.

    It is written so that it holds whatever Pinecone makes of a record without the field, of an
    empty list of values, of booleans in `$in`, and of values of several kinds in one list: its
    documentation leaves these open.

    Raises:
        EngineUnsupported: a number that no 64-bit float is, or more than 10,000 values.
    """
    if isinstance(where, Condition):
        return _condition(where)
    every = isinstance(where, AllOf)
    return _joined([translated(part) for part in where.parts], every=every)


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
        _number(one, f"the filter's value of {field!r}")
        for one in values
        if not isinstance(one, str | bool)
    ]
    if name in ORDER:
        return {field: {name: numbers[0]}}
    texts = [one for one in values if isinstance(one, str)]
    flags = [one for one in values if isinstance(one, bool)]
    equal = name in ("$eq", "$in")
    one_of, same = ("$in", "$eq") if equal else ("$nin", "$ne")
    groups: list[list[Any]] = [texts, numbers, *([flag] for flag in set(flags))]
    kinds = [group for group in groups if group]
    parts = [{field: {one_of: group} if len(group) > 1 else {same: group[0]}} for group in kinds]
    found = _joined(parts, every=not equal)
    # Ours lets a record without the field pass `$ne` and `$nin`.
    return found if equal else _joined([found, {field: {"$exists": False}}], every=False)


def _joined(parts: Sequence[dict[str, Any] | bool], *, every: bool) -> dict[str, Any] | bool:
    if any(part is (not every) for part in parts):
        return not every
    rest = [part for part in parts if not isinstance(part, bool)]
    if len(rest) > 1:
        return {"$and" if every else "$or": rest}
    return rest[0] if rest else every


def _number(value: float, whose: str) -> float:
    try:
        held = float(value)
    except OverflowError:
        held = math.inf
    if not math.isfinite(held) or held != value:
        raise EngineUnsupported(f"Pinecone keeps 64-bit floats, which {whose} is not: {value}")
    # The SDK sends integers of 64 bits at most.
    return value if abs(value) < 2**53 else held


def _kept(record_id: str, key: str, value: Any) -> Any:
    whose = f"of {record_id!r} the field {key!r}"
    if key.startswith("$") or not _is_text(key):
        raise EngineUnsupported(f"Pinecone cannot keep {whose}: names may not begin with $")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, whose)
    texts = list(value) if isinstance(value, list | tuple) else [value]
    if isinstance(value, bool) or all(_is_text(text) for text in texts):
        return texts if isinstance(value, list | tuple) else value
    raise EngineUnsupported(
        f"Pinecone cannot keep {whose}: it takes strings, numbers, booleans and lists of strings"
    )


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in metadata.items()
        if value != []
    }


def _is_text(value: Any) -> bool:
    # JSON in UTF-8 cannot hold half of a surrogate pair.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _batches(
    items: Sequence[T], most: int, limit: int, size: Callable[[T], int]
) -> Iterator[list[T]]:
    batch: list[T] = []
    held = 0
    for item in items:
        more = size(item)
        if batch and (len(batch) == most or held + more > limit):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += more
    if batch:
        yield batch
