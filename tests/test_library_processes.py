"""The library beside others: process pools, joblib, and a program that mypy checks strictly."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import pytest

from floorlens import Floorlens, SearchResult

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens import (
    Floorlens,
    FloorlensError,
    FloorRegion,
    Match,
    Product,
    Ranking,
    SearchResult,
)
from floorlens.lens import CatalogueReport


def best(ranking: Ranking) -> Match:
    return ranking[0]


def main() -> None:
    with Floorlens.open("catalogue", preset="builtin") as lens:
        lens.add(Path("products"))
        grey: NDArray[np.uint8] = np.full((64, 64, 3), 128, np.uint8)
        rows: list[dict[str, object]] = [{"id": "grey", "image": grey, "price": 20}]
        report: CatalogueReport = lens.add(rows, progress=lambda done, total, row: print(row.id))
        lens.add(Product("oak", "Oak", {"price": 40}, ("oak.jpg",)))
        lens.add({"id": "elm", "image": [Path("elm.jpg"), b"..."]} for _ in range(2))
        result: SearchResult = lens.search("room.jpg", where={"price": {"$lt": 50}})
        floor: FloorRegion = result.floor
        mask: NDArray[np.bool_] = floor.mask
        both = lens.search(["room.jpg", b"..."], region=[None, (0, 0, 9, 9)], like=["oak"])
        similar: Ranking = lens.similar("oak", limit=3, unlike=["ash"])
        product: Product = best(similar).product
        names: list[str] = [match.product.name for match in both[:3]]
        ids, vectors = lens.embeddings()
        scores: NDArray[np.float32] = vectors @ lens.embed("room.jpg")
        for outcome in lens.search_many(Path("rooms").iterdir()):
            if isinstance(outcome, FloorlensError):
                print(outcome.code)
            else:
                print(outcome.floor.share, len(outcome), outcome.to_pandas())
        print(mask.shape, product.metadata, names, ids, scores, report.counts)
"""


def search(lens: Floorlens, room: str) -> SearchResult:
    return lens.search(room, limit=3)


def test_a_lens_and_its_results_go_through_a_process_pool(lens: Floorlens, room: Path) -> None:
    """Of processes that begin anew and have nothing but what is pickled."""
    expected = lens.search(room, limit=3).matches
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(search, lens, str(room)) for _ in range(3)]
        assert [future.result(timeout=300).matches for future in futures] == [expected] * 3


def test_joblib_takes_a_lens_and_keeps_results(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    expected = lens.search(room, limit=3).matches
    work = (joblib.delayed(search)(lens, str(room)) for _ in range(2))
    assert [result.matches for result in joblib.Parallel(n_jobs=2)(work)] == [expected] * 2
    joblib.dump(lens.search(room, limit=3), tmp_path / "result")
    assert joblib.load(tmp_path / "result").matches == expected


def test_mypy_understands_a_program_that_uses_the_library(tmp_path: Path) -> None:
    """Strictly. With our own configuration, so that what `make lint` has cached is used: without it
    all of Floorlens and its libraries are read anew, which takes minutes.
    """
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", program],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
