"""LanceDB, an embedded vector store: a folder or an object store's URI, one table a collection.

Below 20,000 records every vector is compared. Above, an IVF_FLAT index of sqrt(n) partitions is
searched, of which a third is probed. Its recall is .99 or more if the vectors form clusters or lie
on a surface of some 24 dimensions, as embeddings do. Of pure noise it would be lower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import RLock
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
from floorlens.engines.backends.lancedb.upkeep import Upkeep, count_partitions, retry_conflicts
from floorlens.engines.filters import Filter
from floorlens.engines.metadata import (
    check_storable,
    decode,
    encode,
    filter_expression,
    numbers,
    tokens,
    valid_ids,
)
from floorlens.engines.opening import (
    check_comparable,
    check_name,
    foreign_shape_error,
    hide_secrets,
    not_found_error,
    taken_over_error,
)
from floorlens.engines.ties import nearest
from floorlens.errors import (
    EngineDenied,
    EngineError,
    EngineQuota,
    EngineUnavailable,
    MissingDependency,
    SettingsError,
)

PROBED = 3
"""At least one in so many partitions is searched; more if a filter leaves fewer than k records."""
BATCH = 10_000
"""How many records one version of the table adds."""
MAX_LIMIT = 2**31
"""The largest limit that a query may have."""
STAMP = b"floorlens-stamp"
# The types of our columns, as Arrow writes them, without the length of vectors.
_TYPES = {
    "id": "string",
    "vector": "fixed_size_list<item: float>",
    "metadata": "string",
    "tokens": "list<item: string>",
}
PRIMARY_KEY = {"lance-schema:unenforced-primary-key:position": "1"}


class LanceCollection:
    """A table of id, vector, metadata as JSON, its tokens, and a column for each field of numbers.

    The stamp is metadata of the column `vector`. Every read is of the newest version, whoever
    wrote it. Readers see a batch of 10,000 records as a whole or not at all. Several processes
    may write.
    """

    max_k = sys.maxsize

    def __init__(self, engine: Engine, spec: CollectionSpec, database: Any, table: Any) -> None:
        """Use `LanceCollection.open`."""
        self._engine = engine
        self._spec = spec
        self._database = database
        self._table = table
        self._upkeep = Upkeep(table)
        self._write_lock = RLock()

    @classmethod
    def open(
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> LanceCollection:
        """Returns the table of a collection, opened as the mode says.

        Raises:
            EngineMismatch: it has another dimension, another stamp, or records and no stamp.
            CollectionNotFound: there is none, and the mode does not make one.
            EngineUnavailable: the folder cannot be used.
            MissingDependency: lancedb is not installed.
        """
        try:
            import lancedb
        except ImportError as error:
            raise MissingDependency(
                "the engine lancedb needs its library: pip install 'floorlens[lancedb]'"
            ) from error
        if not engine.url:
            raise SettingsError(
                "the engine lancedb needs a folder or URI as its url (FLOORLENS_INDEX_URL)"
            )
        name = spec.name
        check_name(engine, name, r"[A-Za-z0-9_.\-]+", 200)
        create = mode in ("create", "take-over")
        if not create and "://" not in engine.url and not Path(engine.url).exists():
            raise not_found_error(engine, name)
        with _translate_errors(engine, name):
            database = lancedb.connect(
                engine.url, read_consistency_interval=timedelta(0), session=None
            )
            table = _open_table(database, name)
            if table is None:
                if not create:
                    raise not_found_error(engine, name)
                table = _create_table(database, name, spec)
            if mode == "inspect":
                return cls(engine, spec, database, table)
            dimension, stamp = _describe(engine, table)
            if mode == "take-over" and dimension != spec.dimension:
                table = _create_table(database, name, spec, mode="overwrite")
            elif mode == "take-over":
                _set_stamp(table, spec.stamp)
            else:
                empty = table.count_rows() == 0
                check_comparable(engine, name, spec, dimension=dimension, stamp=stamp, empty=empty)
                if stamp is None:
                    _set_stamp(table, spec.stamp)
            return cls(engine, spec, database, table)

    @property
    def approximate(self) -> bool:
        """Whether searches use an approximate index."""
        return count_partitions(self._table) > 0

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
            EngineUnsupported: a value of the metadata is of another kind; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        check_storable(records)
        rows = list({record.id: record for record in records}.values())
        with self._write_lock, self._translate_errors():
            for start in range(0, len(rows), BATCH):
                self._merge(rows[start : start + BATCH])
            if rows:
                self._upkeep.run_if_due()

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records and ignores unknown ids; None removes the table."""
        with self._write_lock, self._translate_errors():
            if ids is None:
                table = _open_table(self._database, self._table.name)
                if table is not None:
                    _describe(self._engine, table)
                    self._database.drop_table(self._table.name)
                return
            valid = valid_ids(ids)
            for start in range(0, len(valid), BATCH):
                self._check_stamp()
                condition = _with_ids(valid[start : start + BATCH])
                retry_conflicts(partial(self._table.delete, condition))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""
        if k <= 0:
            return []
        with self._translate_errors():
            condition = None if where is None else self._condition(where)
            probes = -(-count_partitions(self._table) // PROBED)

            def search(count: int) -> list[Hit]:
                query = self._table.search(
                    np.asarray(vector, np.float32), vector_column_name="vector"
                )
                query = query.distance_type("cosine").select(["id", "_distance"]).limit(count)
                if condition is not None:
                    query = query.where(condition, prefilter=True)
                if probes:
                    # No maximum: where a filter leaves few, more partitions are searched.
                    query = query.maximum_nprobes(0).minimum_nprobes(probes)
                else:
                    query = query.bypass_vector_index()
                rows = query.to_arrow(timeout=timedelta(seconds=self._engine.timeout))
                distances = rows["_distance"].to_pylist()
                return [
                    Hit(record_id, 1.0 - distance)
                    for record_id, distance in zip(rows["id"].to_pylist(), distances, strict=True)
                ]

            return nearest(search, min(k, MAX_LIMIT - 1), MAX_LIMIT)

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; unknown ids are left out."""
        valid = valid_ids(ids)
        records: dict[str, Record] = {}
        with self._translate_errors():
            _describe(self._engine, self._table)
            for start in range(0, len(valid), BATCH):
                query = self._table.search().where(_with_ids(valid[start : start + BATCH]))
                rows = query.select(["id", "vector", "metadata"]).limit(None).to_arrow()
                vectors = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                matrix = vectors.reshape(rows.num_rows, -1) if rows.num_rows else vectors
                texts = rows["metadata"].to_pylist()
                for record_id, row, text in zip(rows["id"].to_pylist(), matrix, texts, strict=True):
                    records[record_id] = Record(record_id, row.astype(np.float32), decode(text))
        return [records[record_id] for record_id in valid if record_id in records]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages of at most 10,000, as of one moment."""
        with self._translate_errors():
            _describe(self._engine, self._table)
            for page in self._table.search().select(["id"]).limit(None).to_batches(BATCH):
                yield page["id"].to_pylist()

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""
        with self._translate_errors():
            dimension, stamp = _describe(self._engine, self._table)
            return CollectionStats(self._table.count_rows(), dimension, stamp or "")

    def close(self) -> None:
        """Releases the table's files and caches."""
        self._database = self._table = None

    def _translate_errors(self) -> Any:
        return _translate_errors(self._engine, self._table.name if self._table is not None else "")

    def _condition(self, where: Filter) -> str:
        columns = set(self._table.schema.names)

        def has_any(texts: Sequence[str]) -> str:
            quoted = ", ".join(f"'{text}'" for text in texts)
            return f"array_has_any(tokens, [{quoted}])" if texts else "false"

        def compare(column: str, sign: str, number: str) -> str:
            # A field that is a number in no record has no column.
            return f"({column} {sign} '{number}')" if column in columns else "false"

        # The number of a record without one is NULL. Only tokens are negated, and those never are.
        return filter_expression(where, has_any, compare)

    def _check_stamp(self) -> None:
        dimension, stamp = _describe(self._engine, self._table)
        if (dimension, stamp) != (self._spec.dimension, self._spec.stamp):
            raise taken_over_error(self._engine, self._table.name, stamp)

    def _merge(self, records: Sequence[Record]) -> None:
        rows = [numbers(record.metadata) for record in records]
        columns = {column for row in rows for column in row}
        while True:
            self._check_stamp()
            schema = self._add_columns(columns)
            table = _arrow_table(records, rows, schema)
            merge = self._table.merge_insert("id").when_matched_update_all()
            retry_conflicts(partial(merge.when_not_matched_insert_all().execute, table))
            # In a column that another process added meanwhile our rows still have old numbers.
            if len(self._table.schema.names) == len(schema):
                return

    def _add_columns(self, columns: set[str]) -> Any:
        """Adds the columns for numbers that the table lacks; returns its schema."""
        pa = _pyarrow()

        def add() -> None:
            missing = sorted(columns - set(self._table.schema.names))
            if missing:
                fields = [pa.field(column, pa.string()) for column in missing]
                try:
                    self._table.add_columns(pa.schema(fields))
                except ValueError:
                    # Another process has just added some of them.
                    if missing == sorted(columns - set(self._table.schema.names)):
                        raise
                    add()

        retry_conflicts(add)
        return self._table.schema


def _pyarrow() -> Any:
    import pyarrow  # type: ignore[import-untyped]

    return pyarrow


def _open_table(database: Any, name: str) -> Any:
    """Returns a table of LanceDB; None if there is none."""
    try:
        return database.open_table(name)
    except ValueError as error:
        if "not found" in str(error).lower():
            return None
        raise


def _create_table(database: Any, name: str, spec: CollectionSpec, mode: str = "create") -> Any:
    pa = _pyarrow()
    vector = pa.list_(pa.float32(), spec.dimension)
    schema = pa.schema(
        [
            # With a primary key two writers of one id do not both insert it.
            pa.field("id", pa.string(), nullable=False, metadata=PRIMARY_KEY),
            pa.field("vector", vector, metadata={STAMP: spec.stamp.encode()}),
            pa.field("metadata", pa.string()),
            pa.field("tokens", pa.list_(pa.string())),
        ]
    )
    try:
        return database.create_table(name, schema=schema, mode=mode)
    except ValueError as error:
        if "already exists" in str(error).lower():
            return database.open_table(name)
        raise


def _describe(engine: Engine, table: Any) -> tuple[int, str | None]:
    """Returns the dimension and the stamp (None for none) of a table, as they are now.

    Raises:
        EngineMismatch: it lacks columns of ours, so another application made it.
    """
    schema = table.schema
    if any(_type_of(schema, name) != kind for name, kind in _TYPES.items()):
        raise foreign_shape_error(engine, table.name)
    field = schema.field("vector")
    stamp = (field.metadata or {}).get(STAMP)
    return int(field.type.list_size), None if stamp is None else stamp.decode()


def _type_of(schema: Any, name: str) -> str:
    kind = str(schema.field(name).type) if name in schema.names else ""
    return kind.partition("[")[0]


def _set_stamp(table: Any, stamp: str) -> None:
    change = {"path": "vector", "metadata": {STAMP.decode(): stamp}}
    retry_conflicts(partial(table.update_field_metadata, change))


def _with_ids(ids: Sequence[str]) -> str:
    quoted = ", ".join("'" + record_id.replace("'", "''") + "'" for record_id in ids)
    return f"id in ({quoted})" if ids else "false"


def _arrow_table(records: Sequence[Record], rows: Sequence[Mapping[str, str]], schema: Any) -> Any:
    pa = _pyarrow()
    matrix = np.stack([record.vector for record in records]).astype(np.float32, copy=False)
    values: dict[str, Callable[[], Any]] = {
        "id": lambda: [record.id for record in records],
        "vector": lambda: pa.FixedSizeListArray.from_arrays(matrix.ravel(), matrix.shape[1]),
        "metadata": lambda: [encode(record.metadata) for record in records],
        "tokens": lambda: [tokens(record.metadata) for record in records],
    }
    columns = {
        name: values[name]() if name in values else [row.get(name) for row in rows]
        for name in schema.names
    }
    return pa.table(columns, schema=schema)


@contextmanager
def _translate_errors(engine: Engine, name: str) -> Iterator[None]:
    """Raises our errors for LanceDB's, which are told apart by their text alone."""
    try:
        yield
    except EngineError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        text = str(error).lower()
        place = f"LanceDB at {hide_secrets(engine.url)}"
        if "not found" in text or "no such file" in text:
            raise not_found_error(engine, name) from error
        if isinstance(error, PermissionError) or any(
            word in text
            for word in ("permission denied", "forbidden", "accessdenied", "401", "403")
        ):
            raise EngineDenied(
                f"{place} may not be read or written with this login: grant it access, or name "
                "another place in FLOORLENS_INDEX_URL"
            ) from error
        if "429" in text or "slowdown" in text:
            raise EngineQuota(
                f"{place} accepts no more requests for now: try again later"
            ) from error
        raise EngineUnavailable(
            f"{place} cannot be read or written: see that it is a folder (or a URI that answers) "
            "and that its disk has space"
        ) from error
