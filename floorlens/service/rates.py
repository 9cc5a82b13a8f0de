"""How often somebody may ask: a token bucket for each key, shared by all processes of a service.

A process takes tokens in small portions, so that not every request writes to the store. All of them
together never allow more than the rate, a burst, and what is left of their portions.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from floorlens.service.schema import rates
from floorlens.service.store import Store

BURST_SECONDS = 10
"""A bucket holds the tokens of so many seconds, but at least `LEAST_BURST`."""
LEAST_BURST = 5
FULL_AFTER = 120.0
"""Seconds after which every bucket is full again, so that its row says nothing."""
OWNERS = 10_000
"""Owners of whom a process remembers its portion; the least recent ones are dropped."""


@dataclass(frozen=True)
class Allowance:
    """What came of asking for a token.

    Attributes:
        granted: whether the request may go on.
        rate: tokens a minute.
        remaining: tokens that are left now, as far as this process knows.
        wait: seconds until the next token if none is left; else 0.
    """

    granted: bool
    rate: int
    remaining: int
    wait: float = 0.0


@dataclass
class _Portion:
    """Tokens of one owner that this process has taken and not yet used."""

    tokens: int = 0
    in_bucket: float = 0.0
    refused_until: float = 0.0


class Rates:
    """The buckets of all keys. Safe to use from several threads and processes.

    Example:
        >>> store = Store("service/")
        >>> rates = Rates(store)
        >>> [rates.take("key", 60).granted for _ in range(11)].count(True)
        10
        >>> store.close()
    """

    def __init__(self, store: Store) -> None:
        """Reads nothing yet; the caller closes the store."""
        self._store = store
        self._lock = threading.Lock()
        self._portions: OrderedDict[str, _Portion] = OrderedDict()
        self._swept = time.time()

    def take_local(self, owner: str, rate: int) -> Allowance | None:
        """Returns what came of a token without the store; None where only the store can tell."""
        with self._lock:
            portion = self._portion(owner)
            if portion.tokens > 0:
                portion.tokens -= 1
                return Allowance(True, rate, portion.tokens + int(portion.in_bucket))
            wait = portion.refused_until - time.time()
            # A clock that was set back must not shut anybody out.
            if 0 < wait <= 60 / rate:
                return Allowance(False, rate, 0, wait)
        return None

    def take(self, owner: str, rate: int) -> Allowance:
        """Takes a token of an owner's bucket.

        Args:
            owner: whose bucket.
            rate: tokens a minute, at least 1.

        Raises:
            StateError: the store cannot be used.
        """
        local = self.take_local(owner, rate)
        if local is not None:
            return local
        burst = burst_of(rate)
        now = time.time()
        # Not worth waiting for the disk: after a power cut all buckets may be full.
        with self._store.writing(durable=False) as connection:
            row = connection.execute(select(rates).where(rates.c.owner == owner)).one_or_none()
            tokens = float(burst)
            if row is not None:
                tokens = min(tokens, row.tokens + max(0.0, now - row.updated) * rate / 60)
            grant = min(max(1, burst // 10), int(tokens))
            tokens -= grant
            # Also where the clock was set back, or the bucket would stay empty until it catches up.
            if grant or (row is not None and row.updated > now):
                values = {"tokens": tokens, "updated": now}
                connection.execute(
                    insert(rates)
                    .values(owner=owner, **values)
                    .on_conflict_do_update(index_elements=["owner"], set_=values)
                )
                self._sweep(connection, now)
        wait = (1 - tokens) * 60 / rate
        with self._lock:
            portion = self._portion(owner)
            portion.in_bucket = tokens
            if not grant:
                portion.refused_until = now + wait
                return Allowance(False, rate, 0, wait)
            portion.tokens += grant - 1
            return Allowance(True, rate, portion.tokens + int(tokens))

    def _portion(self, owner: str) -> _Portion:
        portion = self._portions.get(owner)
        if portion is None:
            portion = self._portions[owner] = _Portion()
            if len(self._portions) > OWNERS:
                self._portions.popitem(last=False)
        self._portions.move_to_end(owner)
        return portion

    def _sweep(self, connection: Connection, now: float) -> None:
        if abs(now - self._swept) > FULL_AFTER:
            self._swept = now
            connection.execute(delete(rates).where(rates.c.updated < now - FULL_AFTER))


def burst_of(rate: int) -> int:
    """Returns how many requests may come at once, of a rate a minute.

    Example:
        >>> burst_of(120), burst_of(12), burst_of(2)
        (20, 5, 2)
    """
    return min(rate, max(LEAST_BURST, math.ceil(rate * BURST_SECONDS / 60)))
