"""A real server with real models: many at once, clients that leave, starting and stopping."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("uvicorn", reason="needs the extra api")

import httpx

from floorlens import Floorlens
from floorlens.api.server import listen, running_service, serve
from floorlens.errors import EngineUnavailable, ModelUnavailable, StampMismatch, UsageError
from floorlens.retrieval.retriever import Retriever
from floorlens.settings import Settings
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)


def test_the_products_on_the_floors_come_first(service: str, rooms: Path) -> None:
    for room, product in (
        ("kitchen-star-tiles", "cement-star-blue"),
        ("bath-terrazzo", "terrazzo-grigio"),
        ("living-oak-sun", "oak-natural-plank"),
    ):
        with client(service) as web, (rooms / f"{room}.jpg").open("rb") as photo:
            hits = web.post("/search", files={"file": photo}).json()
        assert len(hits) == 4
        assert hits[0]["id"] == product


def test_twenty_at_once_are_all_answered_and_health_meanwhile(service: str, rooms: Path) -> None:
    """Each with its own ranking; the event loop is free while the models work."""
    photos = [(rooms / f"{name}.jpg").read_bytes() for name in ("bath-terrazzo", "hall-chevron")]
    with client(service) as web:
        expected = [
            web.post("/search", files={"file": ("a.jpg", photo)}).json() for photo in photos
        ]
        finished = threading.Event()
        statuses: list[int] = []

        def watch() -> None:
            while not finished.is_set():
                statuses.append(httpx.get(f"{service}/v1/status", timeout=PATIENCE).status_code)
                finished.wait(0.02)

        def ask(number: int) -> list[object]:
            # Bytes after a JPEG's end make it another file, which is not in the cache.
            data = photos[number % 2] + bytes([number])
            hits: list[object] = web.post("/search", files={"file": ("a.jpg", data)}).json()
            return hits

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with ThreadPoolExecutor(20) as pool:
                answers = list(pool.map(ask, range(20)))
        finally:
            finished.set()
            watcher.join()
    assert answers == [expected[number % 2] for number in range(20)]
    assert len(statuses) > 1
    assert set(statuses) == {200}


@pytest.mark.parametrize("size", [2_500_000, 3_500_000])
@pytest.mark.parametrize("with_length", [True, False])
def test_a_file_too_large_gets_an_answer_before_the_connection_closes(
    service: str, size: int, with_length: bool
) -> None:
    body = form(b"x" * size)
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    headers = {"content-type": "multipart/form-data; boundary=b"}
    with client(service) as web:
        answer = web.post("/search", content=body if with_length else pieces, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == "upload-too-large"
        assert web.get("/v1/status").status_code == 200


def test_an_endless_stream_is_disconnected(service: str) -> None:
    """Whether the client still reads the answer then is up to its network."""
    size = 0

    def endless() -> Iterator[bytes]:
        nonlocal size
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        while size < 1_000_000_000:
            size += 100_000
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    with client(service) as web:
        with suppress(httpx.TransportError):
            assert web.post("/search", content=endless(), headers=headers).status_code == 413
        assert web.get("/v1/status").status_code == 200
    assert size < 100_000_000


def form(photo: bytes, field: bytes = b"file") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.jpg"\r\n\r\n' % field
    return head + photo + b"\r\n--b--\r\n"


def request_head(body: bytes, route: str, *more: str) -> bytes:
    lines = [
        f"POST /{route} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: multipart/form-data; boundary=b",
        f"Content-Length: {len(body)}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_clients_that_leave_do_no_harm(
    service: str, rooms: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """During the upload or while they wait: the next one is served, and no error is logged."""
    host, port = service.removeprefix("http://").split(":")
    photo = (rooms / "bath-terrazzo.jpg").read_bytes()
    whole = request_head(form(photo), "search") + form(photo)
    with caplog.at_level(logging.WARNING):
        for length in (100, len(whole) // 2, len(whole)):
            for _ in range(3):
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(whole[:length])
        with client(service) as web:
            answer = web.post("/search", files={"file": ("a.jpg", photo)})
    assert answer.status_code == 200
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_port_in_use_is_a_clear_error_before_anything_is_loaded(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = Settings(catalogue=str(tmp_path / "catalogue"))
        with (
            pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use"),
            running_service(settings, port=port),
        ):
            pass
    assert not (tmp_path / "catalogue").exists()


@pytest.mark.parametrize(("host", "port"), [("203.0.113.1", 0), ("no such host", 0), ("::1", 1e6)])
def test_addresses_that_no_server_can_have(host: str, port: int) -> None:
    with pytest.raises(UsageError, match=r"not an address of this machine|not a port"):
        listen(host, int(port))


def test_a_service_ends_with_its_block(lens: Floorlens, room: Path) -> None:
    """The port is free again, also when the block fails; the catalogue is closed."""
    settings = Settings(catalogue=str(lens.folder))
    before = set(threading.enumerate())
    with pytest.raises(KeyError), running_service(settings, stages=fake_stages()) as url:
        with client(url) as web:
            assert web.post("/search", files={"file": room.read_bytes()}).status_code == 200
        raise KeyError("something else")
    new_threads = set(threading.enumerate()) - before
    assert not [one for one in new_threads if one.name == "floorlens-service"]
    port = int(url.rsplit(":", 1)[1])
    listen("127.0.0.1", port).close()


def test_a_catalogue_of_other_models_is_an_error_before_the_port_answers(lens: Floorlens) -> None:
    settings = Settings(catalogue=str(lens.folder))
    with (
        pytest.raises(StampMismatch),
        running_service(settings, stages=fake_stages(version="2")),
    ):
        pass


def test_a_missing_model_is_an_error_of_its_own(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models load at their first use, which must be before uvicorn would hide the error."""

    def missing(_self: Floorlens) -> None:
        raise ModelUnavailable("no CLIPSeg: pull it")

    monkeypatch.setattr(Floorlens, "warm_up", missing)
    settings = Settings(catalogue=str(lens.folder))
    with pytest.raises(ModelUnavailable), running_service(settings, stages=fake_stages()):
        pass
    with pytest.raises(ModelUnavailable):
        serve(Settings(catalogue=str(tmp_path / "new")), port=0, create=True)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_an_engine_that_is_down_does_not_keep_the_service_from_starting(
    lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks, pictures and health need no engine; searches work as soon as it is back."""
    with monkeypatch.context() as down:

        def fails(*_a: object, **_k: object) -> None:
            raise EngineUnavailable("down")

        down.setattr(Retriever, "retrieve", fails)
        with (
            running_service(Settings(catalogue=str(lens.folder)), stages=fake_stages()) as url,
            client(url) as web,
        ):
            photo = {"file": room.read_bytes()}
            answer = web.post("/search", files=photo)
            assert (answer.status_code, answer.json()["code"]) == (
                503,
                "engine-unavailable",
            )
            mask = web.post("/v1/mask", files={"photo": room.read_bytes()})
            assert mask.status_code == 200
            assert web.get("/v1/status").status_code == 200
            assert web.get("/v1/products/oak/image").status_code == 200
            down.undo()
            assert web.post("/search", files=photo).status_code == 200


# -- as a process ------------------------------------------------------------------------------


@pytest.fixture
def environment() -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_serve_answers_until_a_signal_stops_it(
    tmp_path: Path, environment: dict[str, str], rooms: Path, name: str
) -> None:
    """Requests from before the signal still get an answer, and the exit code is 0."""
    photo = (rooms / "bath-terrazzo.jpg").read_bytes()
    command = [sys.executable, "-m", "floorlens", "serve", "--port", "0", "--create", "--no-auth"]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(r"at (http://127\.0\.0\.1:\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with client(match[1]) as web:
            assert web.get("/v1/status").json()["products"] == 0
        host, port = match[1].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            body = form(photo, b"photo")
            connection.sendall(request_head(body, "v1/mask", "Expect: 100-continue"))
            # It comes when a route waits for the body: the service has begun with the request.
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
            process.send_signal(getattr(signal, name))
            deadline = time.monotonic() + PATIENCE
            while "Shutting down" not in log.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            connection.sendall(body)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"polygons" in answer
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()
    assert (tmp_path / "catalogue" / "catalogue.sqlite").is_file()


def test_serve_on_a_port_in_use_exits_2(tmp_path: Path, environment: dict[str, str]) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        result = subprocess.run(
            [sys.executable, "-m", "floorlens", "serve", "--port", port],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert result.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "catalogue").exists()
