"""The retriever: one projection at a time, whatever other processes do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete

from floorlens import Floorlens
from floorlens.catalogue.projections import Projections
from floorlens.catalogue.schema import features
from floorlens.embedding import Aspect, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.engines import Engine, Hit
from floorlens.engines.backends.exact import ExactCollection
from floorlens.engines.backends.lancedb.collection import LanceCollection
from floorlens.errors import CatalogueError, GenerationChanged
from floorlens.testing import fake_stages

ROOM = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)


@pytest.fixture
def lens(tmp_path: Path, location: str) -> Iterator[Floorlens]:
    with Floorlens.open(location, stages=fake_stages(adaptable=True)) as lens:
        lens.add(paint(tmp_path / "products", 3))
        yield lens


def paint(folder: Path, count: int) -> Path:
    """Writes plain pictures of different colours; returns their folder."""
    folder.mkdir()
    for number in range(count):
        colour = (20 * number, 90, 200 - 15 * number)
        Image.new("RGB", (32, 32), colour).save(folder / f"{number}.png")
    return folder


def count_readings(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[str]:
    """Counts readings of a projection, the first of which find it dropped."""
    calls: list[str] = []
    real = Projections.get

    def get(store: Projections, version: str) -> Projection:
        calls.append(version)
        if len(calls) <= failures:
            raise GenerationChanged("gone")
        return real(store, version)

    monkeypatch.setattr(Projections, "get", get)
    return calls


def test_a_projection_is_read_once(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is some hundred kilobytes: a price change must not read it again."""
    calls = count_readings(monkeypatch, failures=0)
    lens.search(ROOM)
    lens.remove(["0"])
    assert lens.search(ROOM).total == 2
    assert calls == ["1"]


def test_a_swap_while_catching_up_takes_the_next_snapshot(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_readings(monkeypatch, failures=2)
    assert len(lens.search(ROOM).matches) == 3
    assert len(calls) == 3


def test_changes_without_end_are_an_error(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    count_readings(monkeypatch, failures=1000)
    with pytest.raises(CatalogueError, match="search again"):
        lens.search(ROOM)


def test_a_vector_without_a_signature_asks_for_a_rebuild(lens: Floorlens) -> None:
    """Both lie in one row, so only a damaged catalogue has one of them: nothing is left out."""
    lens.search(ROOM)
    with lens._catalogue.writing(counted=False) as connection:
        connection.execute(delete(features).where(features.c.product_id == "0"))
    with pytest.raises(CatalogueError, match="floorlens index --rebuild"):
        lens.search(ROOM)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exact", "lancedb"])
def test_a_swap_during_the_vector_query_is_noticed(
    name: str,
    location: str,
    tmp_path: Path,
    engine_of: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer is of one projection, though no transaction of the catalogue binds the engine.

    In a namespace of one's own, and in a process's memory, the vectors of the new projection take
    the place of the old ones, so that a query of the old one meets them.
    """
    backend: Any = ExactCollection if name == "exact" else LanceCollection
    engine = replace(engine_of(name), namespace="ours")
    stages = fake_stages(adaptable=True)
    colour, nothing = np.array([[55, 10, 20]], np.float16), np.empty(0, np.float16)
    scene = Aspect(colour, np.ones(1, np.float16), colour, nothing, nothing)
    floor = FloorFeatures({"scene": scene})
    with (
        Floorlens.open(location, index=engine, stages=stages) as lens,
        Floorlens.open(location, index=engine, stages=stages) as other,
    ):
        lens.add(paint(tmp_path / "many", 9), adapt=False)
        query: Callable[..., list[Hit]] = backend.query

        def swap_before(collection: Any, *arguments: Any) -> list[Hit]:
            if not lens.adapted:
                lens.adapt(views=1)
                # As another thread of the same process would.
                other.search(ROOM)
            return query(collection, *arguments)

        monkeypatch.setattr(backend, "query", swap_before)
        retrieval = other._retriever.retrieve(floor, 5, 5, None)
        in_use = other.projection
        assert lens.adapted and in_use is not None
        projection = other._catalogue.projections.get(in_use["version"])
        embedding = stages.embedder.describe(floor, projection)
        assert retrieval.query.vector == pytest.approx(embedding.vector)
        vectors = {
            record.id: record.vector for record in other._catalogue.snapshot().changed_records
        }
        for hit in retrieval.hits:
            cosine = float(vectors[hit.id] @ embedding.vector)
            assert hit.similarity == pytest.approx(cosine, abs=1e-4)
