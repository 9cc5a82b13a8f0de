"""Connections to a PostgreSQL server: kept for the next call, replaced when they broke."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from floorlens.engines import Engine
from floorlens.engines.opening import not_found
from floorlens.errors import (
    EngineDenied,
    EngineError,
    EngineQuota,
    EngineUnavailable,
    SettingsError,
)

IDLE = 4
"""How many connections are kept open while nobody uses them."""
REFUSALS = ("authentication failed", "no password supplied", "no pg_hba.conf entry")

Result = TypeVar("Result")


class Connections:
    """What runs work on a server, each in a transaction; safe to use from several threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        """`name` is the collection that errors speak of."""
        self._engine = engine
        self._name = name
        self._timeout = max(1, round(engine.timeout))
        self._idle: deque[tuple[int, Any]] = deque()
        self._inherited: list[Any] = []

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Returns what `work(connection)` returns, done in one transaction.

        It is done again if its connection turns out to be broken, as all are after the server
        restarted: work must be such that it may be.

        Raises:
            EngineError: what the server or the connection said, as ours.
        """
        import psycopg

        while True:
            kept = self._kept()
            connection = kept or self._connect()
            try:
                with connection.transaction():
                    # For this transaction alone: a pooler may give the next another connection.
                    connection.execute(
                        "select set_config('statement_timeout', %s, true)",
                        [str(1000 * self._timeout)],
                    )
                    result = work(connection)
            except psycopg.Error as error:
                broken = connection.closed
                connection.close()
                if broken and kept:
                    continue
                raise self._mapped(error) from error
            except BaseException:
                connection.close()
                raise
            if len(self._idle) < IDLE:
                self._idle.append((os.getpid(), connection))
            else:
                connection.close()
            return result

    def close(self) -> None:
        """Closes the connections that are kept."""
        while connection := self._kept():
            connection.close()

    def _kept(self) -> Any:
        """Returns a connection that is kept, None if there is none."""
        while self._idle:
            try:
                process, connection = self._idle.pop()
            except IndexError:
                return None
            if process == os.getpid():
                return connection
            # A child process must neither talk on its parent's connections nor close them.
            self._inherited.append(connection)
        return None

    def _connect(self) -> Any:
        import psycopg
        from pgvector.psycopg import register_vector

        url = str(self._engine.url).replace("postgresql+psycopg://", "postgresql://", 1)
        login: dict[str, Any] = {"connect_timeout": self._timeout}
        if self._engine.api_key:
            login["password"] = self._engine.api_key
        try:
            # Nothing is prepared on the server: poolers do not like it.
            connection = psycopg.connect(url, autocommit=True, prepare_threshold=None, **login)
            if connection.execute("select to_regtype('vector')").fetchone() != (None,):
                register_vector(connection)
        except psycopg.ProgrammingError as error:
            raise SettingsError(
                "the url of the engine pgvector cannot be read: it is "
                "postgresql://user:password@host:port/database"
            ) from error
        except psycopg.Error as error:
            raise self._mapped(error) from error
        return connection

    def _mapped(self, error: Any) -> EngineError:
        at = f"the PostgreSQL server of {self._name!r}"
        state, text = error.sqlstate or "", str(error).lower()
        # A refused connection has no SQLSTATE, only a text.
        if state[:2] == "28" or any(words in text for words in REFUSALS):
            return EngineDenied(f"{at} refuses the login: check user and password in the url")
        if state == "42501" or "permission denied" in text:
            return EngineDenied(
                f"{at} does not let this login do that: grant it CREATE on the database (or make "
                "the schema floorlens_vectors for it), and let a superuser run CREATE EXTENSION "
                "vector once in this database"
            )
        if state == "42P01":
            return not_found(self._engine, self._name)
        if state[:2] == "53" or "too many clients" in text or "remaining connection" in text:
            return EngineQuota(f"{at} has no connection, memory or disk to spare: try again later")
        if state in ("0A000", "58P01") and "extension" in text:
            return EngineUnavailable(f"{at} has no pgvector: install version 0.8 or newer there")
        if state == "57014":
            return EngineUnavailable(f"{at} took longer than {self._engine.timeout:g} s")
        if state == "25006":
            return EngineDenied(
                f"{at} only reads, as a standby does: name the primary in FLOORLENS_INDEX_URL"
            )
        if 'database "' in text and "does not exist" in text:
            return EngineUnavailable(f"{at} has no such database: make it, or correct the url")
        if state and state[:2] != "08" and state[:3] != "57P":
            return EngineUnavailable(f"{at} refused it (SQLSTATE {state}): see the server's log")
        return EngineUnavailable(f"{at} does not answer: see that it runs and the url is right")
