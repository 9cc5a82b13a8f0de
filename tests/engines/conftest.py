"""The engines of the contract suite: each the real one, the double for Pinecone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from floorlens.engines import BACKENDS, Collection, Engine, VectorIndex, open_collection

NUMBERS = count(1)

Opener = Callable[..., VectorIndex]


@pytest.fixture(params=list(BACKENDS))
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
        handles.append(open_collection(engine, collection, **how))
        return handles[-1]

    yield open_index
    for handle in handles:
        handle.close()
