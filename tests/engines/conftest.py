"""The engines of the contract suite: each the real one, the double for Pinecone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from floorlens import engines
from floorlens.engines import BACKENDS, Collection, CollectionSpec, Engine, Mode

NUMBERS = count(1)

Opener = Callable[..., Collection]


@pytest.fixture(params=[*BACKENDS, "sqlite"])
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    """Each engine in turn, and the one of the template (examples/plugin).

    A test that is for some alone parametrises it indirectly.
    """
    engine = engine_of(request.param)
    # Of one name, whatever the dimension: one of another dimension must be refused.
    return replace(engine, index="contract") if engine.name == "pinecone" else engine


@pytest.fixture
def spec() -> CollectionSpec:
    """A collection of eight dimensions that no other test has."""
    return CollectionSpec(f"contract_{next(NUMBERS)}", 8, "stamp 1")


@pytest.fixture
def open_collection() -> Iterator[Opener]:
    """`floorlens.engines.open_collection`; what it opens is closed after the test."""
    collections: list[Collection] = []

    def opener(engine: Engine, spec: CollectionSpec, mode: Mode = "create") -> Collection:
        collections.append(engines.open_collection(engine, spec, mode=mode))
        return collections[-1]

    yield opener
    for collection in collections:
        collection.close()
