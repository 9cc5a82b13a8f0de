"""The size of a board or tile as the product data state it, in millimetres."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from floorlens.attributes import Attribute
from floorlens.products.texts import plain_name


def _names(text: str) -> frozenset[str]:
    return frozenset(plain_name(name) for name in text.split(","))


# What columns with one side are called, and columns with both; a unit may follow: "Breite (mm)".
_WIDTHS = _names(
    "width, board width, plank width, tile width, breite, dielenbreite, fliesenbreite, largeur,"
    "ancho, anchura, larghezza, breedte, szerokość, bredd, bredde"
)
_LENGTHS = _names(
    "length, board length, plank length, tile length, länge, dielenlänge, fliesenlänge, longueur,"
    "largo, longitud, lunghezza, lengte, długość, längd, lengde"
)
_BOTH = _names(
    "format, size, dimensions, dimension, board size, plank size, tile size, tile format,"
    "abmessung, abmessungen, maße, masse, größe, grösse, dielenformat, fliesenformat, taille,"
    "dimensioni, formato, medidas, tamaño, dimensiones, afmeting, afmetingen, formaat, rozmiar,"
    "wymiary, mått, mål"
)
_MILLIMETRES = {
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "in": 25.4,
    "inch": 25.4,
    "inches": 25.4,
    '"': 25.4,
    "″": 25.4,
    "''": 25.4,
    "zoll": 25.4,
}
_UNIT = r"mm|cm|inches|inch|in|zoll|m|\"|″|''"
_NUMBER = r"[0-9]{1,5}(?:[.,][0-9]{1,3})?"
_ONE = re.compile(rf"\s*(?P<n>{_NUMBER})\s*(?P<u>{_UNIT})?\.?\s*", re.IGNORECASE)
_SEVERAL = re.compile(
    rf"\s*(?P<a>{_NUMBER})\s*(?P<ua>{_UNIT})?\s*[x×*]\s*(?P<b>{_NUMBER})\s*(?P<ub>{_UNIT})?"
    rf"(?:\s*[x×*]\s*(?P<c>{_NUMBER})\s*(?P<uc>{_UNIT})?)?\s*",
    re.IGNORECASE,
)
_IN_NAME = re.compile(r"^(?P<name>.*?)[\s_(\[/,-]+(?:in\s+)?(?P<unit>mm|cm|m|in|inch|zoll)[)\]]*$")
#: Sizes of boards and tiles: anything else was not one. The thinnest side of three is a thickness.
LEAST, MOST = 8.0, 6000.0
#: Without a unit numbers of which the largest is at least the first are millimetres, at most the
#: second centimetres; between them they could be either.
SURELY_MM, SURELY_CM = 250.0, 130.0


def stated_attributes(metadata: Mapping[str, Any]) -> dict[str, Attribute]:
    """Returns "width_mm" and "length_mm", as far as a product's own fields state them.

    Args:
        metadata: the product's fields. Those that are read are called width, length, format, size
            and so on, in several languages. A number needs a unit, in its cell or in the field's
            name, or must be part of a format such as 60x60 or 1220 x 180 that allows one only.

    Example:
        >>> stated = stated_attributes({"Format": "1220 x 180 x 5 mm"})
        >>> {name: attribute.value for name, attribute in stated.items()}
        {'width_mm': 180.0, 'length_mm': 1220.0}
        >>> stated_attributes({"width": "wide"})
        {}
    """
    width = length = None
    for field, value in metadata.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            continue
        name, unit = _split_name(field)
        if name in _WIDTHS:
            width = width or _one(value, unit)
        elif name in _LENGTHS:
            length = length or _one(value, unit)
        elif name in _BOTH and isinstance(value, str) and (sides := _several(value, unit)):
            width, length = width or sides[0], length or sides[1]
    if width and length and width > length:
        width, length = length, width
    return {
        key: Attribute(round(side, 1), 1.0, "stated", "mm")
        for key, side in (("width_mm", width), ("length_mm", length))
        if side
    }


def _split_name(field: str) -> tuple[str, str | None]:
    """Returns a field's name as it is compared, and the unit that stands behind it."""
    match = _IN_NAME.match(field.strip().lower())
    if match is not None and plain_name(match["name"]) in _WIDTHS | _LENGTHS | _BOTH:
        return plain_name(match["name"]), match["unit"]
    return plain_name(field), None


def _one(value: str | int | float, unit: str | None) -> float | None:
    match = _ONE.fullmatch(str(value))
    if match is None:
        return None
    unit = match["u"] or unit
    return None if unit is None else _plausible(_number(match["n"]) * _MILLIMETRES[unit.lower()])


def _several(text: str, unit: str | None) -> tuple[float, float] | None:
    match = _SEVERAL.fullmatch(text)
    if match is None:
        return None
    units = [match[name] for name in ("ua", "ub", "uc") if match[name]]
    numbers = [_number(match[name]) for name in ("a", "b", "c") if match[name]]
    # "120 x 20 cm" has its unit once; "12 mm x 19 cm" has one for each.
    last = units[-1] if units else unit
    if last is None:
        largest = max(numbers)
        last = "mm" if largest >= SURELY_MM else "cm" if largest <= SURELY_CM else None
    if last is None:
        return None
    each = [match[name] or last for name in ("ua", "ub", "uc")[: len(numbers)]]
    sides = sorted(n * _MILLIMETRES[u.lower()] for n, u in zip(numbers, each, strict=True))[-2:]
    if any(_plausible(side) is None for side in sides):
        return None
    return sides[0], sides[1]


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _plausible(side: float) -> float | None:
    return side if LEAST <= side <= MOST else None
