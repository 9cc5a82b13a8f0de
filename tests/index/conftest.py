"""The engines of the contract suite: each the real one, the double for Pinecone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from floorlens.index import Collection, Engine, VectorIndex

CLASSES = {
    "exact": "ExactIndex",
    "lancedb": "LanceIndex",
    "pinecone": "PineconeIndex",
    "pgvector": "PgvectorIndex",
    "milvus": "MilvusIndex",
}
NUMBERS = count(1)

Opener = Callable[..., VectorIndex]


def index_class(name: str) -> Any:
    """Returns the class of an engine, by file name."""
    return getattr(import_module(f"floorlens.index.{name}"), CLASSES[name])


@pytest.fixture(scope="session")
def pinecone_double() -> Iterator[Any]:
    """A running double of Pinecone, one for all tests: each makes its own namespace."""
    from floorlens.testing.pinecone import running_double

    with running_double(api_key="test") as double:
        yield double


def engine_of(name: str, request: pytest.FixtureRequest, folder: Path) -> Engine:
    """Returns an engine that answers; a server is started when the first test wants it."""
    if name == "lancedb":
        return Engine(name, url=str(folder / "lance"))
    if name == "milvus":
        return Engine(name, url=str(folder / "milvus.db"))
    if name == "pgvector":
        return Engine(name, url=request.getfixturevalue("postgres_url"))
    if name == "pinecone":
        double = request.getfixturevalue("pinecone_double")
        return Engine(name, url=double.url, api_key="test", fresh=True)
    return Engine(name)


@pytest.fixture(params=CLASSES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Each engine in turn; a test that is for some alone parametrises it indirectly."""
    return engine_of(request.param, request, tmp_path)


@pytest.fixture
def collection() -> Collection:
    """A collection of eight dimensions that no other test has."""
    return Collection(f"contract_{next(NUMBERS)}", 8, "stamp 1")


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens `opened(engine, collection, create=…, take_over=…)`, and closes it after the test."""
    handles: list[VectorIndex] = []

    def open_index(engine: Engine, collection: Collection, **how: bool) -> VectorIndex:
        handle: VectorIndex = index_class(engine.name).open(engine, collection, **how)
        handles.append(handle)
        return handle

    yield open_index
    for handle in handles:
        handle.close()
