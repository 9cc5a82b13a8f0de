"""The exact index: the oracle that later engines are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import EngineMismatch
from floorlens.filters import parse_filter
from floorlens.index import Collection, Engine, Record
from floorlens.index.exact import ExactIndex


def unit(values: Any) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    return vector / np.linalg.norm(vector)


def opened(dimension: int) -> ExactIndex:
    return ExactIndex.open(Engine(), Collection("products", dimension, "stamp"))


def filled(count: int, dimension: int = 8, seed: int = 0) -> tuple[ExactIndex, list[Record]]:
    rng = np.random.default_rng(seed)
    records = [
        Record(f"p{i:03}", unit(rng.normal(size=dimension)), {"price": i, "even": i % 2 == 0})
        for i in range(count)
    ]
    index = opened(dimension)
    index.upsert(records)
    return index, records


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    count=st.integers(1, 60),
    k=st.integers(0, 80),
    seed=st.integers(0, 1000),
    bound=st.none() | st.integers(0, 60),
)
def test_query_equals_sorting_everything(count: int, k: int, seed: int, bound: int | None) -> None:
    """Top-k by partition, with and without a filter, is the head of the full sort."""
    index, records = filled(count, seed=seed)
    vector = unit(np.random.default_rng(seed + 1).normal(size=8))
    where = None if bound is None else parse_filter({"price": {"$lt": bound}})
    passing = [r for r in records if bound is None or r.metadata["price"] < bound]
    expected = sorted(passing, key=lambda r: (-float(r.vector.astype(float) @ vector), r.id))[:k]
    assert [hit.id for hit in index.query(vector, k, where)] == [r.id for r in expected]


def test_equal_vectors_score_equally_wherever_they_stand() -> None:
    """Byte-identical products must tie exactly; a BLAS product would not promise that."""
    twin = unit(np.random.default_rng(5).normal(size=131))
    index = opened(131)
    rng = np.random.default_rng(6)
    index.upsert(
        [
            Record(f"p{i:03}", twin if i % 3 == 0 else unit(rng.normal(size=131)), {})
            for i in range(101)
        ]
    )
    hits = index.query(unit(rng.normal(size=131)), 101)
    similarities = {hit.similarity for hit in hits if int(hit.id[1:]) % 3 == 0}
    assert len(similarities) == 1


def test_ties_come_in_order_of_id_even_at_the_cut() -> None:
    """A cut through equal similarities keeps the smallest ids."""
    index = opened(2)
    index.upsert([Record(f"p{i}", unit([1, 0]), {}) for i in (3, 1, 2, 0)])
    assert [hit.id for hit in index.query(unit([1, 1]), 2)] == ["p0", "p1"]


def test_upsert_replaces_and_delete_ignores_unknown() -> None:
    """Writes are idempotent."""
    index, records = filled(4)
    index.upsert([Record("p001", records[0].vector, {"price": 99})])
    index.upsert([Record("p001", records[0].vector, {"price": 99})])
    index.delete(["p003", "nothing"])
    index.delete(["p003"])
    assert list(index.ids()) == [["p000", "p001", "p002"]]
    assert index.fetch(["p001", "gone"])[0].metadata == {"price": 99}
    assert index.stats().count == 3
    assert (index.stats().dimension, index.stats().stamp) == (8, "stamp")


def test_another_dimension_is_refused_and_changes_nothing() -> None:
    """Vectors of another model never mix with those stored."""
    index, _ = filled(3)
    with pytest.raises(EngineMismatch, match="shape"):
        index.upsert([Record("x", unit([1, 2]), {})])
    assert index.stats().count == 3


def test_an_empty_index_answers() -> None:
    """No product is no error here; the pipeline says it."""
    assert opened(2).query(unit([1, 0]), 5) == []
    assert opened(2).stats().count == 0
