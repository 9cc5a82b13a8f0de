"""What a list of likenesses means: probabilities, words, and which matches are equals.

The list is taken as one question, "which of these products lies on this floor, if any?": a
product's probability is its likeness to a power, divided by the sum of all of them and of a part
for "none of these". The more products are as like the floor, the less likely is each. The first
one's probability is then corrected by logistic regression (Platt, "Probabilistic outputs for
support vector machines", 1999), and the others' with it. The matches that cannot be told apart are
the shortest beginning of the list that holds the right product in nine of ten searches (conformal
prediction, with cumulative probabilities: Romano, Sesia and Candès, "Classification with valid and
adaptive coverage", 2020).

All numbers are learned on rooms whose product is known, shop by shop, among catalogues of many
sizes (`training/matching/fit_calibration.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floorlens.errors import CatalogueError
from floorlens.models.onnx import WEIGHTS
from floorlens.ranking import Word
from floorlens.reranking import Scale

CALIBRATION = "calibration.json"
#: Below this a likeness counts as this: one of 0 would exclude a product for ever.
LEAST = 0.02
#: Among fewer products there is no probability: that is not learned.
FEWEST = 20


@dataclass(frozen=True)
class Calibration:
    """What likenesses mean on one scale.

    Attributes:
        centre: the likeness that the numbers below are relative to.
        power: of the likenesses, as a logarithm: for a first match at the centre among 300
            products, then what is added for each .2 more of its likeness, and for each factor of
            e² in the number of products.
        absence: log weight of "none of these", in the same way.
        correction: offset and slope of the logistic regression on the first one's log odds.
        coverage: how much of the probability the equals hold together.
        same_floor: from this probability on a match is called "same floor".
        very_close, close, related: from these likenesses on it is called so.
    """

    centre: float
    power: tuple[float, float, float]
    absence: tuple[float, float, float]
    correction: tuple[float, float]
    coverage: float
    same_floor: float
    very_close: float
    close: float
    related: float

    def word(self, probability: float, likeness: float) -> Word | None:
        """Returns how close a match looks; None where it is further than "related".

        Args:
            probability: that it is the product on the floor; 0 where it is not known.
            likeness: of the two.

        Example:
            >>> calibration = default_calibrations()["adapted"]
            >>> calibration.word(0.95, 0.6), calibration.word(0.01, 0.02)
            ('same floor', None)
        """
        if likeness < self.related:
            return None
        if likeness < self.close:
            return "related"
        if likeness < self.very_close:
            return "close"
        return "same floor" if probability >= self.same_floor else "very close"


@dataclass(frozen=True)
class Reading:
    """What the re-ranked part of a list means.

    Attributes:
        probabilities: float64 (n,), that each is the product on the floor; never rising.
        words: (n,), how close each looks.
        equals: how many of the first cannot be told apart.
        nothing_close: whether even the first is no closer than "related".
    """

    probabilities: NDArray[np.float64]
    words: tuple[Word | None, ...]
    equals: int
    nothing_close: bool


def read(likeness: ArrayLike, total: int, calibration: Calibration) -> Reading:
    """Returns what the likenesses of a list mean.

    Args:
        likeness: (n,), of the re-ranked products, best first; at least one.
        total: how many products were searched, `n` or more.
        calibration: of their scale.

    Example:
        >>> alone = read([0.7, 0.3, 0.2], 300, default_calibrations()["adapted"])
        >>> twins = read([0.7, 0.7, 0.2], 300, default_calibrations()["adapted"])
        >>> alone.equals, twins.equals, bool(alone.probabilities[0] > twins.probabilities[0])
        (1, 2, True)
    """
    values = np.asarray(likeness, np.float64)
    probabilities = list_probabilities(values, total, calibration)
    share = np.cumsum(probabilities[1:]) / probabilities[1:].sum()
    equals = min(len(values), int((share < calibration.coverage).sum()) + 1)
    # Whoever is exactly as like the floor as the last of them belongs to them.
    equals = int((values >= values[equals - 1]).sum())
    corrected = _correct(probabilities[1:], calibration.correction)
    words = tuple(
        calibration.word(float(p), float(s)) for p, s in zip(corrected, values, strict=True)
    )
    return Reading(corrected, words, equals, bool(values[0] < calibration.close))


def list_probabilities(
    likeness: NDArray[np.float64], total: int, calibration: Calibration
) -> NDArray[np.float64]:
    """Returns float64 (1 + n,): of "none of these", then of each product; before the correction.

    Args:
        likeness, total, calibration: as for `read`.

    Example:
        >>> odds = list_probabilities(np.array([0.5, 0.5]), 100, default_calibrations()["adapted"])
        >>> round(float(odds.sum()), 6), bool(odds[1] == odds[2])
        (1.0, True)
    """
    given = np.array(list_features(float(likeness[0]), total, calibration.centre))
    power, absence = (float(np.dot(w, given)) for w in (calibration.power, calibration.absence))
    logits = np.exp(power) * np.log(np.maximum(likeness, LEAST) / calibration.centre)
    every = np.concatenate([[absence], logits])
    odds = np.exp(every - every.max())
    return np.asarray(odds / odds.sum(), np.float64)


def list_features(first: float, total: int, centre: float) -> tuple[float, float, float]:
    """Returns what `Calibration.power` and `Calibration.absence` are weights of.

    Example:
        >>> list_features(0.65, 300, 0.45)
        (1.0, 1.0, 0.0)
    """
    return 1.0, round((first - centre) * 5, 12), float(np.log(total / 300) / 2)


def _correct(odds: NDArray[np.float64], correction: tuple[float, float]) -> NDArray[np.float64]:
    """Returns the probabilities with the first one corrected and the others in proportion."""
    # Those that tie with the first stay equal to it.
    first, ties = float(np.clip(odds[0], 1e-9, 1 - 1e-9)), int((odds == odds[0]).sum())
    offset, slope = correction
    better = 1 / (1 + np.exp(-offset - slope * np.log(first / (1 - first))))
    better = min(better, 1 / ties)
    # The others share what is left, and none gets more than it had beside the first.
    scale = min((1 - ties * better) / max(1 - ties * first, 1e-9), better / first)
    corrected: NDArray[np.float64] = odds * scale
    corrected[:ties] = better
    return corrected


@lru_cache(maxsize=1)
def default_calibrations() -> Mapping[Scale, Calibration]:
    """Returns the calibrations that come with the package, by scale.

    Raises:
        CatalogueError: the file does not hold them.

    Example:
        >>> sorted(default_calibrations())
        ['adapted', 'plain']
    """
    try:
        values = json.loads((WEIGHTS / CALIBRATION).read_text(encoding="utf-8"))
        return {
            "adapted": _calibration(values["adapted"]),
            "plain": _calibration(values["plain"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(
            f"{CALIBRATION} does not hold calibrations: install floorlens again ({error})"
        ) from error


def _calibration(values: Mapping[str, Any]) -> Calibration:
    p0, p1, p2 = values["power"]
    a0, a1, a2 = values["absence"]
    offset, slope = values["correction"]
    return Calibration(
        centre=values["centre"],
        power=(p0, p1, p2),
        absence=(a0, a1, a2),
        correction=(offset, slope),
        coverage=values["coverage"],
        same_floor=values["same_floor"],
        very_close=values["very_close"],
        close=values["close"],
        related=values["related"],
    )
