"""The table of attributes: what each means, and which words or numbers it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from floorlens.attributes import Value
from floorlens.errors import UsageError


@dataclass(frozen=True)
class Meaning:
    """What an attribute is.

    Attributes:
        text: what it means.
        words: its vocabulary; empty for a number and for True or False.
        unit: of a number: "L*", "ΔE", "share" (of the picture's longer side), "%" (of the area) or
            "mm"; "" where it is none.
        low, high: between which a number lies; both 0 where it is none.
    """

    text: str
    words: tuple[str, ...] = ()
    unit: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.high > self.low

    @property
    def is_flag(self) -> bool:
        """Whether its values are True and False."""
        return not self.words and not self.is_number


NAMES: Mapping[str, Meaning] = MappingProxyType(
    {
        "tone": Meaning("how light it is, in a word", ("light", "medium", "dark")),
        "lightness": Meaning("how light it is, the median over the floor", (), "L*", 0, 100),
        "colour": Meaning(
            "the colour family",
            (
                *("white", "grey", "black", "beige", "brown"),
                *("red", "yellow", "green", "blue", "multicolour"),
            ),
        ),
        "undertone": Meaning("towards which side the colour leans", ("warm", "neutral", "cool")),
        "material": Meaning(
            "what it looks like: a picture does not tell vinyl or laminate from what they imitate",
            ("wood look", "stone look", "terrazzo", "ceramic", "plain look", "carpet"),
        ),
        "pattern": Meaning(
            'how it is laid; "one board" and "plain" (one tile\'s face, or a sheet) show no joints',
            (
                *("plank", "herringbone", "chevron", "basket", "tile", "hexagon", "mosaic"),
                *("one board", "plain"),
            ),
        ),
        "joints": Meaning("whether joints between boards or tiles are seen"),
        "piece_width": Meaning("the shorter side of a board or tile", (), "share", 0, 1),
        "piece_length": Meaning("its longer side, where the picture shows it", (), "share", 0, 1),
        "width_mm": Meaning("the shorter side in the product data", (), "mm", 0, 10_000),
        "length_mm": Meaning("the longer side in the product data", (), "mm", 0, 10_000),
        "variation": Meaning(
            "how much its parts differ from each other", ("even", "moderate", "lively")
        ),
        "spread": Meaning(
            "the mean colour difference of its parts from their mean", (), "ΔE", 0, 100
        ),
        "grain": Meaning(
            "the mean colour difference within a part: grain, texture", (), "ΔE", 0, 100
        ),
        "marks": Meaning("knots, cracks and veins, in a word", ("few", "some", "many")),
        "knots": Meaning("the area of compact dark marks", (), "%", 0, 100),
        "veins": Meaning("the area of long thin marks: cracks, veins", (), "%", 0, 100),
        "gloss": Meaning("whether the picture shows highlights", ("matt", "glossy")),
    }
)
"""Name -> what the attribute is. Docs, filters and facets read this table."""


PIECE_SIZES = ("piece_width", "piece_length")
"""The sizes that are shares of a picture: in perspective they mean nothing."""
MEASURED = tuple(name for name, meaning in NAMES.items() if meaning.unit != "mm")
"""The attributes that pictures show; sizes in mm are in the product data alone."""


def check_value(name: str, value: Any) -> Value:
    """Returns a value that a person gives an attribute, a number as float.

    Raises:
        UsageError: there is no such attribute, or the value is none of its words, or no number
            within its bounds; the message names the nearest.

    Example:
        >>> check_value("tone", "dark")
        'dark'
        >>> check_value("tone", "drak")
        Traceback (most recent call last):
        floorlens.errors.UsageError: 'drak' is no tone (did you mean 'dark'?): it is light, medium
        or dark
    """
    meaning = meaning_of(name)
    if meaning.words:
        if isinstance(value, str) and value in meaning.words:
            return value
        words = ", ".join(meaning.words[:-1]) + f" or {meaning.words[-1]}"
        raise UsageError(f"{value!r} is no {name}{_nearest(value, meaning.words)}: it is {words}")
    if meaning.is_flag:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{name} is True or False, not {value!r}")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and meaning.low <= value <= meaning.high:
        return float(value)
    bounds = f"{meaning.low:g} to {meaning.high:g} ({meaning.unit})"
    raise UsageError(f"{name} is a number from {bounds}, not {value!r}")


def parse_value(name: str, text: str) -> Value:
    """Returns the value that a text such as one of the command line stands for.

    Raises:
        UsageError: as for `check_value`.

    Example:
        >>> parse_value("joints", "yes"), parse_value("lightness", "62.5")
        (True, 62.5)
    """
    meaning = meaning_of(name)
    if meaning.is_flag:
        flags = {"yes": True, "true": True, "no": False, "false": False}
        return check_value(name, flags.get(text.strip().lower(), text))
    if meaning.is_number:
        try:
            return check_value(name, float(text))
        except ValueError:
            return check_value(name, text)
    return check_value(name, text.strip().lower())


def meaning_of(name: str) -> Meaning:
    """Returns what an attribute is.

    Raises:
        UsageError: there is no such attribute; the message names the nearest.

    Example:
        >>> meaning_of("undertone").words
        ('warm', 'neutral', 'cool')
    """
    meaning = NAMES.get(name)
    if meaning is None:
        raise UsageError(
            f"there is no attribute {name!r}{_nearest(name, NAMES)}: there are {', '.join(NAMES)}"
        )
    return meaning


def _nearest(text: Any, known: Mapping[str, Meaning] | tuple[str, ...]) -> str:
    nearest = get_close_matches(str(text).casefold(), list(known), n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
