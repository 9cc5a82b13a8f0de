"""Metadata of any shape for engines with a fixed schema: as JSON, as tokens, as sortable numbers.

A *token* is a hash of field, kind and value. Whether a record equals a value, or has a field at
all, then depends only on which tokens it has, whatever the field is called and of whatever kind
its values are. Nothing that a user wrote enters an engine's expression, so nothing needs escaping.
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
"""The longest id of a record, in characters."""
SIGNS: Mapping[str, str] = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
"""Operators of filters -> the signs of expressions."""


def check_storable(records: Iterable[Record]) -> None:
    """Checks ids, and that metadata holds strings, finite numbers, booleans and lists of strings.

    None may be stored and means absent, as in filters.

    Raises:
        EngineUnsupported: the message names the product, and the field, of the first other value.

    Example:
        >>> record = Record("oak", np.zeros(2, np.float32), {"price": {"EUR": 40}})
        >>> check_storable([record])
        Traceback (most recent call last):
        floorlens.errors.EngineUnsupported: the product 'oak' has a value in the field 'price' ...
    """
    for record in records:
        if not _is_id(record.id):
            raise EngineUnsupported(
                f"the id {record.id!r} is empty, longer than {LONGEST_ID} characters, or has "
                "characters that do not print: a vector engine cannot keep it"
            )
        for field, value in record.metadata.items():
            if not isinstance(field, str) or not _is_storable(value):
                raise EngineUnsupported(
                    f"the product {record.id!r} has a value in the field {field!r} that a vector "
                    "engine cannot keep: it takes strings, finite numbers, booleans and lists of "
                    "strings"
                )


def valid_ids(ids: Iterable[str]) -> list[str]:
    """Returns those of the ids, in order, that a record can have.

    Example:
        >>> valid_ids(["oak", "", "line\\nbreak"])
        ['oak']
    """
    return [record_id for record_id in ids if _is_id(record_id)]


def encode(metadata: Mapping[str, Any]) -> str:
    """Returns metadata as JSON in ASCII, which `decode` reads back exactly.

    Example:
        >>> encode({"material": "oak", "price": 40})
        '{"material":"oak","price":40}'
    """
    return json.dumps(metadata, separators=(",", ":"))


def decode(text: str) -> dict[str, Any]:
    """Returns the metadata in a text of `encode`; an empty dict for any other text.

    Example:
        >>> decode('{"price":40}')
        {'price': 40}
        >>> decode("not JSON")
        {}
    """
    try:
        metadata = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def tokens(metadata: Mapping[str, Any]) -> list[str]:
    """Returns the tokens of a record: one for each field, one for each value or list member.

    Each has 32 hexadecimal digits.

    Example:
        >>> len(tokens({"rooms": ["hall", "bath"]}))
        3
        >>> tokens({"price": 40}) == tokens({"price": 40.0})
        True
    """
    texts = set()
    for field, value in metadata.items():
        if value is not None:
            texts.add(_presence(field))
            members = value if isinstance(value, list | tuple) else (value,)
            texts.update(_token(field, member) for member in members)
    return sorted(texts)


def numbers(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Returns the fields that hold a number, as `number_key` of the field -> `sort_key`.

    Example:
        >>> numbers({"price": 40, "new": True}) == {number_key("price"): sort_key(40)}
        True
    """
    return {
        number_key(field): sort_key(value)
        for field, value in metadata.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def number_key(field: str) -> str:
    """Returns the name of the column for a field's numbers: letters, digits and underscores.

    Example:
        >>> number_key("price")
        'number_a217be4e06576f390b3347082943bf1b'
    """
    return f"number_{_hash(field)}"


def sort_key(number: float) -> str:
    """Returns a text that sorts as the number does, and is equal for equal numbers.

    It consists of the 16 hexadecimal digits of the nearest double, in the order of doubles, and a
    1 if the double equals the number. If not, a 0 or a 2 and the key of the difference follow
    instead, so that whole numbers beyond 2**53 are exact too. A number beyond all doubles counts
    as infinite.

    Example:
        >>> sort_key(40) == sort_key(40.0), sort_key(-3) < sort_key(40)
        (True, True)
        >>> sort_key(2**53) < sort_key(2**53 + 1)
        True
    """
    try:
        double = float(number)
    except OverflowError:
        double = number = math.copysign(math.inf, number > 0 or -1)
    # Adding zero makes -0.0, which equals 0.0, the same.
    (bits,) = struct.unpack(">Q", struct.pack(">d", double + 0.0))
    bits = bits ^ (1 << 64) - 1 if bits >> 63 else bits | 1 << 63
    difference = number - int(double) if isinstance(number, int) else 0
    if not difference:
        return f"{bits:016x}1"
    return f"{bits:016x}{0 if difference < 0 else 2}{sort_key(difference)}"


def filter_expression(
    where: Filter,
    has_any: Callable[[Sequence[str]], str],
    compare: Callable[[str, str, str], str],
) -> str:
    """Returns a filter as a boolean expression with `and`, `or`, `not` and parentheses.

    Args:
        where: the filter.
        has_any: `has_any(tokens)` returns the expression for records that have one of several
            tokens. There may be none.
        compare: `compare(column, sign, number)` returns the expression for records whose number
            in a column (`number_key`) is `>`, `>=`, `<` or `<=` a `sort_key`. It must be false
            for records without a number there.

    Example:
        >>> filter_expression(
        ...     AllOf((Condition("new", "$ne", True), Condition("price", "$lt", 50))),
        ...     has_any=lambda tokens: f"has{len(tokens)}",
        ...     compare=lambda column, sign, number: f"number {sign} 50",
        ... )
        '((not has1) and number < 50)'
    """
    if isinstance(where, AllOf | AnyOf):
        word = " and " if isinstance(where, AllOf) else " or "
        parts = [filter_expression(part, has_any, compare) for part in where.parts]
        return f"({word.join(parts)})"
    if where.operator in ORDER:
        bound = sort_key(_bound(where))
        return compare(number_key(where.field), SIGNS[where.operator], bound)
    if where.operator == "$exists":
        targets, negated = [_presence(where.field)], where.value is False
    else:
        values = where.value if isinstance(where.value, tuple) else (where.value,)
        targets = sorted({_token(where.field, value) for value in values})
        negated = where.operator in ("$ne", "$nin")
    text = has_any(targets)
    return f"(not {text})" if negated else text


def _bound(condition: Condition) -> float:
    if isinstance(condition.value, str | tuple):
        raise EngineUnsupported(f"{condition.operator} on {condition.field!r} takes a number")
    return condition.value


def _is_id(text: str) -> bool:
    # The rule for ids of products: neither control characters nor half a surrogate pair print.
    return 0 < len(text) <= LONGEST_ID and text.isprintable()


def _is_storable(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(member, str) for member in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) - float(value) == 0
        except OverflowError:
            return False
    return value is None or isinstance(value, str | bool)


def _presence(field: str) -> str:
    """Returns the token of records that have a field."""
    return _hash(field, "?")


def _token(field: str, value: Any) -> str:
    if isinstance(value, bool):
        return _hash(field, "flag", str(value))
    if isinstance(value, str):
        return _hash(field, "text", value)
    return _hash(field, "number", sort_key(value))


def _hash(*parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart. Half a surrogate pair has a hash of its own.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
