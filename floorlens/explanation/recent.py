"""What was just made, for whoever asks for it again in a moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The latest few values by key, for a while. Safe to use from several threads.

    Args:
        most: so many are kept.
        seconds: for so long.
        now: the clock, in seconds.

    Example:
        >>> recent = Recent[int](most=2)
        >>> recent.get("a") is None, recent.put("a", 1), recent.get("a")
        (True, None, 1)
    """

    def __init__(
        self, most: int, seconds: float = 300.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._values: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """Returns the value of a key; None where there is none, or it is too old."""
        with self._lock:
            made, value = self._values.get(key, (0.0, None))
            if value is None or made < self._now() - self._seconds:
                return None
            self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: Value) -> None:
        """Keeps a value; the one that was asked for longest ago makes room."""
        with self._lock:
            self._values[key] = (self._now(), value)
            self._values.move_to_end(key)
            old = self._now() - self._seconds
            for one in [one for one, (made, _) in self._values.items() if made < old]:
                del self._values[one]
            while len(self._values) > self._most:
                self._values.popitem(last=False)
