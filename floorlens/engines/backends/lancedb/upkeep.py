"""The upkeep of a LanceDB table: its indexes, its files, and writers that conflict."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from math import isqrt
from typing import Any, TypeVar

INDEX_FROM = 20_000
"""From how many records on an approximate index is made and used."""
EVERY = 32
"""After so many versions of a table its files are compacted and its indexes brought up to date."""
RETENTION = timedelta(hours=1)
"""How long old versions stay, for readers that still use them."""
RETRIES = 60
"""How often a write is tried again that conflicts with another one."""
VECTOR_INDEX = "vector_ivf_"
"""How the names of our vector indexes begin; the number of partitions follows."""

Result = TypeVar("Result")


def retry_conflicts(write: Callable[[], Result]) -> Result:
    """Returns what a write returns; it is tried again while it conflicts with another writer.

    Of writers that conflict one always succeeds, so all of them do after a while.

    Raises:
        RuntimeError: it fails for another reason, or conflicts again and again.

    Example:
        >>> retry_conflicts(lambda: "stored")
        'stored'
    """
    for attempt in range(RETRIES):
        try:
            return write()
        except RuntimeError as error:
            if not _is_conflict(error):
                raise
            time.sleep(0.005 * attempt)
    return write()


def count_partitions(table: Any) -> int:
    """Returns the number of partitions of a LanceDB table's vector index; 0 if it has none.

    Example:
        >>> import lancedb  # doctest: +SKIP
        >>> table = lancedb.connect("lancedb").open_table("floors")  # doctest: +SKIP
        >>> count_partitions(table)  # doctest: +SKIP
        0
    """
    sizes = [int(name.removeprefix(VECTOR_INDEX)) for name in _vector_indexes(table)]
    return max(sizes, default=0)


class Upkeep:
    """Makes indexes and compacts files after some of the writes. For one writer at a time."""

    def __init__(self, table: Any) -> None:
        """`table` is LanceDB's."""
        self._table = table
        self._latest_round = table.version // EVERY

    def run_if_due(self) -> None:
        """Makes indexes that are missing or outgrown, and compacts files every 32 versions."""
        rows = self._table.count_rows()
        # sqrt(n) partitions. The index is made again when there are four times as many records.
        outgrown = rows >= INDEX_FROM and 4 * count_partitions(self._table) ** 2 < rows
        if self._table.version // EVERY == self._latest_round and not outgrown:
            return
        try:
            if outgrown:
                self._index_vectors(isqrt(rows))
            if rows >= INDEX_FROM:
                self._index_columns()
            self._table.optimize(cleanup_older_than=RETENTION)
        except RuntimeError as error:
            # Another process writes, or does the same. The records are stored; this can wait.
            if not _is_conflict(error):
                raise
        self._latest_round = self._table.version // EVERY

    def _index_vectors(self, count: int) -> None:
        from lancedb.index import IvfFlat

        name = f"{VECTOR_INDEX}{count}"
        older = set(_vector_indexes(self._table)) - {name}
        config = IvfFlat(distance_type="cosine", num_partitions=count)
        self._table.create_index("vector", config=config, name=name)
        for older_name in older:
            self._table.drop_index(older_name)

    def _index_columns(self) -> None:
        from lancedb.index import BTree, LabelList

        skip = {"vector", "metadata"}
        skip.update(column for index in self._table.list_indices() for column in index.columns)
        for column in self._table.schema.names:
            if column not in skip:
                kind = LabelList if column == "tokens" else BTree
                self._table.create_index(column, config=kind())


def _vector_indexes(table: Any) -> list[str]:
    names = [index.name for index in table.list_indices()]
    return [name for name in names if name.startswith(VECTOR_INDEX)]


def _is_conflict(error: RuntimeError) -> bool:
    return "conflict" in str(error).lower()
