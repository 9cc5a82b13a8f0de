"""Measures the service under load, on loopback, in one run.

    python benchmarks/service_load.py [--workers 1] [--products 1000] [--minutes 10] [--out FILE]

Photos are of 1280 px, each with bytes of its own, so that nothing of an earlier one helps. The
client runs on the same cores as the service.

throughput   answers a second of the service, beside the library's own (`search_many` with as many
             photos at a time), in turn, 15 rounds after a warm-up, medians
refined      a search, the same with its floor corrected, and with a filter, in turn: medians; and
             what one that is kept takes on the disk
half load    arrivals at random at half of that: p50, p99 and their ratio
overload     arrivals at random at four times of that: which answers, and how late the accepted ones
abandoned    60 clients that give up after 0.3 s, and an honest one after them
slow         300 clients that send a byte a second, and an honest one among them
memory       the service's own processes, every 10 s under full load
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from machine import machine
from pictures import room_photos, write_products

from floorlens import Floorlens

DEADLINE = 10.0
ROUNDS, BATCH = 15, 8
SLOW, ABANDONED = 300, 60
UPLOAD_SECONDS = 10.0
PATIENCE = 300.0


class Photos:
    """JPEGs that are all different files of a few rooms."""

    def __init__(self, rooms: list[bytes]) -> None:
        self._rooms = rooms
        self._count = 0

    def next(self) -> bytes:
        """Returns one that was not sent before."""
        self._count += 1
        # What follows the end of a JPEG is not looked at.
        return self._rooms[self._count % len(self._rooms)] + self._count.to_bytes(8, "big")


@dataclass(frozen=True)
class Answer:
    """What came of a request: status, seconds, and the code of a problem."""

    status: int
    seconds: float
    code: str = ""


@contextlib.contextmanager
def serving(catalogue: Path, folder: Path, workers: int) -> Iterator[tuple[str, int]]:
    """Yields URL and process id of a service."""
    environment = os.environ | {
        "FLOORLENS_CATALOGUE": str(catalogue),
        "FLOORLENS_STATE": str(folder / "state"),
        "FLOORLENS_NO_AUTH": "loopback",
        "FLOORLENS_DEADLINE": str(DEADLINE),
        "FLOORLENS_UPLOAD_SECONDS": str(UPLOAD_SECONDS),
    }
    log = folder / "service.log"
    command = [sys.executable, "-m", "floorlens", "serve", "--port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], env=environment, stdout=file, stderr=file
        )
    try:
        limit = time.monotonic() + PATIENCE
        while not (match := re.search(r"at (http://\S+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield match[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def post(client: httpx.Client, photo: bytes) -> Answer:
    """Searches for a photo as a shop's site would: the first 20 products."""
    start = time.perf_counter()
    answer = client.post("/v1/search", files={"photo": photo}, data={"limit": "20"})
    seconds = time.perf_counter() - start
    code = "" if answer.is_success else str(answer.json()["code"])
    return Answer(answer.status_code, seconds, code)


# -- throughput --------------------------------------------------------------------------------


def throughput(
    lens: Floorlens, client: httpx.Client, photos: Photos, at_once: int
) -> tuple[list[float], list[float]]:
    """Returns answers a second of the library and of the service, a round each in turn."""

    def library() -> None:
        batch = [photos.next() for _ in range(BATCH)]
        if len(list(lens.search_many(batch, limit=20, threads=at_once))) != BATCH:
            raise RuntimeError("the library lost a photo")

    def service() -> None:
        with ThreadPoolExecutor(at_once + 1) as pool:
            answers = list(pool.map(lambda _: post(client, photos.next()), range(BATCH)))
        if {answer.status for answer in answers} != {200}:
            raise RuntimeError(f"the service refused: {Counter(one.code for one in answers)}")

    def rate(work: Callable[[], None]) -> float:
        time.sleep(0.3)
        start = time.perf_counter()
        work()
        return BATCH / (time.perf_counter() - start)

    for work in (library, service):
        work()
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        pair = ((library, rates[0]), (service, rates[1]))
        for work, values in pair[:: 1 if number % 2 else -1]:
            values.append(rate(work))
    return rates


@dataclass(frozen=True)
class Refined:
    """Median seconds of a search, a corrected floor and a filter; kilobytes of a kept search."""

    search: float
    corrected: float
    filtered: float
    kilobytes: float


def refine(client: httpx.Client, photos: Photos, state: str) -> Refined:
    """Returns what it takes to ask again: a search, its floor corrected, a filter, in turn."""
    times: dict[str, list[float]] = {"search": [], "corrected": [], "filtered": []}

    def timed(name: str, path: str, **options: Any) -> Any:
        start = time.perf_counter()
        answer = client.post(path, **options)
        times[name].append(time.perf_counter() - start)
        return answer.raise_for_status().json()

    for _ in range(ROUNDS):
        page = timed("search", "/v1/search", files={"photo": photos.next()})
        left, top, right, bottom = page["floors"][0]["box"]
        middle, address = (left + right) // 2, f"/v1/searches/{page['id']}/refine"
        clicks = [
            {"x": middle, "y": top + 1, "floor": False},
            {"x": middle, "y": bottom - 1, "floor": True},
        ]
        timed("corrected", address, json={"clicks": clicks})
        timed("filtered", address, json={"where": {"name": {"$ne": "none"}}})
    with contextlib.closing(sqlite3.connect(Path(state) / "service.sqlite")) as connection:
        sizes = [
            connection.execute(f"SELECT avg(bytes) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("photos", "sights")
        ]
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return Refined(**medians, kilobytes=sum(sizes) / 1000)


# -- open load ---------------------------------------------------------------------------------


async def arrivals(url: str, photos: Photos, rate: float, seconds: float) -> list[Answer]:
    """Returns what comes of requests that arrive at random (Poisson), whoever else waits."""
    generator = random.Random(0)
    tasks = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:

        async def one(photo: bytes) -> Answer:
            start = time.perf_counter()
            answer = await client.post("/v1/search", files={"photo": photo}, data={"limit": "20"})
            took = time.perf_counter() - start
            code = "" if answer.is_success else str(answer.json()["code"])
            return Answer(answer.status_code, took, code)

        end = time.monotonic() + seconds
        due = time.monotonic()
        while due < end:
            due += generator.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(one(photos.next())))
        return list(await asyncio.gather(*tasks))


def quantile(values: list[float], share: float) -> float:
    """Returns a quantile: the value that so large a share is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# -- clients that misbehave --------------------------------------------------------------------


def head_and_body(photo: bytes) -> bytes:
    """Returns a whole request, as it goes over the wire."""
    request = httpx.Request("POST", "http://127.0.0.1/v1/search", files={"photo": photo})
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "POST /v1/search HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    return head.encode() + request.read()


def connection(url: str) -> socket.socket:
    """Returns a connection to the service."""
    parsed = httpx.URL(url)
    return socket.create_connection((parsed.host, parsed.port or 80), PATIENCE)


def abandon(url: str, client: httpx.Client, photos: Photos) -> float:
    """Returns the seconds of an honest request after 60 whose clients have gone."""
    gone = []
    for _ in range(ABANDONED):
        one = connection(url)
        one.sendall(head_and_body(photos.next()))
        gone.append(one)
    time.sleep(0.3)
    for one in gone:
        one.close()
    return post(client, photos.next()).seconds


def send_slowly(url: str, client: httpx.Client, photos: Photos) -> tuple[int, float, list[float]]:
    """Returns how many of 300 slow senders were dropped, how late, and honest requests' seconds."""
    form = (
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    start = time.monotonic()
    slow = [connection(url) for _ in range(SLOW)]
    for one in slow:
        one.sendall(form)
        one.setblocking(False)
    honest: list[float] = []
    dropped = 0
    last = start
    while slow and time.monotonic() - start < 6 * UPLOAD_SECONDS:
        for one in list(slow):
            try:
                one.send(b"-")
                gone = one.recv(65536) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone:
                one.close()
                slow.remove(one)
                dropped += 1
                last = time.monotonic()
        if len(honest) < 5:
            honest.append(post(client, photos.next()).seconds)
        time.sleep(0.5)
    for one in slow:
        one.close()
    return dropped, last - start, honest


# -- memory ------------------------------------------------------------------------------------


def descendants(pid: int) -> list[int]:
    """Returns the process ids of a process and of all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in descendants(int(child)))]


def megabytes(pid: int) -> float:
    """Returns the memory that a process and its children hold, shared pages counted once."""
    total = 0.0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) / 1024  # type: ignore[index]
    return total


def memory(
    client: httpx.Client, pid: int, photos: Photos, at_once: int, minutes: float
) -> tuple[list[float], int]:
    """Returns the megabytes, every 10 s under full load, and how many requests were answered."""
    end = time.monotonic() + 60 * minutes
    answered = 0

    def work() -> int:
        count = 0
        while time.monotonic() < end:
            count += post(client, photos.next()).status == 200
        return count

    with ThreadPoolExecutor(2 * at_once) as pool:
        tasks = [pool.submit(work) for _ in range(2 * at_once)]
        values = []
        while time.monotonic() < end:
            time.sleep(10)
            values.append(megabytes(pid))
        answered = sum(task.result() for task in tasks)
    return values, answered


# -- the run -----------------------------------------------------------------------------------


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the memory's part")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each open load")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    at_once = max(2, (os.cpu_count() or 1) // 2) * options.workers
    folder = Path(tempfile.mkdtemp(prefix="floorlens-load-"))
    facts: dict[str, Any] = {"machine": machine("onnxruntime", "uvicorn", "starlette")}
    print(" · ".join(f"{name} {value}" for name, value in facts["machine"].items()))
    try:
        write_products(folder / "products", options.products)
        with Floorlens.open(folder / "catalogue") as lens:
            lens.add(folder / "products", adapt=False)
            photos = Photos(room_photos()[0])
            with (
                serving(folder / "catalogue", folder, options.workers) as (url, pid),
                httpx.Client(base_url=url, timeout=PATIENCE) as client,
            ):
                facts["state"] = str(folder / "state")
                measure(lens, client, url, pid, photos, at_once, options, facts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.out:
        options.out.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def measure(
    lens: Floorlens,
    client: httpx.Client,
    url: str,
    pid: int,
    photos: Photos,
    at_once: int,
    options: argparse.Namespace,
    facts: dict[str, Any],
) -> None:
    """Measures all parts and prints each as soon as it is known."""
    library, service = throughput(lens, client, photos, at_once)
    own, rate = statistics.median(library), statistics.median(service)
    facts["throughput"] = {"library": own, "service": rate, "ratio": rate / own}
    print(f"throughput   {rate:.2f}/s; the library {own:.2f}/s; ratio {rate / own:.2f} (aim .80)")

    refined = refine(client, photos, facts["state"])
    facts["refine"] = asdict(refined)
    print(
        f"refined      a search {refined.search:.3f} s; with its floor corrected "
        f"{refined.corrected:.3f} s, ratio {refined.corrected / refined.search:.2f}; with a filter "
        f"{refined.filtered:.3f} s; kept in {refined.kilobytes:.0f} kB"
    )

    half = asyncio.run(arrivals(url, photos, rate / 2, options.seconds))
    seconds = [one.seconds for one in half if one.status == 200]
    p50, p99 = quantile(seconds, 0.5), quantile(seconds, 0.99)
    facts["half"] = {"p50": p50, "p99": p99, "answers": Counter(one.status for one in half)}
    print(
        f"half load    {len(half)} requests at {rate / 2:.2f}/s: p50 {p50:.2f} s, p99 {p99:.2f} s, "
        f"ratio {p99 / p50:.1f} (aim 3); {_statuses(half)}"
    )

    over = asyncio.run(arrivals(url, photos, 4 * rate, options.seconds))
    accepted = [one.seconds for one in over if one.status == 200]
    refused = [one.seconds for one in over if one.status != 200]
    facts["overload"] = {
        "answers": Counter(one.status for one in over),
        "slowest": max(accepted),
        "rate": len(accepted) / options.seconds,
    }
    print(
        f"overload     {len(over)} requests at {4 * rate:.2f}/s: {_statuses(over)}; accepted "
        f"{len(accepted) / options.seconds:.2f}/s, p50 {quantile(accepted, 0.5):.2f} s, the "
        f"slowest {max(accepted):.2f} s (deadline {DEADLINE:g} s); refused after "
        f"{quantile(refused, 0.5):.3f} s (p50)"
    )

    usual = statistics.median(post(client, photos.next()).seconds for _ in range(5))
    after = [abandon(url, client, photos) for _ in range(3)]
    facts["abandoned"] = {"usual": usual, "after": after}
    delays = ", ".join(f"{one - usual:+.2f}" for one in after)
    print(
        f"abandoned    an honest request usually takes {usual:.2f} s; after {ABANDONED} abandoned "
        f"ones {delays} s (aim: at most {usual:.2f} more)"
    )

    dropped, last, honest = send_slowly(url, client, photos)
    facts["slow"] = {"dropped": dropped, "last": last, "honest": honest}
    print(
        f"slow         {dropped} of {SLOW} slow senders dropped, the last after {last:.1f} s; "
        f"honest ones among them took {', '.join(f'{one:.2f}' for one in honest)} s"
    )

    if not options.minutes:
        return
    values, answered = memory(client, pid, photos, at_once, options.minutes)
    facts["memory"] = {"megabytes": values, "answered": answered}
    sixth = max(1, len(values) // 6)
    print(
        f"memory       {answered} answers in {options.minutes:g} min: {values[0]:.0f} MB after "
        f"10 s, median of the first {sixth} looks {statistics.median(values[:sixth]):.0f}, of "
        f"the last {statistics.median(values[-sixth:]):.0f}, most {max(values):.0f}"
    )


def _statuses(answers: list[Answer]) -> str:
    counts = Counter((one.status, one.code) for one in answers)
    return ", ".join(
        f"{count}x {status}{f' {code}' if code else ''}"
        for (status, code), count in sorted(counts.items())
    )


if __name__ == "__main__":
    main()
