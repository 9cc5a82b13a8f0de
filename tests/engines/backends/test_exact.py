"""The exact engine, with which the tests compare the other engines."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.engines import CollectionSpec, Engine, Record
from floorlens.engines.backends import exact
from floorlens.engines.backends.exact import ExactCollection
from floorlens.engines.filters import parse_filter
from floorlens.errors import EngineMismatch


def unit(values: Any) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    return vector / np.linalg.norm(vector)


def open_empty(dimension: int) -> ExactCollection:
    return ExactCollection.open(Engine(), CollectionSpec("products", dimension, "stamp"))


def filled(count: int, dimension: int = 8, seed: int = 0) -> tuple[ExactCollection, list[Record]]:
    rng = np.random.default_rng(seed)
    records = [
        Record(f"p{i:03}", unit(rng.normal(size=dimension)), {"price": i, "even": i % 2 == 0})
        for i in range(count)
    ]
    collection = open_empty(dimension)
    collection.upsert(records)
    return collection, records


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    count=st.integers(1, 60),
    k=st.integers(0, 80),
    seed=st.integers(0, 1000),
    bound=st.none() | st.integers(0, 60),
)
def test_query_equals_sorting_everything(count: int, k: int, seed: int, bound: int | None) -> None:
    """Top-k by partition, with and without a filter, is the head of the full sort."""
    collection, records = filled(count, seed=seed)
    vector = unit(np.random.default_rng(seed + 1).normal(size=8))
    where = None if bound is None else parse_filter({"price": {"$lt": bound}})
    passing = [r for r in records if bound is None or r.metadata["price"] < bound]
    expected = sorted(passing, key=lambda r: (-float(r.vector.astype(float) @ vector), r.id))[:k]
    assert [hit.id for hit in collection.query(vector, k, where)] == [r.id for r in expected]


def test_equal_vectors_score_equally_wherever_they_stand() -> None:
    """Byte-identical products must tie exactly; a BLAS product would not promise that."""
    twin = unit(np.random.default_rng(5).normal(size=131))
    collection = open_empty(131)
    rng = np.random.default_rng(6)
    collection.upsert(
        [
            Record(f"p{i:03}", twin if i % 3 == 0 else unit(rng.normal(size=131)), {})
            for i in range(101)
        ]
    )
    hits = collection.query(unit(rng.normal(size=131)), 101)
    similarities = {hit.similarity for hit in hits if int(hit.id[1:]) % 3 == 0}
    assert len(similarities) == 1


def test_ties_come_in_order_of_id_even_at_the_cut() -> None:
    """A cut through equal similarities keeps the smallest ids."""
    collection = open_empty(2)
    collection.upsert([Record(f"p{i}", unit([1, 0]), {}) for i in (3, 1, 2, 0)])
    assert [hit.id for hit in collection.query(unit([1, 1]), 2)] == ["p0", "p1"]


def test_upsert_replaces_and_delete_ignores_unknown() -> None:
    """Writes are idempotent."""
    collection, records = filled(4)
    collection.upsert([Record("p001", records[0].vector, {"price": 99})])
    collection.upsert([Record("p001", records[0].vector, {"price": 99})])
    collection.delete(["p003", "nothing"])
    collection.delete(["p003"])
    assert list(collection.ids()) == [["p000", "p001", "p002"]]
    assert collection.fetch(["p001", "gone"])[0].metadata == {"price": 99}
    assert collection.stats().count == 3
    assert (collection.stats().dimension, collection.stats().stamp) == (8, "stamp")


def test_another_dimension_is_refused_and_changes_nothing() -> None:
    """Vectors of another model never mix with those stored."""
    collection, _ = filled(3)
    with pytest.raises(EngineMismatch, match="shape"):
        collection.upsert([Record("x", unit([1, 2]), {})])
    assert collection.stats().count == 3


def test_an_empty_collection_answers() -> None:
    """No product is no error here; the pipeline says it."""
    assert open_empty(2).query(unit([1, 0]), 5) == []
    assert open_empty(2).stats().count == 0


class SlowVector:
    """A vector that takes its time while it is copied, so that other threads run meanwhile."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        time.sleep(0.002)
        return self.values


def test_threads_that_write_at_once_lose_no_record() -> None:
    """Each write begins while the others are in the middle of theirs."""
    collection, barrier = open_empty(8), threading.Barrier(8)
    rng = np.random.default_rng(11)
    records = {f"p{i:03}": unit(rng.normal(size=8)) for i in range(160)}
    extra = {f"x{i:03}": unit(rng.normal(size=8)) for i in range(80)}
    collection.upsert([Record(name, vector, {}) for name, vector in extra.items()])

    def work(number: int) -> None:
        slow: Any = {name: SlowVector(vector) for name, vector in records.items()}
        own = [Record(name, slow[name], {}) for name in list(records)[number::8]]
        barrier.wait(timeout=120)
        collection.upsert(own)
        collection.delete([f"x{i:03}" for i in range(number, 80, 8)])

    with ThreadPoolExecutor(8) as pool:
        for task in [pool.submit(work, number) for number in range(8)]:
            task.result(timeout=240)
    assert list(collection.ids()) == [sorted(records)]
    for record in collection.fetch(records):
        assert np.array_equal(record.vector, records[record.id]), record.id


def test_readers_see_whole_writes_while_others_write() -> None:
    """A record that is replaced again and again is there once, in every search."""
    collection, stop = open_empty(2), threading.Event()
    collection.upsert([Record("steady", unit([1, 0]), {"turn": 0})])

    def write() -> None:
        for turn in range(60):
            # Between the two records of a write readers get their turn.
            slow: Any = SlowVector(unit([1, 1]))
            collection.upsert([Record(name, slow, {"turn": turn}) for name in ("a", "b")])
            if turn % 7 == 0:
                collection.delete(["a", "b"])
        stop.set()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not stop.is_set():
            names = [hit.id for hit in collection.query(unit([1, 0]), 9)]
            assert names in (["steady"], ["steady", "a", "b"])
        writer.result(timeout=240)


def test_a_write_costs_what_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding n records in batches moves each a few times, not once a batch."""
    collection, moves = open_empty(4), []
    make = exact._Rows.empty

    def empty(space: int, dimension: int) -> Any:
        moves.append(len(collection._row_of))
        return make(space, dimension)

    monkeypatch.setattr(exact._Rows, "empty", empty)
    for start in range(0, 4000, 10):
        collection.upsert(
            [Record(f"p{i:05}", unit([i + 1, 1, 2, 3]), {}) for i in range(start, start + 10)]
        )
    assert collection.stats().count == 4000
    # It doubles from 10 on; a write within the space keeps the very arrays.
    assert 8 <= len(moves) <= 11
    assert sum(moves) < 2 * 4000
    vectors = collection._now.rows.vectors
    collection.upsert([Record("one more", unit([9, 1, 2, 3]), {})])
    assert collection._now.rows.vectors is vectors
    for _ in range(400):
        collection.upsert([Record(f"p{i:05}", unit([i + 1, 4, 2, 3]), {}) for i in range(10)])
    assert sum(moves) < 4 * 4000


class Interrupted(Exception):
    """What stops a write in its middle, as Ctrl-C does."""


class RaisingVector(SlowVector):
    """A vector whose copying is interrupted."""

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise Interrupted


@pytest.mark.parametrize("count", [4, 40])
def test_an_interrupted_write_changes_nothing_and_can_be_repeated(count: int) -> None:
    """Within the space that is there, and where more is made first."""
    collection, records = filled(6)
    before = collection.query(records[0].vector, 99)
    new = [Record(f"p{i:03}", unit(range(i + 1, i + 9)), {"new": i}) for i in range(3, 3 + count)]
    broken: Any = RaisingVector(new[-1].vector)
    for _ in range(2):
        with pytest.raises(Interrupted):
            collection.upsert([*new[:-1], Record("broken", broken, {})])
        assert collection.query(records[0].vector, 99) == before
        assert list(collection.ids()) == [[record.id for record in records]]
        assert [record.metadata for record in collection.fetch(["p004"])] == [records[4].metadata]
    collection.upsert(new)
    expected = {record.id: record for record in [*records, *new]}
    assert list(collection.ids()) == [sorted(expected)]
    for record in collection.fetch(expected):
        assert np.array_equal(record.vector, expected[record.id].vector), record.id
        assert record.metadata == expected[record.id].metadata
    hits = collection.query(records[0].vector, 99)
    cosines = {r.id: float(r.vector @ records[0].vector) for r in expected.values()}
    assert {hit.id: pytest.approx(hit.similarity, abs=1e-6) for hit in hits} == cosines


def test_a_collection_may_be_walked_while_it_is_changed() -> None:
    """What is handed over may read the collection itself."""
    collection, records = filled(5)
    everything = (name for page in collection.ids() for name in page)
    assert len(collection.fetch(everything)) == 5
    collection.delete(name for page in collection.ids() for name in page if name != "p002")
    assert list(collection.ids()) == [["p002"]]
    assert [hit.id for hit in collection.query(records[0].vector, 9)] == ["p002"]


def test_removed_rows_are_left_behind_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "MOST_REMOVED", 10)
    collection, records = filled(60)
    collection.delete([record.id for record in records[5:]])
    collection.upsert(records[:1])
    assert collection._now.count == 6
    assert [hit.id for hit in collection.query(records[3].vector, 1)] == ["p003"]
