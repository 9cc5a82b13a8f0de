"""Tickets: what stands for a visitor's key in the browser, for one use each.

The key itself never goes back to the browser. A ticket for imports comes in a header, one for
pictures in their addresses, since an `<img>` sends no header.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

SECONDS = 4 * 3600.0
MOST = 1000
Use = Literal["imports", "pictures"]


@dataclass(frozen=True)
class Ticket:
    """What a ticket is good for; `key` is None where the page's own key may do it."""

    key: str | None
    use: Use


class Tickets:
    """Tickets by token, in memory; those that were not used for a while are dropped."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._tickets: OrderedDict[str, tuple[float, Ticket]] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, key: str | None, use: Use) -> str:
        """Returns the token of a new ticket."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tickets[token] = (time.monotonic(), Ticket(key, use))
            while len(self._tickets) > self._most:
                self._tickets.popitem(last=False)
        return token

    def find(self, token: str, use: Use) -> Ticket | None:
        """Returns a ticket for a use, which then stays for as long again; None: there is none."""
        now = time.monotonic()
        with self._lock:
            while self._tickets and next(iter(self._tickets.values()))[0] < now - self._seconds:
                self._tickets.popitem(last=False)
            _, ticket = self._tickets.get(token, (now, None))
            if ticket is None or ticket.use != use:
                return None
            self._tickets[token] = (now, ticket)
            self._tickets.move_to_end(token)
            return ticket


TICKETS = Tickets()
