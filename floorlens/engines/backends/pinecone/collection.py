"""Pinecone, serverless, by its SDK 10: one index, one namespace for each collection.

A collection's stamp is a record of its own in the namespace `floorlens-stamps` of the same index.
There it outlives processes and whatever happens to the collection's records, and does not appear
in the collection's queries, ids or counts.

Pinecone keeps all numbers as 64-bit floats: `fetch` may return 5.0 for 5. Reads lag behind writes
by seconds, unless `Engine.fresh` makes a write wait for them. If several records are equally
similar, Pinecone chooses which of them come at the end of a query.
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
    connect,
    prepare_index,
    translate_errors,
    wait_until,
)
from floorlens.engines.backends.pinecone.values import (
    ID_LENGTH,
    delete_batches,
    fetch_batches,
    is_id,
    is_same_item,
    translate_filter,
    upsert_batches,
    vector_item,
)
from floorlens.engines.filters import Filter
from floorlens.engines.opening import (
    PREFIX,
    check_comparable,
    not_found_error,
    taken_over_error,
)
from floorlens.errors import CollectionNotFound, EngineMismatch, EngineUnsupported

if TYPE_CHECKING:
    from pinecone.index import Index
    from pinecone.models.vectors.vector import Vector

STAMPS = "floorlens-stamps"
"""The namespace of the stamps."""
DEFAULT_NAMESPACE = "__default__"
"""Pinecone's name for the namespace of requests that name none."""
MAX_LISTED = 100
"""How many ids one page holds."""
FRESH_SECONDS = 120.0
"""How long a write may take until reads see it."""


class PineconeCollection:
    """One namespace of a Pinecone index."""

    max_k = 10_000

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
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> PineconeCollection:
        """Returns the namespace `Engine.namespace`, or else that of the collection's name.

        An absent index is made, which may take minutes. A namespace that another application
        filled carries no stamp. Its records stay when it is taken over.

        Raises:
            EngineDenied: there is no key (`PINECONE_API_KEY`), or Pinecone refuses it.
            EngineMismatch: the index has another dimension or metric; or see `Collection.open`.
            EngineUnsupported: Pinecone does not allow the name of the index or the namespace.
            CollectionNotFound: there is none, and the mode does not make one.
            MissingDependency: the extra `pinecone` is not installed.
        """
        # An index holds vectors of one dimension, so that presets get indexes of their own.
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
        with connect(engine) as client:
            index = client.index(host=prepare_index(client, name, engine, spec, mode))
        collection = cls(index, engine, name, namespace, spec, mode)
        try:
            if mode == "inspect":
                collection._check_exists()
            else:
                collection._claim()
        except BaseException:
            collection.close()
            raise
        return collection

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records. Of several of one id the last is stored.

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
        """Removes records. None removes all of them and the stamp, and waits until reads see it.

        The index stays, and the empty namespace may stay.

        Raises:
            EngineMismatch: another process has taken the namespace over meanwhile.
            CollectionNotFound: the namespace was removed meanwhile.
        """
        if ids is None:
            self._removed = True
            self._drop(self._namespace, delete_all=True)
            self._drop(STAMPS, ids=[self._namespace])
            self._wait_until(lambda: self._read_stamp() is None and self._is_empty())
            return
        valid = [record_id for record_id in dict.fromkeys(ids) if is_id(record_id)]
        if valid:
            self._check_stamp()
        for batch in delete_batches(valid):
            self._drop(self._namespace, ids=batch)
        if self._engine.fresh:
            self._wait_until(lambda: not self._fetch_items(valid, self._namespace))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter.

        Hits of equal similarity come in order of id. Of those that tie with the last one Pinecone
        chooses some.

        Raises:
            EngineUnsupported: k is more than `max_k`, or Pinecone cannot compare with a value of
                the filter.
        """
        if k > self.max_k:
            raise EngineUnsupported(
                f"Pinecone returns at most {self.max_k} hits, not {k}: ask for fewer"
            )
        if vector.shape != (self._spec.dimension,):
            raise EngineMismatch(
                f"the query has the shape {vector.shape}, and the collection holds vectors of "
                f"{self._spec.dimension}"
            )
        condition = True if where is None else translate_filter(where)
        if k <= 0 or condition is False:
            return []
        with translate_errors(self._name):
            answer = self._index.query(
                vector=vector.astype(np.float32).tolist(),
                top_k=k,
                namespace=_request_name(self._namespace),
                filter=None if condition is True else condition,
            )
        hits = [Hit(match.id, float(match.score)) for match in answer.matches]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; numbers in them are floats."""
        ordered = list(ids)
        items = self._fetch_items(ordered, self._namespace)
        return [
            Record(
                record_id,
                np.asarray(items[record_id].values, np.float32),
                items[record_id].metadata or {},
            )
            for record_id in ordered
            if record_id in items
        ]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages of up to 100."""
        token: str | None = None
        while True:
            page, token = self._read_page(MAX_LISTED, token)
            if page:
                yield page
            if token is None:
                return

    def stats(self) -> CollectionStats:
        """Returns how many records there are (which may lag), their dimension and their stamp."""
        with translate_errors(self._name):
            stats = self._index.describe_index_stats()
        name = self._namespace
        namespace = stats.namespaces.get(name) or stats.namespaces.get(_request_name(name))
        count = 0 if namespace is None else namespace.vector_count
        if self._mode == "inspect":
            return CollectionStats(count, stats.dimension or 0, self._read_stamp() or "")
        return CollectionStats(count, self._spec.dimension, self._spec.stamp)

    def close(self) -> None:
        """Releases the connections."""
        self._index.close()

    # -- the namespace and its stamp -----------------------------------------------------------

    @property
    def _address(self) -> str:
        """What errors call the namespace."""
        return f"{self._name}/{self._namespace}"

    def _check_exists(self) -> None:
        if self._read_stamp() is None and self._is_empty():
            raise not_found_error(self._engine, self._address)

    def _claim(self) -> None:
        """Puts our stamp on the namespace, unless it carries it already."""
        # The stamp is written before the first record and waited for. So if a namespace has
        # records and no stamp, another application filled it.
        spec, old_stamp = self._spec, self._read_stamp()
        if old_stamp == spec.stamp:
            return
        empty = old_stamp is None and self._is_empty()
        if self._mode != "take-over":
            check_comparable(
                self._engine,
                self._address,
                spec,
                dimension=spec.dimension,
                stamp=old_stamp,
                empty=empty,
            )
        if empty and self._mode == "existing":
            raise not_found_error(self._engine, self._address)
        axis = np.eye(1, spec.dimension, dtype=np.float32)[0]
        item = vector_item(Record(self._namespace, axis, {"stamp": spec.stamp}))
        self._store([item], STAMPS, wait=False)

        def is_ours() -> bool:
            stamp = self._read_stamp()
            # Another process claimed the namespace at the same moment, and was later.
            if stamp not in (None, old_stamp, spec.stamp):
                raise taken_over_error(self._engine, self._address, stamp)
            return stamp == spec.stamp

        self._wait_until(is_ours)

    def _check_stamp(self) -> None:
        # Records without a stamp would look like another application's. A read may lag behind the
        # one before, so that a stamp that is missing is read once more.
        stamp = None if self._removed else self._read_stamp() or self._read_stamp()
        if stamp is None:
            raise CollectionNotFound(f"{self._address} was removed: open it again")
        if stamp != self._spec.stamp:
            raise taken_over_error(self._engine, self._address, stamp)

    def _read_stamp(self) -> str | None:
        item = self._fetch_items([self._namespace], STAMPS).get(self._namespace)
        return None if item is None else str((item.metadata or {}).get("stamp", ""))

    # -- requests ------------------------------------------------------------------------------

    def _is_empty(self) -> bool:
        return not self._read_page(1, None)[0]

    def _read_page(self, limit: int, token: str | None) -> tuple[list[str], str | None]:
        with translate_errors(self._name):
            page = self._index.list_paginated(
                namespace=_request_name(self._namespace), limit=limit, pagination_token=token
            )
        ids = [str(item.id) for item in page.vectors]
        return ids, None if page.pagination is None else page.pagination.next

    def _store(self, items: Sequence[dict[str, Any]], namespace: str, *, wait: bool) -> None:
        waiting = {item["id"]: item for item in items}
        for batch in upsert_batches(list(waiting.values())):
            with translate_errors(self._name):
                self._index.upsert(vectors=batch, namespace=_request_name(namespace))

        def are_visible() -> bool:
            for record_id, vector in self._fetch_items(waiting, namespace).items():
                if is_same_item(waiting[record_id], vector.values, vector.metadata):
                    del waiting[record_id]
            return not waiting

        if wait:
            self._wait_until(are_visible)

    def _drop(self, namespace: str, **selection: Any) -> None:
        from pinecone.errors import NotFoundError

        # Pinecone answers 404 for a namespace that never held a record.
        with translate_errors(self._name), suppress(NotFoundError):
            self._index.delete(namespace=_request_name(namespace), **selection)

    def _fetch_items(self, ids: Iterable[str], namespace: str) -> dict[str, Vector]:
        """Returns the records of ids that are in a namespace, as the SDK has them."""
        items: dict[str, Vector] = {}
        for batch in fetch_batches([name for name in dict.fromkeys(ids) if is_id(name)]):
            with translate_errors(self._name):
                answer = self._index.fetch(ids=batch, namespace=_request_name(namespace))
            items.update(answer.vectors)
        return items

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        problem = f"pinecone accepted a write of {self._address}, but does not show it"
        wait_until(condition, FRESH_SECONDS, problem)


def _request_name(namespace: str) -> str:
    """Returns the name of a namespace as requests write it."""
    return "" if namespace == DEFAULT_NAMESPACE else namespace
