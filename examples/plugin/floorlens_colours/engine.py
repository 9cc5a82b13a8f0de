"""A vector engine in one file of SQLite: every query compares all vectors."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

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
from floorlens.engines.metadata import check_storable, decode, encode, valid_ids
from floorlens.engines.opening import (
    check_comparable,
    check_name,
    foreign_shape_error,
    not_found_error,
    taken_over_error,
)
from floorlens.errors import EngineUnavailable, SettingsError

TABLES = """
create table about (dimension integer not null, stamp text not null);
create table records (id text primary key, vector blob not null, metadata text not null);
"""


class SqliteCollection:
    """The tables `about` and `records` of a file, in the folder that is the engine's address."""

    max_k = sys.maxsize

    def __init__(self, engine: Engine, spec: CollectionSpec, path: Path, mode: Mode) -> None:
        """Use `SqliteCollection.open`."""
        self._engine = engine
        self._spec = spec
        self._path = path
        self._mode = mode

    @classmethod
    def open(
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> SqliteCollection:
        """Returns the collection, opened as `mode` says (`floorlens.engines.Mode`)."""
        if engine.url is None:
            raise SettingsError("the engine sqlite needs a folder: FLOORLENS_INDEX_URL")
        check_name(engine, spec.name, r"[\w-]+", 200)
        path = Path(engine.url) / f"{spec.name}.sqlite"
        collection = cls(engine, spec, path, mode)
        if not path.is_file():
            if mode in ("existing", "inspect"):
                raise not_found_error(engine, spec.name)
            collection._make()
        if mode == "take-over":
            collection._take_over()
        elif mode != "inspect":
            collection._check()
        return collection

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records and replaces those of the same id, all or none."""
        check_records(records, self._spec.dimension)
        check_storable(records)
        rows = [
            (record.id, record.vector.astype("<f4").tobytes(), encode(record.metadata))
            for record in records
        ]
        with self._connection() as connection:
            connection.executemany("insert or replace into records values (?, ?, ?)", rows)

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records and ignores unknown ids; None removes the file."""
        if ids is None:
            self._path.unlink(missing_ok=True)
            return
        names = [(name,) for name in valid_ids(ids)]
        with self._connection() as connection:
            connection.executemany("delete from records where id = ?", names)

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id."""
        records = [
            record for record in self._records() if not where or where.matches(record.metadata)
        ]
        if not records or k <= 0:
            return []
        # Row by row, so that equal vectors are equally similar.
        matrix = np.stack([record.vector for record in records])
        similarities = np.einsum("nd,d->n", matrix, vector.astype(np.float32)).tolist()
        names = [record.id for record in records]
        hits = [Hit(*pair) for pair in zip(names, similarities, strict=True)]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))[:k]

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; unknown ids are left out."""
        records = {record.id: record for record in self._records()}
        return [records[name] for name in ids if name in records]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in one page."""
        yield [record.id for record in self._records()]

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""
        with self._connection() as connection:
            (count,) = connection.execute("select count(*) from records").fetchone()
            return CollectionStats(count, *self._about(connection))

    def close(self) -> None:
        """Does nothing: each call has a connection of its own, since threads cannot share one."""

    def _records(self) -> list[Record]:
        with self._connection() as connection:
            rows = connection.execute("select id, vector, metadata from records order by id")
            return [
                Record(name, np.frombuffer(vector, "<f4"), decode(metadata))
                for name, vector, metadata in rows
            ]

    def _about(self, connection: sqlite3.Connection) -> tuple[int, str]:
        """Returns the dimension and the stamp that the file has."""
        try:
            dimension, stamp = connection.execute("select dimension, stamp from about").fetchone()
        except sqlite3.DatabaseError as error:
            raise foreign_shape_error(self._engine, self._spec.name) from error
        return int(dimension), str(stamp)

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own first: nobody sees it half made, and of two the first one counts.
        with TemporaryDirectory(dir=self._path.parent) as folder, suppress(FileExistsError):
            draft = Path(folder) / self._path.name
            with closing(sqlite3.connect(draft)) as connection, connection:
                connection.executescript(TABLES)
                row = (self._spec.dimension, self._spec.stamp)
                connection.execute("insert into about values (?, ?)", row)
            self._path.hardlink_to(draft)

    def _check(self) -> None:
        with self._opened() as connection:
            dimension, stamp = self._about(connection)
            first = connection.execute("select 1 from records limit 1").fetchone()
        check_comparable(
            self._engine,
            self._spec.name,
            self._spec,
            dimension=dimension,
            stamp=stamp,
            empty=first is None,
        )

    def _take_over(self) -> None:
        """Gives the file our stamp; records of another dimension go."""
        with self._opened() as connection:
            dimension, _ = self._about(connection)
            if dimension != self._spec.dimension:
                connection.execute("delete from records")
            row = (self._spec.dimension, self._spec.stamp)
            connection.execute("update about set dimension = ?, stamp = ?", row)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Opens the file for one transaction; another process may have taken it over meanwhile."""
        with self._opened() as connection:
            _, stamp = self._about(connection)
            if self._mode != "inspect" and stamp != self._spec.stamp:
                raise taken_over_error(self._engine, self._spec.name, stamp)
            yield connection

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise not_found_error(self._engine, self._spec.name)
        try:
            with (
                closing(sqlite3.connect(self._path, timeout=self._engine.timeout)) as connection,
                connection,
            ):
                yield connection
        except sqlite3.Error as error:
            raise EngineUnavailable(
                f"the engine sqlite cannot use {self._path} now ({type(error).__name__})"
            ) from error
