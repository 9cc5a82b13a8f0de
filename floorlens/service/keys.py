"""API keys: who may ask the service what. Made and revoked here, checked at every request."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets as random
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from floorlens.errors import KeyNotFound, UsageError
from floorlens.service.schema import keys
from floorlens.service.store import Store

SCOPES = {
    "search": "search, masks, feedback, single products and their pictures",
    "read": "lists and exports of products, state of the service and of jobs, feedback",
    "admin": "change the catalogue and start jobs, and all of the above",
}
CURRENT_SECONDS = 1.0
"""Seconds after which a process reads the keys anew: a revoked one works no longer than that."""
MAX_NAME = 100
_SECRET = re.compile(r"flk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Key:
    """An API key, without its secret, which nobody can read again.

    Attributes:
        id: stands in the secret, in logs, and beside what was made with the key.
        name: whom or what it is for.
        scopes: of `SCOPES`.
        rate: requests a minute; 0: no limit; None: as in the settings.
        created: seconds since 1970.
        revoked: the same; None while it works.
    """

    id: str
    name: str
    scopes: frozenset[str]
    rate: int | None
    created: float
    revoked: float | None = None

    def allows(self, scope: str) -> bool:
        """Returns whether it may do what needs a scope; `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON values; the scopes in order."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": [scope for scope in SCOPES if scope in self.scopes],
            "rate": self.rate,
            "created": self.created,
            "revoked": self.revoked,
        }


class Keys:
    """The keys of a service. Safe to use from several threads and processes.

    Example:
        >>> store = Store("service/")
        >>> keys = Keys(store)
        >>> key, secret = keys.create("shop", {"search"})
        >>> keys.check(secret) == key, keys.check(secret[:-1] + "?")
        (True, None)
        >>> store.close()
    """

    def __init__(self, store: Store) -> None:
        """Reads nothing yet; the caller closes the store."""
        self._store = store
        self._lock = threading.Lock()
        self._by_id: dict[str, tuple[Key, str]] = {}
        self._read_at = float("-inf")

    def create(
        self, name: str, scopes: Collection[str], rate: int | None = None
    ) -> tuple[Key, str]:
        """Makes a key; returns it and its secret, of which only a hash is stored.

        Raises:
            UsageError: the name is empty or too long, a scope is unknown, or the rate is negative.
            StateError: the store cannot be written.
        """
        name = name.strip()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise UsageError(f"a key needs a name of 1 to {MAX_NAME} characters on one line")
        unknown = sorted(set(scopes) - SCOPES.keys())
        if unknown or not scopes:
            raise UsageError(
                f"{', '.join(unknown)} is no scope: choose of {', '.join(SCOPES)}"
                if unknown
                else f"a key needs a scope: {', '.join(SCOPES)}"
            )
        if rate is not None and rate < 0:
            raise UsageError("a rate is a number of requests a minute, or 0 for no limit")
        key = Key(random.token_hex(6), name, frozenset(scopes), rate, time.time())
        secret = f"flk_{key.id}_{random.token_urlsafe(32)}"
        with self._store.writing() as connection:
            connection.execute(
                insert(keys).values(
                    id=key.id,
                    name=name,
                    digest=_digest(secret),
                    scopes=json.dumps(sorted(scopes)),
                    rate=rate,
                    created=key.created,
                )
            )
        self._forget()
        return key, secret

    def check(self, secret: str) -> Key | None:
        """Returns the key of a secret; None if there is none, or it was revoked.

        The keys are read once a second at most. How long it takes tells nothing of a secret.

        Raises:
            StateError: the store cannot be read.
        """
        if not self.current:
            self._read()
        match = _SECRET.fullmatch(secret)
        # A digest of nothing, so that an unknown id takes as long as a wrong secret.
        key, digest = self._by_id.get(match[1] if match else "", (None, _digest("")))
        same = hmac.compare_digest(_digest(secret), digest)
        return key if same and key is not None and key.revoked is None else None

    @property
    def current(self) -> bool:
        """Whether `check` needs not read the store."""
        return time.monotonic() - self._read_at < CURRENT_SECONDS

    def revoke(self, key_id: str) -> Key:
        """Ends a key for good; returns it. Every process refuses it within 2 seconds.

        Raises:
            KeyNotFound: there is no key of that id.
            StateError: the store cannot be written.
        """
        own = keys.c.id == key_id
        with self._store.writing() as connection:
            connection.execute(
                update(keys).where(own, keys.c.revoked.is_(None)).values(revoked=time.time())
            )
            row = connection.execute(select(keys).where(own)).one_or_none()
        if row is None:
            raise KeyNotFound(f"{key_id} is the id of no key: `floorlens keys list` shows them")
        self._forget()
        return _key(row)

    def all(self) -> list[Key]:
        """Returns all keys, also revoked ones, the oldest first.

        Raises:
            StateError: the store cannot be read.
        """
        with self._store.reading() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.created, keys.c.id)).all()
        return [_key(row) for row in rows]

    def _read(self) -> None:
        with self._lock:
            if self.current:
                return
            now = time.monotonic()
            with self._store.reading() as connection:
                rows = connection.execute(select(keys)).all()
            self._by_id = {row.id: (_key(row), row.digest) for row in rows}
            self._read_at = now

    def _forget(self) -> None:
        with self._lock:
            self._read_at = float("-inf")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _key(row: Row[Any]) -> Key:
    scopes = frozenset(json.loads(row.scopes))
    return Key(row.id, row.name, scopes, row.rate, row.created, row.revoked)
