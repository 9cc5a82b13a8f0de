"""Measures the page in a real browser beside the service that it asks, on one machine, in turn.

    python benchmarks/page_speed.py [--rounds 15] [--megapixels 1.2] [--out FILE]

service    a search asked of the service over HTTP: the first 24 products
page       the same kind of photo given to the page: until the first cards are there
tap        a click on the floor of that photo: until the cards of the corrected floor are there
rerun      what the page asks of the service at a click that changes nothing: requests

Browser, page and service share the machine's cores. Every photo is a file of its own, so that
nothing of an earlier one helps.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from machine import machine
from pictures import room_photos
from PIL import Image
from timing import HEAD, median_row

from floorlens.images.formats import PILLOW_FORMATS

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120.0
# The cards leave a mark at the frame that shows those of another search.
SHOWN = """([before, seconds]) => new Promise((resolve, reject) => {
  const look = () => {
    const marks = performance.getEntriesByName("floorlens-results");
    const last = marks.at(-1);
    if (!last?.detail.cards || last.detail.search === before) return false;
    resolve([last.detail.search, performance.timeOrigin + last.startTime]);
    return true;
  };
  if (!look()) {
    const observer = new PerformanceObserver(() => look() && observer.disconnect());
    observer.observe({ entryTypes: ["mark"] });
    setTimeout(() => reject(new Error("no results")), 1000 * seconds);
  }
})"""


def photos(megapixels: float) -> Iterator[bytes]:
    """Yields JPEGs of rooms, each a file of its own."""
    rooms = []
    for room in room_photos()[0]:
        picture = Image.open(BytesIO(room), formats=PILLOW_FORMATS)
        factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
        size = round(picture.width * factor), round(picture.height * factor)
        file = BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
        rooms.append(file.getvalue())
    number = 0
    while True:
        # What follows the end of a JPEG is not looked at.
        yield rooms[number % len(rooms)] + number.to_bytes(8, "big")
        number += 1


@contextmanager
def page_process(folder: Path) -> Iterator[tuple[str, str]]:
    """Yields the addresses of the service and of the page of `floorlens ui`."""
    log = folder / "log"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FLOORLENS_")
    } | {"PYTHONUNBUFFERED": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorlens", "ui", "--port", "8769"],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        limit = time.monotonic() + PATIENCE
        while "can now view" not in log.read_text():
            if process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        service = re.search(r"catalogue at (http://\S+)", log.read_text())
        page = re.search(r"The page: (http://\S+)", log.read_text())
        if service is None or page is None:
            raise RuntimeError(log.read_text())
        yield service[1], page[1]
    finally:
        process.terminate()
        process.wait()


def wait_for_another(page: Page, before: str) -> tuple[str, float]:
    """Returns the id of another search than `before` and the time when its cards are shown."""
    search, milliseconds = page.evaluate(SHOWN, [before, PATIENCE])
    return search, milliseconds / 1000


def measure(rounds: int, megapixels: float, folder: Path) -> dict[str, list[float]]:
    """Returns the seconds of each kind, a round of each in turn after a warm-up."""
    from playwright.sync_api import sync_playwright

    seconds: dict[str, list[float]] = {"service": [], "page": [], "tap": []}
    files = photos(megapixels)
    with (
        page_process(folder) as (service, address),
        sync_playwright() as playwright,
        httpx.Client(base_url=service, timeout=PATIENCE) as client,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for number in range(rounds + 2):
            start = time.perf_counter()
            answer = client.post("/v1/search", files={"photo": next(files)}, data={"limit": "24"})
            service_seconds = time.perf_counter() - start
            answer.raise_for_status()

            page.goto(address)
            chooser = page.locator("input[type=file]").first
            chooser.wait_for(state="attached")
            time.sleep(0.5)
            photo = folder / "room.jpg"
            photo.write_bytes(next(files))
            # By the clock of the browser, which is the machine's.
            start = time.time()
            chooser.set_input_files(photo)
            search, end = wait_for_another(page, "")
            page_seconds = end - start

            time.sleep(0.5)
            picture = page.get_by_role("img", name=re.compile("^The room")).first
            box = picture.bounding_box()
            if box is None:
                raise RuntimeError("the photo is not shown")
            start = time.time()
            # Left at the bottom there is floor in all of these rooms.
            page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.93 * box["height"])
            tap_seconds = wait_for_another(page, search)[1] - start
            if number < 2:
                continue
            seconds["service"].append(service_seconds)
            seconds["page"].append(page_seconds)
            seconds["tap"].append(tap_seconds)
        browser.close()
    return seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--megapixels", type=float, default=1.2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(options.rounds, options.megapixels, Path(folder))
    whole, page = (statistics.median(seconds[name]) for name in ("service", "page"))
    lines = [
        *(f"{name}: {value}" for name, value in machine("streamlit", "playwright").items()),
        f"photos of {options.megapixels:g} megapixels, {options.rounds} rounds, seconds",
        HEAD,
        median_row("service: a search over HTTP", seconds["service"], None, None),
        median_row("page: photo to first results", seconds["page"], page / whole, 1.5),
        median_row(
            "tap to new results, beside page",
            seconds["tap"],
            statistics.median(seconds["tap"]) / page,
            0.5,
        ),
    ]
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
