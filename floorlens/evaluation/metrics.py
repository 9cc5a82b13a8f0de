"""The measures: ranks, nDCG, mask overlap and boundary, AUROC, intervals. Functions on arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floorlens.images.shapes import shrink

BOUNDARY_TOLERANCE = 3.0
"""How far apart two boundaries may lie, in pixels of a picture whose longer side is 640."""


def tied_rank(score: float, scores: ArrayLike) -> int:
    """Returns the rank 1.. of `score` among `scores`, which contain it; ties take the worst rank.

    Every other equal score counts as one that stands before it.

    Example:
        >>> from floorlens.evaluation.metrics import tied_rank
        >>> tied_rank(0.5, [0.9, 0.5, 0.5, 0.1])
        3
    """
    return max(1, int(np.count_nonzero(np.asarray(scores, dtype=np.float64) >= score)))


@dataclass(frozen=True)
class RankRates:
    """The figures of a set of ranks; all rates in 0..1.

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
    """Returns the figures of ranks 1...

    Raises:
        ValueError: there is no rank, or one below 1.

    Example:
        >>> from floorlens.evaluation.metrics import rank_rates
        >>> rates = rank_rates([1, 2, 4])
        >>> round(rates.top1, 3), round(rates.mrr, 3), rates.median_rank
        (0.333, 0.583, 2.0)
    """
    values = np.asarray(ranks, dtype=np.int64)
    if values.size == 0 or values.min() < 1:
        raise ValueError("there must be at least one rank, and ranks start at 1")
    return RankRates(
        n=int(values.size),
        top1=share_within(values, 1),
        top5=share_within(values, 5),
        top10=share_within(values, 10),
        mrr=float(np.mean(1.0 / values)),
        median_rank=float(np.median(values)),
    )


def share_within(ranks: ArrayLike, place: int) -> float:
    """Returns the share, 0..1, of ranks at or above `place`.

    Example:
        >>> from floorlens.evaluation.metrics import share_within
        >>> share_within([1, 2, 4, 9], 5)
        0.75
    """
    return float(np.mean(np.asarray(ranks) <= place))


def nearest_indices(distances: ArrayLike, count: int) -> NDArray[np.intp]:
    """Returns the indices of the `count` smallest finite distances, nearest first: int (n,).

    Equal distances keep the order of the input; n is less than `count` where there are fewer.

    Example:
        >>> from floorlens.evaluation.metrics import nearest_indices
        >>> nearest_indices([3.0, 1.0, np.nan, 2.0], 2)
        array([1, 3])
    """
    values = np.asarray(distances, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    return order[np.isfinite(values[order])][:count]


def pessimistic_order(
    ids: Sequence[str], scores: Sequence[float], grades: Mapping[str, float]
) -> list[str]:
    """Returns ids by falling score; of equal scores the lower grade first, then by position.

    A ranking that cannot tell two products apart must not gain by the order in which it happens
    to list them. An id without a grade counts as 0.

    Example:
        >>> from floorlens.evaluation.metrics import pessimistic_order
        >>> pessimistic_order(["oak", "ash", "elm"], [0.5, 0.5, 0.9], {"oak": 3, "ash": 1})
        ['elm', 'ash', 'oak']
    """
    places = sorted(range(len(ids)), key=lambda i: (-scores[i], grades.get(ids[i], 0.0), i))
    return [ids[place] for place in places]


def ndcg(grades: Sequence[float], ideal: Iterable[float], depth: int = 10) -> float:
    """Returns the normalised discounted cumulative gain, 0..1, of a ranking.

    Gain 2^grade - 1, discount log2(place + 1). Source: Burges et al., "Learning to rank using
    gradient descent" (2005).

    Args:
        grades: the grades of the ranked products, best place first.
        ideal: every judged grade, in any order; if all are 0, the result is 0.
        depth: how many places count.

    Example:
        >>> from floorlens.evaluation.metrics import ndcg
        >>> round(ndcg([1, 3, 0], ideal=[3, 1]), 3)
        0.71
    """
    best = _dcg(sorted(ideal, reverse=True)[:depth])
    return min(1.0, _dcg(list(grades)[:depth]) / best) if best > 0 else 0.0


def _dcg(grades: Sequence[float]) -> float:
    gains = np.exp2(np.asarray(grades, dtype=np.float64)) - 1
    return float(np.sum(gains / np.log2(np.arange(len(grades)) + 2.0)))


def resize_nearest(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns a bool mask at `shape` = (height, width); each pixel takes the nearest one's value.

    Example:
        >>> from floorlens.evaluation.metrics import resize_nearest
        >>> resize_nearest(np.array([[True, False]]), (1, 4))
        array([[ True,  True, False, False]])
    """
    if mask.shape == shape:
        return mask
    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(np.intp)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(np.intp)
    return mask[np.ix_(rows, columns)]


@dataclass(frozen=True)
class Overlap:
    """How far a predicted mask covers a true one; ignored pixels count nowhere.

    Attributes:
        intersection, union: numbers of pixels.
        floor_share: the share of the pixels that is true floor, 0..1.
    """

    intersection: int
    union: int
    floor_share: float

    @property
    def iou(self) -> float:
        """Intersection over union, 0..1; 1 where neither mask has a pixel."""
        return self.intersection / self.union if self.union else 1.0


def overlap(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> Overlap:
    """Returns how far two masks overlap outside the ignored pixels; all bool (h, w).

    Example:
        >>> from floorlens.evaluation.metrics import overlap
        >>> mask, truth = np.array([[True, True, False]]), np.array([[True, False, False]])
        >>> overlap(mask, truth, ignored=np.zeros((1, 3), np.bool_)).iou
        0.5
    """
    valid = ~ignored
    both = int(np.count_nonzero(mask & truth & valid))
    either = int(np.count_nonzero((mask | truth) & valid))
    floor = int(np.count_nonzero(truth & valid))
    return Overlap(both, either, floor / max(1, int(np.count_nonzero(valid))))


def boundary_f(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    tolerance: float = BOUNDARY_TOLERANCE,
) -> float:
    """Returns the F measure, 0..1, of two masks' boundaries.

    A boundary pixel is right if a boundary pixel of the other mask lies within the tolerance. The
    frame of the picture is no boundary. Boundary pixels within the tolerance of ignored pixels do
    not count, since their counterparts may lie among the ignored ones; they may still serve as
    counterparts. Source: Csurka et al., "What is a good evaluation measure for semantic
    segmentation?" (BMVC 2013).

    Args:
        mask, truth, ignored: bool (h, w).
        tolerance: in pixels at a longer side of 640; scaled with the masks' own.

    Example:
        >>> from floorlens.evaluation.metrics import boundary_f
        >>> truth = np.zeros((480, 640), np.bool_)
        >>> truth[240:] = True
        >>> boundary_f(np.roll(truth, 2, axis=0) & truth, truth, ignored=np.zeros_like(truth))
        1.0
    """
    radius = tolerance * max(truth.shape) / 640
    mask_edges, true_edges = _boundary(mask), _boundary(truth)
    valid = ~_dilate(ignored, radius) if ignored.any() else np.ones_like(truth)
    claims, targets = mask_edges & valid, true_edges & valid
    if not claims.any() and not targets.any():
        return 1.0
    if not claims.any() or not targets.any():
        return 0.0
    precision = np.count_nonzero(claims & _dilate(true_edges, radius)) / np.count_nonzero(claims)
    recall = np.count_nonzero(targets & _dilate(mask_edges, radius)) / np.count_nonzero(targets)
    both = float(precision + recall)
    return float(2 * precision * recall / both) if both else 0.0


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask's pixels that touch a pixel outside it: bool (h, w)."""
    return mask & ~shrink(mask)


def _dilate(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Returns the mask dilated by a disk of `radius` pixels: bool (h, w).

    A disk is a stack of rows, and a row's dilation is a difference of running sums: time grows
    with the radius, not with its square.
    """
    height, width = mask.shape
    sums = np.zeros((height, width + 1), dtype=np.int32)
    np.cumsum(mask, axis=1, out=sums[:, 1:])
    columns = np.arange(width)
    dilation = np.zeros_like(mask)
    for step in range(min(int(radius), height - 1) + 1):
        half = int(np.sqrt(radius**2 - step**2))
        right, left = np.minimum(columns + half + 1, width), np.maximum(columns - half, 0)
        row = sums[:, right] > sums[:, left]
        dilation[step:] |= row[: height - step]
        dilation[: height - step] |= row[step:]
    return dilation


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
        groups: the group of each number; the numbers of one group (the queries of one room) are
            drawn together. Each alone if absent.
        draws, seed: how many resamples, and from which seed.

    Raises:
        ValueError: there is nothing to resample.

    Example:
        >>> from floorlens.evaluation.metrics import bootstrap_interval
        >>> bootstrap_interval([1, 0, 1, 1])
        (0.25, 1.0)
    """
    above = np.asarray(numerators, dtype=np.float64)
    below = np.ones_like(above) if denominators is None else np.asarray(denominators, np.float64)
    if above.size == 0 or above.shape != below.shape:
        raise ValueError("a bootstrap needs at least one number, and as many below as above")
    if groups is not None:
        names, member = np.unique(np.asarray(groups), return_inverse=True)
        above, below = (_group_sums(part, member, len(names)) for part in (above, below))
    generator = np.random.default_rng(seed)
    ratios = np.empty(draws)
    # In blocks of bounded size: a matrix of all draws would grow with the data set.
    block = max(1, 1_000_000 // above.size)
    for start in range(0, draws, block):
        sample = generator.integers(0, above.size, (min(block, draws - start), above.size))
        total = below[sample].sum(axis=1)
        part = above[sample].sum(axis=1)
        ratios[start : start + block] = np.divide(
            part, total, out=np.ones_like(part), where=total > 0
        )
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def _group_sums(
    values: NDArray[np.float64], member: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Returns the sum of the values of each of `count` groups: float64 (count,)."""
    sums = np.zeros(count)
    np.add.at(sums, member, values)
    return sums


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share, 0..1; all of that of nothing.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Example:
        >>> from floorlens.evaluation.metrics import wilson_interval
        >>> [round(bound, 2) for bound in wilson_interval(9, 10)]
        [0.6, 0.98]
    """
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    scale = 1 + z * z / count
    middle = (share + z * z / 2 / count) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / 4 / count**2) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def auroc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Returns the area under the ROC curve, 0..1.

    That is the probability that a positive's score exceeds a negative's; equal scores count half.
    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve" (1982).

    Args:
        positives, negatives: the scores of each.

    Raises:
        ValueError: there is no positive or no negative.

    Example:
        >>> from floorlens.evaluation.metrics import auroc
        >>> auroc([0.9, 0.6], [0.6, 0.1])
        0.875
    """
    scores, positive = _sort_together(positives, negatives)
    weights = np.ones((1, scores.size))
    return float(_weighted_auroc(scores, positive, weights)[0])


def auroc_interval(
    positives: ArrayLike, negatives: ArrayLike, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Returns the percentile bootstrap's 95 % interval of `auroc`.

    Positives and negatives are drawn together; a draw without one of the two has no area and is
    left out.

    Args:
        positives, negatives: the scores of each.
        draws, seed: how many resamples, and from which seed.

    Raises:
        ValueError: there is no positive or no negative.

    Example:
        >>> from floorlens.evaluation.metrics import auroc_interval
        >>> auroc_interval([0.9, 0.8], [0.2, 0.1])
        (1.0, 1.0)
    """
    scores, positive = _sort_together(positives, negatives)
    generator = np.random.default_rng(seed)
    areas = []
    block = max(1, 1_000_000 // scores.size)
    for start in range(0, draws, block):
        sample = generator.integers(0, scores.size, (min(block, draws - start), scores.size))
        weights = np.stack([np.bincount(row, minlength=scores.size) for row in sample])
        areas.append(_weighted_auroc(scores, positive, weights))
    every = np.concatenate(areas)
    low, high = np.quantile(every[np.isfinite(every)], [0.025, 0.975])
    return float(low), float(high)


def _sort_together(
    positives: ArrayLike, negatives: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns all scores, rising: float64 (n,), and which are those of positives: bool (n,)."""
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
        positive: which of them are those of positives.
        weights: how often each score was drawn.
    """
    starts = np.flatnonzero(np.diff(scores, prepend=-np.inf) > 0)
    hits = np.add.reduceat(weights * positive, starts, axis=1).astype(np.float64)
    misses = np.add.reduceat(weights * ~positive, starts, axis=1).astype(np.float64)
    # For each score: the negatives below it, and half of those equal to it.
    below = np.cumsum(misses, axis=1) - misses / 2
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    area = (hits * below).sum(axis=1)
    areas = np.full(len(area), np.nan)
    np.divide(area, pairs, out=areas, where=pairs > 0)
    return areas
