"""When a call is tried again, and when that would do harm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from floorlens.client.calls import Answer, refusal_of

_NOT_BEGUN = frozenset({"busy", "too-many-connections", "too-many-jobs", "rate-exceeded"})
"""Codes by which the service says that it has not begun what was asked."""
_FIRST_WAIT = 0.2


class Silence(Enum):
    """Why there is no answer: what the service may have done meanwhile."""

    NOT_SENT = "nothing can have been done: there was no connection"
    CUT_OFF = "the connection broke, after the request or in the middle of it"
    TOO_SLOW = "the answer takes longer than it may"
    IMPOSSIBLE = "there can be nothing at that address"


@dataclass(frozen=True)
class Patience:
    """How often and how long a call is tried.

    Attributes:
        retries: how often it is tried again, at most.
        deadline: so many seconds after its start it is not tried again any more.
    """

    retries: int = 4
    deadline: float = 60.0


class Attempts:
    """The attempts of one call."""

    def __init__(
        self,
        patience: Patience,
        *,
        repeatable: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience, self._repeatable, self._clock = patience, repeatable, clock
        self._until = clock() + patience.deadline
        self._count = 0

    def after_silence(self, silence: Silence) -> float | None:
        """Returns how many seconds to wait before the next attempt; None: there is none."""
        if silence is Silence.NOT_SENT or (silence is Silence.CUT_OFF and self._repeatable):
            return self._next(None)
        return None

    def after(self, answer: Answer) -> float | None:
        """Returns the same after an answer. It must name a time, or a new attempt is a guess."""
        seconds = _seconds(answer.headers.get("retry-after", ""))
        if answer.status not in (429, 503) or seconds is None:
            return None
        if not self._repeatable and refusal_of(answer).code not in _NOT_BEGUN:
            return None
        return self._next(seconds)

    def _next(self, seconds: float | None) -> float | None:
        if self._count >= self._patience.retries:
            return None
        if seconds is None:
            seconds = _FIRST_WAIT * 2**self._count
        # Clients that were refused together must not come back together.
        wait = seconds + random.uniform(0, max(0.1, seconds / 4))  # noqa: S311 - no secret
        if self._clock() + wait > self._until:
            return None
        self._count += 1
        return wait


def _seconds(text: str) -> float | None:
    # A date is allowed too; our service sends none, and clocks differ.
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
