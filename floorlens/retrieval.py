"""The vector index of a catalogue's live generation, kept up with other processes' writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from floorlens.errors import CatalogueError, GenerationChanged
from floorlens.presets import Stages, new_index

if TYPE_CHECKING:
    from floorlens.catalogue import Catalogue
    from floorlens.embedding import FloorEmbedding, FloorFeatures
    from floorlens.embedding.projection import Projection
    from floorlens.filters import Filter
    from floorlens.index import Hit

RETRIES = 20
"""How often a search begins anew because other processes change the catalogue meanwhile."""


@dataclass(frozen=True)
class Retrieved:
    """What one generation says of a query; all of it made with the same projection.

    Attributes:
        query: the query's embedding.
        hits: the nearest products, best first.
        signatures: by id, of the first of them, which are to be re-ranked.
    """

    query: FloorEmbedding
    hits: list[Hit]
    signatures: dict[str, bytes]


class LiveIndex:
    """A vector index derived from the catalogue; safe to call from several threads."""

    def __init__(
        self, catalogue: Catalogue, stages: Stages, check_stamp: Callable[[], None]
    ) -> None:
        """`check_stamp` raises StampMismatch if the live features are not comparable."""
        self._catalogue = catalogue
        self._embedder = stages.embedder
        self._check_stamp = check_stamp
        self._index = new_index(stages.preset)
        self._revision = -1
        self._generation: int | None = None
        self._projection: Projection | None = None
        self._version: str | None = None
        self._lock = threading.Lock()

    def count(self) -> int:
        """Returns how many products can be found now."""
        self.refresh()
        return self._index.stats().count

    def retrieve(
        self, features: FloorFeatures, k: int, depth: int, condition: Filter | None
    ) -> Retrieved:
        """Returns the k nearest products, and the signatures of the first `depth` of them.

        Query, products and signatures are of one generation: what other processes remove, rebuild
        or adapt in between is noticed. Products that tie with the last one of the first `depth`
        are among them, so that twins score the same.

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
        """
        for _ in range(RETRIES):
            generation, projection = self.refresh()
            query = self._embedder.describe(features, projection)
            hits = self._index.query(query.vector, k, condition)
            border = hits[min(depth, len(hits)) - 1].similarity if hits else 0.0
            ids = [
                hit.id
                for place, hit in enumerate(hits)
                if place < depth or hit.similarity == border
            ]
            found = {} if generation is None else self._catalogue.signatures(ids, generation)
            if len(found) == len(ids):
                return Retrieved(query, hits, {product_id: found[product_id] for product_id in ids})
        raise CatalogueError(
            f"products of the catalogue {self._catalogue.location} have vectors and no signatures: "
            f"run `floorlens index --rebuild --catalogue {self._catalogue.location}`"
        )

    def refresh(self) -> tuple[int | None, Projection | None]:
        """Brings the index up to the catalogue's revision.

        Returns the generation that it holds and the projection that made its vectors (None: the
        embedder's own).

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
        """
        with self._lock:
            for _ in range(RETRIES):
                if self._catalogue.revision() == self._revision:
                    return self._generation, self._projection
                snapshot = self._catalogue.snapshot(since=self._revision)
                self._check_stamp()
                if snapshot.projection != self._version:
                    try:
                        self._projection = self._load(snapshot.projection)
                    except GenerationChanged:
                        # Swapped again since the snapshot: take the next one.
                        continue
                    self._version = snapshot.projection
                self._index.upsert(snapshot.changed)
                self._index.delete(set(self._index.ids()) - snapshot.ids)
                self._revision = snapshot.revision
                self._generation = snapshot.generation
                return self._generation, self._projection
            raise CatalogueError(
                f"other processes change the catalogue {self._catalogue.location} without a pause: "
                "search again when they are done"
            )

    def _load(self, version: str | None) -> Projection | None:
        return None if version is None else self._catalogue.projections.get(version)
