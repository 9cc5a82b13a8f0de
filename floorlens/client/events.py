"""An answer that comes in parts: the stages of a search, then its result.

Source: the WHATWG's HTML standard, "Server-sent events".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from floorlens.client.calls import Answer
from floorlens.errors import ServiceError

MEDIA_TYPE = "text/event-stream"
# When it is known that the service is busy, the headers of the answer have been sent.
_AGAIN: Mapping[str, str] = {"retry-after": "2"}


class Events:
    """Reads events line by line.

    Example:
        >>> events = Events(print)
        >>> for line in ("event: stage", 'data: {"stage": "embed", "seconds": 0.1}', ""):
        ...     events.feed(line)
        embed
    """

    def __init__(self, progress: Callable[[str], object]) -> None:
        """`progress` is called with the name of each stage when it begins."""
        self._progress = progress
        self._kind, self._data = "", ""
        self._last: tuple[str, bytes] | None = None

    def feed(self, line: str) -> None:
        """Takes the next line, without its end."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data += value
        elif not line:
            self._finish(self._kind, self._data)
            self._kind, self._data = "", ""

    def answer(self, base: str) -> Answer:
        """Returns the last event as the answer that it would have been in one piece.

        Raises:
            ServiceError: the answer broke off before.
        """
        kind, content = self._last or ("", b"")
        if kind == "result":
            return Answer(200, {}, content, base)
        try:
            return Answer(int(json.loads(content)["status"]), _AGAIN, content, base)
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceError(
                f"the service at {base} broke off its answer: try again, or see its log"
            ) from error

    def _finish(self, kind: str, data: str) -> None:
        if kind in ("result", "problem"):
            self._last = (kind, data.encode())
        elif kind == "stage":
            try:
                self._progress(str(json.loads(data)["stage"]))
            except (ValueError, KeyError, TypeError) as error:
                raise ServiceError(f"an event of the service cannot be read: {data}") from error
