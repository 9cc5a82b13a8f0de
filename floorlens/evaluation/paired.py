"""The difference of two systems on the same photos: its interval, and how often chance makes it.

Two intervals that overlap say little: most photos are hard or easy for both systems. What counts is
how each photo changed. Functions on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
SWAPS = 5000
EXACT = 12
"""With so many changed groups or fewer, all ways to swap them are counted instead of drawn."""
_EQUAL = 1e-12


class Ratio(NamedTuple):
    """A figure sum(above) / sum(below), such as a mean, where `below` is 1 for each photo.

    Attributes:
        above, below: a number for each photo.
    """

    above: ArrayLike
    below: ArrayLike


@dataclass(frozen=True)
class Difference:
    """A figure of two systems on the same photos.

    Attributes:
        first, second: the figure of each.
        low, high: 95 % interval of `difference`.
        p: how probable a difference as large is, in either direction, where the systems are alike.
    """

    first: float
    second: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """The second minus the first."""
        return self.second - self.first

    def as_dict(self) -> dict[str, float | list[float]]:
        """Returns it as plain JSON values."""
        return {
            "a": self.first,
            "b": self.second,
            "difference": self.difference,
            "ci95": [self.low, self.high],
            "p": self.p,
        }


def paired_difference(
    first: Ratio,
    second: Ratio,
    groups: Sequence[str],
    *,
    draws: int = DRAWS,
    swaps: int = SWAPS,
    seed: int = 0,
) -> Difference:
    """Returns the difference of a figure between two systems, measured on the same photos.

    The interval is the percentile bootstrap's of the difference: both systems get the same resample
    of groups. `p` is that of a permutation test: for each group, which of both answers is whose is
    drawn by chance. Sources: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    chapters 13 and 15; Smucker et al., "A comparison of statistical significance tests for
    information retrieval evaluation" (CIKM 2007).

    Args:
        first, second: the figure of each, in the same order of photos.
        groups: of each photo's row; rows of one group (of one room) are drawn and swapped together.
        draws, swaps, seed: how many resamples and random swaps, and from which seed.

    Raises:
        ValueError: there is nothing to compare, or the lengths differ.

    Example:
        >>> from floorlens.evaluation.paired import Ratio, paired_difference
        >>> before, after, ones = [0, 0, 1, 0, 0, 1], [1, 1, 1, 1, 0, 1], [1] * 6
        >>> change = paired_difference(Ratio(before, ones), Ratio(after, ones), list("abcdef"))
        >>> change.difference, change.p
        (0.5, 0.25)
    """
    rows = [np.asarray(part, np.float64) for part in (*first, *second)]
    if not groups or any(part.shape != (len(groups),) for part in rows):
        raise ValueError("two systems are compared on the same photos, at least one")
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = [np.bincount(member, weights=part, minlength=len(names)) for part in rows]
    table = np.stack(sums).astype(np.float64)
    generator = np.random.default_rng(seed)
    whole = _ratios(table.sum(axis=1))
    resampled = _resampled_differences(table, generator, draws)
    low, high = np.quantile(resampled, [0.025, 0.975])
    p = _permutation_p(table, float(whole[1] - whole[0]), generator, swaps)
    return Difference(float(whole[0]), float(whole[1]), float(low), float(high), p)


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns above / below of both systems, (2, …), for sums (4, …); NaN where below is 0."""
    out = np.full((2, *sums.shape[1:]), np.nan)
    return np.divide(sums[::2], sums[1::2], out=out, where=sums[1::2] != 0)


def _resampled_differences(
    table: NDArray[np.float64], generator: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    """Returns the differences of resamples of the groups, without draws that have no `below`."""
    count = table.shape[1]
    differences = []
    # In blocks of bounded size: a matrix of all draws would grow with the data set.
    block = max(1, 1_000_000 // count)
    for start in range(0, draws, block):
        sample = generator.integers(0, count, (min(block, draws - start), count))
        first, second = _ratios(table[:, sample].sum(axis=2))
        differences.append(second - first)
    every = np.concatenate(differences)
    every = every[np.isfinite(every)]
    return every if every.size else np.zeros(1)


def _permutation_p(
    table: NDArray[np.float64], difference: float, generator: np.random.Generator, swaps: int
) -> float:
    """Returns the share of swaps of the groups whose difference is as large as the real one."""
    # Rows first.above, first.below, second.above, second.below: what a swap adds to each of them.
    step = np.concatenate([table[2:] - table[:2], table[:2] - table[2:]])
    step = step[:, np.abs(step).max(axis=0) > 0]
    count = step.shape[1]
    if count == 0:
        return 1.0
    if count <= EXACT:
        chosen = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        chosen = generator.integers(0, 2, (swaps, count))
    first, second = _ratios(table.sum(axis=1)[:, None] + step @ chosen.T)
    extreme = int(np.count_nonzero(np.abs(second - first) >= abs(difference) - _EQUAL))
    if count <= EXACT:
        return extreme / len(chosen)
    # The real assignment is one of the possible ones.
    return (extreme + 1) / (swaps + 1)
