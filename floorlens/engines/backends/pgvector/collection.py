"""pgvector: a table for each collection in a PostgreSQL database, in a schema of their own.

Below 20,000 records every vector is compared. Above, an HNSW index answers queries for up to 250
hits. If it yields too few candidates, because a filter leaves few, the query runs again without
it. Vectors of more than 2,000 dimensions, which HNSW does not accept, are always compared.

Scans of the index go on until there are enough hits (`hnsw.iterative_scan`), in relaxed order, and
four times as many as asked for are sorted here. In strict order, fewer of the true nearest would be
found behind filters that few records pass (tests/engines/test_contract.py demands .99 of them).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
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
from floorlens.engines.backends.pgvector.connections import Connections
from floorlens.engines.backends.pgvector.jsonpath import to_jsonb, to_sql
from floorlens.engines.filters import Filter
from floorlens.engines.metadata import check_storable, valid_ids
from floorlens.engines.opening import (
    check_comparable,
    check_name,
    foreign_shape_error,
    not_found_error,
    taken_over_error,
)
from floorlens.engines.ties import nearest
from floorlens.errors import (
    EngineUnavailable,
    FloorlensError,
    MissingDependency,
    SettingsError,
)

INDEX_FROM = 20_000
"""From how many records on an approximate index is made and used."""
MAX_INDEXED = 2000
"""The largest dimension that pgvector's HNSW accepts."""
MIN_CANDIDATES = 400
"""`hnsw.ef_search` at least."""
MAX_CANDIDATES = 1000
"""`hnsw.ef_search` at most."""
WIDER = 4
"""How many times as many hits as asked for the index has to find."""
PAGE = 10_000
"""How many ids one query reads."""
MAX_LIMIT = 2**31
"""The largest limit that a query may have."""
SCHEMA = "floorlens_vectors"
"""A schema of its own, so that no collection's name can mean another application's table."""
COLLECTIONS = "floorlens_collections"
"""The table of names and stamps."""
COLUMNS = {"id": "text", "vector": "vector", "metadata": "jsonb"}
LOCK = 7_140_317_205
"""The number of the advisory lock under which extension, schema and tables are made."""

# The planner's guesses about jsonb are too rough to leave the choice to it.
BY_INDEX: Mapping[str, Any] = {
    **{f"enable_{way}": "off" for way in ("seqscan", "bitmapscan", "sort")},
    "enable_indexscan": "on",
    "hnsw.iterative_scan": "relaxed_order",
}
BY_COMPARISON: Mapping[str, Any] = {
    **{f"enable_{way}": "on" for way in ("seqscan", "bitmapscan", "sort")},
    "enable_indexscan": "off",
}


class PgvectorCollection:
    """A table of id, vector and metadata (jsonb); the stamp is in `floorlens_collections`.

    A write is one transaction, and a collection has one writer at a time.
    """

    max_k = sys.maxsize

    def __init__(self, engine: Engine, spec: CollectionSpec, mode: Mode) -> None:
        """Use `PgvectorCollection.open`."""
        from psycopg.sql import Identifier

        self._engine = engine
        self._spec = spec
        self._name = spec.name
        self._mode = mode
        self._table = Identifier(SCHEMA, self._name)
        self._stamps = Identifier(SCHEMA, COLLECTIONS)
        self._hnsw = Identifier(f"{self._name}_hnsw")
        self._connections = Connections(engine, self._name)

    @classmethod
    def open(
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> PgvectorCollection:
        """Returns the table of a collection, opened as the mode says.

        If a table is made, so is the extension `vector` where the database lacks it.

        Raises:
            EngineMismatch: it has another dimension, another stamp, or records and no stamp; or
                another application made it, and then it stays as it is in every mode.
            CollectionNotFound: there is none, and the mode does not make one.
            EngineUnavailable: the server does not answer, or has no pgvector of 0.8 or newer.
            EngineDenied: the login is wrong, or may not make tables or the extension.
            MissingDependency: psycopg or pgvector is not installed.
        """
        try:
            import_module("pgvector.psycopg")
        except ImportError as error:
            raise MissingDependency(
                "the engine pgvector needs its libraries: pip install 'floorlens[pgvector]'"
            ) from error
        if not engine.url:
            raise SettingsError(
                "the engine pgvector needs a url: postgresql://user@host/database "
                "(FLOORLENS_INDEX_URL)"
            )
        # The name of the index is five characters longer, and may have 63.
        check_name(engine, spec.name, r"[^\0]+", 58)
        collection = cls(engine, spec, mode)
        try:
            if mode == "inspect":
                collection._connections.run(collection._check_exists)
            else:
                collection._connections.run(collection._prepare)
        except FloorlensError:
            collection.close()
            raise
        return collection

    @property
    def approximate(self) -> bool:
        """Whether searches use an approximate index."""
        return bool(self._connections.run(self._has_index))

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id, in one transaction.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
            EngineUnsupported: a text has a NUL or half a surrogate pair, or a value of the
                metadata is of a kind that no engine keeps; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        check_storable(records)
        rows = [
            (record.id, np.asarray(record.vector, np.float32), to_jsonb(record))
            for record in {record.id: record for record in records}.values()
        ]
        if rows:
            self._connections.run(lambda connection: self._write(connection, rows))
            self._connections.run(self._make_index)

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records in one transaction and ignores unknown ids; None removes the table."""
        if ids is None:
            self._connections.run(self._drop)
            return
        valid = valid_ids(ids)
        if valid:
            self._connections.run(lambda connection: self._remove(connection, valid))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""
        if k <= 0:
            return []
        condition, values = to_sql(where) if where is not None else ("true", [])
        statement = self._compose(
            "select id, 1 - (vector <=> %s) from {table} where {condition} "
            "order by vector <=> %s limit %s",
            condition,
        )
        target = np.asarray(vector, np.float32)

        def search(connection: Any, count: int) -> list[Hit]:
            parameters = [target, *values, target, count]
            wider = WIDER * count
            if wider <= MAX_CANDIDATES and self._has_index(connection):
                _configure(connection, {**BY_INDEX, "hnsw.ef_search": max(MIN_CANDIDATES, wider)})
                rows = connection.execute(statement, [*parameters[:-1], wider]).fetchall()
                if len(rows) == wider:
                    return sorted((Hit(*row) for row in rows), key=_best_first)[:count]
            _configure(connection, BY_COMPARISON)
            rows = connection.execute(statement, parameters).fetchall()
            return [Hit(*row) for row in rows]

        def search_all(connection: Any) -> list[Hit]:
            return nearest(
                lambda count: search(connection, count), min(k, MAX_LIMIT - 1), MAX_LIMIT
            )

        return self._connections.run(search_all)

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; unknown ids are left out.

        A number of the metadata may come back as another type of the same value.
        """
        valid = valid_ids(ids)
        statement = self._compose("select id, vector, metadata from {table} where id = any(%s)")
        rows = self._connections.run(partial(self._read, statement=statement, parameters=[valid]))
        records = {
            name: Record(name, vector.to_numpy(), metadata if isinstance(metadata, dict) else {})
            for name, vector, metadata in rows
        }
        return [records[record_id] for record_id in valid if record_id in records]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages of 10,000, sorted; each page is of its own moment."""
        statement = self._compose("select id from {table} where id > %s order by id limit %s")
        last = ""
        while True:
            parameters = [last, PAGE]
            rows = self._connections.run(
                partial(self._read, statement=statement, parameters=parameters)
            )
            if rows:
                yield [row[0] for row in rows]
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""
        statement = self._compose("select count(*) from {table}")

        def read(connection: Any) -> CollectionStats:
            description = self._describe(connection)
            if description is None:
                raise not_found_error(self._engine, self._name)
            dimension, stamp = description
            (count,) = connection.execute(statement).fetchone()
            return CollectionStats(int(count), dimension, stamp or "")

        return self._connections.run(read)

    def close(self) -> None:
        """Closes the connections."""
        self._connections.close()

    # -- within a transaction ------------------------------------------------------------------

    def _prepare(self, connection: Any) -> None:
        from pgvector.psycopg import register_vector

        spec = self._spec
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        description = self._describe(connection)
        if description is None and self._mode == "existing":
            raise not_found_error(self._engine, self._name)
        _require_extension(connection)
        register_vector(connection)
        if description == (spec.dimension, spec.stamp):
            # There is nothing to write, so a login that may only read is enough.
            return
        if connection.execute("select to_regnamespace(%s)", [SCHEMA]).fetchone() == (None,):
            connection.execute(f"create schema {SCHEMA}")
        connection.execute(
            self._compose(
                "create table if not exists {collections} "
                "(name text primary key, stamp text not null)"
            )
        )
        if description is not None and self._mode != "take-over":
            dimension, stamp = description
            first = self._compose("select 1 from {table} limit 1")
            empty = connection.execute(first).fetchone() is None
            check_comparable(
                self._engine, self._name, spec, dimension=dimension, stamp=stamp, empty=empty
            )
        elif description is None or description[0] != spec.dimension:
            if description is not None:
                self._drop_ours(connection, description[1])
            connection.execute(
                self._compose(
                    'create table {table} (id text collate "C" primary key, '
                    f"vector vector({spec.dimension}) not null, metadata jsonb not null)"
                )
            )
        connection.execute(
            self._compose(
                "insert into {collections} values (%s, %s) "
                "on conflict (name) do update set stamp = excluded.stamp"
            ),
            [self._name, spec.stamp],
        )

    def _check_exists(self, connection: Any) -> None:
        if not self._has(connection, self._table):
            raise not_found_error(self._engine, self._name)

    def _read(self, connection: Any, statement: Any, parameters: Sequence[Any]) -> list[Any]:
        if self._mode == "inspect":
            self._describe(connection)
        return list(connection.execute(statement, parameters).fetchall())

    def _describe(self, connection: Any) -> tuple[int, str | None] | None:
        """Returns the dimension and the stamp (None for none) of the table; None if it is absent.

        Raises:
            EngineMismatch: it lacks columns of ours, so another application made it.
        """
        if not self._has(connection, self._table):
            return None
        rows = connection.execute(
            "select attname, typname, atttypmod from pg_attribute join pg_type on "
            "pg_type.oid = atttypid where attrelid = to_regclass(%s) and attnum > 0",
            [self._table.as_string(connection)],
        ).fetchall()
        dimension = next((row[2] for row in rows if row[0] == "vector"), 0)
        if dimension < 1 or not dict(row[:2] for row in rows).items() >= COLUMNS.items():
            raise foreign_shape_error(self._engine, self._name)
        stamp = None
        if self._has(connection, self._stamps):
            query = self._compose("select stamp from {collections} where name = %s")
            stamp = connection.execute(query, [self._name]).fetchone()
        return int(dimension), stamp[0] if stamp else None

    def _check_stamp(self, connection: Any) -> None:
        # One writer at a time: this avoids deadlocks, and a table that is taken over in between.
        connection.execute(
            "select pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK % 2**31, self._name]
        )
        description = self._describe(connection)
        if description is None:
            raise not_found_error(self._engine, self._name)
        if description != (self._spec.dimension, self._spec.stamp):
            raise taken_over_error(self._engine, self._name, description[1])

    def _write(self, connection: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        self._check_stamp(connection)
        statement = self._compose(
            "insert into {table} values (%s, %s, %s) on conflict (id) do update "
            "set vector = excluded.vector, metadata = excluded.metadata"
        )
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def _remove(self, connection: Any, ids: Sequence[str]) -> None:
        self._check_stamp(connection)
        connection.execute(self._compose("delete from {table} where id = any(%s)"), [ids])

    def _drop(self, connection: Any) -> None:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        description = self._describe(connection)
        if description is not None:
            self._drop_ours(connection, description[1])

    def _drop_ours(self, connection: Any, stamp: str | None) -> None:
        """Drops the table, but only one that is in our list of collections."""
        if stamp is None:
            raise foreign_shape_error(self._engine, self._name)
        connection.execute(self._compose("drop table {table}"))
        connection.execute(self._compose("delete from {collections} where name = %s"), [self._name])

    def _has_index(self, connection: Any) -> bool:
        from psycopg.sql import Identifier

        return self._has(connection, Identifier(SCHEMA, f"{self._name}_hnsw"))

    def _has(self, connection: Any, relation: Any) -> bool:
        name = relation.as_string(connection)
        return bool(connection.execute("select to_regclass(%s) is not null", [name]).fetchone()[0])

    def _make_index(self, connection: Any) -> None:
        if self._spec.dimension > MAX_INDEXED or self._has_index(connection):
            return
        count = self._compose("select count(*) from {table}")
        if connection.execute(count).fetchone()[0] < INDEX_FROM:
            return
        self._check_stamp(connection)
        _configure(connection, {"statement_timeout": 0, "maintenance_work_mem": "256MB"})
        for statement in (
            "create index if not exists {hnsw} on {table} using hnsw (vector vector_cosine_ops)",
            "create index on {table} using gin (metadata jsonb_path_ops)",
        ):
            connection.execute(self._compose(statement))

    def _compose(self, text: str, condition: str = "true") -> Any:
        from psycopg.sql import SQL

        parts = {"table": self._table, "hnsw": self._hnsw, "collections": self._stamps}
        return SQL(text).format(**parts, condition=SQL(condition))


def _require_extension(connection: Any) -> None:
    query = "select extversion from pg_extension where extname = 'vector'"
    row = connection.execute(query).fetchone()
    if row is None:
        connection.execute("create extension if not exists vector")
        row = connection.execute(query).fetchone()
    version = row[0]
    if tuple(int(part) for part in version.split(".")[:2]) < (0, 8):
        raise EngineUnavailable(
            f"the PostgreSQL server has pgvector {version}, which is older than 0.8: update it, "
            "then run ALTER EXTENSION vector UPDATE in this database"
        )


def _best_first(hit: Hit) -> tuple[float, str]:
    return -hit.similarity, hit.id


def _configure(connection: Any, settings: Mapping[str, Any]) -> None:
    """Sets parameters of the server until the end of the transaction."""
    calls = ", ".join("set_config(%s, %s, true)" for _ in settings)
    values = [part for name, value in settings.items() for part in (name, str(value))]
    connection.execute(f"select {calls}", values)
