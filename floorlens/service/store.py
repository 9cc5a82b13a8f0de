"""The file in which a service keeps what it knows: SQLite, shared by all of its processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, insert, select
from sqlalchemy.exc import SQLAlchemyError

from floorlens.errors import SchemaMismatch, StateError
from floorlens.service.schema import SCHEMA_VERSION, metadata, state

FILE_NAME = "service.sqlite"
_WAIT = 60
"""Seconds that a writer waits for another one."""


class Store:
    """One SQLite file in WAL mode. Safe to use from several threads and processes.

    Example:
        >>> store = Store("catalogue-service/")
        >>> store.close()
    """

    def __init__(self, folder: str | Path) -> None:
        """Opens the file in a folder; both are made where they are absent.

        Raises:
            SchemaMismatch: a newer Floorlens made it.
            StateError: it cannot be opened.
        """
        self.folder = Path(folder).absolute()
        try:
            # Only for the service's own user: it holds photos, and a secret that signs addresses.
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The folder may be there already, for all to read. SQLite's other files follow this.
            # One that is there is not opened: to close it would end the locks that other stores of
            # this process hold on it. Source: sqlite.org/howtocorrupt.html, 2.2.
            with suppress(FileExistsError):
                os.close(os.open(self.folder / FILE_NAME, os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise StateError(
                f"{self.folder}: cannot be used ({error.strerror}): set FLOORLENS_STATE "
                "to one that the service may write"
            ) from error
        self._engine = create_engine(
            URL.create("sqlite", database=str(self.folder / FILE_NAME)), creator=self._connect
        )
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        try:
            with self.writing() as connection:
                metadata.create_all(connection)
                version = connection.execute(select(state.c.schema_version)).scalar()
                if version is None:
                    connection.execute(insert(state).values(schema_version=SCHEMA_VERSION))
                elif version > SCHEMA_VERSION:
                    raise SchemaMismatch(
                        f"what the service keeps in {self.folder} has schema version {version}, "
                        f"this Floorlens knows {SCHEMA_VERSION}: update with `pip install "
                        "--upgrade floorlens`"
                    )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Releases the file."""
        self._engine.dispose()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; on the disk when it ends.

        Args:
            durable: whether to wait for the disk; otherwise a power cut may undo it.

        Raises:
            StateError: the file cannot be written.
        """
        try:
            with self._engine.execution_options(
                synchronous="FULL" if durable else "NORMAL"
            ).begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failure("written", error) from error

    def forget(self) -> None:
        """Overwrites what was deleted, in the file and in the journal beside it.

        Raises:
            StateError: the file cannot be written.
        """
        try:
            with closing(sqlite3.connect(str(self.folder / FILE_NAME), timeout=5)) as connection:
                connection.execute("PRAGMA incremental_vacuum").fetchall()
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise StateError(
                f"what was deleted in {self.folder} cannot be overwritten: {error}"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction to read with; all that it reads is of one moment.

        Raises:
            StateError: the file cannot be read.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failure("read", error) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(str(self.folder / FILE_NAME), timeout=_WAIT, check_same_thread=False)

    def _failure(self, doing: str, error: SQLAlchemyError) -> StateError:
        cause = getattr(error, "orig", None) or error
        return StateError(f"what the service keeps in {self.folder} cannot be {doing}: {cause}")


def _configure(connection: Any, _: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "auto_vacuum=INCREMENTAL",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    synchronous = connection.get_execution_options().get("synchronous")
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
    else:
        # With NORMAL the write-ahead log is not synced until the next FULL one or a checkpoint.
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
