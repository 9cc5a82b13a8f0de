"""Filters on what products have: fields that none has, facets, what nobody measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from floorlens.attributes import Value
from floorlens.attributes.facets import count_facets
from floorlens.attributes.vocabulary import MEASURED, NAMES
from floorlens.engines.filters import (
    Filter,
    Scalar,
    demanded_fields,
    demanded_values,
    number_fields,
    parse_filter,
)
from floorlens.errors import FilterError

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue

_FIELDS_SHOWN = 20


def facets(catalogue: Catalogue, where: Mapping[str, Any] | None) -> dict[str, dict[Value, int]]:
    """Returns field -> value -> how many products of a catalogue have it (`count_facets`).

    Args:
        catalogue: whose products.
        where: a filter: only products that pass count. None lets all pass.

    Raises:
        FilterError: the filter is not of the language, or no product has one of its fields.

    Example:
        >>> facets(catalogue, {"tone": "dark"})["material"]  # doctest: +SKIP
        {'wood look': 31}
    """
    condition = parse_filter(where)
    check_fields(catalogue, condition)
    return count_facets(
        own for record, own in catalogue.records() if condition is None or condition.matches(record)
    )


def matching_ids(catalogue: Catalogue, where: Mapping[str, Any] | None, text: str) -> list[str]:
    """Returns the ids of the products that pass a filter and have a text in id or name, in order.

    Every product is read.

    Args:
        catalogue: whose products.
        where: a filter; None lets all pass.
        text: in upper or lower case; "" is in all.

    Raises:
        FilterError: the filter is not of the language, or no product has one of its fields.

    Example:
        >>> from floorlens.catalogue.catalogue import Catalogue
        >>> matching_ids(Catalogue("catalogue/"), {"tone": "dark"}, "oak")
        []
    """
    condition = parse_filter(where)
    check_fields(catalogue, condition)
    names = catalogue.names()
    folded = text.casefold()
    if folded:
        names = {i: n for i, n in names.items() if folded in i.casefold() or folded in n.casefold()}
    if condition is None:
        return list(names)
    passing = (i for i, record in catalogue.named_records() if condition.matches(record))
    return [product_id for product_id in passing if product_id in names]


def check_fields(catalogue: Catalogue, condition: Filter | None) -> None:
    """Refuses a filter on fields that no product has: as a rule they are mistyped.

    `$ne`, `$nin` and `{"$exists": false}` let pass what lacks one, and one may come later. An
    attribute that no product has is refused where none was measured at all. An empty catalogue has
    no fields, and refuses none.

    Args:
        catalogue: whose products.
        condition: the filter; None has no fields.

    Raises:
        FilterError: it names one.

    Example:
        >>> check_fields(catalogue, parse_filter({"prise": 40}))  # doctest: +SKIP
        Traceback (most recent call last):
        floorlens.errors.FilterError: no product has the field 'prise' (did you mean 'price'?); ...
    """
    if condition is None:
        return
    unknown = catalogue.unknown_fields(demanded_fields(condition))
    if not unknown or catalogue.count() == 0:
        return
    known = catalogue.fields()
    if catalogue.attributes.are_measured():
        unknown = [field for field in unknown if field not in MEASURED]
    if unknown:
        raise FilterError(_unmeasured(unknown) or _unknown_fields(unknown, known))


def unmeasured_note(catalogue: Catalogue, condition: Filter | None) -> str | None:
    """Returns what a filter by attributes leaves out because nobody looked at it; None for nothing.

    Args:
        catalogue: of which an earlier version may have stored products.
        condition: the filter.

    Example:
        >>> unmeasured_note(catalogue, parse_filter({"tone": "dark"}))  # doctest: +SKIP
        "234 products were not measured yet, so that the filter by 'tone' can leave them out: ..."
    """
    names = [] if condition is None else [n for n in demanded_fields(condition) if n in MEASURED]
    count = catalogue.attributes.unmeasured() if names else 0
    if count == 0:
        return None
    what = "1 product was" if count == 1 else f"{count:,} products were"
    return (
        f"{what} not measured yet, so that the filter by {', '.join(map(repr, names))} can leave "
        f"{'it' if count == 1 else 'them'} out: run `floorlens attributes --measure`"
    )


def emptiness_notes(catalogue: Catalogue, condition: Filter) -> tuple[str, ...]:
    """Returns why nothing may have passed a filter: texts as numbers, values that no product has.

    Of values only fields with few of them are looked at (`count_facets`); for these every product
    is read.

    Example:
        >>> emptiness_notes(catalogue, parse_filter({"tone": "drak"}))  # doctest: +SKIP
        ("no product has 'drak' (did you mean 'dark'?) as 'tone': the values are 'light', 'dark'",)
    """
    return (*_texts_as_numbers(catalogue, condition), *_absent_values(catalogue, condition))


def _texts_as_numbers(catalogue: Catalogue, condition: Filter) -> tuple[str, ...]:
    known = catalogue.fields()
    texts = [repr(field) for field in number_fields(condition) if known.get(field)]
    if not texts:
        return ()
    if len(texts) == 1:
        return (f"the field {texts[0]} is compared with a number, and its values are texts",)
    names = ", ".join(texts)
    return (f"the fields {names} are compared with numbers, and their values are texts",)


def _absent_values(catalogue: Catalogue, condition: Filter) -> tuple[str, ...]:
    wanted = demanded_values(condition)
    if not wanted:
        return ()
    counts = count_facets(
        {field: own[field] for field in wanted if field in own} for _, own in catalogue.records()
    )
    sentences = []
    for field, present in counts.items():
        # True is 1 in Python, and another value in a filter. Numbers are told of by themselves.
        values = {(type(value), value) for value in present}
        absent = [
            value
            for value in wanted[field]
            if isinstance(value, str | bool) and (type(value), value) not in values
        ]
        if absent:
            sentences.append(_absent(field, absent, list(present)))
    return tuple(sentences)


def _absent(field: str, absent: Sequence[Scalar], present: Sequence[Value]) -> str:
    """Returns the sentence on one field: which values no product has, and which there are."""
    lower = {value.casefold(): value for value in present if isinstance(value, str)}
    names = [_shown(value) + _nearest(value, lower) for value in absent[:_FIELDS_SHOWN]]
    more = ", …" * (len(absent) > _FIELDS_SHOWN)
    values = ", ".join(map(_shown, present[:_FIELDS_SHOWN]))
    rest = ", …" * (len(present) > _FIELDS_SHOWN)
    return f"no product has {', '.join(names)}{more} as {field!r}: the values are {values}{rest}"


def _nearest(value: Scalar, lower: Mapping[str, str]) -> str:
    """Returns a hint at the nearest known text, of folded -> text; "" without one."""
    nearest = get_close_matches(str(value).casefold(), lower, n=1)
    return f" (did you mean {lower[nearest[0]]!r}?)" if nearest else ""


def _shown(value: Scalar) -> str:
    """Returns a value as JSON and the command line write it, and a text in quotes."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _unknown_fields(unknown: Sequence[str], known: Collection[str]) -> str:
    """Returns what is wrong with a filter on fields that no product has."""
    lower = {field.casefold(): field for field in sorted(known)}
    names = [repr(field) + _nearest(field, lower) for field in unknown]
    # The catalogue's own come first: attributes are the same everywhere.
    in_order = sorted(known, key=lambda field: (field in NAMES, field))
    shown = ", ".join(in_order[:_FIELDS_SHOWN]) + ", …" * (len(known) > _FIELDS_SHOWN)
    noun = "field" if len(names) == 1 else "fields"
    return f"no product has the {noun} {', '.join(names)}; the fields are {shown}"


def _unmeasured(fields: Sequence[str]) -> str | None:
    """Returns what is wrong with a filter on attributes that nobody measured; None without any."""
    attributes = [repr(field) for field in fields if field in MEASURED]
    if not attributes:
        return None
    return (
        f"no attributes were measured in this catalogue, such as {', '.join(attributes)}: measure "
        "them with `floorlens attributes --measure`"
    )
