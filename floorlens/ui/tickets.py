"""Tickets for uploads: a browser that has one may send files to the service with a visitor's key.

The key itself never goes to the browser again; a ticket comes in a header, in no address.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict

SECONDS = 4 * 3600.0
MOST = 1000


class Tickets:
    """Keys by ticket, in memory; those that were not used for a while are dropped."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._keys: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, key: str | None) -> str:
        """Returns a new ticket for a key; None: the page's own."""
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            self._keys[ticket] = (time.monotonic(), key)
            while len(self._keys) > self._most:
                self._keys.popitem(last=False)
        return ticket

    def holds(self, ticket: str) -> bool:
        """Returns whether a ticket is good, which it then is for as long again."""
        limit = time.monotonic() - self._seconds
        with self._lock:
            while self._keys and next(iter(self._keys.values()))[0] < limit:
                self._keys.popitem(last=False)
            if ticket not in self._keys:
                return False
            self._keys[ticket] = (time.monotonic(), self._keys[ticket][1])
            self._keys.move_to_end(ticket)
            return True

    def key(self, ticket: str) -> str | None:
        """Returns the key of a good ticket; None: the page's own.

        Raises:
            KeyError: the ticket is not good.
        """
        with self._lock:
            return self._keys[ticket][1]


TICKETS = Tickets()
