"""What the name of a product says: its design, its colour and its size."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from floorlens.products.texts import plain_name


def _plain(text: str) -> str:
    """Returns a text without case and accents, with one sign for inches."""
    # The sign ″ comes out of NFKD as two of ′.
    parts = unicodedata.normalize("NFKD", text.casefold()).replace("′′", '"').replace("''", '"')
    return "".join(part for part in parts if not unicodedata.combining(part))


def _plain_size(text: str) -> str:
    """Returns a plain text with sizes in one way to write them: 120x20cm, 8.5mm."""
    return re.sub("[×*]", "x", re.sub(r"\s+", "", text)).replace(",", ".")


def _words(text: str) -> frozenset[str]:
    return frozenset(_plain(text).split())


_SIZE = re.compile(
    r"(?<![^\W_])\d+(?:[.,]\d+)?(?:\s*[x×*]\s*\d+(?:[.,]\d+)?){1,2}\s*(?:mm|cm|m|in|inch|\")?(?![^\W_])"
    r"|(?<![^\W_])\d+(?:[.,]\d+)?\s*(?:mm|cm|inch|in|\")(?![^\W_])"
)
_WORD = re.compile(r"[^\W_]+")
_NUMBERED = re.compile(r"([^\W\d_]{3,})(\d{1,3})")
_BEVEL = re.compile(r"\d{1,2}v")
#: Words that tell formats of one design apart.
FORMATS = _words(
    "xs xl xxl xxxl mini midi maxi small medium large grand giant wide narrow slim long short "
    "plank planks board boards tile tiles strip herringbone chevron breit schmal lang kurz diele "
    "fliese fischgrat large etroit lame dalle chevrons ancho estrecho breed smal visgraat tegel "
    "click glue dryback loose rigid"
)
#: Words that tell colours of one design apart.
COLOURS = _words(
    "white black grey gray brown beige cream ivory sand natural nature light dark pale deep blonde "
    "blond honey golden gold silver platinum charcoal anthracite graphite smoke smoked smokey "
    "ebony chocolate coffee mocha espresso caramel cognac amber copper bronze red green blue "
    "yellow pink taupe greige mint olive rust terracotta pearl whitewash whitewashed bleached "
    "warm cold cool weiss schwarz grau braun hell dunkel natur gebleicht gekalkt silber blanc noir "
    "gris brun clair fonce naturel blanco negro marron claro oscuro bianco nero grigio beige wit "
    "zwart grijs bruin licht donker naturel"
)
#: Words of which a name says nothing.
_EMPTY = _words("the and of with for de du la le der die das und mit en et floor flooring")
#: Fields of the metadata that say a size or a colour, as `plain_name` compares them. (Those of
#: `attributes/sizes.py` cannot be imported: that room stands on this one.)
_SIZE_FIELDS = _words(
    "size format dimensions width length thickness groesse größe masse maße breite länge laenge "
    "stärke staerke largeur longueur epaisseur épaisseur taille"
)
_COLOUR_FIELDS = frozenset(
    f"{colour}{name}"
    for colour in ("colour", "color", "shade", "farbe", "farb", "couleur", "kleur")
    for name in ("", "name")
)


@dataclass(frozen=True)
class DesignName:
    """What a product's name and fields say, in words without case and accents.

    Attributes:
        design: the words that are left: brand, collection, decor.
        colours: words for colours, and what fields for colours hold.
        sizes: sizes with their units, words for formats, and what fields for sizes hold.
        numbers: bare numbers: of a decor, a class of wear, an item.
    """

    design: frozenset[str]
    colours: frozenset[str]
    sizes: frozenset[str]
    numbers: frozenset[str]

    @property
    def names_a_design(self) -> bool:
        """Whether there are words enough to know a design by: "oak" names none."""
        return len(self.design) >= _LEAST


_LEAST = 2


def design_name(name: str, metadata: Mapping[str, Any] | None = None) -> DesignName:
    """Returns what a product's name and metadata say of its design, colour and size.

    Args:
        name: of the product, as shops write it or as a file is named.
        metadata: its fields; of them those count that are for a size or a colour.

    Example:
        >>> oak = design_name("Murom Oak light, 120 x 20 cm")
        >>> sorted(oak.design), sorted(oak.colours), sorted(oak.sizes)
        (['murom', 'oak'], ['light'], ['120x20cm'])
        >>> sorted(design_name("classic-731-murom-oak").numbers)
        ['731']
    """
    text = _plain(name)
    sizes = {_plain_size(size) for size in _SIZE.findall(text)}
    design, colours, numbers = set(), set(), set()
    for word in _WORD.findall(_SIZE.sub(" ", text)):
        numbered = _NUMBERED.fullmatch(word)
        if numbered is not None:
            word = numbered[1]
            numbers.add(numbered[2])
        if word in COLOURS:
            colours.add(word)
        elif word in FORMATS or _BEVEL.fullmatch(word):
            sizes.add(word)
        elif word.isdecimal():
            numbers.add(word)
        elif word not in _EMPTY:
            design.add(word)
    for field, value in (metadata or {}).items():
        key = plain_name(field)
        if key in _SIZE_FIELDS:
            sizes.add(f"{key}={_plain_size(_plain(str(value)))}")
        elif key in _COLOUR_FIELDS:
            colours.add(_plain(str(value)))
    return DesignName(*(frozenset(words) for words in (design, colours, sizes, numbers)))
