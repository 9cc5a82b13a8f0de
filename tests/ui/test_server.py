"""The page as a web application: what it passes on, and photos that come in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

import httpx
import streamlit as st
from starlette.applications import Starlette

from floorlens import Floorlens
from floorlens.api.server import _server, running_service
from floorlens.client import Client
from floorlens.client.clients import KEEP_SECONDS
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui.addresses import MARK, PREFIX, address, photo_address
from floorlens.ui.early import EARLY_SEARCHES
from floorlens.ui.photos import PHOTOS
from floorlens.ui.server import page_lifespan, page_routes
from floorlens.ui.tickets import TICKETS

Ask = Callable[..., httpx.Response]
MARKED = {MARK: "1"}


def browser(url: str, settings: Settings) -> Ask:
    """Returns what sends a request to a page of a service, as a browser would."""
    key = settings.api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}

    async def once(method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=url, headers=headers) as service:
            transport = httpx.ASGITransport(Starlette(routes=page_routes(service, settings)))
            async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
                return await client.request(method, path, **options)

    return lambda method, path, **options: asyncio.run(once(method, path, options))


@pytest.fixture
def secret(lens: Floorlens) -> str:
    store = Store(Settings(catalogue=str(lens.folder)).state_folder())
    key = Keys(store).create("page", ["search", "read", "admin"])[1]
    store.close()
    return key


@pytest.fixture
def url(lens: Floorlens, secret: str) -> Iterator[str]:
    """The URL of a service that asks for keys."""
    settings = Settings(catalogue=str(lens.folder), no_auth=None)
    with running_service(settings, stages=fake_stages()) as url:
        yield url


@pytest.fixture
def ask(url: str, secret: str) -> Ask:
    """Sends a request to the page of that service, as a browser would."""
    return browser(url, Settings(api_key=SecretStr(secret), max_upload_mb=0.2, max_megapixels=0.1))


@pytest.fixture
def search_id(url: str, secret: str, room: Path) -> str:
    with Client(url, key=secret) as client:
        return client.search(room).id or ""


def test_pictures_of_the_service_are_passed_on_with_the_pages_key(
    ask: Ask, search_id: str, secret: str
) -> None:
    photo = ask("GET", f"{PREFIX}/v1/searches/{search_id}/photo.jpg")
    assert (photo.status_code, photo.content[:2]) == (200, b"\xff\xd8")
    assert photo.headers["x-content-type-options"] == "nosniff"
    assert secret not in str(photo.headers)
    product = ask("GET", address("/v1/products/oak/image?width=320"))
    assert product.status_code == 200
    tag = product.headers["etag"]
    again = ask("GET", address("/v1/products/oak/image?width=320"), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    table = ask("GET", f"{PREFIX}/v1/searches/{search_id}/matches.csv")
    assert "attachment" in table.headers["content-disposition"]


def test_nothing_else_is_passed_on(ask: Ask, search_id: str) -> None:
    for path in (
        "/v1/products",
        "/v1/products/oak",
        "/v1/status",
        "/metrics",
        f"/v1/searches/{search_id}",
        f"/v1/searches/{search_id}/matches/oak",
        # An id that would end the path, or lead out of it.
        "/v1/products/%3F/image",
        "/v1/products/%23/image",
        f"/v1/products/../searches/{search_id}?/image",
        "/v1/products/%2e%2e/%2e%2e/v1/status%3F/image",
        "//other.example/v1/products/oak/image",
    ):
        answer = ask("GET", PREFIX + path)
        assert answer.status_code == 404, path
        assert b"oak" not in answer.content.lower(), path
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(method, f"{PREFIX}/v1/products/oak/image").status_code == 405


def test_a_path_that_would_end_early_on_the_way(url: str, secret: str) -> None:
    """Servers may let a "#" through in a path; what is asked next then breaks off before it."""

    async def status(path: str) -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
        scope |= {"query_string": b"", "headers": [], "scheme": "http", "server": ("page", 80)}
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as service:
            await Starlette(routes=page_routes(service, Settings()))(scope, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(status(f"{PREFIX}/v1/products/oak/image")) == 200
    assert asyncio.run(status(f"{PREFIX}/v1/products/oak#/image")) == 404


def test_a_service_that_does_not_answer() -> None:
    ask = browser("http://127.0.0.1:9", Settings())
    assert ask("GET", address("/v1/products/oak/image")).status_code == 503


LOST = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def busy() -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "0"}, json={"code": "busy"})


@pytest.mark.parametrize(
    ("answers", "status", "left"),
    [
        ([LOST, busy(), httpx.Response(200, content=b"picture")], 200, 0),
        ([LOST, LOST, LOST, httpx.Response(200)], 503, 1),
        ([busy(), busy(), busy(), httpx.Response(200)], 503, 1),
        ([httpx.Response(503, headers={"Retry-After": "60"}), httpx.Response(200)], 503, 1),
        ([httpx.LocalProtocolError("Illegal header"), httpx.Response(200)], 503, 1),
        ([httpx.Response(404), httpx.Response(200)], 404, 1),
        ([httpx.Response(500), httpx.Response(200)], 500, 1),
    ],
)
def test_a_picture_is_asked_for_again_if_its_connection_is_lost_or_the_service_busy(
    answers: list[Exception | httpx.Response], status: int, left: int
) -> None:
    """The service closes idle connections, and a browser shows a refused picture as broken."""

    async def ask() -> httpx.Response:
        def service_answer(request: httpx.Request) -> httpx.Response:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        mock = httpx.MockTransport(service_answer)
        async with httpx.AsyncClient(transport=mock, base_url="http://service") as service:
            transport = httpx.ASGITransport(Starlette(routes=page_routes(service, Settings())))
            async with httpx.AsyncClient(transport=transport, base_url="http://page") as browser:
                return await browser.get(address("/v1/products/oak/image?width=320"))

    answer = asyncio.run(ask())
    assert (answer.status_code, len(answers)) == (status, left)


def test_the_service_keeps_idle_connections_longer_than_those_that_ask_it(lens: Floorlens) -> None:
    server = _server(Settings(), lens, quiet=True)
    assert server.config.timeout_keep_alive - KEEP_SECONDS >= 1.0


def test_what_listens_sends_at_once_and_nothing_else_changes(tmp_path: Path) -> None:
    """Or each answer on a connection that stays open would wait for an acknowledgment."""

    def is_at_once(one: socket.socket) -> bool:
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) > 0

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        (tmp_path / "file").open("w") as file,
    ):
        earlier, _ = listener.accept()

        async def start() -> None:
            async with httpx.AsyncClient() as service, page_lifespan(service):
                pass

        asyncio.run(start())
        with socket.create_connection(listener.getsockname()), earlier:
            later, _ = listener.accept()
            with later:
                assert [is_at_once(one) for one in (later, earlier, client)] == [True, False, False]
        # All that was looked at is still open.
        file.write("x")


def test_a_photo_comes_in_and_can_be_seen(ask: Ask, room: Path) -> None:
    answer = ask("POST", f"{PREFIX}/photos", content=room.read_bytes(), headers=MARKED)
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert PHOTOS.get(token) == room.read_bytes()
    seen = ask("GET", photo_address(token))
    assert (seen.headers["content-type"], seen.content[:2]) == ("image/jpeg", b"\xff\xd8")
    PHOTOS.drop(token)
    assert ask("GET", photo_address(token)).status_code == 404


def test_the_search_for_a_photo_begins_when_it_comes_in(
    ask: Ask, url: str, secret: str, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_API_URL", url)
    monkeypatch.setenv("FLOORLENS_API_KEY", secret)
    st.cache_resource.clear()
    data = room.read_bytes()
    wanted = ask("POST", f"{PREFIX}/photos?search=1", content=data, headers=MARKED).json()["token"]
    search = EARLY_SEARCHES.get(wanted)
    assert search is not None
    assert len(search.result().matches) == 6
    st.cache_resource.clear()
    # Of the photos of several rooms each is asked for in its turn.
    kept = ask("POST", f"{PREFIX}/photos", content=data, headers=MARKED).json()["token"]
    assert EARLY_SEARCHES.get(kept) is None


def test_photos_that_are_refused(ask: Ask) -> None:
    before = PHOTOS.size_of_all()

    def refusal(content: Any, headers: dict[str, str]) -> tuple[int, str]:
        answer = ask("POST", f"{PREFIX}/photos", content=content, headers=headers)
        return answer.status_code, answer.json()["code"]

    async def parts() -> Any:
        for _ in range(3):
            yield b"x" * 100_000

    # Another site's page cannot set the header without asking, and is not allowed to.
    assert refusal(b"x", {}) == (403, "cross-site")
    assert refusal(b"", MARKED) == (400, "empty")
    assert refusal(b"x" * 200_001, MARKED) == (413, "upload-too-large")
    assert refusal(parts(), MARKED) == (413, "upload-too-large")
    assert PHOTOS.size_of_all() == before


def test_sample_rooms_have_small_pictures(ask: Ask) -> None:
    answer = ask("GET", f"{PREFIX}/rooms/hall-chevron.jpg")
    assert answer.status_code == 200
    assert len(answer.content) < 60_000
    assert "max-age" in answer.headers["cache-control"]
    assert ask("GET", f"{PREFIX}/rooms/..%2Fproducts.csv").status_code == 404
    assert ask("GET", f"{PREFIX}/rooms/none.jpg").status_code == 404


# -- files of products -------------------------------------------------------------------------

IMPORTS = f"{PREFIX}/imports"


def bearing(key: str | None, use: Any = "imports") -> dict[str, str]:
    """Returns the header of a browser that has a ticket."""
    return {MARK: TICKETS.issue(key, use)}


def test_a_file_of_products_goes_to_the_service_with_the_visitors_key(
    ask: Ask, url: str, secret: str
) -> None:
    query = {"name": 'a "list"\r\nof mine.csv', "adapt": "false"}
    answer = ask("POST", IMPORTS, params=query, content=b"id,name\nx,X\n", headers=bearing(secret))
    assert answer.status_code == 202
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert secret not in str(answer.headers) + answer.text
    with Client(url, key=secret) as client:
        (job,) = client.list_jobs("import").jobs
    assert job.id == answer.json()["id"]
    name = "a _list___of mine.csv"
    assert dict(job.request) == {"source": "upload", "name": name, "adapt": False}


def test_without_a_ticket_for_imports_nothing_is_sent(ask: Ask, url: str, secret: str) -> None:
    for headers in ({}, MARKED, {MARK: ""}, bearing(secret, "pictures")):
        answer = ask("POST", IMPORTS, content=b"id,name\n", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"code": "cross-site"})
    with Client(url, key=secret) as client:
        assert client.list_jobs("import").jobs == ()


def test_what_the_service_refuses_is_passed_on(ask: Ask, secret: str) -> None:
    def refusal(headers: dict[str, str], **query: str) -> tuple[int, str]:
        answer = ask("POST", IMPORTS, params=query, content=b"x", headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert refusal(bearing("wrong"), name="a.csv") == (401, "key-invalid")
    assert refusal(bearing(secret), name="a.exe") == (422, "request-invalid")
    assert refusal(bearing(secret), name="a.csv", adopt="true") == (422, "request-invalid")


def test_a_file_of_products_is_never_held_whole() -> None:
    """The second part comes out of the browser when the service has got the first."""
    parts: list[bytes] = []

    async def send() -> httpx.Response:
        arrival = asyncio.Event()

        class Service(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                assert isinstance(request.stream, httpx.AsyncByteStream)
                async for part in request.stream:
                    parts.append(part)
                    if part == b"first":
                        arrival.set()
                return httpx.Response(202, json={"id": "job"})

        async def file() -> Any:
            yield b"first"
            await asyncio.wait_for(arrival.wait(), 20)
            yield b"second"

        async with httpx.AsyncClient(transport=Service(), base_url="http://service") as service:
            transport = httpx.ASGITransport(Starlette(routes=page_routes(service, Settings())))
            async with httpx.AsyncClient(transport=transport, base_url="http://page") as browser:
                return await browser.post(
                    IMPORTS, params={"name": "a.csv"}, content=file(), headers=bearing(None)
                )

    assert asyncio.run(send()).status_code == 202
    assert parts[parts.index(b"first") + 1] == b"second"


def test_a_file_of_products_for_a_service_that_is_gone() -> None:
    ask = browser("http://127.0.0.1:9", Settings())
    answer = ask("POST", IMPORTS, params={"name": "a.csv"}, content=b"x", headers=bearing(None))
    assert (answer.status_code, answer.json()) == (503, {"code": "service-unreachable"})
