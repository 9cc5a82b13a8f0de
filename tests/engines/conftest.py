"""The engines of the contract suite: each the real one, the double for Pinecone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from floorlens.engines import Collection, Engine, VectorIndex

CLASSES = {
    "exact": "exact.ExactIndex",
    "lancedb": "lancedb.collection.LanceIndex",
    "pinecone": "pinecone.collection.PineconeIndex",
    "pgvector": "pgvector.collection.PgvectorIndex",
    "milvus": "milvus.collection.MilvusIndex",
}
NUMBERS = count(1)

Opener = Callable[..., VectorIndex]


def index_class(name: str) -> Any:
    """Returns the class of an engine, by file name."""
    module, _, of_it = CLASSES[name].rpartition(".")
    return getattr(import_module(f"floorlens.engines.backends.{module}"), of_it)


@pytest.fixture(params=CLASSES)
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    """Each engine in turn; a test that is for some alone parametrises it indirectly."""
    engine = engine_of(request.param)
    # Of one name, whatever the dimension: one of another dimension must be refused.
    return replace(engine, index="contract") if engine.name == "pinecone" else engine


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
