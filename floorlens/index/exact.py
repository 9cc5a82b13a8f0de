"""Exact search by one matrix product in memory: the first index, and the oracle for the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError
from floorlens.filters import Filter
from floorlens.index import Hit, IndexStats, Record


class ExactIndex:
    """All vectors in one float32 matrix, rows sorted by id.

    Readers see either the state before or after a write: a write builds new arrays and puts them
    in place by one assignment.
    """

    def __init__(self) -> None:
        self._state: tuple[tuple[str, ...], NDArray[np.float32], tuple[Mapping[str, Any], ...]] = (
            (),
            np.empty((0, 0), np.float32),
            (),
        )

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id.

        Raises:
            CatalogueError: a vector has another dimension than those stored.
        """
        if not records:
            return
        merged = {record.id: record for record in self._records()}
        merged.update((record.id, record) for record in records)
        self._replace(merged)

    def delete(self, ids: Iterable[str]) -> None:
        """Removes records; unknown ids are ignored."""
        gone = set(ids)
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

    def ids(self) -> list[str]:
        """Returns all ids, sorted."""
        return list(self._state[0])

    def stats(self) -> IndexStats:
        """Returns the number of records and their dimension."""
        ids, matrix, _ = self._state
        return IndexStats(len(ids), matrix.shape[1] if ids else None)

    def _records(self) -> list[Record]:
        ids, matrix, metadata = self._state
        return [Record(*row) for row in zip(ids, matrix, metadata, strict=True)]

    def _replace(self, records: Mapping[str, Record]) -> None:
        rows = [records[record_id] for record_id in sorted(records)]
        dimensions = {record.vector.shape for record in rows}
        if len(dimensions) > 1:
            raise CatalogueError(f"vectors of different dimension: {sorted(dimensions)}")
        matrix = np.stack([r.vector for r in rows]) if rows else np.empty((0, 0), np.float32)
        self._state = (
            tuple(record.id for record in rows),
            np.ascontiguousarray(matrix, dtype=np.float32),
            tuple(record.metadata for record in rows),
        )
