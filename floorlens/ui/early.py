"""Searches that begin as soon as a photo is here, each in a thread of its own.

Streamlit runs the page from the top before it comes to the line that asks for a search. The service
can be at work meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

from floorlens.client.answers import SearchPage

MOST = 8
"""Searches that nobody has taken yet, at most; with more a visitor's own run asks, as without."""
SECONDS = 120.0
"""So long a search waits to be taken."""

Ask: TypeAlias = Callable[[Callable[[str], object]], SearchPage]
"""Asks the service for a search; calls what it is given with the name of each stage."""


class EarlySearch:
    """A search that runs in a thread of its own."""

    def __init__(self, ask: Ask) -> None:
        self.end = time.monotonic() + SECONDS
        self._events: SimpleQueue[str | SearchPage | Exception] = SimpleQueue()
        threading.Thread(target=self._run, args=(ask,), name="early-search", daemon=True).start()

    def _run(self, ask: Ask) -> None:
        try:
            self._events.put(ask(self._events.put))
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            self._events.put(error)

    def result(
        self, progress: Callable[[str], object] | None = None, *, quiet: float = 0.0
    ) -> SearchPage:
        """Returns the answer, once it is there; may be called once.

        Args:
            progress: called in this thread with the name of each stage when it begins; the first
                time with what the service is at when the `quiet` time is over, "" if that is not
                known.
            quiet: seconds in which an answer is so quick that nobody needs to be told.

        Raises:
            FloorlensError: what the service, or the way to it, refused.
        """
        begin, stage, silent = time.monotonic() + quiet, "", True
        while True:
            try:
                left = max(0.0, begin - time.monotonic())
                event = self._events.get(timeout=left if silent and progress is not None else None)
            except Empty:
                event = stage
                silent = False
            if isinstance(event, SearchPage):
                return event
            if isinstance(event, Exception):
                raise event
            stage = event
            if progress is not None and not silent:
                progress(stage)


class EarlySearches:
    """Searches by the token of their photo, until somebody takes them."""

    def __init__(self) -> None:
        self._searches: dict[str, EarlySearch] = {}
        self._lock = threading.Lock()

    def begin(self, token: str, ask: Ask) -> None:
        """Begins the search for a photo, unless too many wait to be taken."""
        with self._lock:
            now = time.monotonic()
            self._searches = {
                other: search for other, search in self._searches.items() if search.end > now
            }
            if len(self._searches) < MOST:
                self._searches[token] = EarlySearch(ask)

    def take(self, token: str) -> EarlySearch | None:
        """Returns the search for a photo, for one caller alone; None: there is none."""
        with self._lock:
            return self._searches.pop(token, None)


EARLY_SEARCHES = EarlySearches()
