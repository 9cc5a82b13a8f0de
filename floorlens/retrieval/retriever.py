"""Finds the nearest products in a replica that follows the catalogue."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from floorlens.engines import PRIVATE, Engine, check_engine
from floorlens.errors import (
    CatalogueError,
    CollectionNotFound,
    EngineError,
    EngineUnavailable,
    GenerationChanged,
    UsageError,
)
from floorlens.retrieval.feedback import moved
from floorlens.retrieval.memory import MemoryReplica
from floorlens.retrieval.replica import RECHECK, CheckStamp, Replica, ReplicaState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.embedding import FloorEmbedding, FloorFeatures
    from floorlens.embedding.projection import Projection
    from floorlens.engines import Hit
    from floorlens.engines.filters import Filter
    from floorlens.presets import Stages

RETRIES = 20
"""How often a search begins again because other processes change the catalogue meanwhile."""
SOON = 1.0
"""Seconds for which a replica that another process is writing to is searched as it is."""
PAUSE = 30.0
"""Seconds for which an engine that failed is left alone, if there is a fallback."""


@dataclass(frozen=True)
class Retrieval:
    """What one generation answers to a query; all of it was made with the same projection.

    Attributes:
        query: the query's embedding.
        like, unlike: those of the products that are liked, and of those that are not.
        hits: the nearest products, best first.
        signatures: by id, of the first hits, which are to be re-ranked.
        engine: the engine that found them.
        degraded: the code of the error because of which another engine than the chosen one found
            them; None if the chosen one did.
    """

    query: FloorEmbedding
    hits: list[Hit]
    signatures: dict[str, bytes]
    engine: str
    degraded: str | None = None
    like: tuple[FloorEmbedding, ...] = ()
    unlike: tuple[FloorEmbedding, ...] = ()


class _NothingShown(EngineUnavailable):
    """A collection that should hold products shows none of them."""


class Retriever:
    """Searches a catalogue's vectors in one engine. Safe to call from several threads."""

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
            check_stamp: is called with the stamp of the catalogue's features.
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
        self._failure: tuple[float, EngineError] | None = None
        self._states: dict[str, tuple[ReplicaState, float]] = {}
        self._projection: tuple[str, Projection] | None = None

    @property
    def replica(self) -> Replica:
        """The replica in a shared engine.

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
        """Brings a shared engine up to the catalogue's revision; otherwise the next search does.

        Raises:
            EngineError: the engine cannot be used; the catalogue is whole.
        """
        if self._replica is not None:
            self._replica.catch_up(allow_lag=False)

    def failure(self) -> str | None:
        """Returns the code of the error for which a search could not be made; None if it could."""
        if self._fallback:
            return None
        try:
            self.push()
        except EngineError as error:
            return error.code
        return None

    def retrieve(
        self,
        features: FloorFeatures,
        k: int,
        depth: int,
        condition: Filter | None,
        like: Sequence[FloorFeatures] = (),
        unlike: Sequence[FloorFeatures] = (),
    ) -> Retrieval:
        """Returns the k nearest products, and the signatures of the first `depth` of them.

        With products that are liked, or are not, the query moves (`retrieval.feedback`).
        Products that tie with the last of the first `depth` get a signature too, so that twins
        score the same. An engine that cannot return k products returns as many as it can.

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
            EngineError: the engine cannot be used, and there is no fallback.
            EngineUnsupported: the engine cannot apply the filter.
            CatalogueError: other processes change the catalogue all the time.
        """
        search = partial(
            self._search,
            features=features,
            k=k,
            depth=depth,
            condition=condition,
            like=like,
            unlike=unlike,
        )
        if self._replica is None:
            return search(self._memory)
        failure = self._failure
        if failure is None or time.monotonic() - failure[0] > PAUSE:
            try:
                retrieval = search(self._replica)
            except EngineError as error:
                if not self._fallback:
                    raise
                failure = self._failure = (time.monotonic(), error)
            else:
                self._failure = None
                return retrieval
        return replace(search(self._memory), degraded=failure[1].code)

    # -- one search ----------------------------------------------------------------------------

    def _search(
        self,
        replica: Replica | MemoryReplica,
        *,
        features: FloorFeatures,
        k: int,
        depth: int,
        condition: Filter | None,
        like: Sequence[FloorFeatures],
        unlike: Sequence[FloorFeatures],
    ) -> Retrieval:
        """Returns what a replica answers, all of one generation, whatever others do meanwhile.

        The engine's query belongs to no transaction of the catalogue, so the answer is checked
        afterwards: the signatures of a generation vanish when another one takes its place, and
        the search begins again. One read transaction around it all would hide that: the old
        signatures would still be there for hits of the new projection, which replace the old
        vectors in this process's memory and in a namespace that the user chose. It would also
        stay open for as long as the engine takes.

        Only single products may differ: of one that was updated during the query the vector may
        be older than the signature.
        """
        rechecked = False
        for _ in range(RETRIES):
            state = self._catch_up(replica)
            try:
                projection = self._load_projection(state)
                query = self._embedder.describe(features, projection)
                liked = tuple(self._embedder.describe(one, projection) for one in like)
                disliked = tuple(self._embedder.describe(one, projection) for one in unlike)
                vector = moved(
                    query.vector, [one.vector for one in liked], [one.vector for one in disliked]
                )
                hits = self._query(replica, state, vector, k, condition)
            except GenerationChanged:
                continue
            except EngineError as error:
                if self._is_outdated(state):
                    continue
                if rechecked or not isinstance(error, CollectionNotFound | _NothingShown):
                    raise
                # Somebody removed or emptied the collection: it is filled again.
                rechecked = True
                self._recheck(replica)
                continue
            ids = _first_ids(hits, depth)
            signatures = self._read_signatures(ids, state)
            missing = set(ids) - signatures.keys()
            if missing:
                if self._is_outdated(state):
                    continue
                if not replica.lags:
                    raise CatalogueError(
                        f"products of the catalogue {self._catalogue.location} have vectors and no "
                        "signatures: run `floorlens index --rebuild --catalogue "
                        f"{self._catalogue.location}`"
                    )
                # Some engines show a product for a while after it was removed.
                hits = [hit for hit in hits if hit.id not in missing]
            return Retrieval(query, hits, signatures, replica.name, like=liked, unlike=disliked)
        raise CatalogueError(
            f"other processes change the catalogue {self._catalogue.location} without a pause: "
            "search again when they are done"
        )

    def _catch_up(self, replica: Replica | MemoryReplica) -> ReplicaState:
        """Returns the state of a replica that is up to date, or soon will be.

        Raises:
            StampMismatch: the catalogue was rebuilt with other models.
        """
        state, checked = self._states.get(replica.name, (None, 0.0))
        now = time.monotonic()
        if (
            state is None
            or now - checked > (RECHECK if state.in_step else SOON)
            or self._is_outdated(state)
        ):
            # With a fallback nobody needs to wait for another process that fills the engine.
            state = replica.catch_up(0 if self._fallback else None)
            self._states[replica.name] = state, now
        return state

    def _is_outdated(self, state: ReplicaState) -> bool:
        return self._catalogue.revision() != state.revision

    def _recheck(self, replica: Replica | MemoryReplica) -> None:
        """Makes the next `_catch_up` look at what the engine holds."""
        replica.mark_unchecked()
        self._states.pop(replica.name, None)

    def _load_projection(self, state: ReplicaState) -> Projection | None:
        """Returns what makes the replica's vectors; None: the embedder alone.

        Raises:
            GenerationChanged: another process has dropped it.
        """
        version = state.projection
        if version is None:
            return None
        latest = self._projection
        if latest is None or latest[0] != version:
            latest = self._projection = (version, self._catalogue.projections.get(version))
        return latest[1]

    def _query(
        self,
        replica: Replica | MemoryReplica,
        state: ReplicaState,
        vector: NDArray[np.float32],
        k: int,
        condition: Filter | None,
    ) -> list[Hit]:
        collection = state.collection
        hits = collection.query(vector, min(k, collection.max_k), condition)
        expects_hits = condition is None and state.generation is not None
        if not hits and expects_hits and replica.lags:
            raise _NothingShown(
                f"{replica.name} shows none of the catalogue's products yet: try again in some "
                "seconds"
            )
        return hits

    def _read_signatures(self, ids: Sequence[str], state: ReplicaState) -> dict[str, bytes]:
        """Returns the signatures of products, by id in that order, as far as they are there."""
        if state.generation is None:
            return {}
        signatures = self._catalogue.signatures(ids, state.generation)
        return {
            product_id: signatures[product_id] for product_id in ids if product_id in signatures
        }


def _first_ids(hits: Sequence[Hit], depth: int) -> list[str]:
    """Returns the ids of the first hits, and of those that tie with the last of them."""
    if not hits:
        return []
    border = hits[min(depth, len(hits)) - 1].similarity
    return [hit.id for place, hit in enumerate(hits) if place < depth or hit.similarity == border]
