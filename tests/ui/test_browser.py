"""The page in a real browser: `floorlens ui` as a process, an upload, its results."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens.api.server import listen

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ROOT / "samples" / "rooms"
PATIENCE = 120


def free_port() -> int:
    with listen("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def wait_for_line(what: str, process: subprocess.Popen[bytes], log: Path) -> re.Match[str]:
    """Waits until the log matches a pattern and returns the match."""
    deadline = time.monotonic() + PATIENCE
    while not (match := re.search(what, log.read_text(encoding="utf-8"))):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)
    return match


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for `floorlens ui`: at its second start the samples are indexed already."""
    return tmp_path_factory.mktemp("ui")


@pytest.fixture
def page_process(sample_folder: Path, tmp_path: Path) -> Iterator[tuple[int, int, int]]:
    """`floorlens ui` by itself: its process id, the page's port and its service's port."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FLOORLENS_")
    }
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorlens", "ui", "--port", str(port)],
            cwd=sample_folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        service = int(wait_for_line(r"catalogue at http://127\.0\.0\.1:(\d+)", process, log)[1])
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process.pid, port, service
        assert "Traceback" not in log.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()


def test_an_uploaded_photo_shows_its_ranking(
    browser_page: Page, page_process: tuple[int, int, int]
) -> None:
    """With the real models, the sample catalogue, and pictures that the browser has decoded."""
    _, port, _ = page_process
    elsewhere: list[str] = []
    browser_page.on(
        "request",
        lambda request: (
            None
            if re.match(rf"(https?|wss?)://127\.0\.0\.1:{port}/|data:|blob:", request.url)
            else elsewhere.append(request.url)
        ),
    )
    browser_page.goto(f"http://127.0.0.1:{port}")
    browser_page.get_by_text("How it works").wait_for()
    assert browser_page.title() == "Floorlens"
    upload = browser_page.locator("input[type=file]")
    upload.set_input_files(ROOMS / "kitchen-star-tiles.jpg")
    cards = browser_page.locator(".fl-card")
    cards.first.wait_for()
    assert cards.count() == 12
    assert "Lisbon Star" in cards.first.inner_text()
    drawing = browser_page.locator("[data-testid=stImage] img").first
    for picture in (drawing, cards.first.locator("img")):
        # Not only an element of the page: the browser has decoded the picture.
        handle = picture.element_handle()
        browser_page.wait_for_function("one => one.complete && one.naturalWidth > 100", arg=handle)
    browser_page.get_by_text("% of the photo, found with a confidence").wait_for()
    (ROOT / "reports").mkdir(exist_ok=True)
    browser_page.screenshot(path=ROOT / "reports" / "ui.png")
    # The names of the cards are text, the menu and its advertising are not there.
    assert not browser_page.get_by_text("Deploy").count()
    browser_page.locator("input[type=file]").set_input_files(
        ROOT / "samples" / "floorless" / "wall-00.jpg"
    )
    browser_page.get_by_text("No floor in sight").wait_for()
    cards.first.wait_for(state="detached")
    # No request leaves for another address: no telemetry, no fonts.
    assert elsewhere == []


def test_the_service_ends_with_the_page_even_if_that_is_killed(
    page_process: tuple[int, int, int],
) -> None:
    """A killed process cannot clean up; still nothing may be left of it."""
    pid, port, service = page_process
    assert answers(port)
    assert answers(service)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while answers(port) or answers(service):
        assert time.monotonic() < deadline
        time.sleep(0.05)
