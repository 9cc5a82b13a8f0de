"""What was just made, for whoever asks for it again in a moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import Any, Generic, TypeVar
from weakref import WeakSet

Value = TypeVar("Value")

SECONDS = 300.0
"""How long a value is held: photos of customers are among them, or what was made of these."""


class Recent(Generic[Value]):
    """The latest few values by key, for a while. Safe to use from several threads.

    What is too old goes when any value is asked for or put; where nobody does either, `forget_old`
    drops it.

    Args:
        most: so many are held.
        seconds: for so long, however often they are asked for.
        most_bytes: so many bytes of them are held.
        bytes_of: returns how many bytes a value takes.
        now: the clock, in seconds.

    Example:
        >>> recent = Recent[int](most=2)
        >>> recent.get("a") is None, recent.put("a", 1), recent.get("a")
        (True, None, 1)
    """

    def __init__(
        self,
        most: int,
        *,
        seconds: float = SECONDS,
        most_bytes: float = inf,
        bytes_of: Callable[[Value], int] = lambda _: 0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._most_bytes, self._bytes_of = most_bytes, bytes_of
        self._values: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()
        with _REGISTRY_LOCK:
            _REGISTRY.add(self)

    def __len__(self) -> int:
        """How many values are held, those that are too old included."""
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """Returns the value of a key; None where there is none, or it is too old."""
        with self._lock:
            self._drop_old()
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][1]

    def put(self, key: Hashable, value: Value) -> None:
        """Holds a value; the one that was asked for longest ago makes room."""
        with self._lock:
            self._values[key] = (self._now(), value)
            self._values.move_to_end(key)
            self._drop_old()
            while self._values and self._is_too_much():
                self._values.popitem(last=False)

    def forget_old(self) -> None:
        """Drops what is too old."""
        with self._lock:
            self._drop_old()

    def _drop_old(self) -> None:
        end = self._now() - self._seconds
        for key in [key for key, (start, _) in self._values.items() if start < end]:
            del self._values[key]

    def _is_too_much(self) -> bool:
        size = sum(self._bytes_of(value) for _, value in self._values.values())
        return len(self._values) > self._most or size > self._most_bytes


_REGISTRY: WeakSet[Recent[Any]] = WeakSet()
_REGISTRY_LOCK = threading.Lock()


def forget_old() -> None:
    """Drops what is too old in every `Recent` of this process.

    A service calls it every minute: in one that is asked nothing, no photo stays.

    Example:
        >>> time_of_day = 0.0
        >>> recent = Recent[str](2, seconds=10, now=lambda: time_of_day)
        >>> recent.put("a", "A")
        >>> time_of_day = 11.0
        >>> forget_old()
        >>> len(recent)
        0
    """
    with _REGISTRY_LOCK:
        everything = list(_REGISTRY)
    for recent in everything:
        recent.forget_old()
