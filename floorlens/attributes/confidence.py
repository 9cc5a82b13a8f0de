"""How often a measured value is right.

Words of colour, material and pattern: against labels by eye, on 150 pictures that set no threshold,
their pattern told by a probe that did not see their shop (`training.matching.attribute_rates`).
Sizes: counted once on 110 floors laid of real boards and faces in a known size, by a script that
was not kept. What nobody can label by eye, such as undertone, spread or veins: how
often the two halves of a picture say the same, numbers within a quarter.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from floorlens.attributes import Value
from floorlens.attributes.colour import DARK, LIGHT

#: Up to this distance of L* from the nearest bound of a tone -> how often the tone is right.
TONE = ((2.0, 0.75), (5.0, 0.79), (10.0, 0.84), (100.0, 0.98))
#: How often the colour family is right: beige, brown and grey border on each other.
COLOUR: Mapping[str, float] = MappingProxyType({"brown": 0.85, "beige": 0.8, "grey": 0.73})
OTHER_COLOURS = 0.94
#: Up to this probability of a material -> how often it is right.
MATERIAL = ((0.9, 0.4), (1.1, 0.92))
#: The probability of a pattern is as often right as it says, up to here.
MOST = 0.96
#: How often the two halves of a picture agree; of sizes, how often one is right to 15 %. Of gloss
#: all 129 agree: the lower end of the interval.
AGREEMENT: Mapping[str, float] = MappingProxyType(
    {
        "lightness": 0.99,
        "undertone": 0.94,
        "variation": 0.8,
        "spread": 0.77,
        "grain": 0.94,
        "marks": 0.77,
        "knots": 0.78,
        "veins": 0.64,
        "gloss": 0.97,
        "piece_width": 0.92,
        "piece_length": 0.94,
    }
)


def measured_confidence(
    name: str, value: Value, lightness: float, share: float | None = None
) -> float:
    """Returns how often a value such as this one is right, 0..1.

    Args:
        name: of the attribute.
        value: what was measured.
        lightness: of the floor, L*.
        share: the probability of a value that has one.

    Example:
        >>> measured_confidence("tone", "light", 90), measured_confidence("tone", "light", 66.5)
        (0.98, 0.75)
    """
    if name == "material" and share is not None:
        return next(rate for limit, rate in MATERIAL if share <= limit)
    if share is not None:
        return round(min(max(share, 0.0), MOST), 3)
    if name == "tone":
        margin = min(abs(lightness - DARK), abs(lightness - LIGHT))
        return next(rate for limit, rate in TONE if margin <= limit)
    if name == "colour":
        return COLOUR.get(str(value), OTHER_COLOURS)
    return AGREEMENT[name]
