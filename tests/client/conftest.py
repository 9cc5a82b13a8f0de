"""A real service without models, with keys, and a client of it; and servers of strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from floorlens import Floorlens
from floorlens.client import Client
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no `.env`, catalogue or key of the developer is used."""
    monkeypatch.chdir(tmp_path)
    for name in ("FLOORLENS_API_URL", "FLOORLENS_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(lens: Floorlens, tmp_path: Path) -> Settings:
    """The catalogue of the six products, served with keys."""
    return Settings(
        catalogue=str(lens.folder),
        no_auth=None,
        max_megapixels=0.1,
        max_upload_mb=0.2,
        import_folders=str(tmp_path),
        rate=0,
    )


@pytest.fixture
def service(settings: Settings) -> Iterator[str]:
    """The URL of a real server without models."""
    from floorlens.api.server import running_service

    with running_service(settings, stages=fake_stages()) as url:
        yield url


@pytest.fixture
def key(settings: Settings) -> str:
    """A key that may do everything."""
    store = Store(settings.state_folder())
    try:
        return Keys(store).create("test", ["admin"])[1]
    finally:
        store.close()


@pytest.fixture
def client(service: str, key: str) -> Iterator[Client]:
    """A client of that service, with that key."""
    with Client(service, key=key) as own_client:
        yield own_client


@pytest.fixture
def stranger() -> Iterator[Callable[..., str]]:
    """Starts another program's server: `stranger((status, headers, body), …)` returns its URL.

    It gives these answers one after the other, and the last one again and again; 0 breaks the
    connection. `seen` gets a line for each request.
    """
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: Answer, seen: list[str] | None = None) -> str:
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                if seen is not None:
                    seen.append(f"{self.command} {self.path}")
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
