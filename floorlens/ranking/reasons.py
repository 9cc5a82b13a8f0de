"""Why a product stands where it does: the facts that were measured, and one sentence of them.

Pure functions on the numbers of a re-ranker (`floorlens.reranking.Looks`). A fact is said only if
somebody would notice it, or if it is rarely measured on one and the same floor. How rarely was
looked up on the real rooms that may be trained on: 550 rooms of seven shops, each with the swatch
of the floor that lies in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.reranking import Evidence, Looks

Doubt = Literal[
    "warm light",
    "cool light",
    "uneven light",
    "mixed light",
    "clipped highlights",
    "dark photo",
    "little floor",
    "perhaps a rug",
    "floor unsure",
    "perhaps on its side",
]
"""What makes a photo's colours or its floor doubtful."""

#: A colour difference (CIE 1976) that is just noticeable (Mahy, Van Eycken and Oosterlinck, 1994).
NOTICEABLE = 2.3
#: A difference in lightness (L*) that is worth a word.
LIGHTER = 2.0
#: Colour differences from which a tint is no longer slight, and from which it is strong.
PLAIN, STRONG = 5.0, 12.0
#: Below this chroma a colour is grey: its hue says nothing.
GREY = 4.0
#: Patterns are the same, or are not, if the probability of that is at least the first, or at most
#: the second: 97 % and 1.6 % of one floor's room and swatch, 1 % and 99 % of a herringbone and
#: another pattern.
SAME, OTHER = 0.5, 0.2
#: A pattern is named as a difference only if both floors' are so probable.
SURE = 0.7
#: Below this probability of a floor's likeliest pattern, the pattern is unsure.
UNSURE = 0.5
#: The product's variation over the floor's. Light and reflections add to that of a room: of one
#: floor's room and swatch 5 % have less than the first, 5 % more than the second.
LESS, MORE = 0.37, 1.47
#: Variation, in L*, that is worth a word.
VARIED = 4.0
#: Cosines of textures: of one floor's room and swatch half reach the first, and 2 % stay below the
#: second; of a floor and any product 1 % and 90 %.
SIMILAR, ANOTHER = 0.55, 0.25
#: More knots are told where the product has so many times the floor's, and such a share (% of the
#: area): of one floor's room, straightened, and swatch 1.4 % have that, of any two 4 %. Fewer are
#: never told: shadows and legs count as knots of a room, so that most swatches have fewer.
KNOTTY, KNOTS = 1.5, 0.5
#: The product's grain over the floor's: of one floor 1 % have less than the first and 5 % more than
#: the second, of any two 11 % and 17 %.
FINER, COARSER = 0.4, 1.5
#: Facts in a sentence, at most.
MOST = 4
#: How far the light is from grey (chroma), on the side of b* above 0 and below, where it makes a
#: floor's colour doubtful. Of 468 rooms of shops 2 % and none are; 94 % under a lamp's light that
#: makes a grey of b* 18, 65 % under that of a blue sky (b* -17).
WARM, COOL = 12.0, 6.0
#: The values of `floorlens.normalisation.trust.TRUST`, in their order, from which light is
#: doubted. One in twenty of these rooms has more (of the last, one in a hundred), and their colours
#: are farther from the swatch than those of others.
_LIMITS: Mapping[Doubt, float] = {
    "uneven light": 13.4,
    "mixed light": 4.6,
    "clipped highlights": 0.03,
    "dark photo": 0.03,
}
#: The first words of `FloorRegion.reasons` -> what they make doubtful.
_OF_REGION: Mapping[str, Doubt] = {
    "too dark": "dark photo",
    "mostly rug": "perhaps a rug",
    "sideways": "perhaps on its side",
    "unsure": "floor unsure",
    "too small": "little floor",
}
_OF_REGION_ALONE = tuple(doubt for doubt in _OF_REGION.values() if doubt != "dark photo")

#: Every word of a sentence, in English; a page in another language brings its own table.
PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "same plank": "same plank pattern",
        "same strip": "same strip pattern",
        "same herringbone": "same herringbone",
        "same chevron": "same chevron",
        "same basket parquet": "same basket parquet",
        "same square tile": "also square tiles",
        "same hexagon tile": "also hexagon tiles",
        "same mosaic": "also a mosaic",
        "same stone": "also stone",
        "same terrazzo": "also terrazzo",
        "same plain": "also without a pattern",
        "same carpet": "also carpet",
        "same one board": "also a single board",
        "same": "same pattern",
        "other": "{product}, not {floor}",
        "plank": "planks",
        "strip": "strips",
        "herringbone": "herringbone",
        "chevron": "chevron",
        "basket parquet": "basket parquet",
        "square tile": "square tiles",
        "hexagon tile": "hexagon tiles",
        "mosaic": "mosaic",
        "stone": "stone",
        "terrazzo": "terrazzo",
        "plain": "plain",
        "carpet": "carpet",
        "one board": "a single board",
        "pattern unsure": "pattern unsure",
        "same colour": "same colour",
        "lighter": "{percent} % lighter",
        "darker": "{percent} % darker",
        "slightly": "slightly {tint}",
        "strongly": "much {tint}",
        "warmer": "warmer",
        "cooler": "cooler",
        "greyer": "greyer",
        "redder": "redder",
        "yellower": "yellower",
        "greener": "greener",
        "more variation": "more variation",
        "less variation": "less variation",
        "more knots": "more knots",
        "coarser grain": "coarser grain",
        "finer grain": "finer grain",
        "similar texture": "similar texture",
        "another texture": "another texture",
        "colour uncertain": "colour uncertain: {why}",
        "floor uncertain": "floor uncertain: {why}",
        "warm light": "warm light",
        "cool light": "cool light",
        "uneven light": "uneven light",
        "mixed light": "light of several colours",
        "clipped highlights": "burnt-out highlights",
        "dark photo": "dark photo",
        "little floor": "little of it shows",
        "perhaps a rug": "perhaps a rug",
        "floor unsure": "found with little confidence",
        "perhaps on its side": "the photo may lie on its side",
        "room only": "seen in a room only",
        "and": ", ",
    }
)


@dataclass(frozen=True)
class Facts:
    """What was measured of a floor and of a product. Differences are product less floor.

    Attributes:
        floor_pattern, product_pattern: the likeliest, by the names of
            `floorlens.embedding.pattern.CLASSES`; "" where patterns are not told.
        floor_pattern_probability, product_pattern_probability: of these, 0..1.
        same_pattern: how probably both are the same, 0..1. A single board may be laid in whichever
            pattern the other floor has.
        lightness: difference of the medians in L*, 100 from black to white.
        lightness_share: the same as a share of the floor's L*.
        chroma: difference in C*, how far from grey.
        hue: difference in hue as a length, ΔH*: above 0 it is turned from red towards yellow.
        tint: what that is in a word, "" where nobody would notice: "warmer", "cooler", "greyer",
            "redder", "yellower" or "greener".
        delta_e: difference of the median colours, CIE 1976.
        variation: how far lightness spreads on the product, over how far on the floor.
        floor_variation, product_variation: how far, in L*, between the 15th and 85th percentile.
        texture: cosine of the textures, -1..1.
        evidence: the product's pictures that this rests on; its colour is that of its swatch, if it
            has one.
        doubts: what makes the photo's colours or its floor doubtful, most important first.
        floor_knots, product_knots: % of the area; None where it was not measured on both.
        floor_grain, product_grain: mean colour difference within a part; None likewise.
    """

    floor_pattern: str
    floor_pattern_probability: float
    product_pattern: str
    product_pattern_probability: float
    same_pattern: float
    lightness: float
    lightness_share: float
    chroma: float
    hue: float
    tint: str
    delta_e: float
    variation: float
    floor_variation: float
    product_variation: float
    texture: float
    evidence: Evidence | None = None
    doubts: tuple[Doubt, ...] = ()
    floor_knots: float | None = None
    product_knots: float | None = None
    floor_grain: float | None = None
    product_grain: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the facts as plain JSON values."""
        return {**self.__dict__, "doubts": list(self.doubts)}


class Phrase(NamedTuple):
    """A part of a sentence: a key of `PHRASES`, and the keys or numbers to put into its text."""

    key: str
    values: Mapping[str, str | int]


def facts_of(
    looks: Looks, evidence: Sequence[Evidence | None] | None = None, doubts: Sequence[Doubt] = ()
) -> tuple[Facts, ...]:
    """Returns the facts of each product, in order.

    Args:
        looks: of the floor and the products.
        evidence: of each product, as in `floorlens.reranking.Comparison`.
        doubts: of the photo, the same for all products.

    Example:
        >>> planks, herringbone = np.eye(2, dtype=np.float32)
        >>> looks = Looks(
        ...     patterns=("plank", "herringbone"),
        ...     floor_colour=np.array([50, 5, 20]), colour=np.array([[52, 5, 20]]),
        ...     floor_variation=6.0, variation=np.array([6]),
        ...     floor_pattern=planks, pattern=herringbone[None], same_pattern=np.zeros(1),
        ...     texture=np.array([0.4]))
        >>> facts = facts_of(looks)[0]
        >>> facts.product_pattern, facts.lightness, facts.lightness_share
        ('herringbone', 2.0, 0.04)
    """
    count = len(looks.colour)
    floor = np.asarray(looks.floor_colour, np.float64)
    gaps = np.asarray(looks.colour, np.float64) - floor
    chroma = np.hypot(looks.colour[:, 1], looks.colour[:, 2]).astype(np.float64)
    of_floor = math.hypot(floor[1], floor[2])
    # CIE 15: ΔH* has the length of what ΔE* has beside ΔL* and ΔC*, and the sign of the turn.
    turn = floor[1] * looks.colour[:, 2] - floor[2] * looks.colour[:, 1]
    rest = (gaps[:, 1:] ** 2).sum(axis=1) - (chroma - of_floor) ** 2
    hue = np.where(turn < 0, -1.0, 1.0) * np.sqrt(np.maximum(rest, 0.0))
    named = bool(looks.patterns)
    likeliest = looks.pattern.argmax(axis=1).tolist() if named else [0] * count
    names = [looks.patterns[place] if named else "" for place in likeliest]
    shares = looks.pattern.max(axis=1).tolist() if named else [0.0] * count
    place = int(looks.floor_pattern.argmax()) if named else 0
    own = (looks.patterns[place], float(looks.floor_pattern[place])) if named else ("", 0.0)
    variation = np.asarray(looks.variation, np.float64)
    ratio = variation / max(looks.floor_variation, 1e-6)
    tints = _tints(floor, gaps, chroma - of_floor, hue, looks.colour)
    numbers = zip(
        names,
        shares,
        looks.same_pattern.tolist(),
        gaps[:, 0].round(2).tolist(),
        (gaps[:, 0] / max(float(floor[0]), 1.0)).round(4).tolist(),
        (chroma - of_floor).round(2).tolist(),
        hue.round(2).tolist(),
        tints,
        np.sqrt((gaps**2).sum(axis=1)).round(2).tolist(),
        ratio.round(3).tolist(),
        [round(looks.floor_variation, 2)] * count,
        variation.round(2).tolist(),
        looks.texture.tolist(),
        evidence or [None] * count,
        [tuple(doubts)] * count,
        strict=True,
    )
    return tuple(Facts(*own, *row) for row in numbers)


def with_attributes(
    facts: Facts, floor: Mapping[str, Attribute], product: Mapping[str, Attribute]
) -> Facts:
    """Returns the facts with what was measured as attributes of both, and edited of neither.

    Args:
        facts: of one product.
        floor: attributes of the straightened floor, by name.
        product: those of the product.

    Example:
        >>> facts = Facts("plank", 0.9, "plank", 0.95, 0.97, 0.5, 0.01, 0.3, 0.2, "", 0.7, 1.0,
        ...               6.0, 6.0, 0.4)
        >>> knots = {"knots": Attribute(0.4)}, {"knots": Attribute(1.5)}
        >>> sentence(with_attributes(facts, *knots))
        'same plank pattern, same colour, more knots'
    """
    knots, grain = (_both(name, floor, product) for name in ("knots", "grain"))
    return replace(
        facts,
        floor_knots=knots[0],
        product_knots=knots[1],
        floor_grain=grain[0],
        product_grain=grain[1],
    )


def _both(
    name: str, floor: Mapping[str, Attribute], product: Mapping[str, Attribute]
) -> tuple[float, float] | tuple[None, None]:
    one, other = floor.get(name), product.get(name)
    if one is None or other is None or not one.origin == other.origin == "measured":
        return None, None
    return float(one.value), float(other.value)


def sentence(facts: Facts, phrases: Mapping[str, str] = PHRASES) -> str:
    """Returns the facts that matter as one sentence, most important first, without a full stop.

    Args:
        facts: of one product.
        phrases: the words; by default English ones.

    Example:
        >>> facts = Facts("herringbone", 0.9, "herringbone", 0.95, 0.97, 2.0, 0.04, 0.3, 0.2, "",
        ...               2.1, 0.3, 12.0, 3.6, 0.4, "swatch", ("warm light",))
        >>> sentence(facts)
        'same herringbone, 4 % lighter, less variation, colour uncertain: warm light'
    """
    return phrases["and"].join(_text(phrase, phrases) for phrase in notable(facts))


def _text(phrase: Phrase, phrases: Mapping[str, str]) -> str:
    words = {
        name: phrases[value] if isinstance(value, str) else value
        for name, value in phrase.values.items()
    }
    return phrases[phrase.key].format(**words)


def notable(facts: Facts) -> tuple[Phrase, ...]:
    """Returns the facts that matter, most important first, at most `MOST`.

    Example:
        >>> facts = Facts("plank", 0.9, "plank", 0.95, 0.97, 0.5, 0.01, 0.3, 0.2, "", 0.7, 1.0,
        ...               6.0, 6.0, 0.4)
        >>> [phrase.key for phrase in notable(facts)]
        ['same plank', 'same colour']
    """
    last = [*_doubt_phrases(facts)]
    first = [*_pattern_phrases(facts), *_colour_phrases(facts), *_surface_phrases(facts)]
    return (*first[: MOST - len(last)], *last)


def doubts_of(
    trust: NDArray[np.floating],
    reasons: Sequence[str] = (),
    tint: NDArray[np.floating] | None = None,
) -> tuple[Doubt, ...]:
    """Returns what makes a photo's colours, or its floor, doubtful, most important first.

    Args:
        trust: (4,), the values of `floorlens.normalisation.trust.TRUST` for the floor; empty where
            nobody looked.
        reasons: why the region is doubtful (`FloorRegion.reasons`).
        tint: (2,), a* and b* of the light (`floorlens.normalisation.trust.tint_of`); None where it
            is not known.

    Example:
        >>> doubts_of(np.array([1.0, 0.5, 0.2, 0.0]), ("mostly rug: rugs cover 30.0% of it",))
        ('clipped highlights', 'perhaps a rug')
    """
    doubts: list[Doubt] = []
    if tint is not None:
        warm = float(tint[1]) > 0
        if float(np.hypot(*tint)) >= (WARM if warm else COOL):
            doubts.append("warm light" if warm else "cool light")
    if trust.size:
        doubts += [
            name for name, value in zip(_LIMITS, trust, strict=True) if value >= _LIMITS[name]
        ]
    codes = [reason.partition(":")[0] for reason in reasons]
    doubts += [doubt for code, doubt in _OF_REGION.items() if code in codes]
    return tuple(dict.fromkeys(doubts))


def _pattern_phrases(facts: Facts) -> Iterator[Phrase]:
    floor, product = facts.floor_pattern, facts.product_pattern
    if not floor:
        return
    if facts.floor_pattern_probability < UNSURE:
        yield Phrase("pattern unsure", {})
    elif floor == product and facts.same_pattern >= SAME:
        yield Phrase(f"same {floor}", {})
    elif (
        facts.same_pattern <= OTHER
        and min(facts.floor_pattern_probability, facts.product_pattern_probability) >= SURE
    ):
        yield Phrase("other", {"product": product, "floor": floor})


def _colour_phrases(facts: Facts) -> Iterator[Phrase]:
    lighter = abs(facts.lightness) >= LIGHTER
    if not lighter and not facts.tint:
        yield Phrase("same colour", {})
    phrases = []
    if lighter:
        key = "lighter" if facts.lightness > 0 else "darker"
        percent = max(1, round(100 * abs(facts.lightness_share)))
        phrases.append((abs(facts.lightness), Phrase(key, {"percent": percent})))
    if facts.tint:
        size = math.hypot(facts.chroma, facts.hue)
        phrase = Phrase(facts.tint, {})
        if not PLAIN <= size < STRONG:
            key = "slightly" if size < PLAIN else "strongly"
            phrase = Phrase(key, {"tint": facts.tint})
        phrases.append((size, phrase))
    yield from (phrase for _, phrase in sorted(phrases, key=lambda pair: -pair[0]))


def _surface_phrases(facts: Facts) -> Iterator[Phrase]:
    spreads = facts.floor_variation, facts.product_variation
    if facts.variation <= LESS and spreads[0] >= VARIED:
        yield Phrase("less variation", {})
    elif facts.variation >= MORE and spreads[1] >= VARIED:
        yield Phrase("more variation", {})
    if facts.floor_knots is not None and facts.product_knots is not None:
        # A tenth of a per cent on both sides, so that none and hardly any are alike.
        times = (facts.product_knots + 0.1) / (facts.floor_knots + 0.1)
        if facts.product_knots >= KNOTS and times >= KNOTTY:
            yield Phrase("more knots", {})
    if facts.floor_grain is not None and facts.product_grain is not None:
        times = facts.product_grain / max(facts.floor_grain, 0.1)
        if times >= COARSER or times <= FINER:
            yield Phrase("coarser grain" if times > 1 else "finer grain", {})
    if facts.texture >= SIMILAR:
        yield Phrase("similar texture", {})
    elif facts.texture < ANOTHER:
        yield Phrase("another texture", {})
    if facts.evidence == "scene":
        yield Phrase("room only", {})


def _doubt_phrases(facts: Facts) -> Iterator[Phrase]:
    """Yields one phrase on the colour, and one on the floor, where they are doubtful."""
    for key, of_floor in (("colour uncertain", False), ("floor uncertain", True)):
        why = next((one for one in facts.doubts if (one in _OF_REGION_ALONE) == of_floor), None)
        if why is not None:
            yield Phrase(key, {"why": why})


def _tints(
    floor: NDArray[np.float64],
    gaps: NDArray[np.float64],
    chroma: NDArray[np.float64],
    hue: NDArray[np.float64],
    colour: NDArray[np.floating],
) -> list[str]:
    """Returns how each product's colour differs beside its lightness, in a word.

    A colour that is farther from grey is warmer, as long as it is no blue or green.

    Args:
        floor: (3,), Lab.
        gaps: (n, 3), Lab of the products less that of the floor.
        chroma, hue: (n,), the same in C* and ΔH*.
        colour: (n, 3), Lab of the products.
    """
    grey = np.hypot(colour[:, 1], colour[:, 2]) < GREY
    if math.hypot(floor[1], floor[2]) < GREY:
        grey = np.ones_like(grey)
    towards = np.degrees(np.arctan2(gaps[:, 2], gaps[:, 1]))
    angle = np.degrees(np.arctan2(colour[:, 2], colour[:, 1]))
    browns = (angle > -20) & (angle < 110)
    away = np.select(
        [(towards > -20) & (towards < 115), (towards >= 115) & (towards < 165)],
        ["warmer", "greener"],
        "cooler",
    )
    turned = np.where(hue < 0, "redder", np.where(angle > 100, "greener", "yellower"))
    faded = (chroma < 0) & (math.hypot(floor[1], floor[2]) >= GREY)
    tints = np.select(
        [
            np.hypot(chroma, hue) < NOTICEABLE,
            faded & (grey | (np.abs(chroma) >= np.abs(hue))),
            grey | ~browns | (np.abs(chroma) >= np.abs(hue)),
        ],
        ["", np.where(grey & (colour[:, 2] < -1), "cooler", "greyer"), away],
        turned,
    )
    return [str(tint) for tint in tints]
