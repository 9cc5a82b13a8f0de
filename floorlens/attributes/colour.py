"""Tone, colour family and undertone of CIELAB colours.

The bounds were set on 90 product pictures labelled by eye (`benchmarks/attributes.csv`), and how
often they are right was counted on 150 others (`floorlens eval attributes`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Below the first a floor is dark, from the second on it is light: L*.
DARK, LIGHT = 40.0, 66.0
#: A neutral colour is black below the first, white from the second on.
BLACK, WHITE = 32.5, 88.0
#: Chroma up to which a colour is neutral: in shadow less colour is seen as such, as white more.
NEUTRAL, NEUTRAL_DARK, NEUTRAL_LIGHT = 8.7, 6.0, 9.2
#: Chroma from which on a cold hue is blue or green, where a warm one would still be grey.
COLD = 5.5
#: A hue up to this, in degrees, is red where its chroma is at least `RED_CHROMA`; wood is less.
RED, RED_CHROMA = 50.0, 34.0
#: Light colours with a hue and a chroma of at least these are yellow; beige is less.
YELLOW, YELLOW_CHROMA = 75.0, 48.0
#: Hues from the first to the second are green, from there to the third blue.
GREEN, BLUE, PURPLE = 105.0, 185.0, 325.0
#: Floors of which the colours differ from their median by at least this, on average, have several.
SEVERAL = 26.0
#: What an undertone goes by: b* and half of a*. Above the first it is warm, below the other cool.
WARM, COOL = 4.0, -1.0


def tone_of(lightness: float) -> str:
    """Returns "light", "medium" or "dark" for a lightness L*.

    Example:
        >>> tone_of(30), tone_of(55), tone_of(80)
        ('dark', 'medium', 'light')
    """
    return "dark" if lightness < DARK else "light" if lightness >= LIGHT else "medium"


def family_of(lab: NDArray[np.floating]) -> str:
    """Returns the colour family of one CIELAB colour (3,), as in `NAMES["colour"]`.

    Example:
        >>> oak, walnut, slate = [70, 6, 24], [35, 8, 14], [45, 0, -1]
        >>> [family_of(np.array(colour)) for colour in (oak, walnut, slate)]
        ['beige', 'brown', 'grey']
    """
    lightness, chroma = float(lab[0]), float(np.hypot(lab[1], lab[2]))
    hue = float(np.degrees(np.arctan2(lab[2], lab[1])) % 360)
    neutral = NEUTRAL_DARK if lightness < BLACK else NEUTRAL
    if lightness >= WHITE:
        neutral = NEUTRAL_LIGHT
    cold = GREEN <= hue < PURPLE
    if chroma < (min(neutral, COLD) if cold and BLACK <= lightness < WHITE else neutral):
        return "black" if lightness < BLACK else "white" if lightness >= WHITE else "grey"
    if cold:
        return "green" if hue < BLUE else "blue"
    if chroma >= RED_CHROMA and (hue <= RED or hue >= PURPLE):
        return "red"
    if lightness < LIGHT:
        return "brown"
    return "yellow" if hue >= YELLOW and chroma >= YELLOW_CHROMA else "beige"


def several_colours(lab: NDArray[np.floating]) -> bool:
    """Returns whether colours (m, 3) are so different that no family describes them.

    Example:
        >>> chequered = np.array([[10.0, 0, 0], [95.0, 0, 0]] * 8)
        >>> several_colours(chequered), several_colours(chequered[::2])
        (True, False)
    """
    return colour_distance(lab) >= SEVERAL


def colour_distance(lab: NDArray[np.floating]) -> float:
    """Returns how far colours (m, 3) are from their median, on average (CIE 1976).

    Example:
        >>> colour_distance(np.array([[50.0, 0, 0], [50.0, 0, 0], [53.0, 0, 0]]))
        1.0
    """
    return float(np.linalg.norm(lab - np.median(lab, axis=0), axis=1).mean())


def undertone_of(lab: NDArray[np.floating]) -> str:
    """Returns "warm", "neutral" or "cool" for one CIELAB colour (3,).

    Example:
        >>> undertone_of(np.array([60, 5, 20])), undertone_of(np.array([60, 0, -6]))
        ('warm', 'cool')
    """
    lean = warmth_of(lab)
    return "warm" if lean > WARM else "cool" if lean < COOL else "neutral"


def warmth_of(lab: NDArray[np.floating]) -> float:
    """Returns what the undertone goes by: b* and half of a*, for one colour (3,).

    Example:
        >>> warmth_of(np.array([60.0, 4.0, 20.0]))
        22.0
    """
    return float(lab[2] + lab[1] / 2)
