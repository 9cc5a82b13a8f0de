"""Metadata as PostgreSQL's jsonb, and filters as SQL on it."""

from __future__ import annotations

import json
from typing import Any

from floorlens.engines import Record
from floorlens.engines.filters import ORDER, AllOf, AnyOf, Condition, Filter
from floorlens.engines.metadata import SIGNS
from floorlens.errors import EngineUnsupported


def to_jsonb(record: Record) -> str:
    """Returns the metadata of a record as the text of a jsonb.

    Raises:
        EngineUnsupported: a text of the metadata has a character that PostgreSQL cannot keep.

    Example:
        >>> to_jsonb(Record("oak", np.zeros(2, np.float32), {"price": 40}))
        '{"price": 40}'
    """
    texts: list[Any] = []
    for field, value in record.metadata.items():
        texts = [*texts, field, *(value if isinstance(value, list | tuple) else [value])]
    if not all(_is_text(text) for text in texts if isinstance(text, str)):
        raise EngineUnsupported(
            f"the product {record.id!r} has a character in its metadata that PostgreSQL cannot "
            "keep (NUL, or half of a surrogate pair): remove it"
        )
    return json.dumps({field: _exact(value) for field, value in record.metadata.items()})


def to_sql(where: Filter) -> tuple[str, list[str]]:
    """Returns a filter as SQL on the column `metadata`, and the values of its placeholders.

    A jsonpath looks into lists by itself and compares only values of one kind, as filters do.

    Example:
        >>> to_sql(Condition("price", "$lt", 50))
        ('coalesce(metadata @? %s::jsonpath, false)', ['$."price" ? (@ < 50)'])
    """
    if isinstance(where, AllOf | AnyOf):
        parts = [to_sql(part) for part in where.parts]
        word = " and " if isinstance(where, AllOf) else " or "
        return f"({word.join(text for text, _ in parts)})", [v for _, some in parts for v in some]
    if where.operator == "$exists":
        if not _is_text(where.field):
            return ("false" if where.value else "true"), []
        sign = "<>" if where.value else "="
        return f"coalesce(metadata -> %s, 'null') {sign} 'null'", [where.field]
    path = _path(where)
    text, values = ("coalesce(metadata @? %s::jsonpath, false)", [path]) if path else ("false", [])
    return f"(not {text})" if where.operator in ("$ne", "$nin") else text, values


def _path(condition: Condition) -> str | None:
    """Returns the jsonpath of a condition, or of what it negates; None where nothing passes."""
    if condition.operator in ORDER:
        tests = [f"@ {SIGNS[condition.operator]} {json.dumps(_exact(condition.value))}"]
    else:
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        valid = [value for value in values if not isinstance(value, str) or _is_text(value)]
        tests = [f"@ == {json.dumps(_exact(value))}" for value in valid]
    if not tests or not _is_text(condition.field):
        return None
    return f"$.{json.dumps(condition.field)} ? ({' || '.join(tests)})"


def _exact(value: Any) -> Any:
    # jsonb keeps the decimals as written. Of a large double Python writes the shortest that round
    # to it, which is not its value.
    return int(value) if isinstance(value, float) and abs(value) >= 2**53 else value


def _is_text(value: str) -> bool:
    # PostgreSQL keeps neither NUL nor half of a surrogate pair.
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False
