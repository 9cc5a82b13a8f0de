"""The database behind a catalogue: opening it, its transactions, a lock for work outside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from floorlens.catalogue.postgres import PostgresStore, is_postgres
from floorlens.catalogue.schema import is_current, migrate, state
from floorlens.catalogue.sqlite import FILE_NAME, SqliteStore
from floorlens.errors import (
    CatalogueBusy,
    CatalogueError,
    CatalogueNotFound,
    CatalogueReplaced,
)

__all__ = ["FILE_NAME", "Database", "Store"]

_POLL = 0.1
"""Seconds between two looks whether a lock is free: Ctrl-C is heard in between."""


class Store(Protocol):
    """What differs from one kind of database to the other.

    Attributes:
        location: the catalogue's address, fit to be shown: it names no password.
        folder: where its file lies; None if it is on a server.
        url: what the libraries of PostgreSQL connect to, password included; None if it is another
            kind.
        engine: whose transactions see one state of the data; with the execution option `writes`
            they hold the write lock from their start.
        table_id: a column of the table `state` that differs once that is dropped and made anew.
    """

    location: str
    folder: Path | None
    url: str | None
    engine: Engine
    table_id: ColumnElement[Any]

    def exists(self) -> bool:
        """Returns whether there is something to connect to already."""
        ...

    def make(self) -> None:
        """Makes what a connection needs, such as a folder.

        Raises:
            CatalogueError: it cannot be made.
        """
        ...

    def remember_place(self) -> None:
        """Takes what lies at the address for the catalogue that was opened."""
        ...

    def check_place(self) -> None:
        """Checks, without a query, that the catalogue that was opened lies there still.

        Raises:
            CatalogueNotFound: nothing lies there any more.
            CatalogueReplaced: another one does.
        """
        ...

    def has_tables(self, connection: Connection) -> bool:
        """Returns whether the catalogue's tables are there."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Prepares the place of the tables, within the transaction that makes them."""
        ...

    def size(self, connection: Connection) -> int:
        """Returns how many bytes the catalogue takes."""
        ...

    def lock(self, name: str) -> AbstractContextManager[Callable[[], bool]]:
        """Returns a context with a function that tries to take a lock.

        Leaving the context releases the lock.
        """
        ...

    def failure(self, doing: str, error: SQLAlchemyError) -> CatalogueError:
        """Returns the error for a catalogue that could not be "opened", "read" or "written"."""
        ...


class Database:
    """A SQLite file or a schema of a PostgreSQL database. One writer at a time; others wait for it.

    Safe to use from several threads and processes. Every commit is on the disk when it returns (on
    PostgreSQL unless the server's `synchronous_commit` says otherwise).
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        """Opens the file in a folder, or what a URL names.

        Args:
            location: a folder, `sqlite:///path/of/file` or
                `postgresql://user:password@host/database`, see docs/postgres.md.
            create: whether to make the tables where there are none.

        Raises:
            CatalogueNotFound: nothing is there and `create` is False.
            SchemaMismatch: a newer Floorlens made it.
            CatalogueError: it cannot be opened as a database.
            MissingDependency: PostgreSQL needs the extra `pgvector`.
        """
        text = str(location)
        self._closed = False
        self._replaced = False
        self._store: Store = PostgresStore(text) if is_postgres(text) else SqliteStore(text)
        if not create and not self._store.exists():
            raise self._absent()
        if create:
            self._store.make()
        try:
            self._open(create)
            self._store.remember_place()
        except SQLAlchemyError as error:
            self.close()
            raise self._store.failure("opened", error) from error
        except BaseException:
            self.close()
            raise

    def _open(self, create: bool) -> None:
        with self._store.engine.connect() as connection:
            fresh = not self._store.has_tables(connection)
            current = not fresh and is_current(connection)
        if fresh and not create:
            raise self._absent()
        if not current:
            with self._store.engine.execution_options(writes=True).begin() as connection:
                if fresh:
                    self._store.prepare(connection)
                migrate(connection, fresh=fresh)
        with self._store.engine.connect() as connection:
            row = connection.execute(select(state.c.uid, self._store.table_id)).one()
        self._origin = tuple(row)
        self._seen = 0

    def _absent(self) -> CatalogueNotFound:
        return CatalogueNotFound(
            f"there is no catalogue at {self.location}: make one with `floorlens index PRODUCTS "
            f"--catalogue {self.location}`"
        )

    @property
    def location(self) -> str:
        """The catalogue's address, fit to be shown: it names no password."""
        return self._store.location

    @property
    def folder(self) -> Path | None:
        """The folder in which the file lies; None if the catalogue is on a server."""
        return self._store.folder

    @property
    def postgres_url(self) -> str | None:
        """The `postgresql://` URL of the database, with its password; None if it is another kind.

        Not fit to be shown, as `location` is.
        """
        return self._store.url

    def close(self) -> None:
        """Releases file or connections; whoever uses the catalogue afterwards is refused."""
        self._closed = True
        self._store.engine.dispose()

    def check_open(self) -> None:
        """Checks that the catalogue was not closed.

        Raises:
            CatalogueError: it was.
        """
        if self._closed:
            raise CatalogueError(f"the catalogue {self.location} is closed: open it again")

    def is_in_place(self) -> bool:
        """Returns whether the catalogue that was opened lies at its address still.

        A folder is looked at. Of a database on a server it is known once something was read.
        """
        try:
            self.check_place()
        except CatalogueError:
            return False
        return not self._replaced

    def check_place(self) -> None:
        """Checks what lies in the catalogue's folder, without opening it.

        Raises:
            CatalogueNotFound: nothing does: the catalogue was moved or deleted.
            CatalogueReplaced: another catalogue does.
        """
        self._store.check_place()

    def check_revision(self, connection: Connection) -> int:
        """Returns the revision that a transaction sees; it never goes back.

        Args:
            connection: of a transaction that has read nothing yet.

        Raises:
            CatalogueReplaced: other tables lie there than those that were opened, or an older
                state of them, restored from a backup.
        """
        # Read before the transaction reads: others may have seen a later revision by its end.
        seen = self._seen
        uid, table_id, revision = connection.execute(
            select(state.c.uid, self._store.table_id, state.c.revision)
        ).one()
        if (uid, table_id) != self._origin or revision < seen:
            self._replaced = True
            raise CatalogueReplaced(
                f"another catalogue was put at {self.location} while it was open: run the same "
                "command again"
            )
        self._seen = max(self._seen, revision)
        return int(revision)

    @contextmanager
    def writing(self, *, counted: bool = True) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start.

        Args:
            counted: whether it raises the catalogue's revision, which searches follow. Revisions
                grow in the order of the commits.

        Raises:
            CatalogueNotFound: it was moved or deleted since it was opened.
            CatalogueReplaced: another one lies in its place.
            CatalogueError: it cannot be written.
        """
        self.check_open()
        try:
            with self._store.engine.execution_options(writes=True).begin() as connection:
                self.check_place()
                self.check_revision(connection)
                if counted:
                    connection.execute(update(state).values(revision=state.c.revision + 1))
                yield connection
        except SQLAlchemyError as error:
            self.check_place()
            raise self._store.failure("written", error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with; all that it reads is of one moment.

        Raises:
            CatalogueNotFound: it was moved or deleted since it was opened.
            CatalogueReplaced: another one lies in its place.
            CatalogueError: it cannot be read.
        """
        self.check_open()
        try:
            with self._store.engine.connect() as connection:
                self.check_place()
                yield connection
        except SQLAlchemyError as error:
            self.check_place()
            raise self._store.failure("read", error) from error

    def size(self) -> int:
        """Returns how many bytes the catalogue takes."""
        with self.reading() as connection:
            return self._store.size(connection)

    @contextmanager
    def exclusive(self, name: str, *, timeout: float = 60.0) -> Iterator[None]:
        """Holds a lock, for work outside the database such as filling an engine.

        It is no transaction: others go on reading and writing the catalogue. If the holder
        crashes, the lock is released. Not reentrant.

        Args:
            name: of the work. Other names and other catalogues have locks of their own.
            timeout: seconds to wait for the holder; 0 tries once.

        Raises:
            CatalogueBusy: another process or thread held it all that time.
            CatalogueError: it cannot be taken, or it was lost before the work was done.
        """
        self.check_open()
        until = time.monotonic() + timeout
        with self._store.lock(name) as take:
            while not take():
                if time.monotonic() >= until:
                    raise CatalogueBusy(
                        f"another process has been busy with {name!r} of the catalogue "
                        f"{self.location} for {timeout:g} s: run the command again when it is done"
                    )
                time.sleep(_POLL)
            yield
