"""Ties: hits of one similarity in order of id, also where the k-th and the next ones tie."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from floorlens.engines import Hit

TIE = 1e-6
"""Similarities closer than this are one: float32 products of equal vectors differ by less."""


def nearest(search: Callable[[int], Iterable[Hit]], k: int, most: int) -> list[Hit]:
    """Returns the k best hits of a search, ties in order of id, similarities within -1..1.

    Args:
        search: returns the best hits, as many as asked for, best first, ties in any order. It is
            asked for one more than k, and for more as long as the last of them tie with the k-th.
        k: how many.
        most: what `search` may be asked for at most; ties beyond it are cut as the engine likes.
    """
    asked = min(k + 1, most)
    while True:
        hits = sorted(search(asked), key=lambda hit: (-hit.similarity, hit.id))
        if len(hits) < asked or asked >= most or hits[k - 1].similarity - hits[-1].similarity > TIE:
            return _ranked(hits)[:k]
        asked = min(2 * asked, most)


def _ranked(hits: list[Hit]) -> list[Hit]:
    ranked: list[Hit] = []
    start = 0
    for end in range(1, len(hits) + 1):
        if end == len(hits) or hits[start].similarity - hits[end].similarity > TIE:
            best = min(1.0, max(-1.0, hits[start].similarity))
            ranked += [Hit(name, best) for name in sorted(hit.id for hit in hits[start:end])]
            start = end
    return ranked
