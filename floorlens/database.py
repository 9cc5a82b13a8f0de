"""The file behind a catalogue: opening it, and its transactions."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, update
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from floorlens.errors import CatalogueBusy, CatalogueError, CatalogueNotFound
from floorlens.schema import is_current, migrate, state

FILE_NAME = "catalogue.sqlite"
_POLL = 0.1
"""Seconds between two looks whether a lock is free: Ctrl-C is heard in between."""


class Database:
    """One SQLite file in WAL mode, every commit fsynced; a writer waits for another a minute."""

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        """Opens the file in a folder, or at a `sqlite:///path/of/file` URL.

        Raises:
            CatalogueNotFound: nothing is there and `create` is False.
            SchemaMismatch: a newer Floorlens made it.
            CatalogueError: it cannot be opened as a database.
        """
        self.location = str(location)
        self.file = file = _file_of(self.location)
        self.folder = file.parent
        if not file.exists() and not create:
            raise CatalogueNotFound(
                f"there is no catalogue at {self.folder}: make one with `floorlens index "
                f"PRODUCTS --catalogue {self.folder}`"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogueError(
                f"{self.folder}: cannot be made a folder ({error.strerror})"
            ) from error
        self._engine = create_engine(
            URL.create("sqlite", database=str(file)), connect_args={"timeout": 60}
        )
        event.listen(self._engine, "connect", _configure_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)
        try:
            with self._engine.connect() as connection:
                fresh = not inspect(connection).has_table(state.name)
                current = not fresh and is_current(connection)
            if not current:
                with self._engine.execution_options(writes=True).begin() as connection:
                    migrate(connection, fresh=fresh)
        except OperationalError as error:
            # Locked, read-only, or the disk is full: nothing is wrong with the file itself.
            raise CatalogueError(f"{file} cannot be opened: {error.orig}") from error
        except DatabaseError as error:
            raise CatalogueError(
                f"{file} cannot be opened as a catalogue: {error.orig}. Move it away, or restore "
                "it from a backup"
            ) from error

    def close(self) -> None:
        """Releases the file; the catalogue cannot be used afterwards."""
        self._engine.dispose()

    @property
    def postgres_url(self) -> str | None:
        """The URL of the PostgreSQL database with its password; None where it is none."""
        return None

    @contextmanager
    def writing(self, *, counted: bool = True) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start.

        It counts one revision, unless it changes nothing that searches follow.
        """
        try:
            with self._engine.execution_options(writes=True).begin() as connection:
                if counted:
                    connection.execute(update(state).values(revision=state.c.revision + 1))
                yield connection
        except SQLAlchemyError as error:
            raise CatalogueError(
                f"the catalogue in {self.folder} could not be written: {_cause(error)}"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with; statement by statement, unless `begin` makes them one."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise CatalogueError(
                f"the catalogue in {self.folder} could not be read: {_cause(error)}"
            ) from error

    @contextmanager
    def exclusive(self, name: str, *, timeout: float = 60.0) -> Iterator[None]:
        """Lets one process or thread in at a time: for work outside the database, as a push.

        It is no transaction: meanwhile others read and write the catalogue as ever. Whoever dies
        inside lets the next one in. Taken again inside, it waits for itself in vain.

        Args:
            name: of the work; other names and other catalogues do not wait for each other.
            timeout: seconds to wait for whoever is inside; 0 looks once.

        Raises:
            CatalogueBusy: another one was inside all that time.
            CatalogueError: there can be no lock.
        """
        # A file of its own: the lock outlives many transactions of the catalogue. A crash frees it:
        # the system drops a dead process's locks.
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        lock = self.file.with_name(f"{self.file.name}.{digest}.lock")
        until = time.monotonic() + timeout
        with ExitStack() as held:
            try:
                connection = sqlite3.connect(lock, timeout=0, isolation_level=None)
                held.enter_context(closing(connection))
                while not _locks(connection):
                    if time.monotonic() >= until:
                        raise CatalogueBusy(
                            f"another process is busy with {name!r} of the catalogue in "
                            f"{self.folder}, and was so for {timeout:g} s: run the command again "
                            "when it is done"
                        )
                    time.sleep(_POLL)
            except sqlite3.Error as error:
                raise CatalogueError(f"{lock} cannot be locked: {error}") from error
            yield


def _locks(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def _file_of(location: str) -> Path:
    """Returns the database file behind a folder or a `sqlite:///path/of/file` URL."""
    scheme, separator, rest = location.partition("://")
    if not separator:
        return Path(location) / FILE_NAME
    if scheme != "sqlite" or not rest.strip("/"):
        raise CatalogueError(
            f"{scheme}:// catalogues are not supported by this version: give a folder or "
            "sqlite:///path/of/file.sqlite"
        )
    return Path(rest.removeprefix("/"))


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy starts transactions itself (see _begin_sqlite): the driver must not.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way fails instead of waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__)
