"""Measures the import of the package and a cold `floorlens search`, beside an empty Python.

    python benchmarks/start_up.py [--runs 15]

Whole processes, in turn; medians. The catalogue is the samples', indexed beforehand.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

from floorlens import Floorlens
from floorlens.demo.samples import samples


def seconds(command: list[str]) -> float:
    """Returns the wall time of a process that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    room = sorted((samples() / "rooms").iterdir())[0]
    with tempfile.TemporaryDirectory() as folder:
        with Floorlens.open(folder) as lens:
            lens.add(samples() / "products.csv", adapt=False)
        search = [str(Path(sys.executable).with_name("floorlens")), "search", str(room)]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "from floorlens import Floorlens": [
                sys.executable,
                "-c",
                "from floorlens import Floorlens",
            ],
            "floorlens search room.jpg": [*search, "--catalogue", folder],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs + 1):
            for name, command in commands.items():
                elapsed = seconds(command)
                if run > 0:
                    times[name].append(elapsed)
    empty = statistics.median(times["python -c pass"])
    print(f"{'whole process':34}{'median s':>10}{'minimum s':>11}{'ratio':>8}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:34}{median:10.3f}{min(values):11.3f}{median / empty:8.1f}")
    print(", ".join(f"{name} {value}" for name, value in machine("onnxruntime").items()))


if __name__ == "__main__":
    main()
