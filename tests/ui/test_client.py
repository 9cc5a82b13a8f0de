"""The client: the service's answers as objects, and an error for every way to get none."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.api.server import listen
from floorlens.errors import ServiceError, ServiceUnreachable, SettingsError
from floorlens.ui.client import ServiceClient

Call = Callable[[ServiceClient], object]
EVERY: list[Call] = [
    lambda client: client.health(),
    lambda client: client.mask(b"x"),
    lambda client: client.search(b"x"),
]


@pytest.fixture
def client(service: str) -> Iterator[ServiceClient]:
    with closing(ServiceClient(service)) as own_client:
        yield own_client


def test_answers_are_those_of_the_library(
    client: ServiceClient, lens: Floorlens, room: Path
) -> None:
    health = client.health()
    assert (health.products, health.preset) == (6, "fake")
    floor, expected = client.mask(room.read_bytes()), lens.mask(room)
    with Image.open(io.BytesIO(floor.png)) as mask:
        assert np.array_equal(np.asarray(mask) > 0, expected.mask)
    assert (floor.share, floor.confidence) == (expected.share, expected.confidence)
    assert floor.reasons == expected.reasons
    ranking, matches = client.search(room.read_bytes()), lens.search(room).matches
    assert [(one.id, one.score, one.name) for one in ranking.hits] == [
        (match.product.id, match.score, match.product.name) for match in matches
    ]
    assert ranking.degraded is None
    assert len(client.search(room.read_bytes(), limit=2).hits) == 2


def test_pictures_come_in_their_order_and_may_be_missing(
    client: ServiceClient, product_folder: Path
) -> None:
    (product_folder / "moss.png").unlink()
    pictures = client.pictures(["oak", "moss", "no such", "brick"], 64)
    assert [one is None for one in pictures] == [False, True, True, False]
    with Image.open(io.BytesIO(pictures[3] or b"")) as picture:
        assert picture.getpixel((20, 20)) == pytest.approx((160, 70, 50), abs=6)


@pytest.mark.parametrize(
    "name", ["Eiche 50% #1? «natur» & 木", "a#b", "a?b", "50%", "%2F", "a%20b+c", "x;y=z", "..."]
)
def test_pictures_of_ids_of_any_letters(
    client: ServiceClient, lens: Floorlens, tmp_path: Path, name: str
) -> None:
    """Many mean something in a URL; no catalogue accepts ids with a slash."""
    Image.new("RGB", (40, 40), (160, 70, 50)).save(tmp_path / "one.png")
    (tmp_path / "one.csv").write_text(f"id,image\n{name},one.png\n", "utf-8")
    assert lens.add(tmp_path / "one.csv").counts["added"] == 1
    assert lens.product(name).id == name
    picture = client.picture(name, 64)
    assert picture is not None
    with Image.open(io.BytesIO(picture)) as image:
        assert image.getpixel((20, 20)) == pytest.approx((160, 70, 50), abs=6)


def test_a_refusal_has_the_services_code_and_text(client: ServiceClient, blank: Path) -> None:
    with pytest.raises(ServiceError, match="No floor was found") as refusal:
        client.search(blank.read_bytes())
    assert refusal.value.code == "no-floor-found"
    with pytest.raises(ServiceError) as refusal:
        client.mask(b"not a picture")
    assert refusal.value.code == "image-unreadable"


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x", "http://", "http://x:y", "/x"])
def test_a_wrong_address_is_an_error_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="is not an address"):
        ServiceClient(url)


@pytest.mark.parametrize("call", EVERY)
def test_nothing_answers(call: Call) -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    with (
        closing(ServiceClient(f"http://me:secret@127.0.0.1:{port}/")) as client,
        pytest.raises(ServiceUnreachable, match="floorlens serve") as error,
    ):
        call(client)
    assert "secret" not in str(error.value)
    assert error.value.code == "service-unreachable"


@pytest.mark.parametrize("url", ["http://[", "http://a..b", "http://" + "x" * 300])
def test_impossible_hosts_are_unreachable(url: str) -> None:
    with closing(ServiceClient(url)) as client, pytest.raises(ServiceUnreachable):
        client.health()


@pytest.fixture
def stranger() -> Iterator[Callable[[int, bytes], str]]:
    """Starts another program's server: `stranger(status, body)` returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("call", EVERY)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>a router</html>"),
        (200, b"{}"),
        (200, b"[1, 2]"),
        (200, b"7"),
        (404, b"<html>not here</html>"),
        (500, b'{"detail": "something"}'),
        (404, b'{"error": "text"}'),
    ],
)
def test_another_program_at_the_address(
    stranger: Callable[[int, bytes], str], call: Call, status: int, body: bytes
) -> None:
    with (
        closing(ServiceClient(stranger(status, body))) as client,
        pytest.raises(ServiceError, match="is not a Floorlens service"),
    ):
        call(client)


def test_a_proxy_whose_service_is_down(stranger: Callable[[int, bytes], str]) -> None:
    with (
        closing(ServiceClient(stranger(502, b"<html>bad gateway</html>"))) as client,
        pytest.raises(ServiceUnreachable, match="a proxy answers"),
    ):
        client.health()


def test_no_proxy_is_used_for_this_machine(
    service: str, stranger: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not reach it; for other hosts it is used."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    health = b'{"products": 7, "preset": "of the proxy", "version": "1"}'
    monkeypatch.setenv("HTTP_PROXY", stranger(200, health))
    port = service.rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost"):
        with closing(ServiceClient(f"http://{host}:{port}")) as client:
            assert client.health().products == 6
    with closing(ServiceClient("http://floors.example")) as client:
        assert client.health().products == 7
