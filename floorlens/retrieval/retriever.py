"""The vector index of a catalogue's live generation, kept up with other processes' writes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from floorlens.engines import PRIVATE, CollectionSpec, Engine, check_engine, open_collection
from floorlens.errors import (
    CatalogueError,
    CollectionNotFound,
    EngineError,
    EngineUnavailable,
    GenerationChanged,
    UsageError,
)
from floorlens.presets import Stages
from floorlens.retrieval.replica import RECHECK, CheckStamp, Opened, Replica

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.embedding import FloorEmbedding, FloorFeatures
    from floorlens.embedding.projection import Projection
    from floorlens.engines import Hit
    from floorlens.engines.filters import Filter

RETRIES = 20
"""How often a search begins anew because other processes change the catalogue meanwhile."""
SOON = 1.0
"""Seconds for which a copy that another process is writing to is searched as it is."""
PAUSE = 30.0
"""Seconds for which an engine that failed is left alone, where there is a fallback."""


@dataclass(frozen=True)
class Retrieval:
    """What one generation says of a query; all of it made with the same projection.

    Attributes:
        query: the query's embedding.
        hits: the nearest products, best first.
        signatures: by id, of the first of them, which are to be re-ranked.
        engine: the engine that found them.
        degraded: why it is not the one that was asked for, the code of an error; else None.
    """

    query: FloorEmbedding
    hits: list[Hit]
    signatures: dict[str, bytes]
    engine: str
    degraded: str | None = None


class MemoryReplica:
    """The exact index that this process keeps in its memory."""

    name = PRIVATE
    lags = False

    def __init__(self, catalogue: Catalogue, stages: Stages, check_stamp: CheckStamp) -> None:
        """Opens an empty one; arguments as for `Replica`."""
        self._catalogue = catalogue
        self._check_stamp = check_stamp
        spec = CollectionSpec(PRIVATE, stages.embedder.stamp.dimension, stamp="")
        self._collection = open_collection(Engine(PRIVATE), spec)
        self._revision = -1
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Does nothing: nobody else writes to it."""

    def follow(self, wait: float | None = None) -> Opened:
        """Brings the index up to the catalogue's revision; returns it. Nothing is waited for."""
        with self._lock:
            snapshot = self._catalogue.snapshot(since=self._revision)
            self._check_stamp(snapshot.stamp)
            self._collection.upsert(snapshot.changed)
            self._collection.delete(snapshot.gone)
            self._revision = snapshot.revision
            return Opened(
                self._collection, snapshot.revision, snapshot.generation, snapshot.projection
            )


class Retriever:
    """A vector index derived from the catalogue; safe to call from several threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        stages: Stages,
        engine: Engine,
        check_stamp: CheckStamp,
        *,
        fallback: bool = False,
    ) -> None:
        """Opens nothing yet.

        Args:
            catalogue: what is searched.
            stages: whose embedder made its features.
            engine: where the vectors are searched.
            check_stamp: raises StampMismatch if features of a stamp are not comparable.
            fallback: whether this process's memory is searched while the engine cannot be used.

        Raises:
            SettingsError: there is no such engine.
        """
        check_engine(engine)
        self._catalogue = catalogue
        self._embedder = stages.embedder
        self._memory = MemoryReplica(catalogue, stages, check_stamp)
        self._replica = (
            None if engine.name == PRIVATE else Replica(catalogue, stages, engine, check_stamp)
        )
        self._fallback = fallback
        self._failed: tuple[float, EngineError] | None = None
        self._views: dict[str, tuple[Opened, float]] = {}
        self._projection: tuple[str, Projection] | None = None

    @property
    def replica(self) -> Replica:
        """The copy in a shared engine.

        Raises:
            UsageError: the engine is this process's memory.
        """
        if self._replica is None:
            raise UsageError(
                f"{PRIVATE!r} is no copy that could differ: every process fills its own from the "
                "catalogue. Name another engine, such as lancedb or pinecone"
            )
        return self._replica

    def close(self) -> None:
        """Releases the engine."""
        if self._replica is not None:
            self._replica.close()

    def push(self) -> None:
        """Brings a shared engine up to the catalogue's revision; searches do that as well.

        Raises:
            EngineError: it cannot be used; the catalogue is whole.
        """
        if self._replica is not None:
            self._replica.follow(behind=False)

    def retrieve(
        self, features: FloorFeatures, k: int, depth: int, condition: Filter | None
    ) -> Retrieval:
        """Returns the k nearest products, and the signatures of the first `depth` of them.

        Query, products and signatures are of one generation: what other processes remove, rebuild
        or adapt in between is noticed. Products that tie with the last one of the first `depth`
        are among them, so that twins score the same. An engine that cannot return k products
        returns as many as it can.

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
            EngineError: the engine cannot be used, and there is no fallback.
            EngineUnsupported: the engine cannot apply the filter.
        """
        asked = (features, k, depth, condition)
        if self._replica is None:
            return self._retrieve(self._memory, *asked)
        failed = self._failed
        if failed is None or time.monotonic() - failed[0] > PAUSE:
            try:
                found = self._retrieve(self._replica, *asked)
            except EngineError as error:
                if not self._fallback:
                    raise
                failed = self._failed = (time.monotonic(), error)
            else:
                self._failed = None
                return found
        return replace(self._retrieve(self._memory, *asked), degraded=failed[1].code)

    # -- within --------------------------------------------------------------------------------

    def _retrieve(
        self,
        source: MemoryReplica | Replica,
        features: FloorFeatures,
        k: int,
        depth: int,
        condition: Filter | None,
    ) -> Retrieval:
        looked_again = False
        for _ in range(RETRIES):
            view, projection = self._follow(source)
            query = self._embedder.describe(features, projection)
            try:
                hits = view.collection.query(query.vector, min(k, view.collection.most), condition)
            except EngineError as error:
                if self._catalogue.revision() != view.revision:
                    # Another process has put a new generation in the place of this one.
                    continue
                if not isinstance(error, CollectionNotFound) or looked_again:
                    raise
                hits = []
            if not hits and source.lags and condition is None and view.generation is not None:
                if self._catalogue.revision() != view.revision:
                    continue
                if looked_again:
                    raise EngineUnavailable(
                        f"{source.name} shows none of the catalogue's products yet: try again in "
                        "some seconds"
                    )
                # Somebody has emptied or removed it: what is looked at anew is filled again.
                looked_again = True
                source.forget()
                self._views.pop(source.name, None)
                continue
            border = hits[min(depth, len(hits)) - 1].similarity if hits else 0.0
            ids = [
                hit.id
                for place, hit in enumerate(hits)
                if place < depth or hit.similarity == border
            ]
            generation = view.generation
            found = {} if generation is None else self._catalogue.signatures(ids, generation)
            if len(found) < len(ids):
                if not source.lags or self._catalogue.revision() != view.revision:
                    continue
                # What was removed is still seen there for a while.
                hits = [hit for hit in hits if hit.id in found or hit.id not in ids]
            signatures = {
                product_id: found[product_id] for product_id in ids if product_id in found
            }
            return Retrieval(query, hits, signatures, source.name)
        raise CatalogueError(
            f"products of the catalogue {self._catalogue.location} have vectors and no signatures: "
            f"run `floorlens index --rebuild --catalogue {self._catalogue.location}`"
        )

    def _follow(self, source: MemoryReplica | Replica) -> tuple[Opened, Projection | None]:
        """Returns what to search, up to date, and what makes its vectors (None: the embedder's).

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
        """
        for _ in range(RETRIES):
            view, since = self._views.get(source.name, (None, 0.0))
            now = time.monotonic()
            if (
                view is None
                or now - since > (RECHECK if view.in_step else SOON)
                or view.revision != self._catalogue.revision()
            ):
                # With a fallback nobody needs to wait for another process that fills the engine.
                view, since = source.follow(0 if self._fallback else None), now
            try:
                projection = self._load(view.projection)
            except GenerationChanged:
                # Swapped again since: take the next one.
                self._views.pop(source.name, None)
                continue
            self._views[source.name] = view, since
            return view, projection
        raise CatalogueError(
            f"other processes change the catalogue {self._catalogue.location} without a pause: "
            "search again when they are done"
        )

    def _load(self, version: str | None) -> Projection | None:
        if version is None:
            return None
        known = self._projection
        if known is None or known[0] != version:
            known = self._projection = (version, self._catalogue.projections.get(version))
        return known[1]
