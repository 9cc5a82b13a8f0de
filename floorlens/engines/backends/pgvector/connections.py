"""Connections to a PostgreSQL server: kept for the next call, and replaced if they are broken."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from floorlens.engines import Engine
from floorlens.engines.opening import not_found_error
from floorlens.errors import (
    EngineDenied,
    EngineError,
    EngineQuota,
    EngineUnavailable,
    SettingsError,
)

IDLE = 4
"""How many connections stay open while nobody uses them."""
REFUSALS = ("authentication failed", "no password supplied", "no pg_hba.conf entry")

Result = TypeVar("Result")


class Connections:
    """Runs work on a server, each in a transaction. Safe to use from several threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Opens nothing yet. `name` is the collection, for the messages of errors."""
        self._engine = engine
        self._name = name
        self._timeout = max(1, round(engine.timeout))
        self._idle: deque[tuple[int, Any]] = deque()
        self._inherited: list[Any] = []

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Returns what `work(connection)` returns; it runs in one transaction.

        It runs again if the connection turns out to be broken, as all are after the server
        restarted, so it must be such that it can be repeated.

        Raises:
            EngineError: the server cannot be reached, or refuses the work.
        """
        import psycopg

        while True:
            idle = self._take_idle()
            connection = idle or self._connect()
            try:
                with connection.transaction():
                    # For this transaction alone: the next may get another connection of a pooler.
                    connection.execute(
                        "select set_config('statement_timeout', %s, true)",
                        [str(1000 * self._timeout)],
                    )
                    result = work(connection)
            except psycopg.Error as error:
                broken = connection.closed
                connection.close()
                if broken and idle:
                    continue
                raise self._translate(error) from error
            except BaseException:
                connection.close()
                raise
            if len(self._idle) < IDLE:
                self._idle.append((os.getpid(), connection))
            else:
                connection.close()
            return result

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        while connection := self._take_idle():
            connection.close()

    def _take_idle(self) -> Any:
        """Returns a connection that nobody uses; None if there is none."""
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
            # No statement is prepared on the server: poolers cannot handle them.
            connection = psycopg.connect(url, autocommit=True, prepare_threshold=None, **login)
            if connection.execute("select to_regtype('vector')").fetchone() != (None,):
                register_vector(connection)
        except psycopg.ProgrammingError as error:
            raise SettingsError(
                "the url of the engine pgvector cannot be read: it is "
                "postgresql://user:password@host:port/database"
            ) from error
        except psycopg.Error as error:
            raise self._translate(error) from error
        return connection

    def _translate(self, error: Any) -> EngineError:
        """Returns our error for one of psycopg, without its text."""
        server = f"the PostgreSQL server of {self._name!r}"
        state, text = error.sqlstate or "", str(error).lower()
        # A refused connection has no SQLSTATE, only a text.
        if state[:2] == "28" or any(words in text for words in REFUSALS):
            return EngineDenied(f"{server} refuses the login: check user and password in the url")
        if state == "42501" or "permission denied" in text:
            return EngineDenied(
                f"{server} does not let this login do that: grant it CREATE on the database (or "
                "make the schema floorlens_vectors for it), and let a superuser run CREATE "
                "EXTENSION vector once in this database"
            )
        if state == "42P01":
            return not_found_error(self._engine, self._name)
        if state[:2] == "53" or "too many clients" in text or "remaining connection" in text:
            return EngineQuota(
                f"{server} has no connection, memory or disk to spare: try again later"
            )
        if state in ("0A000", "58P01") and "extension" in text:
            return EngineUnavailable(
                f"{server} has no pgvector: install version 0.8 or newer there"
            )
        if state == "57014":
            return EngineUnavailable(
                f"{server} took longer than {self._engine.timeout:g} s: try again, or raise "
                "FLOORLENS_ENGINE_TIMEOUT"
            )
        if state == "25006":
            return EngineDenied(
                f"{server} only reads, as a standby does: name the primary in FLOORLENS_INDEX_URL"
            )
        if 'database "' in text and "does not exist" in text:
            return EngineUnavailable(f"{server} has no such database: make it, or correct the url")
        if state and state[:2] != "08" and state[:3] != "57P":
            return EngineUnavailable(
                f"{server} refused the request (SQLSTATE {state}): see its log"
            )
        return EngineUnavailable(f"{server} does not answer: see that it runs and the url is right")
