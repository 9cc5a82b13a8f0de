"""Are the scores what they say: probabilities, groups of equals, and "nothing is close"?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from floorlens.evaluation.metrics import auroc, auroc_interval, bootstrap_interval

BINS = 10
"""Bins of equal width that probabilities are counted in."""


@dataclass(frozen=True)
class ScoreOutcome:
    """What one search said of itself, and what was right.

    Attributes:
        score: of the first match, 0..1.
        right: whether the first match is the product on the floor.
        equals: how many of the first matches cannot be told apart.
        covered: whether the right product is one of them.
        nothing_close: what the search said; `without`: what it would say without that product.
        likeness: of the first match; `likeness_without`: of the first one that is another product;
            None where there is none.
    """

    score: float
    right: bool
    equals: int
    covered: bool
    nothing_close: bool
    without: bool
    likeness: float
    likeness_without: float | None


@dataclass(frozen=True)
class Bin:
    """Scores of one bin.

    Attributes:
        n: how many.
        score: their mean.
        right: the share of them that are right.
    """

    n: int
    score: float
    right: float


def bins_of(scores: ArrayLike, right: ArrayLike) -> list[Bin]:
    """Returns the bins of equal width that hold scores, from the lowest on.

    Example:
        >>> from floorlens.evaluation.calibration import bins_of
        >>> bins_of([0.25, 0.95], [True, True])
        [Bin(n=1, score=0.25, right=1.0), Bin(n=1, score=0.95, right=1.0)]
    """
    values, hits = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    places = np.minimum((values * BINS).astype(np.intp), BINS - 1)
    return [
        Bin(int(rows.sum()), float(values[rows].mean()), float(hits[rows].mean()))
        for place in range(BINS)
        if (rows := places == place).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the expected calibration error: how far score and share of right ones lie apart.

    Source: Guo et al., "On calibration of modern neural networks" (ICML 2017).

    Example:
        >>> from floorlens.evaluation.calibration import bins_of, calibration_error
        >>> round(calibration_error(bins_of([0.25, 0.95], [False, True])), 2)
        0.15
    """
    total = sum(part.n for part in bins)
    return sum(part.n * abs(part.score - part.right) for part in bins) / total


def score_figures(outcomes: Sequence[ScoreOutcome], groups: Sequence[str]) -> dict[str, Any]:
    """Returns how far the scores of searches can be believed, as plain JSON values.

    Args:
        outcomes: of the searches, at least one.
        groups: whose intervals are drawn together, such as the room of each.

    Example:
        >>> from floorlens.evaluation.calibration import ScoreOutcome, score_figures
        >>> sure = ScoreOutcome(0.95, True, 1, True, False, True, 0.8, 0.2)
        >>> figures = score_figures([sure, sure], ["a", "b"])
        >>> figures["equals_cover"], figures["taken_out_auroc"]
        (1.0, 1.0)
    """
    bins = bins_of([o.score for o in outcomes], [o.right for o in outcomes])
    covered = [o.covered for o in outcomes]
    known = [o.likeness for o in outcomes if o.likeness_without is not None]
    unknown = [o.likeness_without for o in outcomes if o.likeness_without is not None]
    figures: dict[str, Any] = {
        "base_rate": float(np.mean([o.right for o in outcomes])),
        "mean_score": float(np.mean([o.score for o in outcomes])),
        "ece": calibration_error(bins),
        "bins": [{"n": part.n, "score": part.score, "right": part.right} for part in bins],
        "equals_cover": float(np.mean(covered)),
        "equals_cover_ci95": list(bootstrap_interval(covered, groups=groups)),
        "equals_median": float(np.median([o.equals for o in outcomes])),
        "nothing_close": float(np.mean([o.nothing_close for o in outcomes])),
        "nothing_close_taken_out": float(np.mean([o.without for o in outcomes])),
    }
    if unknown:
        figures["taken_out_auroc"] = auroc(known, unknown)
        figures["taken_out_auroc_ci95"] = list(auroc_interval(known, unknown))
    return figures
