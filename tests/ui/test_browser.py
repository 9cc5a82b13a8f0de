"""The page in a real browser, with the real models and the sample catalogue."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")
pytest.importorskip("axe_playwright_python", reason="needs the extra dev")

from floorlens.api.server import listen
from floorlens.demo.samples import sample_catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ROOT / "samples" / "rooms"
PATIENCE = 120
# How far what is shown has moved since the page was opened, as a share of the screen; also within
# half a second of a click, which the browser's own score leaves out.
MOVED = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 100);
})"""


# -- processes ---------------------------------------------------------------------------------


def free_port() -> int:
    with listen("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


def wait_for_line(what: str, process: subprocess.Popen[bytes], log: Path) -> re.Match[str]:
    """Waits until the log matches a pattern and returns the match."""
    wait_until(lambda: bool(re.search(what, log.read_text(encoding="utf-8"))), process, log)
    match = re.search(what, log.read_text(encoding="utf-8"))
    assert match
    return match


@contextmanager
def running(log: Path, folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yields a process of Floorlens, which is killed at the end."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FLOORLENS_")
    }
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorlens", *command],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the catalogue of the samples."""
    place = tmp_path_factory.mktemp("ui")
    sample_catalogue(place / "samples-catalogue", threads=1)
    return place


@contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Yields the process of the service of the samples, on a port."""
    log = folder / f"service-{time.monotonic_ns()}.log"
    command = ("serve", "--catalogue", "samples-catalogue", "--no-auth", "--port", str(port))
    with running(log, folder, *command) as process:
        wait_for_line(r"Floorlens serves", process, log)
        yield process


@dataclass(frozen=True)
class Site:
    """Where the page and its service are."""

    page: str
    port: int
    folder: Path


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    """A page over a service of the samples; tests that end the service start another one."""
    port, page_port, log = free_port(), free_port(), folder / "page.log"
    options = ("--api-url", f"http://127.0.0.1:{port}", "--port", str(page_port))
    with serving(folder, port), running(log, folder, "ui", *options) as process:
        wait_until(lambda: answers(page_port), process, log)
        yield Site(f"http://127.0.0.1:{page_port}", port, folder)
        assert "Traceback" not in log.read_text(encoding="utf-8")


# -- a visitor ---------------------------------------------------------------------------------


@dataclass
class Visitor:
    """A person at the page, and what went wrong there."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location}")

    def upload(self, photo: Path) -> None:
        chooser = self.page.locator("input[type=file]").first
        chooser.wait_for(state="attached")
        chooser.set_input_files(photo)

    def cards(self) -> Locator:
        return self.page.locator("[data-search] li[data-product]")

    def ids(self) -> list[str]:
        return [one.get_attribute("data-product") or "" for one in self.cards().all()]

    def wait_for_cards(self, count: int) -> None:
        """Waits for so many cards: those further down are drawn after the first ones."""
        self.cards().nth(count - 1).wait_for(state="attached")

    def search(self) -> str:
        """Returns the id of the search that the cards are of."""
        cards = self.page.locator("[data-search]")
        cards.first.wait_for()
        return cards.first.get_attribute("data-search") or ""

    def wait_for_another_search(self, before: str) -> str:
        self.page.wait_for_function("before => !location.search.includes(before)", arg=before)
        self.page.locator(f"[data-search]:not([data-search='{before}'])").first.wait_for()
        return self.search()

    def check(self, where: str) -> None:
        """Checks what is shown for people who use it without eyes or without a mouse."""
        from axe_playwright_python.sync_playwright import Axe

        results = Axe().run(self.page)
        serious = [
            (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]])
            for one in results.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, (where, serious)
        width = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{where}: the page is wider than the screen"

    def picture(self, name: str) -> None:
        (ROOT / "reports").mkdir(exist_ok=True)
        self.page.screenshot(path=ROOT / "reports" / f"page-{name}.png")


@pytest.fixture
def visitor(browser_page: Page) -> Visitor:
    """Somebody at a desk."""
    return Visitor(browser_page)


@pytest.fixture
def phone(phone_page: Page) -> Visitor:
    """Somebody with a telephone."""
    return Visitor(phone_page)


def test_somebody_at_a_desk(visitor: Visitor, site: Site) -> None:
    """Upload, correct, filter, open, more like this, feedback, compare, a shared link."""
    page = visitor.page
    visitor.open(site.page)
    page.get_by_role("heading", name="Find this floor").wait_for()
    visitor.check("first screen")
    visitor.upload(ROOMS / "kitchen-star-tiles.jpg")
    visitor.wait_for_cards(24)
    assert visitor.ids()[0] == "cement-star-blue"
    assert len(visitor.ids()) == 24
    # Not only an element of the page: the browser has decoded the picture.
    for picture in (visitor.cards().first.locator("img"), page.get_by_alt_text("The room").first):
        page.wait_for_function(
            "one => one.complete && one.naturalWidth > 100", arg=picture.element_handle()
        )
    visitor.check("results")
    visitor.picture("results")

    # Corrected by a tap, which takes a piece away; then by a box.
    first = visitor.search()
    photo = page.get_by_role("application", name="Correct the floor")
    page.get_by_role("button", name="Remove", exact=True).click()
    box = photo.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.9 * box["height"])
    second = visitor.wait_for_another_search(first)
    page.get_by_role("button", name="Box", exact=True).click()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.98 * box["height"], steps=4)
    page.mouse.up()
    third = visitor.wait_for_another_search(second)
    assert visitor.ids()[0] == "cement-star-blue"
    page.get_by_role("button", name="Undo", exact=True).click()
    assert visitor.wait_for_another_search(third) == second

    # Filtered by a chip: only what passes stays.
    page.get_by_role("button", name="Material", exact=True).click()
    page.get_by_role("checkbox", name=re.compile(r"^Oak \d")).click()
    filtered = visitor.wait_for_another_search(second)
    page.keyboard.press("Escape")
    assert all(one.startswith("oak") for one in visitor.ids())
    page.go_back()
    assert visitor.wait_for_another_search(filtered) == second
    page.go_forward()
    assert visitor.wait_for_another_search(second) == filtered

    # Opened, judged, and more like it.
    visitor.cards().nth(1).get_by_role("button").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("heading", name="More like this").wait_for()
    dialog.get_by_role("heading", name="Colours").wait_for()
    visitor.check("an opened card")
    visitor.picture("card")
    dialog.get_by_role("button", name="Yes, this is it").click()
    dialog.get_by_text("Thank you").wait_for()
    dialog.get_by_role("button", name="Search like this").click()
    dialog.wait_for(state="hidden")
    liked = visitor.wait_for_another_search(filtered)
    page.get_by_role("button", name=re.compile("^Remove More like")).wait_for()

    # Two of them beside the floor, one of them put aside.
    for number in range(2):
        visitor.cards().nth(number).hover()
        visitor.cards().nth(number).get_by_role("button", name="Compare", exact=True).click()
        page.get_by_role("button", name=re.compile(f"^Compare {number + 1}")).wait_for()
    page.get_by_role("button", name=re.compile("^Compare 2")).click()
    beside = page.get_by_role("dialog", name="Beside your floor")
    beside.get_by_text("ΔE").nth(1).wait_for()
    visitor.check("comparing")
    page.keyboard.press("Escape")
    beside.wait_for(state="hidden")
    visitor.cards().first.hover()
    visitor.cards().first.get_by_role("button", name="Shortlist", exact=True).click()
    page.get_by_role("button", name="Shortlist: 1").wait_for()

    # The address brings all of it back, to this visitor and to another one.
    shown = visitor.ids()
    page.reload()
    visitor.wait_for_cards(len(shown))
    assert visitor.search() == liked
    assert visitor.ids() == shown
    page.get_by_role("button", name="Share", exact=True).click()
    link = page.get_by_role("textbox", name="Link to this search").input_value()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("PDF")).first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    visitor.check("sharing")
    page.goto("about:blank")
    page.context.clear_cookies()
    page.goto(link)
    visitor.wait_for_cards(len(shown))
    assert visitor.ids() == shown
    page.get_by_role("button", name="Shortlist: 1").wait_for()
    assert visitor.errors == []


def test_somebody_with_a_telephone(phone: Visitor, site: Site) -> None:
    """The first result is on the first screen; the floor is corrected with a finger."""
    page = phone.page
    phone.open(site.page)
    page.get_by_role("button", name="Take a photo").wait_for()
    phone.check("first screen on a telephone")
    page.get_by_role("button", name=re.compile("Garden")).first.click()
    phone.cards().first.wait_for()
    first = phone.cards().first.bounding_box()
    assert first
    assert first["y"] + 0.5 * first["height"] < 844
    assert page.evaluate(MOVED) < 0.1
    menu = page.get_by_role("button", name="Menu", exact=True)
    home = page.get_by_role("button", name="Back to the first screen").bounding_box()
    box = menu.bounding_box()
    assert home
    assert box
    assert min(box["width"], box["height"]) >= 44
    assert box["x"] + box["width"] < home["x"]
    phone.check("results on a telephone")
    phone.picture("phone")
    menu.tap()
    page.get_by_role("link", name="Several rooms").wait_for()
    page.get_by_role("button", name="Close the menu").tap()
    menu.wait_for()
    before = phone.search()
    page.get_by_role("button", name="Correct the floor").click()
    photo = page.get_by_role("application", name="Correct the floor")
    page.get_by_role("button", name="Remove", exact=True).click()
    box = photo.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.9 * box["height"])
    phone.wait_for_another_search(before)
    phone.check("correcting on a telephone")
    phone.picture("phone-correcting")
    page.get_by_role("button", name="Done", exact=True).click()
    phone.cards().first.get_by_role("button").first.tap()
    page.get_by_role("dialog").get_by_role("heading", name="Colours").wait_for()
    phone.check("an opened card on a telephone")
    phone.picture("phone-card")
    assert phone.errors == []


def test_rooms_in_a_row_and_products_from_a_list(visitor: Visitor, site: Site) -> None:
    """A photo that cannot be read does not stop the others; an import says what became of it."""
    page = visitor.page
    bad = site.folder / "bad.jpg"
    bad.write_bytes(b"no picture")
    visitor.open(f"{site.page}/rooms")
    photos = [ROOMS / "kitchen-star-tiles.jpg", bad, ROOMS / "salon-herringbone-walnut.jpg"]
    page.locator("input[type=file]").first.set_input_files(photos)
    page.get_by_text("All 3 rooms are done").wait_for()
    page.get_by_text("Lisbon Star").wait_for()
    page.get_by_text("Salon Walnut").wait_for()
    page.get_by_text("This file is not a photo we can read").wait_for()
    visitor.check("several rooms")
    visitor.picture("rooms")

    files = site.folder / "new.zip"
    with zipfile.ZipFile(files, "w") as archive:
        archive.write(ROOT / "samples" / "products" / "walnut-plank.jpg", "new-walnut.jpg")
        archive.write(bad, "new-bad.jpg")
    page.goto(f"{site.page}/catalogue")
    page.get_by_text("Lumi Ash").wait_for()
    visitor.check("catalogue")
    page.get_by_role("tab", name="Add products").click()
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_text("new-bad").first.wait_for(state="attached")
    visitor.check("import")
    visitor.picture("import")
    page.get_by_role("tab", name="Products", exact=True).click()
    page.get_by_placeholder("Search by name or id").fill("new-walnut")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("new.walnut", re.IGNORECASE)).first.wait_for()
    assert visitor.errors == []


def test_the_page_waits_for_a_service_that_was_killed(visitor: Visitor, site: Site) -> None:
    """The photo stays, what was there stays, and the answer comes by itself."""
    page = visitor.page
    with serving(site.folder, port := free_port()) as first:
        page_port, log = free_port(), site.folder / "page-killed.log"
        options = ("--api-url", f"http://127.0.0.1:{port}", "--port", str(page_port))
        with running(log, site.folder, "ui", *options) as process:
            wait_until(lambda: answers(page_port), process, log)
            visitor.open(f"http://127.0.0.1:{page_port}")
            page.get_by_role("heading", name="Find this floor").wait_for()
            os.kill(first.pid, signal.SIGKILL)
            visitor.upload(ROOMS / "living-oak-sun.jpg")
            gone = page.get_by_test_id("stAlert").get_by_text("The service does not answer")
            gone.wait_for()
            visitor.picture("service-gone")
            with serving(site.folder, port):
                visitor.cards().first.wait_for()
                gone.wait_for(state="hidden")
