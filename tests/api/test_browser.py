"""The service and pages of other origins in a real browser, which is what the headers are for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens import Floorlens
from floorlens.api.server import running_service
from floorlens.service.keys import Keys
from floorlens.service.signatures import Signatures
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

CALL = """async ([url, key, photo]) => {
  const form = new FormData();
  form.append("photo", new Blob([new Uint8Array(photo)]), "room.png");
  const headers = key ? {Authorization: `Bearer ${key}`} : {};
  try {
    const answer = await fetch(url, {method: "POST", body: form, headers});
    const type = answer.headers.get("content-type");
    return {
      status: answer.status,
      code: type.includes("json") ? (await answer.json()).code : null,
      id: answer.headers.get("x-request-id"),
      floor: answer.headers.get("x-floor"),
    };
  } catch (error) { return {status: 0, code: error.name}; }
}"""
BLIND = """async ([url, photo]) => {
  const form = new FormData();
  form.append("photo", new Blob([new Uint8Array(photo)]), "room.png");
  return fetch(url, {method: "POST", body: form, mode: "no-cors"})
    .then(answer => answer.type, error => error.name);
}"""
SHOW = """url => new Promise(resolve => {
  const picture = new Image();
  picture.onload = () => resolve(picture.naturalWidth);
  picture.onerror = () => resolve(0);
  picture.src = url;
})"""


class Blank(BaseHTTPRequestHandler):
    """An empty page at every address."""

    def do_GET(self) -> None:
        """Answers a request."""
        body = b"<!doctype html><title>shop</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


@pytest.fixture
def sites() -> Iterator[tuple[str, str]]:
    """The origins of two sites; for a browser, localhost is another site than 127.0.0.1."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Blank) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    shop, evil = (f"http://localhost:{server.server_address[1]}" for server in servers)
    yield shop, evil
    for server in servers:
        server.shutdown()
        server.server_close()


def test_pages_of_a_shop_and_pages_of_nobody(
    browser_page: Page,
    sites: tuple[str, str],
    lens: Floorlens,
    room: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop, evil = sites
    settings = Settings(catalogue=str(lens.folder), no_auth=None, origins=shop)
    store = Store(settings.state_folder())
    _, secret = Keys(store).create("shop", ["search"])
    signature = Signatures(store).sign("image", "oak", 0, 64)
    store.close()
    image = f"/v1/products/oak/image?width=64&expires={signature.expires}"
    image += f"&signature={signature.text}"
    photo = list(room.read_bytes())
    caplog.set_level(logging.INFO, "floorlens.api.access")
    with running_service(settings, stages=fake_stages()) as url:
        browser_page.goto(shop)
        answer = browser_page.evaluate(CALL, [f"{url}/v1/mask?format=png", secret, photo])
        assert answer["status"] == 200
        assert answer["id"]
        assert "confidence" in answer["floor"]
        answer = browser_page.evaluate(CALL, [f"{url}/v1/mask?format=png", "flk_none", photo])
        assert (answer["status"], answer["code"]) == (401, "key-invalid")
        assert browser_page.evaluate(SHOW, url + image) > 0
        assert browser_page.evaluate(SHOW, url + image.replace("oak", "ash")) == 0

        browser_page.goto(evil)
        answer = browser_page.evaluate(CALL, [f"{url}/v1/mask?format=png", secret, photo])
        assert (answer["status"], answer["code"]) == (0, "TypeError")
        caplog.clear()
        # Sent without asking first; the policy of resources keeps even an opaque answer away.
        assert browser_page.evaluate(BLIND, [f"{url}/v1/mask?format=png", photo]) == "TypeError"
        facts = [record.facts for record in caplog.records if hasattr(record, "facts")]
        assert [(line["status"], line["code"]) for line in facts] == [(403, "cross-site")]


def test_no_page_reaches_a_service_without_keys(
    browser_page: Page, sites: tuple[str, str], lens: Floorlens, room: Path
) -> None:
    """Neither by its address, nor by a name of the page's own that leads to this machine."""
    with running_service(Settings(catalogue=str(lens.folder)), stages=fake_stages()) as url:
        browser_page.goto(sites[1])
        photo = list(room.read_bytes())
        assert (
            browser_page.evaluate(CALL, [f"{url}/v1/mask?format=png", None, photo])["status"] == 0
        )
        # A picture of the catalogue is no page's business either.
        assert browser_page.evaluate(SHOW, f"{url}/v1/products/oak/image") == 0
        port = url.rpartition(":")[2]
        answer = browser_page.goto(f"http://rebinding.example:{port}/v1/status")
        assert answer is not None
        assert answer.status == 403
        assert answer.json()["code"] == "host-refused"
        answer = browser_page.goto(f"{url}/v1/status")
        assert answer is not None
        assert answer.status == 200


def test_the_reference_page_is_shown_as_it_is_meant(browser_page: Page, lens: Floorlens) -> None:
    """With its style, without a complaint of the browser about its policy."""
    complaints: list[str] = []
    browser_page.on("console", lambda message: complaints.append(message.text))
    with running_service(Settings(catalogue=str(lens.folder)), stages=fake_stages()) as url:
        urls: list[str] = []
        browser_page.on("request", lambda request: urls.append(request.url))
        browser_page.goto(f"{url}/docs")
        assert browser_page.locator("#reference_search h3").inner_text() == "POST /search"
        width = browser_page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
        assert width.endswith("px")
        assert not [one for one in urls if not one.startswith(url)]
    assert not [text for text in complaints if "favicon" not in text and "404" not in text]
