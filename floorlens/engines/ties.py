"""Ties: hits of equal similarity come in order of id, also where k cuts through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from floorlens.engines import Hit

TIE = 1e-6
"""Similarities closer than this are equal: float32 products of equal vectors differ by less."""


def nearest(search: Callable[[int], Iterable[Hit]], k: int, most: int) -> list[Hit]:
    """Returns the k best hits of a search, ties in order of id, similarities within -1..1.

    Args:
        search: `search(count)` returns the best hits, at most so many, best first, ties in any
            order. It is called for one more than k, and for more as long as the last hit ties
            with the k-th.
        k: how many hits.
        most: the largest count that `search` accepts. Of ties beyond it the engine chooses.

    Example:
        >>> hits = [Hit("walnut", 0.9), Hit("oak", 0.9), Hit("ash", 0.9)]
        >>> [hit.id for hit in nearest(lambda count: hits[:count], k=2, most=100)]
        ['ash', 'oak']
    """
    count = min(k + 1, most)
    while True:
        hits = sorted(search(count), key=lambda hit: (-hit.similarity, hit.id))
        if len(hits) < count or count >= most or hits[k - 1].similarity - hits[-1].similarity > TIE:
            return _sort_ties(hits)[:k]
        count = min(2 * count, most)


def _sort_ties(hits: list[Hit]) -> list[Hit]:
    """Returns hits that are best first, with one similarity and in order of id where they tie."""
    ordered: list[Hit] = []
    start = 0
    for end in range(1, len(hits) + 1):
        if end == len(hits) or hits[start].similarity - hits[end].similarity > TIE:
            best = min(1.0, max(-1.0, hits[start].similarity))
            ordered += [Hit(name, best) for name in sorted(hit.id for hit in hits[start:end])]
            start = end
    return ordered
