"""Crashes: nothing acknowledged is lost, whatever moment a process dies at."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from floorlens import Floorlens

KILLS = 20
PRODUCTS = 420

# The real pipeline, in a real process; a line is printed for each new row that `add` acknowledges.
CHILD = """
import sys
from floorlens import Floorlens

def progress(done, total, row):
    if row.status != "unchanged":
        print(row.id, row.status, flush=True)

with Floorlens.open(sys.argv[1], threads=1) as lens:
    print("open", flush=True)
    lens.add(sys.argv[2], progress=progress, adapt=False)
print("end", flush=True)
"""


def start(catalogue: Path, products: Path) -> subprocess.Popen[str]:
    """Starts an import in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(catalogue), str(products)]
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


def test_kill_9_while_indexing_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """20 kills at random moments; after each the catalogue opens with every reported product."""
    products = paint(tmp_path / "products", [f"p{i:03}" for i in range(PRODUCTS)])
    catalogue = tmp_path / "catalogue"
    chance = random.Random(1)
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        child = start(catalogue, products)
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            # Some die before their first commit, some between commits, some within one.
            lines = [child.stdout.readline() for _ in range(chance.choice([0, 1, 16, 17]))]
            time.sleep(chance.uniform(0, 0.15))
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.readlines()
            acknowledged |= {line.split()[0] for line in lines if line.endswith(" added\n")}
            assert child.wait(timeout=120) == -signal.SIGKILL, "it must die before its end"
        finally:
            stop(child)
        with Floorlens.open(catalogue, threads=1) as lens:
            stored = {product.id for product in lens.products()}
        assert acknowledged <= stored
    assert 0 < len(acknowledged) < PRODUCTS, "the kills must hit the middle of the work"
    with Floorlens.open(catalogue, threads=1) as lens:
        report = lens.add(products)
        assert not report.failed
        unchanged = {row.id for row in report.rows if row.status == "unchanged"}
        assert acknowledged <= unchanged, "finished work must not be done again"
        assert len(lens.products()) == PRODUCTS


def test_two_processes_adding_at_once_lose_nothing(tmp_path: Path) -> None:
    """Both wait for each other's commits; what both name is there once."""
    shared = [f"both{i}" for i in range(10)]
    one = paint(tmp_path / "one", shared + [f"one{i}" for i in range(25)])
    two = paint(tmp_path / "two", shared + [f"two{i}" for i in range(25)])
    catalogue = tmp_path / "catalogue"
    children = [start(catalogue, folder) for folder in (one, two)]
    try:
        for child in children:
            output, _ = child.communicate(timeout=300)
            assert child.returncode == 0
            assert output.endswith("end\n")
            assert "failed" not in output
    finally:
        for child in children:
            stop(child)
    with Floorlens.open(catalogue, threads=1) as lens:
        assert len(lens.products()) == 60
        room = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
        assert len(lens.search(room, region=(0, 0, 96, 96)).matches) == 60
