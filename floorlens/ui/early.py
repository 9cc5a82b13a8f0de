"""Searches in threads of their own, which begin as soon as a photo is here.

Streamlit runs the page from the top before it comes to the line that asks for a search, and ends
that run when the visitor does something else. The service can be at work meanwhile, and a later run
waits for the same answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from floorlens.client.answers import SearchPage

MOST = 8
"""Searches that run, or wait for their visitor, at most; with more, the visitor's own run asks."""
SECONDS = 120.0
"""So long an answer waits for its visitor."""

Ask: TypeAlias = Callable[[Callable[[str], object]], SearchPage]
"""Asks the service for a search; calls what it is given with the name of each stage."""


class SearchThread:
    """A search that runs in a thread of its own."""

    def __init__(self, ask: Ask) -> None:
        """Begins it."""
        self._change = threading.Condition()
        self._stage = ""
        self._answer: SearchPage | None = None
        self._error: BaseException | None = None
        self._end: float | None = None
        threading.Thread(target=self._run, args=(ask,), name="search", daemon=True).start()

    @property
    def seconds(self) -> float:
        """For how long it has been over; negative: it still runs."""
        return -1.0 if self._end is None else time.monotonic() - self._end

    def result(
        self, progress: Callable[[str], object] | None = None, *, quiet: float = 0.0
    ) -> SearchPage:
        """Returns the answer, once it is there.

        Args:
            progress: called in this thread with the name of each stage when it begins; the first
                time with what the service is at when the `quiet` time is over, "" if that is not
                known.
            quiet: seconds in which an answer is so quick that nobody needs to be told.

        Raises:
            FloorlensError: what the service, or the way to it, refused.
        """
        first, shown = time.monotonic() + quiet, None
        while True:
            with self._change:
                if self._end is not None:
                    break
                left = first - time.monotonic()
                if progress is None or (left <= 0 and shown == self._stage):
                    self._change.wait()
                    continue
                if left > 0:
                    self._change.wait(left)
                    continue
                shown = self._stage
            progress(shown)
        if self._answer is None:
            raise self._error or RuntimeError("a search ended without an answer")
        return self._answer

    def _run(self, ask: Ask) -> None:
        answer: SearchPage | None = None
        error: BaseException | None = None
        try:
            answer = ask(self._note)
        except BaseException as one:  # noqa: BLE001 - raised again where the answer is waited for
            error = one
        with self._change:
            self._answer, self._error, self._end = answer, error, time.monotonic()
            self._change.notify_all()

    def _note(self, stage: str) -> None:
        with self._change:
            self._stage = stage
            self._change.notify_all()


class EarlySearches:
    """Searches by the token of their photo, until their visitor has the answer."""

    def __init__(self) -> None:
        self._searches: dict[str, SearchThread] = {}
        # With those whose visitor has left.
        self._threads: list[SearchThread] = []
        self._lock = threading.Lock()

    def start(self, token: str, ask: Ask) -> SearchThread | None:
        """Begins the search for a photo and returns it; None: too many run already."""
        with self._lock:
            self._purge()
            waiting = [one for one in self._searches.values() if one not in self._threads]
            if len(self._threads) + len(waiting) >= MOST:
                return None
            search = self._searches[token] = SearchThread(ask)
            self._threads.append(search)
            return search

    def get(self, token: str) -> SearchThread | None:
        """Returns the search for a photo; None: there is none."""
        with self._lock:
            self._purge()
            return self._searches.get(token)

    def drop(self, token: str) -> None:
        """Forgets the search for a photo: its visitor has the answer, or has left."""
        with self._lock:
            self._searches.pop(token, None)

    def _purge(self) -> None:
        self._threads = [one for one in self._threads if one.seconds < 0]
        self._searches = {
            token: one for token, one in self._searches.items() if one.seconds <= SECONDS
        }


EARLY_SEARCHES = EarlySearches()
