"""What is measured: ranks, nDCG, mask overlap and boundary, intervals. Functions on arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BOUNDARY_TOLERANCE = 3.0
"""How far apart two boundaries may lie, in pixels of a picture whose longer side is 640."""


def tied_rank(score: float, scores: ArrayLike) -> int:
    """Returns the rank 1.. of `score` among `scores` (which contain it), ties at their worst.

    Worst: among equals, every other one is taken to stand before it.
    """
    return max(1, int(np.count_nonzero(np.asarray(scores, dtype=np.float64) >= score)))


@dataclass(frozen=True)
class RankRates:
    """What a set of ranks amounts to; all rates in 0..1.

    Attributes:
        n: how many ranks.
        top1, top5, top10: the share of ranks at or above that place.
        mrr: the mean of 1 / rank.
        median_rank: the middle rank (the mean of the two middle ones of an even number).
    """

    n: int
    top1: float
    top5: float
    top10: float
    mrr: float
    median_rank: float


def rank_rates(ranks: ArrayLike) -> RankRates:
    """Returns what ranks 1.. amount to.

    Raises:
        ValueError: there is no rank, or one below 1.
    """
    values = np.asarray(ranks, dtype=np.int64)
    if values.size == 0 or values.min() < 1:
        raise ValueError("ranks must be given, and start at 1")
    return RankRates(
        n=int(values.size),
        top1=within(values, 1),
        top5=within(values, 5),
        top10=within(values, 10),
        mrr=float(np.mean(1.0 / values)),
        median_rank=float(np.median(values)),
    )


def within(ranks: ArrayLike, place: int) -> float:
    """Returns the share, 0..1, of ranks at or above `place`."""
    return float(np.mean(np.asarray(ranks) <= place))


def nearest(distances: ArrayLike, count: int) -> NDArray[np.intp]:
    """Returns the indices of the `count` smallest finite distances, nearest first.

    Equal distances keep the order of the input; fewer are returned where there are fewer.
    """
    values = np.asarray(distances, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    return order[np.isfinite(values[order])][:count]


def pessimistic_order(
    ids: Sequence[str], scores: Sequence[float], grades: Mapping[str, float]
) -> list[str]:
    """Returns ids by falling score; of equal scores the lower grade first, then as given.

    A ranking that cannot tell two products apart must not gain by the order in which it happens
    to list them. An id without a grade counts as 0.
    """
    places = sorted(range(len(ids)), key=lambda i: (-scores[i], grades.get(ids[i], 0.0), i))
    return [ids[place] for place in places]


def ndcg(grades: Sequence[float], ideal: Iterable[float], depth: int = 10) -> float:
    """Returns the normalised discounted cumulative gain, 0..1, of a ranking.

    Gain 2^grade - 1, discount log2(place + 1). Source: Burges et al., "Learning to rank using
    gradient descent" (2005).

    Args:
        grades: the grades of the ranked products, best place first.
        ideal: every grade that was judged, in any order; all zero gives 0.
        depth: how many places count.
    """
    best = _dcg(sorted(ideal, reverse=True)[:depth])
    return min(1.0, _dcg(list(grades)[:depth]) / best) if best > 0 else 0.0


def _dcg(grades: Sequence[float]) -> float:
    gains = np.exp2(np.asarray(grades, dtype=np.float64)) - 1
    return float(np.sum(gains / np.log2(np.arange(len(grades)) + 2.0)))


def resize_nearest(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns a bool mask at `shape` = (height, width), each pixel from the nearest centre."""
    if mask.shape == shape:
        return mask
    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(np.intp)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(np.intp)
    return mask[np.ix_(rows, columns)]


@dataclass(frozen=True)
class Overlap:
    """How far a predicted mask covers a true one.

    Attributes:
        intersection, union: pixels that are not ignored.
        floor_share: the share of the pixels that are not ignored that is true floor, 0..1.
    """

    intersection: int
    union: int
    floor_share: float

    @property
    def iou(self) -> float:
        """Intersection over union, 0..1; 1 where neither mask has a pixel."""
        return self.intersection / self.union if self.union else 1.0


def overlap(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> Overlap:
    """Returns how far two masks overlap outside the ignored pixels; all bool (h, w)."""
    counted = ~ignored
    both = int(np.count_nonzero(predicted & truth & counted))
    either = int(np.count_nonzero((predicted | truth) & counted))
    floor = int(np.count_nonzero(truth & counted))
    return Overlap(both, either, floor / max(1, int(np.count_nonzero(counted))))


def boundary_f(
    predicted: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    tolerance: float = BOUNDARY_TOLERANCE,
) -> float:
    """Returns the F measure, 0..1, of two masks' boundaries.

    A boundary pixel is found if one of the other mask lies within the tolerance. The frame of the
    picture is no boundary. Boundary within the tolerance of ignored pixels is not counted, since
    its counterpart may lie among them, but it may serve as a counterpart. Source: Csurka et al.,
    "What is a good evaluation measure for semantic segmentation?" (BMVC 2013).

    Args:
        predicted, truth, ignored: bool (h, w).
        tolerance: in pixels at a longer side of 640; scaled with the masks' own.
    """
    radius = tolerance * max(truth.shape) / 640
    lines = _boundary(predicted), _boundary(truth)
    counted = ~_grow(ignored, radius) if ignored.any() else np.ones_like(truth)
    claimed, wanted = lines[0] & counted, lines[1] & counted
    if not claimed.any() and not wanted.any():
        return 1.0
    if not claimed.any() or not wanted.any():
        return 0.0
    precision = np.count_nonzero(claimed & _grow(lines[1], radius)) / np.count_nonzero(claimed)
    recall = np.count_nonzero(wanted & _grow(lines[0], radius)) / np.count_nonzero(wanted)
    both = float(precision + recall)
    return float(2 * precision * recall / both) if both else 0.0


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask's pixels that touch a pixel outside it: bool (h, w)."""
    framed = np.pad(mask, 1, mode="edge")
    inside = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return mask & ~inside


def _grow(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Returns the mask dilated by a disk of `radius` pixels: bool (h, w).

    A disk is a stack of rows, and a row's dilation is a difference of running sums: time grows
    with the radius, not with its square.
    """
    height, width = mask.shape
    sums = np.zeros((height, width + 1), dtype=np.int32)
    np.cumsum(mask, axis=1, out=sums[:, 1:])
    columns = np.arange(width)
    grown = np.zeros_like(mask)
    for step in range(min(int(radius), height - 1) + 1):
        half = int(np.sqrt(radius**2 - step**2))
        right, left = np.minimum(columns + half + 1, width), np.maximum(columns - half, 0)
        row = sums[:, right] > sums[:, left]
        grown[step:] |= row[: height - step]
        grown[: height - step] |= row[step:]
    return grown


def bootstrap_interval(
    numerators: ArrayLike,
    denominators: ArrayLike | None = None,
    *,
    groups: Sequence[str] | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns the percentile bootstrap's 95 % interval of sum(numerators) / sum(denominators).

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    Args:
        numerators: one number for each query, or pixels for each image.
        denominators: the same length; 1 each if absent, which makes the ratio a mean.
        groups: what is drawn together (the queries of one room); each alone if absent.
        draws, seed: how many resamples, and from which seed.

    Raises:
        ValueError: nothing to resample.
    """
    above = np.asarray(numerators, dtype=np.float64)
    below = np.ones_like(above) if denominators is None else np.asarray(denominators, np.float64)
    if above.size == 0 or above.shape != below.shape:
        raise ValueError("a bootstrap needs at least one number, and as many below as above")
    if groups is not None:
        names, member = np.unique(np.asarray(groups), return_inverse=True)
        single = above, below
        above, below = np.zeros(len(names)), np.zeros(len(names))
        np.add.at(above, member, single[0])
        np.add.at(below, member, single[1])
    generator = np.random.default_rng(seed)
    ratios = np.empty(draws)
    # In blocks of bounded size: a matrix of all draws would grow with the data set.
    block = max(1, 1_000_000 // above.size)
    for start in range(0, draws, block):
        chosen = generator.integers(0, above.size, (min(block, draws - start), above.size))
        total = below[chosen].sum(axis=1)
        found = above[chosen].sum(axis=1)
        ratios[start : start + block] = np.divide(
            found, total, out=np.ones_like(found), where=total > 0
        )
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def auroc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Returns the area under the ROC curve, 0..1.

    The probability that a positive's score exceeds a negative's, equal scores counting half.
    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve" (1982).

    Raises:
        ValueError: there is no positive or no negative.
    """
    scores, positive = _pooled(positives, negatives)
    weights = np.ones((1, scores.size))
    return float(_weighted_auroc(scores, positive, weights)[0])


def auroc_interval(
    positives: ArrayLike, negatives: ArrayLike, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Returns the percentile bootstrap's 95 % interval of `auroc`.

    Photos are drawn from positives and negatives together, as they came; a draw that holds one
    kind alone says nothing and is left out.

    Raises:
        ValueError: there is no positive or no negative.
    """
    scores, positive = _pooled(positives, negatives)
    generator = np.random.default_rng(seed)
    areas = []
    block = max(1, 1_000_000 // scores.size)
    for start in range(0, draws, block):
        chosen = generator.integers(0, scores.size, (min(block, draws - start), scores.size))
        weights = np.stack([np.bincount(row, minlength=scores.size) for row in chosen])
        areas.append(_weighted_auroc(scores, positive, weights))
    found = np.concatenate(areas)
    low, high = np.quantile(found[np.isfinite(found)], [0.025, 0.975])
    return float(low), float(high)


def _pooled(
    positives: ArrayLike, negatives: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns all scores, rising, and which of them are positives'."""
    above, below = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    if above.size == 0 or below.size == 0:
        raise ValueError("an area under the curve needs a positive and a negative")
    scores = np.concatenate([above, below])
    order = np.argsort(scores, kind="stable")
    return scores[order], (np.arange(scores.size) < above.size)[order]


def _weighted_auroc(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.generic]
) -> NDArray[np.float64]:
    """Returns the area for each row of weights (draws, n): float64; NaN where one kind is absent.

    Args:
        scores: rising.
        positive: which of them are positives'.
        weights: how often each score was drawn.
    """
    starts = np.flatnonzero(np.diff(scores, prepend=-np.inf) > 0)
    hits = np.add.reduceat(weights * positive, starts, axis=1).astype(np.float64)
    misses = np.add.reduceat(weights * ~positive, starts, axis=1).astype(np.float64)
    # For each score: the negatives below it, and half of those equal to it.
    beaten = np.cumsum(misses, axis=1) - misses / 2
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    area = (hits * beaten).sum(axis=1)
    areas = np.full(len(area), np.nan)
    np.divide(area, pairs, out=areas, where=pairs > 0)
    return areas
