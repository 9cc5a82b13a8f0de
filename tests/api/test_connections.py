"""Connections that cost time: slow heads and bodies, clients that do not read, too many at once."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from floorlens import Floorlens
from floorlens.api import connections, limits
from floorlens.api.server import listen, running_service
from floorlens.segmentation import Click, FloorProbability
from floorlens.settings import Settings
from floorlens.testing import FakeSegmenter, fake_stages

pytestmark = pytest.mark.slow

PATIENCE = 120.0
Starting = Callable[..., str]


@pytest.fixture
def starting(settings: Settings) -> Iterator[Starting]:
    """Starts a real service without models; `starting(**settings)` changes its settings."""
    with ExitStack() as stack:

        def start(**changes: Any) -> str:
            own = settings.model_copy(update=changes)
            return stack.enter_context(running_service(own, stages=fake_stages()))

        yield start


@contextmanager
def connection(url: str, data: bytes = b"") -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE) as one:
        if data:
            one.sendall(data)
        yield one


def answer(one: socket.socket) -> bytes:
    """Returns all that the service sends until it closes the connection."""
    data = b""
    while piece := one.recv(65536):
        data += piece
    return data


def problem(data: bytes) -> dict[str, Any]:
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()
    parsed: dict[str, Any] = json.loads(body)
    return parsed


FORM = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n"
HEAD = b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def test_an_answer_does_not_wait_for_an_acknowledgment() -> None:
    """With Nagle's algorithm each body would come long after its head."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_half_a_head_is_not_waited_for(starting: Starting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it is that of a second request. One that never says anything is only closed."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    url = starting()
    with connection(url, HEAD) as one:
        assert problem(answer(one))["code"] == "request-timeout"
    with connection(url) as one:
        assert answer(one) == b""
    with connection(url, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + HEAD) as one:
        data = answer(one)
        assert data.startswith(b"HTTP/1.1 200 ")
        assert b"request-timeout" in data


def test_slow_senders_are_dropped_and_others_are_served_meanwhile(
    starting: Starting, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They send a byte now and then, for ever."""
    monkeypatch.setattr(limits, "IDLE_SECONDS", 60.0)
    url = starting(upload_seconds=1.0)
    with ExitStack() as stack:
        slow = [stack.enter_context(connection(url, HEAD + FORM)) for _ in range(30)]
        for one in slow:
            one.sendall(b"-")
        files = {"file": room.read_bytes()}
        assert httpx.post(f"{url}/search", files=files, timeout=PATIENCE).status_code == 200
        codes = {problem(answer(one))["code"] for one in slow}
    assert codes == {"request-timeout"}


def test_who_goes_on_sending_after_the_answer_is_disconnected(
    starting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However regularly: the request is refused at its first bytes, and its length is known."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with connection(starting(), HEAD + FORM + b"no boundary") as one:
        one.settimeout(0.05)
        limit = time.monotonic() + PATIENCE
        data = b""
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() < limit:
                one.sendall(b"-")
                with suppress(TimeoutError):
                    piece = one.recv(65536)
                    data += piece
                    if not piece:
                        break
            else:
                raise AssertionError("it may send for ever")
    assert data.startswith(b"HTTP/1.1 400 ")


def test_clients_that_are_gone_cost_no_model_whatever_they_sent(
    settings: Settings, tmp_path: Path
) -> None:
    """Bodies of more than 64 KiB too: uvicorn reads no further while such a one is not taken."""
    photo = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (220, 220, 3), np.uint8)
    Image.fromarray(noise).save(photo)
    assert photo.stat().st_size > 2 * HIGH_WATER_LIMIT
    gate, begun, calls = threading.Event(), threading.Event(), []

    class Slow(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            calls.append(pixels.shape)
            if len(calls) > warm:
                begun.set()
                assert gate.wait(PATIENCE)
            return super().segment(pixels, clicks)

    warm = 10**9
    stages = fake_stages()
    stages = replace(stages, segmenter=Slow(stages.segmenter.stamp))
    own = settings.model_copy(update={"at_once": 1, "keep_hours": 0})
    with running_service(own, stages=stages) as url, ThreadPoolExecutor(2) as pool:
        try:
            warm = len(calls)

            def file(number: int) -> dict[str, bytes]:
                # Each a file of its own: floors of files that were seen are remembered.
                return {"file": photo.read_bytes() + bytes([number])}

            def ask(number: int) -> int:
                files = file(number)
                return httpx.post(f"{url}/search", files=files, timeout=PATIENCE).status_code

            def figure(name: str) -> float:
                text = httpx.get(f"{url}/metrics", timeout=PATIENCE).text
                found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
                return float(found[1]) if found else 0.0

            def wait_for(name: str, value: float) -> None:
                limit = time.monotonic() + PATIENCE
                while figure(name) != value:
                    assert time.monotonic() < limit, figure(name)
                    time.sleep(0.05)

            first = pool.submit(ask, 0)
            assert begun.wait(PATIENCE)
            with ExitStack() as stack:
                for number in range(1, 6):
                    request = httpx.Request("POST", f"{url}/search", files=file(number))
                    lines = [f"{name}: {value}" for name, value in request.headers.items()]
                    head = "\r\n".join(["POST /search HTTP/1.1", *lines, "", ""]).encode()
                    stack.enter_context(connection(url, head + request.read()))
                wait_for("floorlens_waiting", 5)
            wait_for("floorlens_waiting", 0)
            last = pool.submit(ask, 99)
            wait_for("floorlens_waiting", 1)
            gate.set()
            assert (first.result(), last.result()) == (200, 200)
            assert len(calls) == warm + 2
            gone = 'floorlens_requests_total{method="POST",route="/search",status="499"}'
            assert figure(gone) == 5
        finally:
            gate.set()


def test_more_connections_than_the_limit_are_refused(starting: Starting) -> None:
    url = starting(connections=5)
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connection(url))
        with connection(url) as one:
            refusal = problem(answer(one))
        assert (refusal["status"], refusal["code"]) == (503, "too-many-connections")
    limit = time.monotonic() + PATIENCE
    while httpx.get(f"{url}/healthz", timeout=PATIENCE).status_code != 200:
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_who_does_not_read_the_answer_is_disconnected(
    starting: Starting, lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.5)
    picture = Path(lens.product("oak").images[0])
    picture.write_bytes(picture.read_bytes() + b"\0" * 30_000_000)
    url = starting()
    with connection(url) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        one.sendall(b"GET /v1/products/oak/image HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(2)
        # What the kernel had taken already still comes.
        assert len(answer(one)) < 20_000_000


def test_what_is_no_http_is_a_problem_too(starting: Starting) -> None:
    with connection(starting(), b"\x16\x03\x01 nonsense\r\n\r\n") as one:
        refusal = problem(answer(one))
    assert (refusal["status"], refusal["code"]) == (400, "request-invalid")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at /proc, as Linux has it")
def test_a_photo_that_is_not_to_be_kept_never_lies_on_the_disk(starting: Starting) -> None:
    """Not even in a temporary file without a name, as forms of more than 1 MB are by default."""
    url = starting(keep_hours=0, max_upload_mb=6.0)
    done, files = threading.Event(), set()

    def unnamed() -> set[str]:
        targets = set()
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                targets.add(str(link.readlink()))
        return {target for target in targets if target.endswith("(deleted)")}

    def look() -> None:
        while not done.is_set():
            files.update(unnamed())

    # pytest's own are there already.
    before = unnamed()
    looking = threading.Thread(target=look)
    looking.start()
    try:
        body = b"\xff\xd8" + b"x" * 4_000_000
        for route, name in (("/v1/search", "photo"), ("/v1/mask", "photo"), ("/search", "file")):
            answer = httpx.post(f"{url}{route}", files={name: body}, timeout=PATIENCE)
            assert answer.status_code == 415
    finally:
        done.set()
        looking.join()
    assert not files - before
