"""A catalogue in one SQLite file: WAL mode, every commit fsynced."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, create_engine, event, inspect, literal
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from floorlens.catalogue.schema import state
from floorlens.errors import CatalogueError, CatalogueNotFound, CatalogueReplaced

FILE_NAME = "catalogue.sqlite"
_WAIT = 60
"""Seconds that a writer waits for another one."""


class SqliteStore:
    """A `floorlens.catalogue.database.Store` of one file."""

    def __init__(self, location: str) -> None:
        """Names the file in a folder, or at a `sqlite:///path/of/file` URL."""
        # Absolute: the program may go to another folder while the catalogue is open.
        file = _file_of(location)
        self.file = file.absolute()
        self.folder: Path | None = file.parent
        self.url: str | None = None
        self.location = str(file.parent) if file.name == FILE_NAME else f"sqlite:///{file}"
        self.table_id: ColumnElement[Any] = literal(0)
        self._mode = "rw"
        self._identity: tuple[int, int] | None = None
        # SQLite finds the commits that are not in the file yet by the name of their file.
        self._journal = self.file.with_name(f"{self.file.name}-wal")
        self._journal_identity: tuple[int, int] | None = None
        self.engine = create_engine(
            URL.create("sqlite", database=str(self.file)), creator=self._connect
        )
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    def exists(self) -> bool:
        """Returns whether the file is there."""
        return self.file.exists()

    def make(self) -> None:
        """Makes the folder of the file; the first connection makes the file.

        Raises:
            CatalogueError: it cannot be made.
        """
        self._mode = "rwc"
        folder = self.file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogueError(f"{folder}: cannot be made a folder ({error.strerror})") from error

    def _connect(self) -> sqlite3.Connection:
        # By its address: a plain name would make an empty file where the catalogue is gone.
        return sqlite3.connect(
            f"{self.file.as_uri()}?mode={self._mode}",
            uri=True,
            timeout=_WAIT,
            check_same_thread=False,
        )

    def remember_place(self) -> None:
        """Takes the file for the catalogue's own, from now on; a missing one is not made again."""
        self._mode = "rw"
        self._identity = _identify(self.file)
        self._journal_identity = _identify(self._journal)

    def check_place(self) -> None:
        """Checks that the file is still the one that was opened.

        A connection goes on with its file wherever that is moved, even if it is deleted.

        Raises:
            CatalogueNotFound: it was moved away or deleted.
            CatalogueReplaced: another file lies in its place.
            CatalogueError: another file does, among what belongs to this one.
        """
        identity = _identify(self.file)
        if identity == self._identity:
            return
        if identity is None:
            raise CatalogueNotFound(
                f"the catalogue {self.location} is gone: it was moved or deleted while it was "
                "open. Put it back, or another one in its place"
            )
        journal = _identify(self._journal)
        if journal and journal == self._journal_identity and self._journal.stat().st_size:
            # SQLite would write the commits of the one catalogue over the other.
            raise CatalogueError(
                f"another file was put at {self.file}, beside {self._journal.name} of the one "
                "that was open: replace whole folders, or remove that file and "
                f"{self.file.name}-shm"
            )
        raise CatalogueReplaced(
            f"another catalogue was put at {self.location} while it was open: run the same "
            "command again"
        )

    def has_tables(self, connection: Connection) -> bool:
        """Returns whether the catalogue's tables are there."""
        return inspect(connection).has_table(state.name)

    def prepare(self, connection: Connection) -> None:
        """Does nothing: the file is the catalogue's own."""

    def size(self, connection: Connection) -> int:
        """Returns how large the file is."""
        return self.file.stat().st_size

    @contextmanager
    def lock(self, name: str) -> Iterator[Callable[[], bool]]:
        """Locks a file beside the catalogue's; when a process ends its locks are released."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        # A file of its own: the lock outlives many transactions of the catalogue.
        file = self.file.with_name(f"{self.file.name}.{digest}.lock")
        try:
            connection = sqlite3.connect(file, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise CatalogueError(f"{file} cannot be locked: {error}") from error

        def take() -> bool:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    return False
                raise CatalogueError(f"{file} cannot be locked: {error}") from error
            return True

        with closing(connection):
            yield take

    def failure(self, doing: str, error: SQLAlchemyError) -> CatalogueError:
        """Returns the error to raise. It advises to move the file away only if that is certain."""
        cause = str(getattr(error, "orig", None) or type(error).__name__)
        if doing != "opened":
            return CatalogueError(f"the catalogue {self.location} could not be {doing}: {cause}")
        if isinstance(error, DatabaseError) and not isinstance(error, OperationalError):
            return CatalogueError(
                f"{self.file} cannot be opened as a catalogue: {cause}. Move it away, or restore "
                "it from a backup"
            )
        # Locked, read-only, or the disk is full: nothing is wrong with the file itself.
        return CatalogueError(f"{self.file} cannot be opened: {cause}")


def _identify(file: Path) -> tuple[int, int] | None:
    """Returns what tells a file from others, whatever they are called; None if there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _file_of(location: str) -> Path:
    """Returns the database file behind a folder or a `sqlite:///path/of/file` URL."""
    scheme, separator, rest = location.partition("://")
    if not separator:
        return Path(location) / FILE_NAME
    if scheme != "sqlite" or not rest.strip("/"):
        raise CatalogueError(
            f"{scheme}:// catalogues are not supported: give a folder, "
            "sqlite:///path/of/file.sqlite or postgresql://user@host/database"
        )
    return Path(rest.removeprefix("/"))


def _configure(connection: Any, _record: Any) -> None:
    # SQLAlchemy starts transactions itself (see _begin): the driver must not.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # SQLite does not wait by itself for another process that makes the same file at this moment.
    until = time.monotonic() + _WAIT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way fails instead of waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
