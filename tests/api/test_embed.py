"""The JavaScript for a shop's own site, in a real browser, on a page of another origin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens import Floorlens
from floorlens.api.scripts import FOLDER
from floorlens.api.server import running_service
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 120


class Site(SimpleHTTPRequestHandler):
    """A shop's own web server."""

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""

    def end_headers(self) -> None:
        """Browsers ask for an icon, and would complain that there is none."""
        self.send_header("Link", '<data:,>; rel="icon"')
        super().end_headers()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that another server serves, and its origin: of another site than the service's."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "favicon.ico").write_bytes(b"")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def shop(lens: Floorlens, site: tuple[Path, str]) -> Iterator[tuple[str, Keys, str, Settings]]:
    """A service with keys that allows the site, its keys, and one that may search."""
    settings = Settings(
        catalogue=str(lens.folder), no_auth=None, origins=site[1], max_megapixels=3, rate=0
    )
    store = Store(settings.state_folder())
    keys = Keys(store)
    _, secret = keys.create("page", ["search"])
    with running_service(settings, stages=fake_stages()) as url:
        yield url, keys, secret, settings
    store.close()


def put_page(folder: Path, url: str, key: str) -> None:
    """Puts the example on the site, with the address of the service and its key."""
    text = (ROOT / "examples" / "embed" / "index.html").read_text(encoding="utf-8")
    changed = text.replace("http://127.0.0.1:8000", url).replace("flk_…", key)
    # Of these products nothing but the price is known.
    for one, other in (
        (
            '"Wood look", where: { material: "wood look" }',
            '"Under 900", where: { price: { $lt: 900 } }',
        ),
        ('"Light", where: { tone: "light" }', '"Under 50", where: { price: { $lt: 50 } }'),
    ):
        assert one in changed
        changed = changed.replace(one, other)
    assert url in changed
    assert key in changed
    (folder / "index.html").write_text(changed, encoding="utf-8")


@pytest.fixture
def browser(browser_page: Page) -> Page:
    """A page of the size of a small window."""
    browser_page.set_viewport_size({"width": 900, "height": 800})
    return browser_page


@pytest.fixture
def large_room(tmp_path: Path) -> Path:
    """A photo of 6 megapixels, twice what the service takes, with a place in it."""
    pixels = np.full((2000, 3000, 3), 230, np.uint8)
    pixels[1000:] = (205, 170, 125)
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path / "room.jpg"
    Image.fromarray(pixels).save(path, exif=exif)
    return path


Words = list[str]


def watch(page: Page) -> tuple[Words, Words]:
    """Returns what the page says on its console, and the addresses that it asks."""
    console: Words = []
    requests: Words = []
    page.on("console", lambda one: console.append(f"{one.type}: {one.text}"))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    return console, requests


def choose(page: Page, photo: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(photo)


def test_a_photo_brings_floors_that_can_be_refined_and_judged(
    browser: Page,
    site: tuple[Path, str],
    shop: tuple[str, Keys, str, Settings],
    large_room: Path,
    lens: Floorlens,
) -> None:
    folder, origin = site
    url, _, key, settings = shop
    lens.update("oak", metadata={"url": "/floors/oak"})
    lens.update("moss", metadata={"url": "javascript:alert(1)"}, name="<b>Moss</b>")
    put_page(folder, url, key)
    console, requests = watch(browser)
    browser.goto(origin)
    with browser.expect_response(re.compile("/v1/search$")) as response:
        choose(browser, large_room)
    answer = response.value.json()
    # It was made smaller in the browser, which leaves the place out too.
    assert answer["floors"][0]["photo_size"] == [1600, 1067]
    cards = browser.locator("li")
    cards.first.wait_for()
    assert cards.count() == 6
    assert cards.first.get_attribute("data-product") == answer["matches"][0]["id"] == "oak"
    for number in range(6):
        # Not only an element of the page: the browser has decoded the picture.
        cards.nth(number).scroll_into_view_if_needed()
        handle = cards.nth(number).locator("img").element_handle()
        browser.wait_for_function("one => one.complete && one.naturalWidth > 30", arg=handle)
    assert cards.first.locator("a").get_attribute("href") == f"{origin}/floors/oak"
    moss = browser.locator("li[data-product=moss]")
    assert moss.locator("a").count() == 0
    assert moss.locator("b").first.inner_text() == "<b>Moss</b>"
    browser.get_by_text("6 of 6 floors").wait_for()
    # The floor is tinted on the photo.
    assert browser.locator(".photo path").count() == 1
    # A filter refines it, without another upload.
    uploads = sum(one.endswith("/v1/search") for one in requests)
    browser.get_by_role("button", name="Under 900").click()
    with browser.expect_response(
        # The first one is ended by the second, also where its answer has come.
        lambda one: one.url.endswith("/refine") and "50" in (one.request.post_data or "")
    ) as response:
        browser.get_by_role("button", name="Under 50").click()
    refined = response.value.json()
    assert refined["query"]["where"] == {"price": {"$lt": 50}}
    browser.wait_for_function(
        "count => document.querySelector('#finder').shadowRoot.querySelectorAll('li').length"
        " === count",
        arg=len(refined["matches"]),
    )
    assert sum(one.endswith("/v1/search") for one in requests) == uploads == 1
    # Feedback.
    browser.get_by_role("button", name="This is it: Oak floor").click()
    browser.get_by_text("Thank you").wait_for()
    store = Store(settings.state_folder())
    try:
        from floorlens.service.feedback import Feedback

        assert [(one.product_id, one.verdict) for one in Feedback(store).remarks()] == [
            ("oak", "right")
        ]
    finally:
        store.close()
    (ROOT / "reports").mkdir(exist_ok=True)
    browser.screenshot(path=ROOT / "reports" / "embed.png", full_page=True)
    assert console == []
    assert [one for one in requests if not one.startswith((origin, url, "blob:", "data:"))] == []


def test_what_goes_wrong_is_said(
    browser: Page,
    site: tuple[Path, str],
    shop: tuple[str, Keys, str, Settings],
    large_room: Path,
    blank: Path,
    tmp_path: Path,
) -> None:
    folder, origin = site
    url, keys, key, _ = shop
    put_page(folder, url, key)
    browser.goto(origin)
    alarm = browser.get_by_role("alert")
    choose(browser, blank)
    alarm.get_by_text("No floor was found").wait_for()
    text = tmp_path / "photo.jpg"
    text.write_bytes(b"a text")
    choose(browser, text)
    alarm.get_by_text("no photo that can be read").wait_for()
    # The next photo is a new beginning.
    choose(browser, large_room)
    browser.locator("li").first.wait_for()
    assert alarm.inner_text() == ""
    keys.revoke(keys.all()[0].id)
    browser.wait_for_timeout(2500)
    choose(browser, large_room)
    alarm.get_by_text("its key is not valid").wait_for()
    assert browser.locator("li").count() == 0


def test_a_page_of_another_origin_is_told_what_it_can_be(
    browser: Page,
    site: tuple[Path, str],
    shop: tuple[str, Keys, str, Settings],
    large_room: Path,
) -> None:
    """A browser tells a page nothing of answers that are not for it."""
    folder, origin = site
    url, _, key, _ = shop
    # The shop copied the files to its own site, and then moved that.
    for path in FOLDER.glob("*.js"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "index.html").write_text(
        '<title>Moved</title><div id="finder"></div><script type="module">'
        f'import {{ mount }} from "./widget.js"; mount(finder, {{ url: "{url}", key: "{key}" }});'
        "</script>",
        encoding="utf-8",
    )
    browser.goto(origin.replace("localhost", "127.0.0.1"))
    choose(browser, large_room)
    browser.get_by_role("alert").get_by_text("this page may not use it").wait_for()
    browser.goto(origin)
    choose(browser, large_room)
    browser.locator("li").first.wait_for()


def test_a_newer_search_ends_the_older_and_a_busy_service_is_asked_again(
    browser: Page,
    site: tuple[Path, str],
    shop: tuple[str, Keys, str, Settings],
) -> None:
    folder, origin = site
    url, _, key, _ = shop
    (folder / "index.html").write_text("<title>Program</title>", encoding="utf-8")
    browser.goto(origin)
    busy = {"Retry-After": "1", "Access-Control-Allow-Origin": origin}
    busy["Access-Control-Expose-Headers"] = "Retry-After"
    refusals = [1]

    def answer(route: Any) -> None:
        if refusals and route.request.method == "POST":
            refusals.pop()
            route.fulfill(status=503, headers=busy, json={"code": "busy", "detail": "later"})
        else:
            route.continue_()

    browser.route("**/v1/search", answer)
    outcome = browser.evaluate(
        """async ([url, key]) => {
          const { Floorlens } = await import(`${url}/embed/floorlens.js`);
          const stages = [];
          const lens = new Floorlens({ url, key, onstage: (stage) => stages.push(stage) });
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [160, 120];
          const pen = canvas.getContext("2d");
          pen.fillStyle = "rgb(205 170 125)";
          pen.fillRect(0, 60, 160, 60);
          const photo = await new Promise((done) => canvas.toBlob(done));
          const older = lens.search(photo).catch((error) => error.name);
          const answer = await lens.search(photo, { limit: 2 });
          const more = await lens.more(answer.id, answer.next_cursor, 3);
          const refusal = await lens.refine("none").catch((error) => error);
          const wrong = await lens.refine(answer.id, { wher: {} }).catch((error) => error);
          return {
            older: await older, stages, first: answer.matches.length,
            more: more.matches.map((one) => one.rank),
            refusal: [refusal.name, refusal.code, refusal.status, typeof refusal.requestId],
            wrong: Object.keys(wrong.fields),
          };
        }""",
        [url, key],
    )
    assert outcome["older"] == "AbortError"
    assert outcome["first"] == 2
    assert outcome["more"] == [3, 4, 5]
    assert "waiting" in outcome["stages"]
    assert outcome["refusal"] == ["FloorlensError", "search-not-found", 404, "string"]
    assert outcome["wrong"] == ["wher"]


# -- how it is served --------------------------------------------------------------------------


def test_the_service_serves_the_files_without_a_key(
    serving: Callable[..., TestClient],
) -> None:
    client = serving(no_auth=None, origins="https://shop.example")
    for path in FOLDER.glob("*.js"):
        answer = client.get(f"/embed/{path.name}", headers={"Origin": "https://shop.example"})
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"].startswith("text/javascript")
        # A module of another site is fetched as CORS says.
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        same = client.get(f"/embed/{path.name}", headers={"If-None-Match": answer.headers["etag"]})
        assert same.status_code == 304
    assert client.get("/embed/other.js").status_code == 404


def test_the_modules_are_small_and_write_no_html() -> None:
    """What a catalogue says must not become part of a shop's page."""
    assert {path.name for path in FOLDER.iterdir()} == {"floorlens.js", "widget.js"}
    for path in FOLDER.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 300
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
