"""Pinecone's filter language, for its double.

It follows Pinecone's public pages "Filter by metadata" and "Operation limits" and shares no code
with `floorlens.engines.filters`: it tests the adapter's translation against a second reading. It
refuses what those pages leave open: booleans and mixed kinds in `$in`, and empty lists there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

MOST_VALUES = 10_000
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS = ("$eq", "$ne", *_ORDER, "$in", "$nin", "$exists")


def check_filter(where: Any) -> None:
    """Checks the filter of a request.

    Raises:
        ValueError: it is not valid; the text is the server's answer.
    """
    if not isinstance(where, dict):
        raise ValueError("illegal filter: must be an object")
    for key, value in where.items():
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise ValueError(f"{key} must be a non-empty array of filters")
            for part in value:
                check_filter(part)
        elif key.startswith("$"):
            raise ValueError(f"{key} is not a valid operator")
        else:
            _check_field(key, value)


def passes_filter(
    where: Mapping[str, Any], metadata: Mapping[str, Any], *, absent_differs: bool = False
) -> bool:
    """Returns whether a record passes a filter that `check_filter` accepts.

    A list passes `$eq` and `$in` with one of its members. Values of different kinds (a number, a
    string, a boolean) are never equal. `absent_differs`: whether a record without the field
    passes `$ne` and `$nin`. The documentation does not say; it has not since March 2024
    (deepset-ai/haystack-core-integrations, issue 590).
    """
    for key, value in where.items():
        if key in ("$and", "$or"):
            parts = (passes_filter(part, metadata, absent_differs=absent_differs) for part in value)
            passes = all(parts) if key == "$and" else any(parts)
        else:
            conditions = value if isinstance(value, dict) else {"$eq": value}
            passes = all(
                _passes(name, operand, metadata.get(key), absent_differs)
                for name, operand in conditions.items()
            )
        if not passes:
            return False
    return True


def _check_field(field: str, value: Any) -> None:
    if not isinstance(value, dict):
        value = {"$eq": value}
    if not value:
        raise ValueError(f"the condition on field '{field}' is empty")
    for name, operand in value.items():
        if name not in _OPERATORS:
            raise ValueError(f"{name} is not a valid operator")
        if name == "$exists":
            legal = isinstance(operand, bool)
        elif name in _ORDER:
            legal = _kind(operand) == "number"
        elif name in ("$in", "$nin"):
            legal = isinstance(operand, list) and 1 <= len(operand) <= MOST_VALUES
            legal = legal and {_kind(item) for item in operand} in ({"string"}, {"number"})
        else:
            legal = _kind(operand) != ""
        if not legal:
            raise ValueError(f"the value of {name} on field '{field}' is not valid")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, int | float) and math.isfinite(value) else ""


def _passes(name: str, operand: Any, value: Any, absent_differs: bool) -> bool:
    if name == "$exists":
        return (value is not None) is operand
    if value is None:
        return absent_differs and name in ("$ne", "$nin")
    values = value if isinstance(value, list) else [value]
    if name in _ORDER:
        return any(_kind(one) == "number" and _ORDER[name](one, float(operand)) for one in values)
    targets = operand if isinstance(operand, list) else [operand]
    equal = any(_kind(a) == _kind(b) and a == b for a in values for b in targets)
    return equal is (name in ("$eq", "$in"))
