"""One request and its answer, as the layers around the routes see it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from floorlens.api.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import Scope


class Exchange:
    """What is known of a request while it is served. Belongs to the event loop.

    Threads that work for it only read `over` and write `timings`.

    Attributes:
        id: stands in the answer's header and in the log.
        arrived: when its head had arrived, in seconds of `time.monotonic`.
        until: when it must be answered; counts from the end of its body.
        gone: whether the client has closed the connection.
        key_id: of the API key; None if there is none.
        code: of the problem that is the answer; None if it is none.
        timings: seconds by stage of the search.
    """

    def __init__(self, request_id: str, deadline: float) -> None:
        self.id = request_id
        self.arrived = time.monotonic()
        self.until = self.arrived + deadline
        self.gone = False
        self.key_id: str | None = None
        self.code: str | None = None
        self.timings: Mapping[str, float] = {}
        self._deadline = deadline
        self._on_leave: list[Callable[[], None]] = []

    @property
    def left(self) -> float:
        """Seconds until it must be answered; negative if that is past."""
        return self.until - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.gone or self.left <= 0

    def begin(self) -> None:
        """Notes that the whole request has arrived: its time runs from now on."""
        self.until = time.monotonic() + self._deadline

    def leave(self) -> None:
        """Notes that the client has gone, and tells those that wait."""
        self.gone = True
        for listener in self._on_leave:
            listener()

    def on_leave(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Has a function called when the client goes; returns one that takes that back."""
        self._on_leave.append(listener)
        return lambda: self._on_leave.remove(listener)


def exchange_of(scope: Scope) -> Exchange:
    """Returns the exchange of a request."""
    exchange: Exchange = scope["state"]["exchange"]
    return exchange


CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The exchange for which a thread works."""


def checkpoint(stage: str = "") -> None:
    """Ends the work of a thread if nobody waits for it any more.

    It is what searches take as `progress`: called with the name of each stage before it begins.

    Raises:
        Refusal: the client has gone, or the time of the request is over.
    """
    exchange = CURRENT.get()
    if exchange is None or not exchange.over:
        return
    raise Refusal(499, "client-gone") if exchange.gone else Refusal(503, "deadline", RETRY)


def seconds_left() -> float:
    """Returns how long the client of this thread's work still waits; without one, for ever."""
    exchange = CURRENT.get()
    return math.inf if exchange is None else exchange.left


def note_timings(timings: Mapping[str, float]) -> None:
    """Notes how long the stages of a search took, for the log and the metrics."""
    exchange = CURRENT.get()
    if exchange is not None:
        exchange.timings = dict(timings)


RETRY = {"Retry-After": "1"}
