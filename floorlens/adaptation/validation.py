"""Does a catalogue's own list of pairs help? Cross-validation: rooms of products held out of it.

Ranked as a search ranks: by the vector, then the first ones in detail, all from stored features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.catalogue.batches import batches, workers
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.known_rooms import KnownRoom
from floorlens.catalogue.rows import StoredProduct
from floorlens.embedding import FloorEmbedding, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.engines.ties import TIE
from floorlens.errors import GenerationChanged
from floorlens.presets import Stages
from floorlens.ranking.order import component_weights, rank

FOLDS = 5
DRAWS = 2000


@dataclass(frozen=True)
class Figure:
    """A mean over rooms before and after, and how sure the difference is.

    Attributes:
        before, after: the means.
        low, high: the 95 % interval of their difference, products drawn with all their rooms.
    """

    before: float
    after: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """How much is gained."""
        return self.after - self.before

    def as_dict(self) -> dict[str, float]:
        """Returns the figure as plain JSON values."""
        return {**asdict(self), "difference": self.difference}


@dataclass(frozen=True)
class Validation:
    """What a list of pairs brings for rooms whose products it does not name.

    Attributes:
        rooms, products: how many.
        mrr: the mean reciprocal rank of the rooms' products.
        top1: the share of rooms whose product comes first.
    """

    rooms: int
    products: int
    mrr: Figure
    top1: Figure

    @property
    def gain(self) -> bool:
        """Whether more is found after."""
        return self.mrr.difference > 0

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures as plain JSON values."""
        figures = {"mrr": self.mrr.as_dict(), "top1": self.top1.as_dict()}
        return {"rooms": self.rooms, "products": self.products, "folds": FOLDS, **figures}


class Ranker:
    """Ranks a catalogue's products for known rooms, with whatever projection."""

    def __init__(
        self, catalogue: Catalogue, stages: Stages, products: Sequence[StoredProduct]
    ) -> None:
        """`products` are those that are searched, each with features of these stages."""
        self._catalogue = catalogue
        self._stages = stages
        self._products = products
        numbers: dict[tuple[str, ...], int] = {}
        keys = [tuple(sorted(stored.content_hashes)) for stored in products]
        self._group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        self._place = {stored.product.id: place for place, stored in enumerate(products)}

    def group_of(self, product_id: str) -> int:
        """Returns a number that products with the same pictures share: they count as one."""
        return int(self._group[self._place[product_id]])

    def ranks(self, rooms: Sequence[KnownRoom], projection: Projection) -> NDArray[np.int64]:
        """Returns int64 (n,), the place from 1 of each room's product; of ties the last."""
        embedder = self._stages.embedder
        products = self._describe(projection)
        vectors = np.stack([product.vector for product in products])
        places = []
        for room in rooms:
            query = embedder.describe(FloorFeatures({"scene": room.scene}), projection)
            truth = self.group_of(room.photo.product_id)
            places.append(self._rank(query, products, vectors, truth))
        return np.array(places, np.int64)

    def _rank(
        self,
        query: FloorEmbedding,
        products: Sequence[FloorEmbedding],
        vectors: NDArray[np.float32],
        truth: int,
    ) -> int:
        similar = vectors @ query.vector
        own = self._group == truth
        depth = min(self._stages.preset.rerank_depth, len(similar))
        # As in a search: what ties with the last that is compared in detail is compared as well.
        border = float(np.partition(similar, -depth)[-depth]) - TIE
        head = np.flatnonzero(similar >= border).tolist()
        if not own[head].any():
            best = float(similar[own].max())
            return 1 + len(np.unique(self._group[(similar >= best - TIE) & ~own]))
        reranker = self._stages.reranker
        comparison = reranker.compare(query.signature, [products[i].signature for i in head])
        ranking = rank(
            [str(i) for i in head], comparison, component_weights(reranker.weights, None)
        )
        scores = {int(place.id): place.score for place in ranking}
        best = max(score for i, score in scores.items() if own[i])
        return 1 + len({int(self._group[i]) for i, s in scores.items() if s >= best and not own[i]})

    def _describe(self, projection: Projection) -> list[FloorEmbedding]:
        stamp = self._stages.stamp()
        describe = partial(self._stages.embedder.describe, projection=projection)
        embeddings: list[FloorEmbedding] = []
        with workers() as pool:
            for batch in batches(self._products):
                ids = [stored.product.id for stored in batch]
                features = self._catalogue.base_features(ids, stamp)
                if features.keys() != set(ids):
                    raise GenerationChanged(
                        "products were changed by another process meanwhile: adapt again"
                    )
                embeddings += pool.map(describe, [features[name] for name in ids])
        return embeddings


def validate(
    rooms: Sequence[KnownRoom],
    ranker: Ranker,
    before: Projection,
    project: Callable[[Sequence[KnownRoom]], Projection],
) -> Validation:
    """Returns how the rooms find their products before and after, learned from the other folds.

    A product with all its rooms, and others with the same pictures, are in one fold.

    Args:
        rooms: all of the list.
        ranker: of the catalogue.
        before: a projection that no room of the list was used for, of the same products as those
            that `project` returns.
        project: returns the projection that rooms lead to.

    Example:
        >>> validate(rooms, ranker, before, project).mrr.difference  # doctest: +SKIP
        0.043
    """
    groups = np.array([ranker.group_of(room.photo.product_id) for room in rooms], np.int64)
    folds = _folds(rooms, groups)
    ranks_before = ranker.ranks(rooms, before)
    ranks_after = np.zeros_like(ranks_before)
    for fold in range(FOLDS):
        held = np.flatnonzero(folds == fold).tolist()
        projection = project([room for room, of in zip(rooms, folds, strict=True) if of != fold])
        ranks_after[held] = ranker.ranks([rooms[i] for i in held], projection)
    return Validation(
        rooms=len(rooms),
        products=len(np.unique(groups)),
        mrr=_figure(1 / ranks_before, 1 / ranks_after, groups),
        top1=_figure(ranks_before == 1, ranks_after == 1, groups),
    )


def _folds(rooms: Sequence[KnownRoom], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the fold of each room; which it is depends on no order."""
    lots: dict[int, bytes] = {}
    for room, group in zip(rooms, groups.tolist(), strict=True):
        lot = hashlib.sha256(room.photo.product_id.encode()).digest()
        lots[group] = min(lots.get(group, lot), lot)
    order = sorted(lots, key=lambda group: lots[group])
    fold: Mapping[int, int] = {group: place % FOLDS for place, group in enumerate(order)}
    return np.array([fold[group] for group in groups.tolist()], np.int64)


def _figure(before: NDArray[Any], after: NDArray[Any], groups: NDArray[np.int64]) -> Figure:
    """Returns the means, and the percentile bootstrap's interval (Efron and Tibshirani 1993)."""
    differences = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    _, member = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(member, differences), np.bincount(member)
    drawn = np.random.default_rng(0).integers(0, len(sums), (DRAWS, len(sums)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return Figure(float(np.mean(before)), float(np.mean(after)), float(low), float(high))
