"""Compares Floorlens's queries and indexing with the CLIPSeg + CLIP reference design's computation.

    python benchmarks/reference_speed.py [--runs 15] [--threads 2] [--products 1000] [--json]

All in one run, in turn, with the same threads, after a warm-up; medians.

Query: Floorlens searches 1,000 products for a room photo of 1280 px and re-ranks 200, from the
JPEG's bytes to the ranking. The reference gets its tensors ready-made, which favours it: two
CLIPSeg passes at 352 px, one CLIP ViT-B/32 image embedding, and a pair of CLIP images for each of
20 products; at the least that it could do, one pass and one embedding.

Indexing: Floorlens adds 32 product pictures to an empty catalogue, without adapting it, from the
files to the commit; CLIP embeds the same files in batches of the size that suits it best, decoding
them meanwhile, and stores nothing. Needs the extra `[clip]`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from machine import machine
from pictures import PHOTO_SIDE, room_photos, write_products
from reference_design import Clip, Reference
from timing import HEAD, alternate, median_row, peak_megabytes, timed

from floorlens import Floorlens
from floorlens.presets import DEFAULT_PRESET, load_stages, preset_named

PAIRS = 20
INDEXED = 32
"""Pictures to a run of indexing: a multiple of the batches of both sides."""
BATCHES = (1, 4, 8, 16)
AIMS = {"reference": 20.0, "least": 2.0, "clip": 1.5}


class Indexing:
    """Adds the same products to a new catalogue in every run."""

    def __init__(self, folder: Path, pictures: Path, threads: int) -> None:
        """Loads the models, which is not measured."""
        self._folder = folder
        self._pictures = pictures
        self._stages = load_stages(preset_named(DEFAULT_PRESET), threads=threads)
        self._lens: Floorlens | None = None
        self.renew()

    def renew(self) -> None:
        """Makes a new catalogue, which is not measured either."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lens = Floorlens.open(self._folder, stages=self._stages)

    def run(self) -> None:
        """Adds the products."""
        if self._lens is None:
            raise RuntimeError("the catalogue is closed")
        count = self._lens.add(self._pictures, adapt=False).counts["added"]
        if count != INDEXED:
            raise RuntimeError(f"{count} products were added, not {INDEXED}")

    def close(self) -> None:
        """Closes the catalogue."""
        if self._lens is not None:
            self._lens.close()


def fill(catalogue: Path, pictures: Path, threads: int) -> float:
    """Indexes pictures in a process of its own; returns its largest resident size in megabytes."""
    command = ["index", str(pictures), "--catalogue", str(catalogue), "--no-adapt"]
    subprocess.run(
        [sys.executable, "-m", "floorlens", *command],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "FLOORLENS_THREADS": str(threads)},
    )
    return peak_megabytes(resource.RUSAGE_CHILDREN)


def best_batch(clip: Clip, paths: Sequence[Path]) -> tuple[int, dict[int, float]]:
    """Returns the batch with which CLIP indexes fastest, and the images/s of each."""
    seconds: dict[int, list[float]] = defaultdict(list)
    for run in range(4):
        for batch in BATCHES:
            elapsed, _ = timed(partial(clip.index, paths, batch))
            if run:
                seconds[batch].append(elapsed)
    rates = {batch: len(paths) / statistics.median(elapsed) for batch, elapsed in seconds.items()}
    return max(rates, key=lambda batch: rates[batch]), rates


def measure(runs: int, threads: int, products: int) -> dict[str, Any]:
    """Returns seconds of each run, ratios, memory and what was measured on which machine."""
    with tempfile.TemporaryDirectory(prefix="floorlens-speed-") as name:
        folder = Path(name)
        paths, source = write_products(folder / "products", products)
        few = folder / "few"
        few.mkdir()
        for path in paths[:INDEXED]:
            (few / path.name).write_bytes(path.read_bytes())
        photos, room_source = room_photos()
        indexing_peak = fill(folder / "catalogue", folder / "products", threads)
        with Floorlens.open(folder / "catalogue", create=False, threads=threads) as lens:
            for photo in photos:
                total = lens.search(photo).total
            query_peak = peak_megabytes()
            indexing = Indexing(folder / "indexed", few, threads)
            reference = Reference(threads)
            files = sorted(few.iterdir())
            batch, rates = best_batch(reference.clip, files)
            works: dict[str, Callable[[int], Any]] = {
                "query": lambda run: lens.search(photos[run % len(photos)]),
                "least": lambda _run: reference.query(segmentations=1, pairs=0),
                "reference": lambda _run: reference.query(segmentations=2, pairs=PAIRS),
                "index": lambda _run: indexing.run(),
                "clip": lambda _run: reference.clip.index(files, batch),
            }
            before = {"index": indexing.renew}
            for work in works.values():
                for run in range(2):
                    indexing.renew()
                    work(run)
            seconds, results = alternate(works, runs, before)
            indexing.close()
            stamp = lens.stamp
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    stages: dict[str, list[float]] = defaultdict(list)
    for result in results["query"]:
        for stage, value in result.timings.items():
            stages[stage].append(value)
    return {
        "seconds": seconds,
        "stages": {stage: statistics.median(values) for stage, values in stages.items()},
        "images_per_second": {name: INDEXED / medians[name] for name in ("index", "clip")},
        "clip_batches": rates,
        "ratios": {
            "reference": medians["reference"] / medians["query"],
            "least": medians["least"] / medians["query"],
            "clip": medians["clip"] / medians["index"],
        },
        "clip_batch": batch,
        "runs": runs,
        "threads": threads,
        "products": total,
        "pictures": {"rooms": room_source, "products": source},
        "peak_mb": {
            "query": query_peak,
            "indexing": indexing_peak,
            "with_reference": peak_megabytes(),
        },
        "machine": machine("onnxruntime", "torch", "transformers"),
        "preset": stamp["preset"],
    }


def table(figures: dict[str, Any]) -> str:
    """Returns the figures as lines for people."""
    seconds, ratios, peak = figures["seconds"], figures["ratios"], figures["peak_mb"]
    rates = {name: [INDEXED / value for value in seconds[name]] for name in ("index", "clip")}
    rows = [
        ("Floorlens, warm query, s", seconds["query"], None),
        (f"reference (2 + 1 + {PAIRS} pairs), s", seconds["reference"], "reference"),
        ("reference at its least (1 + 1), s", seconds["least"], "least"),
        ("Floorlens, indexing, images/s", rates["index"], "clip"),
        (f"CLIP ViT-B/32, batch {figures['clip_batch']}, images/s", rates["clip"], None),
    ]
    stages = ", ".join(f"{name} {1000 * value:.0f}" for name, value in figures["stages"].items())
    batches = ", ".join(f"{size}: {rate:.1f}" for size, rate in figures["clip_batches"].items())
    return "\n".join(
        [
            HEAD,
            *(
                median_row(label, values, ratios.get(key), AIMS.get(key or ""))
                for label, values, key in rows
            ),
            f"Floorlens stages, median ms: {stages}",
            f"CLIP images/s by batch: {batches}",
            f"peak memory: {peak['query']:.0f} MB for queries, {peak['indexing']:.0f} MB for "
            f"indexing {figures['products']} products, {peak['with_reference']:.0f} MB with the "
            "reference",
            f"{figures['runs']} runs each in turn, {figures['threads']} threads, "
            f"{figures['products']} products ({figures['pictures']['products']}), {INDEXED} "
            f"indexed a run, {PHOTO_SIDE} px ({figures['pictures']['rooms']}), preset "
            f"{figures['preset']}",
            ", ".join(f"{name} {value}" for name, value in figures["machine"].items()),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="of each, in turn (at least 2)")
    parser.add_argument("--threads", type=int, default=2, help="for both")
    parser.add_argument("--products", type=int, default=1000, help="in the catalogue (at least 32)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.runs < 2 or options.threads < 1 or options.products < INDEXED:
        parser.error(f"at least 2 --runs, 1 --threads and {INDEXED} --products are needed")
    figures = measure(options.runs, options.threads, options.products)
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
