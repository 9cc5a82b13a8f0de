"""The filter language of `where=`: the operators that all vector engines have in common.

`{"material": "oak", "price": {"$lt": 50}}`, with `$eq $ne $gt $gte $lt $lte $in $nin $exists` on
fields, and `$and $or` above them: the part of Pinecone's language that every backend can apply.
A filter is parsed once into a small tree. Each backend walks that tree.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floorlens.errors import FilterError

Scalar = str | int | float | bool
ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
"""Operators on numbers -> the comparison that they stand for."""
MAX_DEPTH = 32
"""How deep a filter may nest. Filters come from outside: a deeper one could exhaust the stack."""
OPERATORS = ("$eq", "$ne", *ORDER, "$in", "$nin", "$exists")


@dataclass(frozen=True)
class Condition:
    """One test of one field of the metadata.

    Attributes:
        field: the field's name.
        operator: one of `OPERATORS`.
        value: a scalar; a tuple of scalars for `$in` and `$nin`; a bool for `$exists`.
    """

    field: str
    operator: str
    value: Scalar | tuple[Scalar, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Returns whether a product's metadata passes.

        A list matches `$eq` and `$in` when one of its members does. A product without the field
        passes only `$ne`, `$nin` and `{"$exists": false}`. Only numbers have an order.
        """
        content = metadata.get(self.field)
        if self.operator == "$exists":
            return (content is not None) is self.value
        values = [] if content is None else content
        if not isinstance(values, list | tuple):
            values = [values]
        if self.operator in ORDER:
            compare = ORDER[self.operator]
            return any(_is_number(value) and compare(value, self.value) for value in values)
        targets = self.value if isinstance(self.value, tuple) else (self.value,)
        match = any(_is_same(value, target) for value in values for target in targets)
        return match if self.operator in ("$eq", "$in") else not match


@dataclass(frozen=True)
class AllOf:
    """Passes when every part does."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Returns whether a product's metadata passes."""
        return all(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """Passes when at least one part does."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Returns whether a product's metadata passes."""
        return any(part.matches(metadata) for part in self.parts)


Filter = Condition | AllOf | AnyOf


def parse_filter(where: Mapping[str, Any] | None) -> Filter | None:
    """Returns the tree of a `where=` mapping; None for None or an empty mapping.

    Raises:
        FilterError: an operator is unknown, a value is of the wrong kind, a number is not finite or
            beyond all doubles, or it nests too deeply.

    Example:
        >>> parse_filter({"price": {"$lt": 50}})
        Condition(field='price', operator='$lt', value=50)
        >>> parse_filter({"price": {"$lt": 50}}).matches({"price": 40})
        True
    """
    return _parse(where, 0)


def demanded_fields(condition: Filter) -> tuple[str, ...]:
    """Returns the fields without which a product fails one of the filter's tests, in its order.

    These are not all that it names: `$ne`, `$nin` and `{"$exists": false}` let pass what lacks one.

    Example:
        >>> demanded_fields(parse_filter({"price": {"$lt": 50}, "waxed": {"$ne": True}}))
        ('price',)
    """
    if isinstance(condition, AllOf | AnyOf):
        fields = [field for part in condition.parts for field in demanded_fields(part)]
        return tuple(dict.fromkeys(fields))
    absent_ok = condition.operator in ("$ne", "$nin") or (condition.operator, condition.value) == (
        "$exists",
        False,
    )
    return () if absent_ok else (condition.field,)


def demanded_values(condition: Filter) -> dict[str, tuple[Scalar, ...]]:
    """Returns field -> the values that the filter wants it to have, for `$eq` and `$in`.

    Example:
        >>> demanded_values(parse_filter({"tone": {"$in": ["dark", "light"]}, "price": 50}))
        {'tone': ('dark', 'light'), 'price': (50,)}
    """
    if isinstance(condition, AllOf | AnyOf):
        values: dict[str, tuple[Scalar, ...]] = {}
        for part in condition.parts:
            for field, wanted in demanded_values(part).items():
                values[field] = tuple(dict.fromkeys((*values.get(field, ()), *wanted)))
        return values
    if condition.operator not in ("$eq", "$in"):
        return {}
    wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return {condition.field: wanted}


def number_fields(condition: Filter) -> tuple[str, ...]:
    """Returns the fields that the filter compares with numbers, in its order.

    Example:
        >>> number_fields(parse_filter({"price": {"$lt": 50}, "code": 12, "material": "oak"}))
        ('price', 'code')
    """
    if isinstance(condition, AllOf | AnyOf):
        fields = [field for part in condition.parts for field in number_fields(part)]
        return tuple(dict.fromkeys(fields))
    if condition.operator not in (*ORDER, "$eq", "$in"):
        return ()
    targets = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return (condition.field,) if targets and all(map(_is_number, targets)) else ()


def _parse(where: Mapping[str, Any] | None, depth: int) -> Filter | None:
    if where is None:
        return None
    if depth > MAX_DEPTH:
        raise FilterError(f"a filter may nest $and and $or at most {MAX_DEPTH} deep")
    if not isinstance(where, Mapping):
        raise FilterError(f"a filter is a mapping such as {{'material': 'oak'}}, not {where!r}")
    parts = [part for key, value in where.items() for part in _parse_entry(key, value, depth)]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _parse_entry(key: Any, value: Any, depth: int) -> list[Filter]:
    if not isinstance(key, str):
        raise FilterError(f"a filter's keys are field names, not {key!r}")
    if key in ("$and", "$or"):
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise FilterError(f"{key} takes a list of one or more filters")
        filters = [_parse(part, depth + 1) for part in value]
        parts = tuple(part for part in filters if part is not None)
        if len(parts) < len(filters):
            raise FilterError(f"{key} holds an empty filter")
        return [AllOf(parts) if key == "$and" else AnyOf(parts)]
    if key.startswith("$"):
        raise FilterError(f"unknown operator {key}: known are {', '.join(OPERATORS)}, $and, $or")
    if not isinstance(value, Mapping):
        return [_condition(key, "$eq", value)]
    if not value:
        raise FilterError(f"the condition on {key!r} is empty")
    return [_condition(key, name, operand) for name, operand in value.items()]


def _condition(field: str, name: str, value: Any) -> Condition:
    if name not in OPERATORS:
        raise FilterError(
            f"unknown operator {name!r} on {field!r}: known are {', '.join(OPERATORS)}"
        )
    if name in ("$in", "$nin"):
        if not isinstance(value, list | tuple | set | frozenset) or not all(
            _is_scalar(item) for item in value
        ):
            raise FilterError(f"{name} on {field!r} takes a list of strings, numbers or booleans")
        for item in value:
            _check_finite(field, name, item)
        return Condition(field, name, tuple(value))
    if name == "$exists":
        if not isinstance(value, bool):
            raise FilterError(f"$exists on {field!r} takes true or false")
        return Condition(field, name, value)
    _check_finite(field, name, value)
    if name in ORDER and not _is_number(value):
        raise FilterError(f"{name} on {field!r} takes a number, not {value!r}")
    if not _is_scalar(value):
        raise FilterError(f"{name} on {field!r} takes a string, number or boolean, not {value!r}")
    return Condition(field, name, value)


def _check_finite(field: str, name: str, value: Any) -> None:
    """Refuses a number that no product can have: some engines could not compare it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    try:
        finite = math.isfinite(value)
    except OverflowError:
        raise FilterError(
            f"{name} on {field!r} takes a number of at most 1.8e308, not a larger one"
        ) from None
    if not finite:
        raise FilterError(f"{name} on {field!r} takes a finite number, not {value}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_same(a: Any, b: Any) -> bool:
    # In Python True == 1. In metadata a flag and a number are different things.
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
