"""What a ranking can be narrowed by: the values of fields, counted under the rest of its filter.

Each value comes with the whole filter that results when it is chosen, or taken back: whoever shows
it needs to know nothing of filters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Value
from floorlens.attributes.facets import MOST_VALUES
from floorlens.attributes.vocabulary import NAMES
from floorlens.catalogue.field_values import FieldValues
from floorlens.engines.filters import ORDER, Scalar, parse_filter
from floorlens.products.amounts import is_price

MOST_BUCKETS = 6
FEW_NUMBERS = 8
"""A number with so few values, such as a thickness, is chosen by value, if it is no price."""
LONGEST_VALUE = 60
"""Characters: a longer text is a sentence, and no value that one would choose."""
FIRST = ("material", "tone", "colour", "pattern")
"""What people look at first; prices follow, then the other fields by name, then other words."""
_SIZES = ("width_mm", "length_mm")
_FEWEST_CODES = 20

Where = Mapping[str, Any] | None


@dataclass(frozen=True)
class FacetValue:
    """A value that products have.

    Attributes:
        value: the value.
        count: how many products have it and pass the rest of the filter: all of it but what is
            chosen of the same field, since values of one field are joined with "or".
        selected: whether the filter asks for it.
        where: the whole filter that results when it is chosen, or taken back if it is selected;
            None: no filter.
    """

    value: Value
    count: int
    selected: bool
    where: Where


@dataclass(frozen=True)
class FacetBucket:
    """A range of numbers.

    Attributes:
        at_least: the smallest number in it; None: there is no bound.
        below: what all numbers in it are smaller than; None: there is no bound.
        count, selected, where: as for `FacetValue`; choosing a range replaces another one.
    """

    at_least: float | None
    below: float | None
    count: int
    selected: bool
    where: Where


@dataclass(frozen=True)
class SearchFacet:
    """A field that a ranking can be narrowed by.

    Attributes:
        field: its name in filters.
        unit: of its numbers, such as "mm"; "" where it has none, or none that is known.
        values: what it can be, the commonest of the catalogue first, numbers in order; empty where
            it has buckets.
        buckets: ranges of its numbers in order, without gaps; empty where it has values.
        lowest, highest: of its numbers; None where it has values.
        without: the whole filter without what is chosen of this field; None: no filter.
    """

    field: str
    unit: str
    values: tuple[FacetValue, ...]
    buckets: tuple[FacetBucket, ...]
    lowest: float | None
    highest: float | None
    without: Where


@dataclass(frozen=True)
class SearchFacets:
    """What a ranking can be narrowed by; `total` is how many products pass the whole filter."""

    total: int
    facets: tuple[SearchFacet, ...]


def count_matching(table: FieldValues, where: Where, without: Sequence[str] = ()) -> int:
    """Returns how many products pass a filter.

    Args:
        table: what the products have.
        where: the filter; None lets all pass.
        without: ids that are left out.

    Raises:
        FilterError: the filter is not of the language.

    Example:
        >>> table = FieldValues.of([("ash", {"price": 40}, ()), ("oak", {"price": 60}, ())])
        >>> count_matching(table, {"price": {"$gt": 30}}, ["oak"])
        1
    """
    return int((table.passing(parse_filter(where)) & ~table.among(without)).sum())


def narrow(table: FieldValues, where: Where, without: Sequence[str] = ()) -> SearchFacets:
    """Returns what a ranking can be narrowed by.

    The fields are words that pictures show, sizes in the product data, and the products' own fields
    with prices, other numbers, or few short texts. A field in which all are alike is left out, and
    so is one in which all differ, such as a code.

    Args:
        table: what the products have.
        where: the ranking's filter.
        without: ids that it leaves out.

    Raises:
        FilterError: the filter is not of the language.

    Example:
        >>> rows = [("ash", {"tone": "light"}, ["tone"]), ("oak", {"tone": "dark"}, ["tone"])]
        >>> facets = narrow(FieldValues.of(rows), {"tone": "dark"})
        >>> facets.total, [(one.value, one.count, one.where) for one in facets.facets[0].values]
        (1, [('dark', 1, None), ('light', 1, {'tone': {'$in': ['dark', 'light']}})])
    """
    clauses = dict(where or {})
    present = ~table.among(without)
    masks = {name: table.passing(parse_filter({name: clauses[name]})) for name in clauses}
    total = reduce(np.logical_and, masks.values(), present)
    facets = []
    for field in _fields(table):
        numeric = _is_ranged(table, field)
        clause = _Clause(clauses, field, ORDER if numeric else ("$eq", "$in"))
        others = total
        if clause.chosen:
            rest = {} if clause.rest is None else {field: clause.rest}
            others = reduce(
                np.logical_and,
                (mask for name, mask in masks.items() if name != field),
                present & table.passing(parse_filter(rest)),
            )
        build = _ranged if numeric else _listed
        facets.append(build(table, field, others, clause))
    return SearchFacets(int(total.sum()), tuple(facet for facet in facets if facet is not None))


class _Clause:
    """What a filter says of one field, divided into what a facet changes and what it leaves."""

    def __init__(self, clauses: Mapping[str, Any], field: str, operators: Any) -> None:
        self._clauses, self._field = clauses, field
        own = clauses.get(field)
        if field in clauses and not isinstance(own, Mapping):
            own = {"$eq": own}
        own = dict(own or {})
        chosen = {name: value for name, value in own.items() if name in operators}
        if "$eq" in chosen and "$in" in chosen:
            # Both hold at once: no list of values says that.
            chosen = {}
        self.chosen: Mapping[str, Any] = chosen
        self.rest = {name: own[name] for name in own if name not in chosen} or None

    @property
    def values(self) -> list[Scalar]:
        """The values that are chosen."""
        if "$eq" in self.chosen:
            return [self.chosen["$eq"]]
        return list(self.chosen.get("$in", ()))

    def where(self, chosen: Mapping[str, Any]) -> Where:
        """Returns the whole filter with something else chosen."""
        own = {**(self.rest or {}), **chosen}
        clauses = dict(self._clauses)
        if own:
            # A clause keeps its place.
            clauses[self._field] = own
        else:
            clauses.pop(self._field, None)
        return clauses or None


def _fields(table: FieldValues) -> Iterator[str]:
    """Yields the fields that are worth choosing from, in the order in which they are shown."""
    own = [name for name in sorted(table.own) if name not in NAMES]
    words = [name for name, meaning in NAMES.items() if not meaning.is_number]
    prices = [name for name in own if is_price(name)]
    for name in dict.fromkeys((*FIRST, *prices, *_SIZES, *own, *words)):
        if name in table.columns and name in table.own and _narrows(table, name):
            yield name


def _narrows(table: FieldValues, field: str) -> bool:
    values = table.columns[field].values
    if len(values) < 2:
        return False
    if _are_numbers(values):
        if not _is_ranged(table, field) and any(math.isnan(_finite(value)) for value in values):
            # No float, and nothing that one would choose.
            return False
        codes = all(_finite(value).is_integer() for value in values) and not is_price(field)
        return not (codes and len(values) >= _FEWEST_CODES and _all_differ(table, field))
    if len(values) > MOST_VALUES or not all(isinstance(value, str | bool) for value in values):
        return False
    if any(isinstance(value, str) and len(value) > LONGEST_VALUE for value in values):
        return False
    return len(values) < _FEWEST_CODES or not _all_differ(table, field)


def _all_differ(table: FieldValues, field: str) -> bool:
    return bool(table.counts(field).max() == 1)


def _are_numbers(values: Sequence[Scalar]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _is_ranged(table: FieldValues, field: str) -> bool:
    values = table.columns[field].values
    return _are_numbers(values) and (is_price(field) or len(values) > FEW_NUMBERS)


def _unit(field: str) -> str:
    return NAMES[field].unit if field in NAMES else ""


def _listed(
    table: FieldValues, field: str, others: NDArray[np.bool_], clause: _Clause
) -> SearchFacet:
    """Returns a facet whose values are chosen one by one."""
    column, everywhere = table.columns[field], table.counts(field)
    count = table.counts(field, others)
    numbers = _are_numbers(column.values)
    order = sorted(
        range(len(column.values)),
        key=lambda place: (
            (column.values[place],) if numbers else (-everywhere[place], str(column.values[place]))
        ),
    )
    chosen = clause.values
    known = [(column.values[place], int(count[place])) for place in order]
    # What is chosen can be taken back, also where no product has it any more.
    known += [(value, 0) for value in chosen if not any(_same(value, one) for one, _ in known)]
    values = []
    for value, number in known:
        selected = any(_same(value, one) for one in chosen)
        rest = [one for one in chosen if not _same(value, one)]
        after = rest if selected else [*chosen, value]
        values.append(
            FacetValue(value, number, selected, clause.where({"$in": after} if after else {}))
        )
    return SearchFacet(field, _unit(field), tuple(values), (), None, None, clause.where({}))


def _same(a: Scalar, b: Scalar) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _ranged(
    table: FieldValues, field: str, others: NDArray[np.bool_], clause: _Clause
) -> SearchFacet | None:
    """Returns a facet of ranges; None where one would hold everything.

    The borders are those of the whole catalogue: what is chosen elsewhere does not move them.
    """
    numbers = np.array([_finite(value) for value in table.columns[field].values])
    borders = bucket_borders(np.repeat(numbers, table.counts(field)))
    if not borders:
        return None
    buckets = []
    for low, high in zip([None, *borders], [*borders, None], strict=True):
        # Of a list, one number may reach one bound and another the other: as in the filter.
        inside, bounds = others, {}
        if low is not None:
            inside = inside & table.having(field, numbers >= low)
            bounds["$gte"] = low
        if high is not None:
            inside = inside & table.having(field, numbers < high)
            bounds["$lt"] = high
        selected = clause.chosen == bounds
        where = clause.where({} if selected else bounds)
        buckets.append(FacetBucket(low, high, int(inside.sum()), selected, where))
    lowest, highest = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    unit = _unit(field)
    return SearchFacet(field, unit, (), tuple(buckets), lowest, highest, clause.where({}))


def _finite(value: Any) -> float:
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def bucket_borders(numbers: NDArray[np.float64], most: int = MOST_BUCKETS) -> list[float]:
    """Returns round numbers that divide numbers into about equal parts, in ascending order.

    They are the quantiles, rounded to the coarsest of 1, 2, 5, 10, 20, … that leaves all but one
    apart.

    Args:
        numbers: float (n,), at least one.
        most: parts, at most.

    Example:
        >>> bucket_borders(np.array([19.9, 24.9, 29.9, 39.9, 44.9, 49.9, 59.9, 79.9]), most=4)
        [20.0, 40.0, 60.0]
    """
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size == 0 or numbers.min() == numbers.max():
        return []
    parts = min(most, len(np.unique(numbers)))
    quantiles = np.quantile(numbers, np.arange(1, parts) / parts)
    best: list[float] = []
    size = math.floor(math.log10(np.ptp(numbers)))
    for power in range(size, size - 4, -1):
        for step in (5, 2, 1):
            # Whole multiples of a power of ten that may be below 1: no dust behind the comma.
            places = np.unique(np.rint(quantiles / (step * 10.0**power))) * step
            borders = [round(float(place) * 10.0**power, max(0, -power)) for place in places]
            borders = [one for one in borders if numbers.min() < one <= numbers.max()]
            if len(borders) > len(best):
                best = borders
            # One border less is worth rounder ones.
            if len(best) >= max(1, parts - 2):
                return best
    return best
