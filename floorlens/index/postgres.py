"""Connections to a PostgreSQL server: kept for the next call, replaced when they broke."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from floorlens.errors import EngineDenied, EngineError, EngineQuota, EngineUnavailable
from floorlens.index import Engine
from floorlens.index.opening import not_found

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
        self._idle: deque[Any] = deque()

    def run(self, work: Callable[[Any], Result]) -> Result:
        """Returns what `work(connection)` returns, done in one transaction.

        It is done again if its connection turns out to be broken, as all are after the server
        restarted: work must be such that it may be.

        Raises:
            EngineError: what the server or the connection said, as ours.
        """
        import psycopg

        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = self._connect(), True
            try:
                with connection.transaction():
                    result = work(connection)
            except psycopg.Error as error:
                broken = connection.closed
                connection.close()
                if broken and not fresh:
                    continue
                raise self._mapped(error) from error
            except BaseException:
                connection.close()
                raise
            if len(self._idle) < IDLE:
                self._idle.append(connection)
            else:
                connection.close()
            return result

    def close(self) -> None:
        """Closes the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> Any:
        import psycopg
        from pgvector.psycopg import register_vector

        url = str(self._engine.url).replace("postgresql+psycopg://", "postgresql://", 1)
        timeout = max(1, round(self._engine.timeout))
        login: dict[str, Any] = {"connect_timeout": timeout}
        if self._engine.api_key:
            login["password"] = self._engine.api_key
        try:
            connection = psycopg.connect(url, autocommit=True, **login)
            # Not by the `options` of the login, which the url may use for a search path.
            connection.execute(
                "select set_config('statement_timeout', %s, false)", [str(1000 * timeout)]
            )
            if connection.execute("select to_regtype('vector')").fetchone() != (None,):
                register_vector(connection)
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
                f"{at} does not let this login do that: grant it CREATE on the schema, and let a "
                "superuser run CREATE EXTENSION vector once in this database"
            )
        if state == "42P01":
            return not_found(self._engine, self._name)
        if state[:2] == "53" or "too many clients" in text or "remaining connection" in text:
            return EngineQuota(f"{at} has no connection, memory or disk to spare: try again later")
        if state in ("0A000", "58P01") and "extension" in text:
            return EngineUnavailable(f"{at} has no pgvector: install version 0.8 or newer there")
        if state == "57014":
            return EngineUnavailable(f"{at} took longer than {self._engine.timeout:g} s")
        if 'database "' in text and "does not exist" in text:
            return EngineUnavailable(f"{at} has no such database: make it, or correct the url")
        return EngineUnavailable(f"{at} does not answer: see that it runs and the url is right")
