"""A catalogue in a schema of its own in a PostgreSQL database, by psycopg 3."""

from __future__ import annotations

import hashlib
import json
import os
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    event,
    literal_column,
    make_url,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from floorlens.catalogue.schema import metadata
from floorlens.errors import CatalogueError, MissingDependency

SCHEMA = "floorlens"
"""The schema of the tables, unless the address has another: `?floorlens_schema=name`."""
SCHEMES = ("postgresql", "postgresql+psycopg", "postgres")
WAIT = 60
"""Seconds that a writer waits for another one."""
# The server ends a transaction that stands still for so long: a writer never pauses, so it is gone.
_STALLED = 300
_DEFAULTS: Mapping[str, str] = {
    "application_name": "floorlens",
    "connect_timeout": "10",
    # A server that disappears without closing the connection is noticed within a minute or two.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# For a connection that is silent while it holds a lock: the server does not end it, and releases
# the lock soon after its machine has disappeared. Version 14 brought the first one.
_SILENT: Mapping[str, str] = {
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
# Of an address's options those that say which catalogue it is; the others are not shown.
_SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service", "floorlens_schema")

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_inherited: list[Any] = []


def is_postgres(location: str) -> bool:
    """Returns whether a catalogue's address is one of PostgreSQL.

    Example:
        >>> is_postgres("postgresql://user@host/floors"), is_postgres("./catalogue")
        (True, False)
    """
    return location.partition("://")[0].partition("+")[0] in SCHEMES and "://" in location


class PostgresStore:
    """A `floorlens.catalogue.database.Store` of one schema.

    A transaction names its schema and takes its lock itself, and nothing is prepared on the
    server: so it works through a pooler too, which gives each transaction another connection.
    """

    folder: Path | None = None

    def __init__(self, location: str) -> None:
        """Reads the address; nothing is connected to yet.

        Raises:
            CatalogueError: it is not a usable address.
            MissingDependency: psycopg is not installed.
        """
        url, self._schema, options = _parsed(location)
        self.location = _shown(url, self._schema, options)
        self.url: str | None = url.set(drivername="postgresql", query=options).render_as_string(
            hide_password=False
        )
        secrets = (url.password, options.get("password"), options.get("sslpassword"))
        self._secrets = [secret for secret in secrets if isinstance(secret, str) and secret]
        self._key = _lock_key(self._schema, "write")
        self.table_id: ColumnElement[Any] = literal_column("state.tableoid::bigint")
        try:
            self.engine = create_engine(
                url,
                connect_args={
                    **_DEFAULTS,
                    **options,
                    "client_encoding": "utf8",
                    "prepare_threshold": None,
                },
                # The driver begins no transaction: _begin does, with all that belongs to it.
                isolation_level="AUTOCOMMIT",
                use_native_hstore=False,
                pool_pre_ping=True,
                pool_size=5,
                max_overflow=15,
                pool_timeout=WAIT,
                hide_parameters=True,
            )
        except ImportError as error:
            raise MissingDependency(
                "a catalogue on PostgreSQL needs psycopg: pip install 'floorlens[pgvector]'"
            ) from error
        _engines.add(self.engine)
        event.listen(self.engine, "begin", self._begin)

    def _begin(self, connection: Connection) -> None:
        # One message to the server. A reader sees one snapshot. A writer's statements see what was
        # committed before each: all that others did before it got the lock.
        path = f"SET LOCAL search_path TO {self._schema}"
        if connection.get_execution_options().get("writes", False):
            text = (
                f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {path}; "
                f"SET LOCAL lock_timeout TO '{WAIT}s'; "
                f"SET LOCAL idle_in_transaction_session_timeout TO '{_STALLED}s'; "
                f"SELECT pg_advisory_xact_lock({self._key})"
            )
        else:
            text = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {path}"
        connection.exec_driver_sql(text, execution_options={"no_parameters": True})

    def exists(self) -> bool:
        """Returns True: the server knows, and connecting makes nothing."""
        return True

    def make(self) -> None:
        """Does nothing: the database is for its administrator to make."""

    def remember_place(self) -> None:
        """Does nothing: every transaction names the schema anew."""

    def check_place(self) -> None:
        """Does nothing: see `Database.check_revision`."""

    def has_tables(self, connection: Connection) -> bool:
        """Returns whether the catalogue's tables are there."""
        # With its schema: the search path leaves out in silence what the user may not look into.
        name = f"{self._schema}.state"
        return connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar() is not None

    def prepare(self, connection: Connection) -> None:
        """Makes the schema, unless it is there.

        Raises:
            CatalogueError: it holds tables of another application, or the database is not UTF-8.
        """
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise CatalogueError(
                f"the database of {self.location} has the encoding {encoding}: make one with "
                "`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
            )
        query = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        # Not IF NOT EXISTS: that needs the permission to make one even where there is one.
        if connection.exec_driver_sql(query, (self._schema,)).first() is None:
            connection.exec_driver_sql(f"CREATE SCHEMA {self._schema}")
        tables = self._tables(connection)
        if tables and "state" not in tables:
            raise CatalogueError(
                f"the schema {self._schema!r} of {self.location} holds a table {min(tables)!r} of "
                "another application: name another schema, ?floorlens_schema=NAME in the address"
            )

    def _tables(self, connection: Connection) -> dict[str, int]:
        """Returns the bytes of each table there of a name that the catalogue uses."""
        rows = connection.exec_driver_sql(
            "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = ANY(%s) AND c.relkind IN ('r', 'p', 'v')",
            (self._schema, list(metadata.tables)),
        )
        return {str(name): int(size or 0) for name, size in rows}

    def size(self, connection: Connection) -> int:
        """Returns how many bytes the tables and their indexes take."""
        return sum(self._tables(connection).values())

    @contextmanager
    def lock(self, name: str) -> Iterator[Callable[[], bool]]:
        """Takes an advisory lock on a connection of its own, whose end releases the lock."""
        import psycopg

        key = (_lock_key(self._schema, f"exclusive {name}"),)
        locked = False
        try:
            pooled = self.engine.raw_connection()
        except SQLAlchemyError as error:
            raise self.failure("locked", error) from error
        # Taken out of the pool, whose places others need: it is closed, not given back.
        pooled.detach()
        connection: Any = pooled.dbapi_connection
        with closing(pooled):
            try:
                connection.execute(
                    "SELECT set_config(name, %s::jsonb ->> name, false) FROM pg_settings "
                    "WHERE name = ANY(%s)",
                    (json.dumps(_SILENT), list(_SILENT)),
                )
            except psycopg.Error as error:
                raise self._failure("locked", error) from error

            def take() -> bool:
                nonlocal locked
                try:
                    row = connection.execute("SELECT pg_try_advisory_lock(%s)", key).fetchone()
                except psycopg.Error as error:
                    raise self._failure("locked", error) from error
                locked = bool(row[0])
                return locked

            try:
                yield take
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("SELECT pg_advisory_unlock(%s)", key)
                raise
            if not locked:
                return
            try:
                row = connection.execute("SELECT pg_advisory_unlock(%s)", key).fetchone()
            except psycopg.Error as error:
                raise self._failure(f"kept locked for {name!r}", error) from error
            if not row[0]:
                raise CatalogueError(
                    f"the catalogue {self.location} was not locked for {name!r}: a pooler gave the "
                    "connection to another client. Name the server's own address, or let the "
                    "pooler keep sessions"
                )

    def failure(self, doing: str, error: SQLAlchemyError) -> CatalogueError:
        """Returns the error to raise, in our own words."""
        if isinstance(error, PoolTimeout):
            return CatalogueError(
                f"the catalogue {self.location} could not be {doing}: all connections of this "
                "process are in use: try again, or send fewer requests at once"
            )
        return self._failure(doing, getattr(error, "orig", None) or error)

    def _failure(self, doing: str, error: BaseException) -> CatalogueError:
        return CatalogueError(
            f"the catalogue {self.location} could not be {doing}: {self._cause(error)}"
        )

    def _cause(self, error: BaseException) -> str:
        import psycopg

        state = getattr(error, "sqlstate", None)
        if state is not None:
            for start, cause in _BY_STATE.items():
                if state.startswith(start):
                    return cause
            diagnosis = getattr(error, "diag", None)
            text = getattr(diagnosis, "message_primary", None) or type(error).__name__
            return f"{text} ({state})"
        if isinstance(error, psycopg.DataError):
            return "a text holds a NUL character, which PostgreSQL cannot store: remove it"
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return self._connection_cause(str(error))
        if isinstance(error, psycopg.ProgrammingError):
            return _BAD_OPTION
        return type(error).__name__

    def _connection_cause(self, text: str) -> str:
        for pattern, cause in _BY_TEXT:
            if re.search(pattern, text):
                return cause
        line = text.strip().partition("\n")[0] or "the connection failed"
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


# The beginning of an SQLSTATE -> cause and cure.
_BY_STATE: Mapping[str, str] = {
    "08": "the connection was lost: run the command again",
    "25006": "the server only reads: name the primary one's address, not a standby's",
    "25P03": "the transaction stood still for minutes, so the server ended it: run it again",
    "28": "the server refuses the user or the password: check them",
    "3F000": "its schema is gone: restore it from a backup",
    "42501": (
        "the user lacks a permission: have the schema made for it, CREATE SCHEMA floorlens "
        "AUTHORIZATION user, or the tables granted, see docs/postgres.md"
    ),
    "42703": (
        "its schema holds tables of another application: name another one with "
        "?floorlens_schema=NAME in the address"
    ),
    "42P01": "a table is gone: restore the schema from a backup",
    "53100": "the server's disk is full: make room",
    "53300": "the server has no connection left: end others, or raise its max_connections",
    "55P03": f"another process has been writing to it for {WAIT} s: try again when it is done",
    "57014": "it took longer than the server's statement_timeout",
    "57": "the server ended the connection, or is starting: run the command again",
}

# What libpq or the server say when there is no connection, which has no SQLSTATE; in English, else
# the text itself is shown.
_BAD_OPTION = "an option of its address is unknown or has no such value: see docs/postgres.md"
_BY_TEXT: tuple[tuple[str, str], ...] = (
    (r"\binvalid .*(value|option|integer)", _BAD_OPTION),
    (r'database "[^"]*" does not exist', "there is no such database: make it with `createdb NAME`"),
    (
        r"no pg_hba\.conf entry.*no encryption",
        "the server refuses an unencrypted connection: add ?sslmode=require, or check its "
        "pg_hba.conf",
    ),
    (
        r"no password supplied|fe_sendauth|authentication failed|role \"[^\"]*\" does not exist"
        r"|no pg_hba\.conf entry|is not permitted to log in|permission denied for database",
        "the server refuses the user or the password: check them, or let ~/.pgpass or PGPASSWORD "
        "name the password",
    ),
    (
        r"SSL|certificate|TLS",
        "no encrypted connection could be made: check sslmode and sslrootcert in the address, and "
        "whether the server has TLS turned on",
    ),
    (r"too many clients|connection slots", "the server has no connection left: end others"),
    (r"starting up|shutting down|recovery", "the server is starting or stopping: try again soon"),
    (
        r"refused|timeout|timed out|could not translate|resolve|No such file|No route|unreachable"
        r"|Name or service|server closed|connection is lost|connection is closed|reset by peer",
        "the server does not answer: check that it runs and that host and port are right",
    ),
)


def _parsed(location: str) -> tuple[URL, str, dict[str, Any]]:
    """Returns an address without its options, its schema and the other options.

    Raises:
        CatalogueError: it is not a usable address. The message shows nothing of it.
    """
    scheme = location.partition("://")[0]
    if scheme not in SCHEMES:
        raise CatalogueError(
            f"{scheme}:// catalogues are not supported: write postgresql://user@host/database"
        )
    text = location.partition("://")[2]
    authority = re.split("[/?#]", text, maxsplit=1)[0]
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        url = None
    # With one @ too many nobody can tell where to split the address: a part of the password might
    # pass for the host. For the same reason the text of the error above is not shown.
    if url is None or text.count("@") > 1 or text.count("@") > authority.count("@"):
        raise CatalogueError(_UNREADABLE)
    options = dict(url.query)
    schema = options.pop("floorlens_schema", SCHEMA)
    if not isinstance(schema, str) or not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", schema):
        raise CatalogueError(
            "floorlens_schema in the catalogue's address is not a usable name: it has up to 63 "
            "lower-case letters, digits and underscores, and does not begin with pg_"
        )
    return url.set(drivername="postgresql+psycopg", query={}), schema, options


_UNREADABLE = (
    "the catalogue's address cannot be read: it is postgresql://user:password@host:port/database, "
    "and in user and password @ is written %40, / is %2F, : is %3A and ? is %3F"
)


def _shown(url: URL, schema: str, options: Mapping[str, Any]) -> str:
    query = {name: value for name, value in options.items() if name in _SHOWN}
    if schema != SCHEMA:
        query["floorlens_schema"] = schema
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=True)


def _lock_key(schema: str, purpose: str) -> int:
    """Returns the number of an advisory lock, which is one of the whole database."""
    digest = hashlib.sha256(f"floorlens {schema} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _forget_connections() -> None:
    # A child process must not talk on its parent's connections, nor close them.
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
