"""How far a command is, and how long the rest takes: bars on a terminal, few lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress

FIRST_LINE, LEAST_PAUSE = 10.0, 30.0
"""Seconds until the first line in a log, and between two of them at the least."""
LINES = 20
"""About so many lines, however long it takes."""
MOST = 2000
"""An adaptation takes at most so many products (`floorlens.adaptation.adapt.LIMIT`)."""
SIMULATING = 6.0
"""Adapting to a product takes so many times as long as indexing one: six rooms are simulated."""


class Pace:
    """How long the rest of a task takes, at the pace of what is done.

    What was done before the first report, such as by an interrupted run, does not count.
    """

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self.elapsed = 0.0

    def seconds_left(self, number: int, total: int, now: float) -> float | None:
        """Returns the seconds for the rest, after `number` of `total`; None if it is too early."""
        if self._first is None:
            self._first = number, now
        self.elapsed = now - self._first[1]
        done = number - self._first[0]
        return self.elapsed * (total - number) / done if done > 0 else None


def duration(seconds: float) -> str:
    """Returns a length of time as one says it: 40 s, 7 min, 1 h 20 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """Shows on standard error how far a task is; yields the callback that moves it."""
    with progress_bars() as new_bar:
        yield new_bar(description, 0)


@contextmanager
def index_bars(adapt_from: int = 0) -> Iterator[tuple[ImportProgress, Progress]]:
    """Shows how far an import is and, once that begins, an adaptation; yields both callbacks.

    Args:
        adapt_from: an import of this many products or more is followed by an adaptation, whose
            time is said from the beginning; 0: that is not known.
    """
    with progress_bars() as new_bar:
        move_import, move_adaptation = new_bar("Indexing", adapt_from), new_bar("Adapting", 0)
        yield lambda number, total, _row: move_import(number, total), move_adaptation


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int], Progress]]:
    """Shows progress on standard error; yields a function that adds a task.

    That function takes the task's name and from how many items on an adaptation follows (0: none),
    and returns the progress callback; nothing is shown until its first call. Where standard error
    is no terminal, a task of more than some seconds prints a line now and then.
    """
    from rich import progress as rich_progress
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[left]}"),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as display:

        def new_bar(description: str, adapt_from: int) -> Progress:
            task = display.add_task(description, total=None, visible=False, left="")
            pace = Pace()

            def move(number: int, total: int) -> None:
                left = _left(pace, number, total, time.monotonic(), adapt_from)
                display.update(task, completed=number, total=total, visible=True, left=left)

            return move

        yield new_bar


def _left(pace: Pace, number: int, total: int, now: float, adapt_from: int) -> str:
    """Returns what to say about the time left; "" while there is nothing to say."""
    seconds = pace.seconds_left(number, total, now)
    if seconds is None or number >= total:
        return ""
    text = f"about {duration(seconds)} left"
    if 0 < adapt_from <= total:
        # As long as it has gone on, an item took as long as one of the rest.
        per_item = seconds / (total - number)
        text += f", then {duration(SIMULATING * per_item * min(total, MOST))} to adapt"
    return text


def _lines(description: str, adapt_from: int) -> Progress:
    """Returns the callback of a task whose progress is printed line by line, on standard error."""
    pace = Pace()
    due = 0.0

    def move(number: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        left = _left(pace, number, total, now, adapt_from)
        if due == 0.0:
            due = now + FIRST_LINE
        if now < due or not left:
            return
        seconds = pace.seconds_left(number, total, now) or 0.0
        due = now + max(LEAST_PAUSE, (pace.elapsed + seconds) / LINES)
        print(f"{description}: {number:,} of {total:,}, {left}", file=sys.stderr, flush=True)

    return move
