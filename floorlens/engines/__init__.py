"""Vector indexes, all derived from the catalogue. Backends: one file each.

An index can be deleted at any time; it is filled again from the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from floorlens.engines.filters import Filter
from floorlens.errors import EngineMismatch, SettingsError

BACKENDS: Mapping[str, str] = {
    "exact": "exact.ExactCollection",
    "lancedb": "lancedb.collection.LanceCollection",
    "milvus": "milvus.collection.MilvusCollection",
    "pgvector": "pgvector.collection.PgvectorCollection",
    "pinecone": "pinecone.collection.PineconeCollection",
}
"""The engines: name -> module and class under `floorlens.engines.backends`.

A backend is imported when one of its collections is opened.
"""
PRIVATE = "exact"
"""The engine that each process has to itself, in its own memory; the others may be shared."""

Mode = Literal["create", "existing", "take-over", "inspect"]
"""How a collection is opened.

create: to be used; it is made if it is absent. It must carry our stamp and hold vectors of our
    dimension, or be empty.
existing: as "create", but `CollectionNotFound` is raised if it is absent; nothing is made.
take-over: to be used whatever stamp it carries, even none: it gets ours. Its records stay if they
    have our dimension. Otherwise they are deleted; only Pinecone, where other collections share
    the index, refuses instead. A collection that is absent is made.
inspect: to be read only, whoever made it and whatever its stamp and dimension are. Nothing is
    written or made, and opening raises only `CollectionNotFound` and errors of the connection.
    `stats` then tells the stamp that the collection really carries ("" for none) and its
    dimension; `ids`, `stats` and `fetch` raise `EngineMismatch` if another application made it
    in a shape that is not Floorlens's.
"""


@dataclass(frozen=True)
class Record:
    """One product in a vector index: id, float32 (d,) L2-normalised vector, metadata."""

    id: str
    vector: NDArray[np.float32]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """One answer of a vector index: id and cosine similarity -1..1."""

    id: str
    similarity: float


@dataclass(frozen=True)
class CollectionStats:
    """What an index holds: how many records, of which dimension, made by what.

    `stamp` is the text that the collection was opened with; of one opened as `foreign`, the one
    that it carries.
    """

    count: int
    dimension: int
    stamp: str


@dataclass(frozen=True)
class Engine:
    """A vector engine, and how it is reached. What a backend does not know it ignores.

    Attributes:
        name: the backend, by file name: "exact", "lancedb", "pinecone", "pgvector", "milvus".
        url: where it is: a folder or URI (lancedb), `postgresql://…` (pgvector), a file or
            `http://…` (milvus), the host of the control plane (pinecone, None is the real one).
        api_key: the key, or the token of a server.
        index: Pinecone's index; elsewhere the first part of the names of tables and collections.
            None: a name of Floorlens's own.
        namespace: the collection (Pinecone: the namespace) to use, whatever it is called; None:
            one for each generation of a catalogue.
        cloud, region: where a serverless Pinecone index is made.
        timeout: seconds that one call may take.
        fresh: whether a write returns only when searches see it.
    """

    name: str = "exact"
    # It may hold a password.
    url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    index: str | None = None
    namespace: str | None = None
    cloud: str = "aws"
    region: str = "us-east-1"
    timeout: float = 30.0
    fresh: bool = False


@dataclass(frozen=True)
class CollectionSpec:
    """One set of comparable vectors in an engine.

    Attributes:
        name: of `[a-z0-9_]`, at most 40 characters, unless a user chose it (`Engine.namespace`).
        dimension: the length of its vectors.
        stamp: a text that is equal for comparable vectors; the engine keeps it with them.
    """

    name: str
    dimension: int
    stamp: str


class Collection(Protocol):
    """The contract of every vector index, cosine similarity: seven methods, batch-first.

    All are idempotent, safe to call from several threads, and raise `EngineError`s; what an engine
    cannot do is refused with `EngineUnsupported`, never left out. A write is kept when it returns;
    searches of some engines see it later (see `Engine.fresh`).
    """

    most: int
    """The largest k of a query."""

    @classmethod
    def open(
        cls,
        engine: Engine,
        spec: CollectionSpec,
        *,
        mode: Mode = "create",
    ) -> Self:
        """Returns a collection of an engine, opened in one of four ways (see `Mode`).

        Raises:
            EngineMismatch: it has another dimension, another stamp, or records and no stamp; or
                another application made it in a shape that is not Floorlens's, which is never
                taken over.
            CollectionNotFound: there is none, and the mode does not make one.
            MissingDependency: the engine's extra is not installed.
        """

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id, in batches that the engine accepts.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
            EngineUnsupported: the engine cannot keep an id or a value of the metadata.
        """

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records, unknown ids are ignored; None removes the collection itself.

        After that it must be opened again.
        """

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id.

        Raises:
            EngineUnsupported: k is more than `most`, or the engine cannot apply the filter.
        """

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out."""

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages, in no promised order."""

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""

    def close(self) -> None:
        """Releases connections and files; the index cannot be used afterwards."""


def check_engine(engine: Engine) -> None:
    """Checks that there is an engine of that name.

    Raises:
        SettingsError: there is none.
    """
    if engine.name not in BACKENDS:
        raise SettingsError(
            f"unknown engine {engine.name!r}: known are {', '.join(sorted(BACKENDS))}"
        )


def open_collection(
    engine: Engine,
    spec: CollectionSpec,
    *,
    mode: Mode = "create",
) -> Collection:
    """Returns a collection of a vector engine, opened as `Collection.open` does.

    Raises:
        EngineError: it cannot be used.
        MissingDependency: the engine's extra is not installed.
        SettingsError: there is no such engine, or its address is missing.
    """
    check_engine(engine)
    module, _, name = BACKENDS[engine.name].rpartition(".")
    backend: type[Collection] = getattr(import_module(f"floorlens.engines.backends.{module}"), name)
    return backend.open(engine, spec, mode=mode)


def check_records(records: Sequence[Record], dimension: int) -> None:
    """Checks that vectors fit a collection.

    Raises:
        EngineMismatch: one has another dimension.
    """
    for record in records:
        if record.vector.shape != (dimension,):
            raise EngineMismatch(
                f"the vector of {record.id!r} has the shape {record.vector.shape}, the index "
                f"holds vectors of {dimension}"
            )
