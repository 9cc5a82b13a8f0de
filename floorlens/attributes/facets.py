"""Facets: how many products have each value of a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from floorlens.attributes import Value
from floorlens.attributes.vocabulary import NAMES

MOST_VALUES = 30
"""A field with more values than this is no facet: names, codes, texts."""


def count_facets(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[Value, int]]:
    """Returns field -> value -> how many records have it, the commonest value first.

    Attributes come first, as in `NAMES`, then the other fields by name. A word of an attribute that
    no record has is left out. Fields with numbers are no facets, and neither are those with more
    than `MOST_VALUES` values. A list counts for each of its members.

    Args:
        records: what filters see of each product: field -> value.

    Example:
        >>> count_facets([{"tone": "dark"}, {"tone": "light"}, {"tone": "dark", "price": 40}])
        {'tone': {'dark': 2, 'light': 1}}
    """
    counts: dict[str, Counter[Value]] = {}
    dropped: set[str] = set()
    for record in records:
        for field, content in record.items():
            if content is None or field in dropped:
                continue
            values = content if isinstance(content, list | tuple) else [content]
            if not all(isinstance(value, str | bool) for value in values):
                dropped.add(field)
                continue
            counts.setdefault(field, Counter()).update(set(values))
            if len(counts[field]) > MOST_VALUES:
                dropped.add(field)
    fields = [name for name in NAMES if name in counts]
    fields += sorted(field for field in counts if field not in NAMES)
    return {
        field: dict(sorted(counts[field].items(), key=lambda item: (-item[1], str(item[0]))))
        for field in fields
        if field not in dropped
    }
