"""The upkeep of a LanceDB table: its indexes, compaction, and writers that meet."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from math import isqrt
from typing import Any, TypeVar

INDEX_FROM = 20_000
"""From how many records on an approximate index is made and used."""
EVERY = 32
"""After so many versions of a table its files are compacted and the indexes brought up to date."""
KEPT = timedelta(hours=1)
"""How long old versions stay, for readers that are at it."""
RETRIES = 60
VECTOR_INDEX = "vector_ivf_"

Result = TypeVar("Result")


def patiently(write: Callable[[], Result]) -> Result:
    """Returns what a write returns; it is tried again when another writer came first.

    One of those who meet always succeeds, so all do after a while.
    """
    for attempt in range(RETRIES):
        try:
            return write()
        except RuntimeError as error:
            if not _is_conflict(error):
                raise
            time.sleep(0.005 * attempt)
    return write()


def partitions(table: Any) -> int:
    """Returns the number of partitions of the table's vector index, 0 where there is none."""
    sizes = [int(name.removeprefix(VECTOR_INDEX)) for name in _vector_indexes(table)]
    return max(sizes, default=0)


class Upkeep:
    """Does what is due after a write, now and then; for one writer at a time."""

    def __init__(self, table: Any) -> None:
        """`table` is LanceDB's."""
        self._table = table
        self._done = table.version // EVERY

    def when_due(self) -> None:
        """Makes the indexes that are missing or outgrown, and compacts after 32 versions."""
        rows = self._table.count_rows()
        # sqrt(n) partitions; made anew when there are four times as many records as then.
        outgrown = rows >= INDEX_FROM and 4 * partitions(self._table) ** 2 < rows
        if self._table.version // EVERY == self._done and not outgrown:
            return
        try:
            if outgrown:
                self._index_vectors(isqrt(rows))
            if rows >= INDEX_FROM:
                self._index_columns()
            self._table.optimize(cleanup_older_than=KEPT)
        except RuntimeError as error:
            # Another process writes, or does the same: what is stored is stored, later is fine.
            if not _is_conflict(error):
                raise
        self._done = self._table.version // EVERY

    def _index_vectors(self, count: int) -> None:
        from lancedb.index import IvfFlat

        name = f"{VECTOR_INDEX}{count}"
        old = _vector_indexes(self._table)
        config = IvfFlat(distance_type="cosine", num_partitions=count)
        self._table.create_index("vector", config=config, name=name)
        for one in set(old) - {name}:
            self._table.drop_index(one)

    def _index_columns(self) -> None:
        from lancedb.index import BTree, LabelList

        indexed = {column for one in self._table.list_indices() for column in one.columns}
        for column in self._table.schema.names:
            if column not in indexed and column not in ("vector", "metadata"):
                kind = LabelList if column == "tokens" else BTree
                self._table.create_index(column, config=kind())


def _vector_indexes(table: Any) -> list[str]:
    return [one.name for one in table.list_indices() if one.name.startswith(VECTOR_INDEX)]


def _is_conflict(error: RuntimeError) -> bool:
    return "conflict" in str(error).lower()
