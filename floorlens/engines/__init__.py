"""Vector engines: what every one of them can do (`Collection`), and which there are (`BACKENDS`).

An engine holds a replica of the catalogue's vectors. It can be emptied at any time; it is filled
again from the catalogue. Nothing in here knows the catalogue. Other packages bring engines too
(`floorlens.plugins`): `engine_names` has all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

from floorlens.engines.filters import Filter
from floorlens.errors import EngineMismatch, SettingsError, UsageError
from floorlens.plugins import known_names, load_plugin, missing_members, plugin_named

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
"""The engine that each process has to itself, in its own memory. The others can be shared."""

Mode = Literal["create", "existing", "take-over", "inspect"]
"""How a collection is opened.

create: for use; it is made if it is absent. It must carry our stamp and hold vectors of our
    dimension, or be empty.
existing: as "create", but `CollectionNotFound` is raised if it is absent; nothing is made.
take-over: for use, even if it carries another stamp or none: it gets ours. Its records stay if they
    have our dimension; if not, they are deleted, except by Pinecone, which refuses because other
    collections share the index. A collection that is absent is made.
inspect: for reading only, whoever made it and whatever stamp and dimension it has. Nothing is
    written or made, and opening raises only `CollectionNotFound` and errors of the connection.
    `stats` returns the stamp that the collection really carries ("" for none) and its real
    dimension. `ids`, `stats` and `fetch` raise `EngineMismatch` if another application made it
    and its shape is not Floorlens's.
"""


@dataclass(frozen=True)
class Record:
    """One product in a collection.

    Attributes:
        id: the product's id.
        vector: float32 (d,), L2-normalised.
        metadata: what filters see. Field name -> string, finite number, boolean, list of strings,
            or None for an absent value.
    """

    id: str
    vector: NDArray[np.float32]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """One result of a query: a product's id, and its cosine similarity to the query, -1..1."""

    id: str
    similarity: float


@dataclass(frozen=True)
class CollectionStats:
    """What a collection holds.

    Attributes:
        count: how many records.
        dimension: the length of their vectors.
        stamp: the text that the collection was opened with; of one that is inspected, the text
            that it carries.
    """

    count: int
    dimension: int
    stamp: str


@dataclass(frozen=True)
class Engine:
    """A vector engine, and how it is reached. A backend ignores what it has no use for.

    Attributes:
        name: one of `engine_names()`: "exact", "lancedb", "milvus", "pgvector", "pinecone", or one
            of another package.
        url: where it is: a folder or URI (lancedb), `postgresql://…` (pgvector), a file or
            `http://…` (milvus), the address of another control plane (pinecone).
        api_key: the key, or the token of a server.
        index: Pinecone's index; for other engines the first part of the names of collections.
            None: a name that Floorlens chooses.
        namespace: the name of the collection (Pinecone: of the namespace) to use; None: one that
            Floorlens chooses, another for each kind of vectors.
        cloud, region: where a serverless Pinecone index is made.
        timeout: seconds that one call may take.
        fresh: whether a write returns only when searches see it.
    """

    name: str = PRIVATE
    # The URL may hold a password, so neither is shown.
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
    """Which collection is meant: a set of comparable vectors in an engine.

    Attributes:
        name: characters of `[a-z0-9_]`, at most 40, unless a user chose it (`Engine.namespace`).
        dimension: the length of its vectors.
        stamp: a text that is equal for comparable vectors. The engine keeps it with them.
    """

    name: str
    dimension: int
    stamp: str


class Collection(Protocol):
    """The contract of every backend: an open collection of vectors, searched by cosine similarity.

    All methods may be repeated without harm, may be called from several threads, and raise
    `EngineError`s. What an engine cannot do it refuses with `EngineUnsupported`; it never leaves
    something out. A write is stored when it returns. Searches of some engines see it only some
    time later (see `Engine.fresh`).
    """

    max_k: int
    """The largest k of a query."""

    @classmethod
    def open(cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create") -> Self:
        """Returns a collection of an engine, opened in one of four ways (see `Mode`).

        Raises:
            EngineMismatch: it has another dimension, another stamp, or records and no stamp. Or
                another application made it and its shape is not Floorlens's: such a one is never
                taken over.
            CollectionNotFound: there is none, and the mode does not make one.
            MissingDependency: the engine's extra is not installed.
        """

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records and replaces those of the same id, in batches that the engine accepts.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
            EngineUnsupported: the engine cannot keep an id or a value of the metadata.
        """

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records and ignores unknown ids; None removes the collection itself.

        A collection that was removed must be opened again before it is used.
        """

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id.

        Raises:
            EngineUnsupported: k is more than `max_k`, or the engine cannot apply the filter.
        """

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; unknown ids are left out."""

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages, in any order."""

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""

    def close(self) -> None:
        """Releases connections and files; the collection cannot be used afterwards."""


def engine_names() -> list[str]:
    """Returns the names of all engines: Floorlens's own, and those of other packages.

    Example:
        >>> engine_names()
        ['exact', 'lancedb', 'milvus', 'pgvector', 'pinecone']
    """
    return known_names("engine", BACKENDS)


def check_engine(engine: Engine) -> None:
    """Checks that there is an engine of that name, of Floorlens or of another package.

    Raises:
        SettingsError: there is none, or the package that brings it is broken.

    Example:
        >>> check_engine(Engine("faiss"))
        Traceback (most recent call last):
        floorlens.errors.SettingsError: unknown engine 'faiss': known are exact, lancedb, ...
    """
    if engine.name not in BACKENDS:
        outside_backend(engine.name)


def outside_backend(name: str) -> type[Collection]:
    """Returns the class of an engine that another package brings.

    Raises:
        SettingsError: no package brings one of that name, or what it brings cannot be used.

    Example:
        >>> outside_backend("faiss")
        Traceback (most recent call last):
        floorlens.errors.SettingsError: unknown engine 'faiss': known are exact, lancedb, ...
    """
    plugin = plugin_named("engine", name, BACKENDS)
    backend: type[Collection] = load_plugin(plugin)
    if not isinstance(backend, type):
        raise SettingsError(
            f"{plugin} cannot be used: {plugin.target} is a {type(backend).__name__}, not a class"
        )
    missing = missing_members(backend, Collection)
    if missing:
        raise SettingsError(
            f"{plugin} cannot be used: it lacks {', '.join(missing)} of "
            "floorlens.engines.Collection; the package must add them"
        )
    return backend


def open_collection(engine: Engine, spec: CollectionSpec, *, mode: Mode = "create") -> Collection:
    """Returns a collection of any engine, opened as `Collection.open` does.

    Raises:
        EngineError: it cannot be used.
        MissingDependency: the engine's extra is not installed.
        SettingsError: there is no such engine, or its address is missing.
        UsageError: there is no such mode.

    Example:
        >>> collection = open_collection(Engine("exact"), CollectionSpec("floors", 2, "stamp"))
        >>> collection.upsert([Record("oak", np.array([1, 0], np.float32), {"price": 40})])
        >>> collection.query(np.array([1, 0], np.float32), k=5)
        [Hit(id='oak', similarity=1.0)]
    """
    check_engine(engine)
    if mode not in get_args(Mode):
        raise UsageError(f"unknown mode {mode!r}: known are {', '.join(get_args(Mode))}")
    if engine.name not in BACKENDS:
        return outside_backend(engine.name).open(engine, spec, mode=mode)
    module, _, name = BACKENDS[engine.name].rpartition(".")
    backend: type[Collection] = getattr(import_module(f"floorlens.engines.backends.{module}"), name)
    return backend.open(engine, spec, mode=mode)


def check_records(records: Sequence[Record], dimension: int) -> None:
    """Checks that vectors fit into a collection.

    Raises:
        EngineMismatch: one has another dimension.

    Example:
        >>> check_records([Record("oak", np.zeros(2, np.float32), {})], dimension=2)
    """
    for record in records:
        if record.vector.shape != (dimension,):
            raise EngineMismatch(
                f"the vector of {record.id!r} has the shape {record.vector.shape}, and the "
                f"collection holds vectors of {dimension}"
            )
