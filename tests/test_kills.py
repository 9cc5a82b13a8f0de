"""Crashes: nothing acknowledged is lost, whatever moment a process dies at."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

# How often. `make soak` kills more often; most of the time new processes load their libraries.
KILLS = int(os.environ.get("KILLS", "5"))
# So many products outlast a kill: 17 lines are read at most, and more are added meanwhile.
PER_KILL = 60

# In a real process, without models: most of its time goes into writing, which the kills are to hit.
# A line is printed for each new row that `add` acknowledges.
CHILD = """
import sys
from floorlens import Floorlens
from floorlens.testing import fake_stages

def progress(done, total, row):
    if row.status != "unchanged":
        print(row.id, row.status, flush=True)

with Floorlens.open(sys.argv[1], stages=fake_stages()) as lens:
    print("open", flush=True)
    lens.add(sys.argv[2], progress=progress, adapt=False)
print("end", flush=True)
"""


# Searches until its input ends; each product that it finds must be whole.
READER = """
import sys, threading
import numpy as np
from floorlens import Floorlens
from floorlens.testing import fake_stages

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
room = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
found, searches = 0, 0
with Floorlens.open(sys.argv[1], stages=fake_stages()) as lens:
    print("open", flush=True)
    while not ended.is_set():
        if not lens.products():
            continue
        matches = lens.search(room, region=(0, 0, 96, 96)).matches
        assert len(matches) >= found, "what was found is gone"
        assert all(match.product.images and match.components for match in matches)
        found, searches = len(matches), searches + 1
print("end", searches, flush=True)
"""


def start(catalogue: str, products: Path) -> subprocess.Popen[str]:
    """Starts an import in a process of its own."""
    command = [sys.executable, "-c", CHILD, catalogue, str(products)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def paint(folder: Path, names: list[str]) -> Path:
    """Writes one small noisy picture a name."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in names:
        pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def stop(child: subprocess.Popen[str]) -> None:
    """Ends a process that a failed test left."""
    child.kill()
    child.wait(timeout=120)
    if child.stdout is not None:
        child.stdout.close()


def test_kill_9_while_indexing_loses_nothing_acknowledged(tmp_path: Path, location: str) -> None:
    """Kills at random moments; after each the catalogue opens with every reported product."""
    count = PER_KILL * KILLS + 40
    products = paint(tmp_path / "products", [f"p{i:03}" for i in range(count)])
    chance = random.Random(1)
    acknowledged: set[str] = set()
    for number in range(KILLS):
        child = start(location, products)
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            # Some die before their first commit, some between commits, some within one.
            lines = [child.stdout.readline() for _ in range((0, 1, 16, 17)[number % 4])]
            time.sleep(chance.uniform(0, 0.15))
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.readlines()
            acknowledged |= {line.split()[0] for line in lines if line.endswith(" added\n")}
            assert child.wait(timeout=120) == -signal.SIGKILL, "it must die before its end"
        finally:
            stop(child)
        with Floorlens.open(location, stages=fake_stages()) as lens:
            stored = {product.id for product in lens.products()}
        assert acknowledged <= stored
    assert 0 < len(acknowledged) < count, "the kills must hit the middle of the work"
    with Floorlens.open(location, stages=fake_stages()) as lens:
        report = lens.add(products, adapt=False)
        assert not report.failed
        unchanged = {row.id for row in report.rows if row.status == "unchanged"}
        assert acknowledged <= unchanged, "finished work must not be done again"
        assert len(lens.products()) == count


def test_processes_add_and_search_at_once_and_lose_nothing(tmp_path: Path, location: str) -> None:
    """They wait for each other's commits, also where one is killed; what two name is there once."""
    shared = [f"both{i}" for i in range(10)]
    folders = {
        "one": paint(tmp_path / "one", shared + [f"one{i}" for i in range(12)]),
        "two": paint(tmp_path / "two", shared + [f"two{i}" for i in range(12)]),
        "killed": paint(tmp_path / "killed", [f"z{i:03}" for i in range(200)]),
    }
    with Floorlens.open(location, stages=fake_stages()):
        pass
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, location],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "open\n"
    children = {name: start(location, folder) for name, folder in folders.items()}
    try:
        killed = children["killed"]
        assert killed.stdout is not None
        assert killed.stdout.readline() == "open\n"
        acknowledged = {killed.stdout.readline().split()[0]}
        killed.send_signal(signal.SIGKILL)
        acknowledged |= {line.split()[0] for line in killed.stdout if line.endswith(" added\n")}
        for name in ("one", "two"):
            output, _ = children[name].communicate(timeout=300)
            assert children[name].returncode == 0
            assert output.endswith("end\n")
            assert "failed" not in output
        output, errors = reader.communicate(timeout=300)
        assert reader.returncode == 0, errors
        assert int(output.split()[-1]) > 0, "it must have searched meanwhile"
    finally:
        for child in (reader, *children.values()):
            stop(child)
    with Floorlens.open(location, stages=fake_stages()) as lens:
        stored = {product.id for product in lens.products()}
        kept = {name for name in stored if name.startswith("z")}
        assert acknowledged <= kept
        assert len(stored - kept) == 34
        room = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
        matches = lens.search(room, region=(0, 0, 96, 96)).matches
        assert {match.product.id for match in matches} == stored, "none is half there"
