"""Vector indexes, all derived from the catalogue. Backends: one file each.

An index can be deleted at any time; it is filled again from the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.filters import Filter


@dataclass(frozen=True)
class Record:
    """One product in a vector index: id, float32 (d,) L2-normalised vector, metadata."""

    id: str
    vector: NDArray[np.float32]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """What an index needs to catch up with its catalogue, as of one moment.

    Attributes:
        revision: the catalogue's revision then.
        generation: which features the vectors belong to; None before the first product.
        projection: version of the projection that made them; None where there is none.
        changed: the searchable products that changed after the revision that was asked for.
        ids: the ids of all searchable products, so that an index can drop the others.
    """

    revision: int
    generation: int | None
    projection: str | None
    changed: list[Record]
    ids: set[str]


@dataclass(frozen=True)
class Hit:
    """One answer of a vector index: id and cosine similarity -1..1."""

    id: str
    similarity: float


@dataclass(frozen=True)
class IndexStats:
    """How many records an index holds, and of what dimension (None while it is empty)."""

    count: int
    dimension: int | None


class VectorIndex(Protocol):
    """The contract of every vector index: batch-first and idempotent, cosine similarity."""

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id."""

    def delete(self, ids: Iterable[str]) -> None:
        """Removes records; unknown ids are ignored."""

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out."""

    def ids(self) -> list[str]:
        """Returns all ids, sorted."""

    def stats(self) -> IndexStats:
        """Returns the number of records and their dimension."""
