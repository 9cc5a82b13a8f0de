"""The queue before the models: bounded, in order, and free of work that nobody waits for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api.admission import Admission
from floorlens.api.exchange import Exchange, checkpoint
from floorlens.api.problems import Refusal

PATIENCE = 120.0


class Work:
    """Work that runs until it is let go; counts who is at work."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = self.most = self.started = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.running += 1
            self.started += 1
            self.most = max(self.most, self.running)
            number = self.started
        assert self.gate.wait(PATIENCE)
        with self._lock:
            self.running -= 1
        return number


@pytest.fixture
def work() -> Iterator[Work]:
    one = Work()
    yield one
    one.gate.set()


def exchange(deadline: float = PATIENCE) -> Exchange:
    return Exchange("id", deadline)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), PATIENCE)

    asyncio.run(limited())


async def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.005)


async def refusal_of(task: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        await task
    return caught.value.status_code, caught.value.code


def test_so_many_run_and_so_many_wait_and_the_rest_is_refused(work: Work) -> None:
    async def scenario() -> None:
        admission = Admission(2, 3, "test")
        tasks = [asyncio.create_task(admission.run(exchange(), "a", work)) for _ in range(5)]
        await until(lambda: work.running == 2)
        assert (admission.at_work, admission.waiting) == (2, 3)
        with pytest.raises(Refusal) as caught:
            await admission.run(exchange(), "a", work)
        assert (caught.value.status_code, caught.value.code) == (503, "busy")
        assert int((caught.value.headers or {})["Retry-After"]) >= 1
        work.gate.set()
        assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4, 5]
        assert (admission.at_work, admission.waiting, work.most) == (0, 0, 2)
        admission.close()

    run(scenario)


def test_those_that_wait_have_their_turn_in_order() -> None:
    async def scenario() -> None:
        admission = Admission(1, 10, "test")
        order: list[int] = []
        first = Work()
        running = asyncio.create_task(admission.run(exchange(), "a", first))
        await until(lambda: first.running == 1)
        tasks = []
        for number in range(5):
            work = partial(order.append, number)
            tasks.append(asyncio.create_task(admission.run(exchange(), "a", work)))
            await asyncio.sleep(0)
        first.gate.set()
        await asyncio.gather(running, *tasks)
        assert order == [0, 1, 2, 3, 4]
        admission.close()

    run(scenario)


def test_who_has_gone_gives_its_place_away(work: Work) -> None:
    """Of 60 that wait and leave, none is computed; the next has its turn at once."""

    async def scenario() -> None:
        admission = Admission(1, 100, "test")
        running = asyncio.create_task(admission.run(exchange(), "a", work))
        await until(lambda: work.running == 1)
        gone = [exchange() for _ in range(60)]
        tasks = [asyncio.create_task(admission.run(one, "a", work)) for one in gone]
        await until(lambda: admission.waiting == 60)
        for one in gone:
            one.leave()
        assert {await refusal_of(task) for task in tasks} == {(499, "client-gone")}
        assert admission.waiting == 0
        honest = asyncio.create_task(admission.run(exchange(), "a", work))
        await until(lambda: admission.waiting == 1)
        work.gate.set()
        assert await running == 1
        assert await honest == 2
        admission.close()

    run(scenario)


def test_what_runs_for_nobody_ends_at_the_next_checkpoint() -> None:
    async def scenario() -> None:
        admission = Admission(1, 1, "test")
        one, begun, ended = exchange(), threading.Event(), threading.Event()

        def long() -> None:
            begun.set()
            try:
                while True:
                    checkpoint("segment")
                    time.sleep(0.005)
            finally:
                ended.set()

        task = asyncio.create_task(admission.run(one, "a", long))
        await until(begun.is_set)
        one.leave()
        assert await refusal_of(task) == (499, "client-gone")
        await until(lambda: ended.is_set() and admission.at_work == 0)
        admission.close()

    run(scenario)


def test_no_answer_comes_after_the_deadline(work: Work) -> None:
    """Neither of what runs too long, nor of what waits too long."""

    async def scenario() -> None:
        admission = Admission(1, 5, "test")
        slow = asyncio.create_task(admission.run(exchange(0.2), "a", work))
        await until(lambda: work.running == 1)
        waiting = asyncio.create_task(admission.run(exchange(0.2), "a", work))
        assert await refusal_of(slow) == (503, "deadline")
        assert await refusal_of(waiting) == (503, "busy")
        # The thread still runs: its place is not given away before it ends.
        assert (admission.at_work, work.started) == (1, 1)
        work.gate.set()
        await until(lambda: admission.at_work == 0)
        admission.close()

    run(scenario)


def test_what_could_not_be_done_in_time_is_refused_at_once() -> None:
    """By the mean of the work so far, each kind of its own."""

    async def scenario() -> None:
        admission = Admission(1, 100, "test")
        await admission.run(exchange(), "slow", lambda: time.sleep(0.3))
        await admission.run(exchange(), "quick", lambda: None)
        block = Work()
        running = asyncio.create_task(admission.run(exchange(), "slow", block))
        await until(lambda: block.running == 1)
        tasks = []
        for _ in range(50):
            tasks.append(asyncio.create_task(admission.run(exchange(3.0), "slow", lambda: None)))
            await asyncio.sleep(0)
        # Some 3 s x 0.8 / 0.3 s of them can be done.
        assert 4 <= admission.waiting <= 8
        block.gate.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert await running == 1
        refused = [one for one in outcomes if isinstance(one, Refusal)]
        assert {one.code for one in refused} == {"busy"}
        assert 42 <= len(refused) <= 46
        admission.close()

    run(scenario)


def test_a_task_that_is_ended_while_it_waits_leaves_no_place_behind(work: Work) -> None:
    """As when the service stops."""

    async def scenario() -> None:
        admission = Admission(1, 5, "test")
        running = asyncio.create_task(admission.run(exchange(), "a", work))
        await until(lambda: work.running == 1)
        waiting = asyncio.create_task(admission.run(exchange(), "a", work))
        await until(lambda: admission.waiting == 1)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert waiting.cancelled()
        assert admission.waiting == 0
        work.gate.set()
        await running
        assert admission.at_work == 0
        assert await admission.run(exchange(), "a", lambda: "next") == "next"
        admission.close()

    run(scenario)


def test_an_exception_of_the_work_is_raised_and_frees_the_place() -> None:
    async def scenario() -> None:
        admission = Admission(1, 0, "test")
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await admission.run(exchange(), "a", lambda: 1 // 0)
        assert admission.at_work == 0
        admission.close()

    run(scenario)
