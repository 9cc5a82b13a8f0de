"""Exact search by one matrix product in memory; the tests compare the other engines with it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
from floorlens.engines.filters import Filter

ALIVE = np.iinfo(np.int64).max
"""In the place of the write that removed a row: none has."""
MOST_REMOVED = 1000
"""Rows are moved where more of them are removed than there are records, and this many more."""


@dataclass(frozen=True)
class _Rows:
    """Space for records, filled from the top. Of a filled row only `removals` ever changes.

    Attributes:
        ids, metadata: of each row, as lists that only grow.
        vectors: float32 (space, dimension).
        removals: int64 (space,), the number of the write that removed the row, else `ALIVE`.
    """

    ids: list[str]
    metadata: list[Mapping[str, Any]]
    vectors: NDArray[np.float32]
    removals: NDArray[np.int64]

    @classmethod
    def empty(cls, space: int, dimension: int) -> _Rows:
        """Returns space for that many records."""
        vectors = np.empty((space, dimension), np.float32)
        return cls([], [], vectors, np.full(space, ALIVE, np.int64))


@dataclass(frozen=True)
class _Moment:
    """What a reader sees: the first `count` rows without those removed by writes up to `write`.

    A later write adds rows behind `count` and marks removed rows with a higher number. So a moment
    never changes, and is read without a lock.
    """

    rows: _Rows
    count: int
    write: int

    def present(self) -> NDArray[np.bool_]:
        """Returns which of the first `count` rows are not removed: bool (count,)."""
        return self.rows.removals[: self.count] > self.write


class ExactCollection:
    """All vectors in one float32 matrix. The cost of a write does not grow with the collection.

    Writers wait for each other. Queries wait for nobody and see the state before or after a write.
    A write that is interrupted, as by Ctrl-C, changes nothing.
    """

    max_k = sys.maxsize

    def __init__(self, spec: CollectionSpec) -> None:
        """Use `ExactCollection.open`."""
        self._spec = spec
        self._lock = threading.Lock()
        self._row_of: dict[str, int] = {}
        self._now = _Moment(_Rows.empty(0, spec.dimension), 0, 0)
        self._in_write = False

    @classmethod
    def open(
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> ExactCollection:
        """Returns an empty collection of this process's own, whatever the mode."""
        return cls(spec)

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        latest = {record.id: record for record in records}
        if not latest:
            return
        with self._writing():
            self._make_space(len(latest))
            rows, count, write = self._now.rows, self._now.count, self._now.write + 1
            for row, record in enumerate(latest.values(), start=count):
                rows.ids.append(record.id)
                rows.metadata.append(record.metadata)
                rows.vectors[row] = record.vector
                if record.id in self._row_of:
                    rows.removals[self._row_of[record.id]] = write
                self._row_of[record.id] = row
            self._now = _Moment(rows, count + len(latest), write)

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records and ignores unknown ids; None removes all records."""
        # Before the lock: the caller's iterable may read this collection itself.
        names = None if ids is None else list(ids)
        with self._writing():
            rows, count, write = self._now.rows, self._now.count, self._now.write + 1
            if names is None:
                self._row_of, rows, count = {}, _Rows.empty(0, self._spec.dimension), 0
            for record_id in names or ():
                if (row := self._row_of.pop(record_id, None)) is not None:
                    rows.removals[row] = write
            self._now = _Moment(rows, count, write)

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""
        now = self._now
        ids, metadata, vectors = now.rows.ids, now.rows.metadata, now.rows.vectors[: now.count]
        present = np.flatnonzero(now.present())
        if where is not None:
            present = present[[where.matches(metadata[row]) for row in present]]
        if present.size == 0 or k <= 0:
            return []
        # einsum, not BLAS: a BLAS product may differ in the last bit with the row's position, and
        # byte-identical products must score the same. Most rows are multiplied where they lie.
        if 2 * present.size < now.count:
            similarities = np.einsum("ij,j->i", vectors[present], vector.astype(np.float32))
        else:
            similarities = np.einsum("ij,j->i", vectors, vector.astype(np.float32))[present]
        if k < present.size:
            # Everything that ties with the k-th must reach the sort below.
            threshold = np.partition(similarities, present.size - k)[present.size - k]
            near = np.flatnonzero(similarities >= threshold)
            present, similarities = present[near], similarities[near]
        order = np.argsort(-similarities, kind="stable")
        names = [ids[row] for row in present[order]]
        similarities = similarities[order]
        for start, end in _runs_of_equals(similarities):
            names[start:end] = sorted(names[start:end])
        return [Hit(*pair) for pair in zip(names[:k], similarities[:k].tolist(), strict=True)]

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out."""
        names = list(ids)
        with self._lock:
            self._undo_interrupted()
            rows = self._now.rows
            places = [self._row_of[record_id] for record_id in names if record_id in self._row_of]
            return [Record(rows.ids[i], rows.vectors[i].copy(), rows.metadata[i]) for i in places]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids, sorted, in one page."""
        with self._lock:
            self._undo_interrupted()
            page = sorted(self._row_of)
        yield page

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""
        with self._lock:
            self._undo_interrupted()
            count = len(self._row_of)
        return CollectionStats(count, self._spec.dimension, self._spec.stamp)

    def close(self) -> None:
        """Does nothing: there is only memory to release."""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Holds the lock for a write, which ends with one assignment to `_now`."""
        with self._lock:
            self._undo_interrupted()
            self._in_write = True
            yield
            # Where the write raises it stays set: whoever comes next undoes the write.
            self._in_write = False

    def _undo_interrupted(self) -> None:
        """Takes back what a write left that did not reach its end: `_now` is always whole."""
        if not self._in_write:
            return
        rows, count = self._now.rows, self._now.count
        del rows.ids[count:], rows.metadata[count:]
        rows.removals[rows.removals > self._now.write] = ALIVE
        self._row_of = {rows.ids[row]: int(row) for row in np.flatnonzero(self._now.present())}
        self._in_write = False

    def _make_space(self, more: int) -> None:
        """Makes space for more rows: at least twice as much, so that each row moves a few times."""
        old, count = self._now.rows, self._now.count
        crowded = count > 2 * len(self._row_of) + MOST_REMOVED
        if count + more <= len(old.removals) and not crowded:
            return
        # Removed rows stay behind. Queries that still read the old rows keep them alive.
        places = sorted(self._row_of.values())
        rows = _Rows.empty(max(len(places) + more, 2 * len(places)), self._spec.dimension)
        rows.ids.extend(old.ids[place] for place in places)
        rows.metadata.extend(old.metadata[place] for place in places)
        rows.vectors[: len(places)] = old.vectors[places]
        self._row_of = {record_id: row for row, record_id in enumerate(rows.ids)}
        self._now = _Moment(rows, len(places), self._now.write)


def _runs_of_equals(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Returns start and end of each run of two or more equal values in sorted ones."""
    equal = np.r_[False, values[1:] == values[:-1], False]
    edges = np.flatnonzero(equal[1:] != equal[:-1])
    return [(int(start), int(end) + 1) for start, end in edges.reshape(-1, 2)]
