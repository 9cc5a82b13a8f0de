"""Measures whether the memory of the page stays flat over many searches in a real browser.

    python benchmarks/page_memory.py [--searches 100] [--out FILE]

A service and the page run as processes of their own; a browser gives the page one photo after
another, corrects the floor of each once, and waits for the new results each time. Every tenth
search the resident memory of both processes is printed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from machine import machine
from page_speed import FLAGS, PATIENCE, photos, wait_for_another

EVERY = 10


@contextmanager
def program(
    log: Path, ready: str, *arguments: str, **environment: str
) -> Iterator[tuple[int, str]]:
    """Yields the process id of a floorlens command, and what its log says when it is ready."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("FLOORLENS_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorlens", *arguments],
            cwd=log.parent,
            env=own | {"PYTHONUNBUFFERED": "1"} | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        limit = time.monotonic() + PATIENCE
        while (found := re.search(ready, log.read_text())) is None:
            if process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield process.pid, found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def resident(pid: int) -> float:
    """Returns the resident memory of a process in megabytes."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    match = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(match[1]) / 1000 if match else 0.0


def measure(searches: int, folder: Path) -> Iterator[tuple[int, float, float]]:
    """Yields (searches so far, megabytes of the page, of the service), at first and every tenth."""
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        subprocess.run(
            [sys.executable, "-c", _CATALOGUE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        serve = ("serve", "--catalogue", "catalogue", "--no-auth=loopback", "--port", "8767")
        service, url = stack.enter_context(
            program(folder / "service.log", r"catalogue at (http://\S+)", *serve)
        )
        page_pid, address = stack.enter_context(
            program(
                folder / "page.log",
                r"URL: (http://\S+)",
                *("ui", "--port", "8768"),
                FLOORLENS_API_URL=url,
            )
        )
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path="/usr/bin/chromium", args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        files, photo, shown = photos(1.2), folder / "room.jpg", ""
        for number in range(searches + 1):
            # On the first screen, and then beside the results.
            chooser = page.locator("input[type=file]").last
            chooser.wait_for(state="attached", timeout=PATIENCE * 1000)
            photo.write_bytes(next(files))
            chooser.set_input_files(photo)
            shown, _ = wait_for_another(page, shown)
            # The photo takes its place a little after the cards.
            page.get_by_role("img", name=re.compile("^The room")).first.wait_for()
            box = page.get_by_role("img", name=re.compile("^The room")).first.bounding_box()
            if box is None:
                raise RuntimeError("the photo is not shown")
            page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.93 * box["height"])
            shown, _ = wait_for_another(page, shown)
            if number % EVERY == 0:
                yield number, resident(page_pid), resident(service)
        browser.close()


_CATALOGUE = """
from pathlib import Path
from floorlens.demo.samples import sample_catalogue
sample_catalogue(Path("catalogue"))
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines = [f"{name}: {value}" for name, value in machine("streamlit", "playwright").items()]
    lines += ["resident memory in MB after so many searches, each corrected once", ""]
    lines += [f"{'searches':>8} {'page':>8} {'service':>8}"]
    print("\n".join(lines), flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in measure(options.searches, Path(folder)):
            rows.append(row)
            lines.append(f"{row[0]:>8} {row[1]:>8.0f} {row[2]:>8.0f}")
            print(lines[-1], flush=True)
    second = [page for number, page, _ in rows if number >= options.searches / 2]
    if len(second) > 1:
        slope = statistics.linear_regression(range(len(second)), second).slope / EVERY
        lines.append(f"the page in the second half: {slope:+.3f} MB a search")
        print(lines[-1])
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
