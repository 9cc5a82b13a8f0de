"""Which requests get the models: so many at a time, so many waiting, none for longer than it may.

A queue without bounds makes everybody wait for answers that nobody waits for any more. This one
refuses at once what it could not answer in time, and drops who has gone.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from floorlens.api.exchange import CURRENT, Exchange, checkpoint
from floorlens.api.problems import Refusal

T = TypeVar("T")

_SMOOTHING = 0.2
"""How much the latest piece of work counts in the mean of their seconds."""
_HEADROOM = 0.8
"""Only so much of its time may a request spend on waiting and work, by the mean: work varies."""


class Admission:
    """A bounded queue before a fixed number of threads. Belongs to one event loop.

    Attributes:
        at_once: how many pieces of work run at a time.
        at_work: how many run now.
    """

    def __init__(
        self,
        at_once: int,
        queue: int,
        name: str,
        note_load: Callable[[int, int], None] = lambda at_work, waiting: None,
    ) -> None:
        """Starts no thread yet.

        Args:
            at_once: how many pieces of work run at a time.
            queue: how many may wait.
            name: of the threads.
            note_load: called with how many are at work and how many wait, whenever that changes.
        """
        self.at_once = at_once
        self.at_work = 0
        self._queue = queue
        self._note_load = note_load
        self._waiting: deque[asyncio.Future[None]] = deque()
        # Always the same threads: each that ever ran a model keeps some of its memory.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._means: dict[str, float] = {}
        self._expected = 0.0

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        return len(self._waiting)

    def close(self) -> None:
        """Takes no more work; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def seconds_until_done(self, kind: str) -> float:
        """Returns how long work that came now would take with its wait, by the means so far."""
        before = self._expected if self.at_work >= self.at_once else 0.0
        return before / self.at_once + self._means.get(kind, 0.0)

    async def run(self, exchange: Exchange, kind: str, work: Callable[[], T]) -> T:
        """Runs `work` in a thread when its turn has come; returns its result.

        The thread cannot be stopped: it ends at the next `checkpoint` once nobody waits for it.

        Args:
            exchange: the request.
            kind: of the work; work of one kind takes about the same time.
            work: what is run.

        Raises:
            Refusal: 503 if too many wait, or it would not be done in time, or was not; 499 if the
                client has gone.
        """
        expected = self._means.get(kind, 0.0)
        # So that a client that went right after its body is seen to have gone.
        await asyncio.sleep(0)
        await self._turn(exchange, kind, expected)
        started = time.monotonic()
        context = contextvars.copy_context()
        context.run(CURRENT.set, exchange)
        try:
            task = asyncio.get_running_loop().run_in_executor(
                self._threads, context.run, _begin, work
            )
        except RuntimeError:
            # The service is stopping.
            self._release(expected)
            raise Refusal(503, "busy", {"Retry-After": "5"}) from None
        task.add_done_callback(lambda done: self._done(done, kind, expected, started))
        left = asyncio.Event()
        forget = exchange.on_leave(left.set)
        leaving = asyncio.ensure_future(left.wait())
        try:
            await asyncio.wait(
                (task, leaving),
                timeout=max(0.0, exchange.left),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            forget()
            leaving.cancel()
        if task.done():
            return task.result()
        raise self._over(exchange, "deadline", kind)

    async def _turn(self, exchange: Exchange, kind: str, expected: float) -> None:
        """Waits for a place among those at work."""
        if exchange.gone:
            raise self._over(exchange, "busy", kind)
        wait = self.seconds_until_done(kind)
        if self.at_work < self.at_once and not self._waiting:
            self.at_work += 1
            self._expected += expected
            self._note()
            return
        if len(self._waiting) >= self._queue or wait > _HEADROOM * exchange.left:
            raise self._over(exchange, "busy", kind)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()

        def give_up() -> None:
            turn.cancel()

        self._waiting.append(turn)
        self._expected += expected
        self._note()
        forget = exchange.on_leave(give_up)
        # What begins later than this would not be done in time.
        timer = loop.call_later(max(0.0, exchange.left - expected), give_up)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._expected -= expected
                with suppress(ValueError):
                    self._waiting.remove(turn)
                self._note()
            else:
                # The turn came just when this task was ended.
                self._release(expected)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._over(exchange, "busy", kind) from None
        finally:
            timer.cancel()
            forget()

    def _release(self, expected: float) -> None:
        """Gives the place of a piece of work that has ended to the next one that waits."""
        self._expected -= expected
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._note()
                return
        self.at_work -= 1
        if not self.at_work:
            # Sums of many floats drift.
            self._expected = 0.0
        self._note()

    def _note(self) -> None:
        self._note_load(self.at_work, self.waiting)

    def _done(self, task: asyncio.Future[T], kind: str, expected: float, started: float) -> None:
        if not task.cancelled() and task.exception() is None:
            seconds = time.monotonic() - started
            mean = self._means.get(kind, seconds)
            self._means[kind] = mean + _SMOOTHING * (seconds - mean)
        self._release(expected)

    def _over(self, exchange: Exchange, code: str, kind: str) -> Refusal:
        if exchange.gone:
            return Refusal(499, "client-gone")
        retry = math.ceil(min(60.0, self.seconds_until_done(kind)))
        return Refusal(503, code, {"Retry-After": str(max(1, retry))})


def _begin(work: Callable[[], T]) -> T:
    """Does work in a thread, unless nobody waits for it any more."""
    checkpoint()
    return work()
