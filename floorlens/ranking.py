"""Stage 6: component scores -> one ranking of all products, and what a search returns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import UsageError
from floorlens.products.product import Product
from floorlens.segmentation import FloorRegion

if TYPE_CHECKING:
    from floorlens.reranking import Reranker
    from floorlens.retrieval.retriever import Retrieval


@dataclass(frozen=True)
class Match:
    """One product in a ranking.

    Attributes:
        rank: 1 is the closest.
        product: id, name, metadata, images.
        score: 0..1, never rising with the rank.
        components: what the score is made of, each 0..1; None where it was not re-ranked.
    """

    rank: int
    product: Product
    score: float
    components: Mapping[str, float] | None

    def as_dict(self) -> dict[str, Any]:
        """Returns the match as plain JSON values."""
        return {
            "rank": self.rank,
            "id": self.product.id,
            "name": self.product.name,
            "metadata": dict(self.product.metadata),
            "score": self.score,
            "components": None if self.components is None else dict(self.components),
        }


@dataclass(frozen=True)
class SearchResult:
    """The ranking of a catalogue for one photo.

    Attributes:
        floor: where the floor was found or drawn.
        matches: the ranked products, best first.
        total: how many products the catalogue holds; `matches` is shorter where a filter or
            limit says so, or where the catalogue has more than 20,000.
        timings: seconds by stage, and "total".
        index: the vector engine that was searched.
        degraded: where that is the fallback, the code of the error that the other engine gave;
            else None.
    """

    floor: FloorRegion
    matches: tuple[Match, ...]
    total: int
    timings: Mapping[str, float]
    index: str = "exact"
    degraded: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON values, without the mask itself."""
        return {
            "floor": self.floor.as_dict(),
            "matches": [match.as_dict() for match in self.matches],
            "total": self.total,
            "timings": dict(self.timings),
            "index": self.index,
            "degraded": self.degraded,
        }


@dataclass(frozen=True)
class Scored:
    """A product's place in a ranking before its record is fetched."""

    id: str
    score: float
    components: Mapping[str, float] | None


def rank(
    ids: Sequence[str],
    components: Mapping[str, NDArray[np.float32]],
    weights: Mapping[str, float],
) -> list[Scored]:
    """Returns the products by falling weighted mean of their components, ties in order of id."""
    share = sum(weights.values())
    scores = sum(weights[name] / share * np.float64(components[name]) for name in weights)
    scores = np.clip(np.broadcast_to(scores, len(ids)), 0.0, 1.0)
    order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
    return [
        Scored(
            ids[i],
            float(scores[i]),
            MappingProxyType({name: float(components[name][i]) for name in weights}),
        )
        for i in order
    ]


def tail(scored: Sequence[Scored], hits: Sequence[tuple[str, float]], depth: int) -> list[Scored]:
    """Returns the products below the re-ranked depth, in the order of retrieval.

    Their score continues from the last re-ranked one and falls with the cosine similarity, so that
    the whole ranking is monotone.
    """
    border = scored[-1].score if scored else 1.0
    best = max(1e-6, 1.0 + hits[0][1])
    return [
        Scored(product_id, border * min(1.0, max(0.0, (1.0 + similarity) / best)), None)
        for product_id, similarity in hits[depth:]
    ]


def ranked(
    found: Retrieval, reranker: Reranker, weights: Mapping[str, float] | None
) -> list[Scored]:
    """Returns all products that were retrieved: first those with signatures, re-ranked.

    Without weights none is: all are in the order of retrieval, with (1 + cosine similarity) / 2 as
    their score.
    """
    hits = [(hit.id, hit.similarity) for hit in found.hits]
    if weights is None:
        return [
            Scored(product_id, min(1.0, max(0.0, (1.0 + similarity) / 2)), None)
            for product_id, similarity in hits
        ]
    signatures = list(found.signatures.values())
    components = reranker.components(found.query.signature, signatures)
    scored = rank(list(found.signatures), components, weights)
    return scored + tail(scored, hits, len(scored))


def placed(scored: Sequence[Scored], products: Mapping[str, Product]) -> tuple[Match, ...]:
    """Returns the matches of a ranking, their ranks without gaps.

    One that is not among the products, because another process has just removed it, is left out.
    """
    kept = [item for item in scored if item.id in products]
    return tuple(
        Match(place, products[item.id], item.score, item.components)
        for place, item in enumerate(kept, start=1)
    )


def merged_weights(
    default: Mapping[str, float], given: Mapping[str, float] | None, rerank: bool = True
) -> dict[str, float]:
    """Returns the default weights with the given ones over them.

    Raises:
        UsageError: an unknown component, a negative weight, none above 0, or weights given where
            nothing is re-ranked.
    """
    if given and not rerank:
        raise UsageError("weights say how to re-rank: give none where nothing is re-ranked")
    merged = dict(default)
    for name, weight in (given or {}).items():
        if name not in default:
            raise UsageError(f"unknown component {name!r}: known are {', '.join(default)}")
        if not isinstance(weight, int | float) or not (0 <= weight < float("inf")):
            raise UsageError(f"the weight of {name!r} must be 0 or a positive number")
        merged[name] = float(weight)
    if sum(merged.values()) <= 0:
        raise UsageError("at least one component needs a weight above 0")
    return merged


class Stopwatch:
    """Measures the stages of one search in wall-clock seconds."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage."""
        started = time.perf_counter()
        yield
        self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - started

    def timings(self) -> dict[str, float]:
        """Returns the seconds by stage, and "total" since the watch was made."""
        return self._stages | {"total": time.perf_counter() - self._started}
