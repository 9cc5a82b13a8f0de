"""Rates: all processes together allow the rate and a small burst, and no more."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from floorlens.service import schema
from floorlens.service.rates import FULL_AFTER, OWNERS, Rates, burst_of
from floorlens.service.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "service")
    yield store
    store.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module sees; tests set its one value."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def granted(rates: Rates, owner: str, rate: int, times: int) -> int:
    return sum(rates.take(owner, rate).granted for _ in range(times))


def test_a_burst_then_the_rate(store: Store, clock: list[float]) -> None:
    rates = Rates(store)
    assert granted(rates, "key", 60, 100) == 10
    refused = rates.take("key", 60)
    assert not refused.granted
    assert refused.remaining == 0
    assert refused.wait == pytest.approx(1)
    for _ in range(30):
        clock[0] += 1.001
        assert granted(rates, "key", 60, 3) == 1
    clock[0] += 3600
    assert granted(rates, "key", 60, 100) == 10
    assert granted(rates, "other", 60, 100) == 10


def test_what_remains_is_said(store: Store, clock: list[float]) -> None:
    rates = Rates(store)
    assert [rates.take("key", 60).remaining for _ in range(10)] == list(range(9, -1, -1))


def test_refusals_write_nothing_and_are_not_asked_of_the_store(
    store: Store, clock: list[float]
) -> None:
    rates = Rates(store)
    granted(rates, "key", 60, 11)
    clock[0] += 0.5
    local = rates.take_local("key", 60)
    assert local is not None
    assert not local.granted
    assert local.wait == pytest.approx(0.5)


def test_a_clock_that_is_set_back_shuts_nobody_out(store: Store, clock: list[float]) -> None:
    rates = Rates(store)
    granted(rates, "key", 60, 11)
    clock[0] -= 86_400
    rates.take("key", 60)
    clock[0] += 2
    assert granted(rates, "key", 60, 1) == 1


def test_workers_share_a_bucket(store: Store, clock: list[float]) -> None:
    workers = [Rates(store), Rates(Store(store.folder)), Rates(Store(store.folder))]
    assert sum(granted(worker, "key", 600, 100) for worker in workers) == burst_of(600) == 100


def test_threads_share_a_portion(store: Store, clock: list[float]) -> None:
    rates = Rates(store)
    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(lambda _: rates.take("key", 600).granted, range(400)))
    assert sum(grants) == 100


def test_what_is_full_again_is_forgotten(store: Store, clock: list[float]) -> None:
    """In public mode every address has a row."""
    rates = Rates(store)
    old = [{"owner": f"a{n}", "tokens": 1.0, "updated": clock[0]} for n in range(50)]
    with store.writing() as connection:
        connection.execute(insert(schema.rates), old)
    clock[0] += FULL_AFTER + 1
    rates.take("key", 60)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(schema.rates)).scalar() == 1


def test_a_process_does_not_remember_everybody(store: Store, clock: list[float]) -> None:
    rates = Rates(store)
    for number in range(OWNERS + 10):
        rates.take_local(f"a{number}", 60)
    assert len(rates._portions) == OWNERS


WORKER = """
import sys, time
from floorlens.service.rates import Rates
from floorlens.service.store import Store
rates = Rates(Store(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 2
count = 0
while time.monotonic() < end:
    count += rates.take("key", 600).granted
    time.sleep(0.001)
print(count)
"""


@pytest.mark.slow
def test_processes_together_keep_to_the_rate(tmp_path: Path) -> None:
    """Three that ask for all they can get: the rate, one burst, the portions that are left."""
    Store(tmp_path).close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        begin = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        counts = []
        for worker in workers:
            assert worker.stdout is not None
            counts.append(int(worker.stdout.readline()))
        seconds = time.monotonic() - begin
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert all(counts)
    assert burst_of(600) <= sum(counts) <= burst_of(600) + 10 * seconds + 3 * 10
