"""Pinecone, serverless, by its SDK 10: one index, one namespace for each collection.

A collection's stamp is a record of its own in the namespace `floorlens-stamps` of the same index:
there it outlives processes and survives whatever happens to the collection's records, and neither
queries nor ids nor counts of the collection see it.

Pinecone keeps all numbers as 64-bit floats: `fetch` may return 5.0 for 5. Reads lag behind writes,
by seconds, unless `Engine.fresh` waits for them. Which of several equally similar records it
returns at the end of a query is its own choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from floorlens.engines import (
    CollectionSpec,
    CollectionStats,
    Engine,
    Hit,
    Mode,
    Record,
    check_records,
)
from floorlens.engines.backends.pinecone.client import (
    connected,
    host_of,
    translated_errors,
    wait_until,
)
from floorlens.engines.backends.pinecone.values import (
    ID_LENGTH,
    delete_batches,
    fetch_batches,
    is_id,
    is_seen,
    translated,
    upsert_batches,
    vector_item,
)
from floorlens.engines.filters import Filter
from floorlens.engines.opening import PREFIX, check_same, not_found, replaced
from floorlens.errors import CollectionNotFound, EngineMismatch, EngineUnsupported

if TYPE_CHECKING:
    from pinecone.index import Index
    from pinecone.models.vectors.vector import Vector

STAMPS = "floorlens-stamps"
# The name that Pinecone gives the namespace of requests that name none.
DEFAULT_NAMESPACE = "__default__"
MOST_LISTED = 100
# How long a write may take to be seen: seconds.
FRESH_SECONDS = 120.0


class PineconeCollection:
    """One namespace of a Pinecone index."""

    most = 10_000

    def __init__(
        self,
        index: Index,
        engine: Engine,
        name: str,
        namespace: str,
        spec: CollectionSpec,
        mode: Mode,
    ) -> None:
        """Use `PineconeCollection.open`."""
        self._index = index
        self._engine = engine
        self._name = name
        self._namespace = namespace
        self._spec = spec
        self._mode = mode
        self._removed = False

    @classmethod
    def open(
        cls,
        engine: Engine,
        spec: CollectionSpec,
        *,
        mode: Mode = "create",
    ) -> PineconeCollection:
        """Returns the namespace `Engine.namespace`, else that of the collection's name.

        The index is made where it is absent, which may take minutes. For "take-over", an index
        that another application filled carries no stamp; its records stay.

        Raises:
            EngineDenied: there is no key (`PINECONE_API_KEY`), or Pinecone refuses it.
            EngineMismatch: the index has another dimension or metric; or see `Collection.open`.
            EngineUnsupported: Pinecone allows no such name of an index or a namespace.
            CollectionNotFound: there is none, and the mode does not make one.
            MissingDependency: the extra `pinecone` is not installed.
        """
        # One index holds one dimension: presets get indexes of their own.
        name = engine.index or f"{PREFIX}-{spec.dimension}"
        namespace = spec.name if engine.namespace is None else engine.namespace
        namespace = namespace or DEFAULT_NAMESPACE
        if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?", name) is None:
            raise EngineUnsupported(
                f"Pinecone allows no index of the name {name!r}: FLOORLENS_INDEX_NAME takes 1 to "
                "45 lower case letters, digits and inner hyphens"
            )
        if not is_id(namespace) or namespace == STAMPS:
            raise EngineUnsupported(
                f"Pinecone allows no namespace of the name {namespace!r}: FLOORLENS_NAMESPACE "
                f"takes 1 to {ID_LENGTH} ASCII characters, and not {STAMPS!r}"
            )
        with connected(engine) as client:
            host = host_of(client, name, engine, spec, mode)
            index = client.index(host=host)
        opened = cls(index, engine, name, namespace, spec, mode)
        try:
            if mode == "inspect":
                opened._require()
            else:
                opened._claim()
        except BaseException:
            opened.close()
            raise
        return opened

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records; of several of one id the last.

        Raises:
            EngineMismatch: a vector has another dimension, or another process has taken the
                namespace over meanwhile; nothing is stored.
            EngineUnsupported: Pinecone cannot keep an id or a value; nothing is stored.
            CollectionNotFound: the namespace was removed meanwhile; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        items = [vector_item(record) for record in records]
        if not items:
            return
        self._check_stamp()
        self._store(items, self._namespace, wait=self._engine.fresh)

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records; all of them and the stamp for None, which waits until that is seen.

        The index stays, and so may the empty namespace.

        Raises:
            EngineMismatch: another process has taken the namespace over meanwhile.
            CollectionNotFound: the namespace was removed meanwhile.
        """
        if ids is None:
            self._removed = True
            self._drop(self._namespace, delete_all=True)
            self._drop(STAMPS, ids=[self._namespace])
            self._until(lambda: self._stamp() is None and not self._page(1, None)[0])
            return
        gone = [name for name in dict.fromkeys(ids) if is_id(name)]
        if gone:
            self._check_stamp()
        for batch in delete_batches(gone):
            self._drop(self._namespace, ids=batch)
        if self._engine.fresh:
            self._until(lambda: not self._fetched(gone, self._namespace))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter.

        Hits of equal similarity stand in order of id; which of those that tie with the last one
        are among them, Pinecone decides.

        Raises:
            EngineUnsupported: k is more than `most`, or the filter holds what cannot be compared.
        """
        if k > self.most:
            raise EngineUnsupported(f"Pinecone returns {self.most} hits at most, not {k}")
        if vector.shape != (self._spec.dimension,):
            raise EngineMismatch(
                f"the query has the shape {vector.shape}, the index holds vectors of "
                f"{self._spec.dimension}"
            )
        condition = True if where is None else translated(where)
        if k <= 0 or condition is False:
            return []
        with translated_errors(self._name):
            found = self._index.query(
                vector=vector.astype(np.float32).tolist(),
                top_k=k,
                namespace=_sent(self._namespace),
                filter=None if condition is True else condition,
            )
        hits = [Hit(match.id, float(match.score)) for match in found.matches]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out; numbers are floats."""
        wanted = list(ids)
        found = self._fetched(wanted, self._namespace)
        return [
            Record(
                record_id,
                np.asarray(found[record_id].values, np.float32),
                found[record_id].metadata or {},
            )
            for record_id in wanted
            if record_id in found
        ]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages of up to 100."""
        token: str | None = None
        while True:
            page, token = self._page(MOST_LISTED, token)
            if page:
                yield page
            if token is None:
                return

    def stats(self) -> CollectionStats:
        """Returns how many records there are, which may lag; their dimension and their stamp."""
        with translated_errors(self._name):
            described = self._index.describe_index_stats()
        namespaces = described.namespaces
        held = namespaces.get(self._namespace) or namespaces.get(_sent(self._namespace))
        count = 0 if held is None else held.vector_count
        if self._mode == "inspect":
            return CollectionStats(count, described.dimension or 0, self._stamp() or "")
        return CollectionStats(count, self._spec.dimension, self._spec.stamp)

    def close(self) -> None:
        """Releases the connections."""
        self._index.close()

    @property
    def _shown(self) -> str:
        return f"{self._name}/{self._namespace}"

    def _require(self) -> None:
        if self._stamp() is None and not self._page(1, None)[0]:
            raise not_found(self._engine, self._shown)

    def _claim(self) -> None:
        # The stamp goes in before the first record and is waited for, so that a namespace with
        # records and no stamp is one that somebody else filled.
        ours, found = self._spec, self._stamp()
        if found == ours.stamp:
            return
        empty = found is None and not self._page(1, None)[0]
        if self._mode != "take-over":
            check_same(self._engine, self._shown, ours, ours.dimension, found, empty)
        if empty and self._mode == "existing":
            raise not_found(self._engine, self._shown)
        axis = np.eye(1, ours.dimension, dtype=np.float32)[0]
        stamp = vector_item(Record(self._namespace, axis, {"stamp": ours.stamp}))
        self._store([stamp], STAMPS, wait=False)

        def claimed() -> bool:
            seen = self._stamp()
            # Another process claimed it at the same moment, and came later.
            if seen not in (None, found, ours.stamp):
                raise replaced(self._engine, self._shown, seen)
            return seen == ours.stamp

        self._until(claimed)

    def _check_stamp(self) -> None:
        # Records without a stamp could not be told from another application's. A read may lag
        # behind the one before: one that is not seen is looked for again.
        found = None if self._removed else self._stamp() or self._stamp()
        if found is None:
            raise CollectionNotFound(f"{self._shown} was removed: open it again")
        if found != self._spec.stamp:
            raise replaced(self._engine, self._shown, found)

    def _stamp(self) -> str | None:
        found = self._fetched([self._namespace], STAMPS).get(self._namespace)
        return None if found is None else str((found.metadata or {}).get("stamp", ""))

    def _page(self, limit: int, token: str | None) -> tuple[list[str], str | None]:
        with translated_errors(self._name):
            page = self._index.list_paginated(
                namespace=_sent(self._namespace), limit=limit, pagination_token=token
            )
        names = [str(item.id) for item in page.vectors]
        return names, None if page.pagination is None else page.pagination.next

    def _store(self, items: Sequence[dict[str, Any]], namespace: str, *, wait: bool) -> None:
        waiting = {item["id"]: item for item in items}
        for batch in upsert_batches(list(waiting.values())):
            with translated_errors(self._name):
                self._index.upsert(vectors=batch, namespace=_sent(namespace))

        def seen() -> bool:
            for record_id, vector in self._fetched(waiting, namespace).items():
                if is_seen(waiting[record_id], vector.values, vector.metadata):
                    del waiting[record_id]
            return not waiting

        if wait:
            self._until(seen)

    def _drop(self, namespace: str, **what: Any) -> None:
        from pinecone.errors import NotFoundError

        # Pinecone answers 404 for a namespace that never held anything.
        with translated_errors(self._name), suppress(NotFoundError):
            self._index.delete(namespace=_sent(namespace), **what)

    def _fetched(self, ids: Iterable[str], namespace: str) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        for batch in fetch_batches([name for name in dict.fromkeys(ids) if is_id(name)]):
            with translated_errors(self._name):
                answer = self._index.fetch(ids=batch, namespace=_sent(namespace))
            found.update(answer.vectors)
        return found

    def _until(self, seen: Callable[[], bool]) -> None:
        wait_until(
            seen, FRESH_SECONDS, f"pinecone took a write of {self._shown}, but does not show it"
        )


def _sent(namespace: str) -> str:
    return "" if namespace == DEFAULT_NAMESPACE else namespace
