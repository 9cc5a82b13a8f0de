"""How often a measured value is right, counted by `python -m training.attributes.confidence`.

Words of colour: against labels by eye, on 90 pictures that test nothing. Pattern, material and
joints: the probability, which is as often right as it says on shops that the probe did not see.
Sizes: on floors laid of real boards and faces in a known size. What nobody can label by eye, such
as undertone, spread or veins: how often the other half of the picture says the same, numbers within
a quarter.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from floorlens.attributes import Value
from floorlens.attributes.colour import DARK, LIGHT

#: Up to this distance of L* from the nearest bound of a tone -> how often the tone is right.
TONE = ((2.0, 0.69), (5.0, 0.89), (10.0, 0.91), (100.0, 0.98))
#: How often the colour family is right: brown borders on beige, grey and red.
COLOUR: Mapping[str, float] = MappingProxyType({"brown": 0.88})
OTHER_COLOURS = 0.91
#: How often the two halves of a picture agree; of sizes, how often one is right to 15 %.
AGREEMENT: Mapping[str, float] = MappingProxyType(
    {
        "lightness": 0.98,
        "undertone": 0.96,
        "variation": 0.87,
        "spread": 0.81,
        "grain": 0.94,
        "marks": 0.91,
        "knots": 0.87,
        "veins": 0.87,
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
        (0.98, 0.69)
    """
    if share is not None:
        return round(min(max(share, 0.0), 1.0), 3)
    if name == "tone":
        margin = min(abs(lightness - DARK), abs(lightness - LIGHT))
        return next(rate for limit, rate in TONE if margin <= limit)
    if name == "colour":
        return COLOUR.get(str(value), OTHER_COLOURS)
    return AGREEMENT[name]
