"""Exact search by one matrix product in memory: the first index, and the oracle for the others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.filters import Filter
from floorlens.index import Collection, Engine, Hit, IndexStats, Record, check_records


class ExactIndex:
    """All vectors in one float32 matrix, rows sorted by id.

    Readers see either the state before or after a write: a write builds new arrays and puts them
    in place by one assignment.
    """

    most = sys.maxsize

    def __init__(self, collection: Collection) -> None:
        """Use `ExactIndex.open`."""
        self._collection = collection
        self._state: tuple[tuple[str, ...], NDArray[np.float32], tuple[Mapping[str, Any], ...]] = (
            (),
            np.empty((0, collection.dimension), np.float32),
            (),
        )

    @classmethod
    def open(
        cls,
        engine: Engine,
        collection: Collection,
        *,
        create: bool = True,
        take_over: bool = False,
        foreign: bool = False,
    ) -> ExactIndex:
        """Returns an empty index of this process's own: nothing is kept, nothing can mismatch."""
        return cls(collection)

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
        """
        check_records(records, self._collection.dimension)
        if not records:
            return
        merged = {record.id: record for record in self._records()}
        merged.update((record.id, record) for record in records)
        self._replace(merged)

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records, unknown ids are ignored; all for None."""
        gone = set(self._state[0] if ids is None else ids)
        kept = {record.id: record for record in self._records() if record.id not in gone}
        if len(kept) < len(self._state[0]):
            self._replace(kept)

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""
        ids, matrix, metadata = self._state
        if where is None:
            rows = np.arange(len(ids))
        else:
            rows = np.flatnonzero([where.matches(fields) for fields in metadata])
        if rows.size == 0 or k <= 0:
            return []
        # einsum, not BLAS: a BLAS product may differ in the last bit with the row's position, and
        # byte-identical products must score the same.
        similarities = np.einsum(
            "ij,j->i", matrix if where is None else matrix[rows], vector.astype(np.float32)
        )
        if k < rows.size:
            # Everything that ties with the k-th must reach the stable sort below.
            threshold = np.partition(similarities, rows.size - k)[rows.size - k]
            keep = np.flatnonzero(similarities >= threshold)
            rows, similarities = rows[keep], similarities[keep]
        order = np.argsort(-similarities, kind="stable")[:k]
        return [Hit(ids[rows[i]], float(similarities[i])) for i in order]

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out."""
        found = {record.id: record for record in self._records()}
        return [found[record_id] for record_id in ids if record_id in found]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids, sorted, in one page."""
        yield list(self._state[0])

    def stats(self) -> IndexStats:
        """Returns how many records there are, their dimension and their stamp."""
        return IndexStats(len(self._state[0]), self._collection.dimension, self._collection.stamp)

    def close(self) -> None:
        """Does nothing: memory is all it holds."""

    def _records(self) -> list[Record]:
        ids, matrix, metadata = self._state
        return [Record(*row) for row in zip(ids, matrix, metadata, strict=True)]

    def _replace(self, records: Mapping[str, Record]) -> None:
        rows = [records[record_id] for record_id in sorted(records)]
        empty = np.empty((0, self._collection.dimension), np.float32)
        matrix = np.stack([record.vector for record in rows]) if rows else empty
        self._state = (
            tuple(record.id for record in rows),
            np.ascontiguousarray(matrix, dtype=np.float32),
            tuple(record.metadata for record in rows),
        )
