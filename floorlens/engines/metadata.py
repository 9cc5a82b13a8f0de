"""Metadata of any shape for engines with a fixed schema: as JSON, as tokens, as sortable numbers.

A *token* is a hash of field, kind and value. Equality and existence are then questions of which
tokens a record has, whatever the field is called and of whatever kind its values are; and nothing
that a user wrote enters an engine's expression, so there is nothing to escape.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from floorlens.engines import Record
from floorlens.engines.filters import ORDER, AllOf, AnyOf, Condition, Filter
from floorlens.errors import EngineUnsupported

LONGEST_ID = 512


def check_storable(records: Iterable[Record]) -> None:
    """Checks ids, and that metadata holds strings, finite numbers, booleans and lists of strings.

    None is kept and means absent, as in filters.

    Raises:
        EngineUnsupported: names the product, and the field, of the first other value.
    """
    for record in records:
        if not _is_id(record.id):
            raise EngineUnsupported(
                f"the id {record.id!r} is empty, longer than {LONGEST_ID} characters, or has "
                "characters that do not print: a vector engine cannot keep it"
            )
        for field, value in record.metadata.items():
            if not isinstance(field, str) or not _storable(value):
                raise EngineUnsupported(
                    f"the product {record.id!r} has a value in the field {field!r} that a vector "
                    "engine cannot keep: it takes strings, finite numbers, booleans and lists of "
                    "strings"
                )


def possible(ids: Iterable[str]) -> list[str]:
    """Returns those of the ids, in order, that a record can have."""
    return [record_id for record_id in ids if _is_id(record_id)]


def encode(metadata: Mapping[str, Any]) -> str:
    """Returns metadata as JSON in ASCII, which `decode` reads back exactly."""
    return json.dumps(metadata, separators=(",", ":"))


def decode(text: str) -> dict[str, Any]:
    """Returns the metadata of a text of `encode`; none for a text that is not of it."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def tokens(metadata: Mapping[str, Any]) -> list[str]:
    """Returns the tokens of a record: one for each field, one for each value or list member."""
    found = set()
    for field, value in metadata.items():
        if value is not None:
            found.add(_presence(field))
            members = value if isinstance(value, list | tuple) else (value,)
            found.update(_token(field, member) for member in members)
    return sorted(found)


def numbers(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Returns the fields that hold a number: `number_key` -> `sortable`."""
    return {
        number_key(field): sortable(value)
        for field, value in metadata.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def number_key(field: str) -> str:
    """Returns the column's name of a field's numbers: letters, digits and underscores."""
    return f"number_{_hash(field)}"


def sortable(number: float) -> str:
    """Returns a text that sorts as the number does and is equal for equal numbers.

    It is made of the 16 hex digits of the nearest double, in the order of doubles, then 1 where
    the double is the number; else 0 or 2 and the same of what is missing: whole numbers beyond
    2**53 are exact too. Those beyond the doubles count as infinite.
    """
    try:
        nearest = float(number)
    except OverflowError:
        nearest = number = math.copysign(math.inf, number > 0 or -1)
    # Adding zero makes -0.0, which equals 0.0, the same.
    (bits,) = struct.unpack(">Q", struct.pack(">d", nearest + 0.0))
    bits = bits ^ (1 << 64) - 1 if bits >> 63 else bits | 1 << 63
    missing = number - int(nearest) if isinstance(number, int) else 0
    if not missing:
        return f"{bits:016x}1"
    return f"{bits:016x}{0 if missing < 0 else 2}{sortable(missing)}"


def expression(
    where: Filter,
    has_any: Callable[[Sequence[str]], str],
    compare: Callable[[str, str, str], str],
) -> str:
    """Returns a filter as a boolean expression with `and`, `or`, `not` and parentheses.

    Args:
        where: the filter.
        has_any: gives the expression for records that have one of several tokens, maybe none.
        compare: gives it for those whose number (`number_key`) is `>`, `>=`, `<` or `<=` a
            `sortable`; false for records without one.
    """
    if isinstance(where, AllOf | AnyOf):
        word = " and " if isinstance(where, AllOf) else " or "
        return f"({word.join(expression(part, has_any, compare) for part in where.parts)})"
    if where.operator in ORDER:
        sign = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[where.operator]
        return compare(number_key(where.field), sign, sortable(_bound(where)))
    if where.operator == "$exists":
        wanted, negated = [_presence(where.field)], where.value is False
    else:
        values = where.value if isinstance(where.value, tuple) else (where.value,)
        wanted = sorted({_token(where.field, value) for value in values})
        negated = where.operator in ("$ne", "$nin")
    found = has_any(wanted)
    return f"(not {found})" if negated else found


def _bound(condition: Condition) -> float:
    if isinstance(condition.value, str | tuple):
        raise EngineUnsupported(f"{condition.operator} on {condition.field!r} takes a number")
    return condition.value


def _is_id(text: str) -> bool:
    # As of products: neither control characters nor halves of a surrogate pair print.
    return 0 < len(text) <= LONGEST_ID and text.isprintable()


def _storable(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(member, str) for member in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) - float(value) == 0
        except OverflowError:
            return False
    return value is None or isinstance(value, str | bool)


def _presence(field: str) -> str:
    return _hash(field, "?")


def _token(field: str, value: Any) -> str:
    if isinstance(value, bool):
        return _hash(field, "flag", str(value))
    if isinstance(value, str):
        return _hash(field, "text", value)
    return _hash(field, "number", sortable(value))


def _hash(*parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart; half a character hashes as what it is.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
