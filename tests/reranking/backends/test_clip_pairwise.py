"""Comparing again: the reference design's way keeps the order, patches may change it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.clip_signature import pack
from floorlens.errors import CatalogueError
from floorlens.models.options import ModelOptions
from floorlens.ranking.order import rank
from floorlens.reranking.backends.clip_pairwise import ClipPairwiseReranker

SINGLE = ClipPairwiseReranker()
PATCHES = ClipPairwiseReranker(ModelOptions(rerank="patches"))


def unit(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    rows = rng.normal(0, 1, shape).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def alone(vector: NDArray[np.float32]) -> bytes:
    return pack(vector, np.empty((0, vector.size), np.float32))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 999), st.integers(1, 200))
def test_the_same_cosine_cannot_change_the_order(seed: int, count: int) -> None:
    """What the reference's second stage does: docs/models.md says why, this shows it."""
    rng = np.random.default_rng(seed)
    query, products = unit(rng, 512), unit(rng, count, 512)
    # Near one another, as embeddings of floors are.
    products = products * 0.1 + query
    products /= np.linalg.norm(products, axis=1, keepdims=True)
    ids = [f"p{place:03d}" for place in range(count)]
    comparison = SINGLE.compare(alone(query), [alone(row) for row in products])
    components = comparison.components
    assert set(components) == set(SINGLE.weights) == {"region"}
    order = [item.id for item in rank(ids, comparison, SINGLE.weights)]
    cosine = dict(zip(ids, products @ query, strict=True))
    ordered = [cosine[name] for name in order]
    assert all(a >= b - 1e-6 for a, b in pairwise(ordered))
    np.testing.assert_allclose(components["region"], (1 + products @ query) / 2, atol=2e-7)


def test_patches_tell_what_regions_do_not() -> None:
    """Of two products whose regions look alike the one with the query's patches comes first."""
    rng = np.random.default_rng(5)
    region, patches, others = unit(rng, 64), unit(rng, 4, 64), unit(rng, 4, 64)
    query = pack(region, patches)
    candidates = [pack(region, others), pack(region, patches[::-1])]
    comparison = PATCHES.compare(query, candidates)
    scores = comparison.components
    assert set(scores) == {"region", "patches"}
    assert scores["region"][0] == pytest.approx(scores["region"][1], abs=1e-6)
    assert scores["patches"][1] == pytest.approx(1, abs=0.01)
    assert scores["patches"][0] < 0.8
    ranked = rank(["other", "same"], comparison, PATCHES.weights)
    assert [item.id for item in ranked] == ["same", "other"]


@pytest.mark.parametrize(
    ("own", "theirs", "cosine"),
    [
        # One of two is found again. This way half of them is near something, that way all.
        ((0, 1), (0,), 0.75),
        ((0,), (0, 1), 0.75),
        ((0, 1), (0, 2), 0.5),
        ((0, 1, 2), (0,), 2 / 3),
        ((0,), (0, 1, 2), 2 / 3),
        ((0, 1), (1, 0), 1.0),
    ],
)
def test_patches_are_looked_for_both_ways(
    own: tuple[int, ...], theirs: tuple[int, ...], cosine: float
) -> None:
    """One way alone, a product that has more in it than the floor would be as good as the floor."""
    axes = np.eye(4, dtype=np.float32)
    query, product = pack(axes[3], axes[list(own)]), pack(axes[3], axes[list(theirs)])
    # Beside one of more patches: what a product is filled up with must not count.
    fuller = pack(axes[3], axes[[0, 1, 2, 3]])
    scores = PATCHES.compare(query, [product, fuller]).components["patches"][0]
    assert scores == pytest.approx((1 + cosine) / 2, abs=1e-6)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 999), st.lists(st.integers(0, 29), min_size=1, max_size=12))
def test_scores_are_bounded_and_do_not_depend_on_the_neighbours(
    seed: int, counts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    query = pack(unit(rng, 32), unit(rng, 3, 32))
    candidates = [pack(unit(rng, 32), unit(rng, count, 32)) for count in counts]
    together = PATCHES.compare(query, candidates).components
    for name, scores in together.items():
        assert scores.dtype == np.float32
        assert scores.shape == (len(counts),)
        assert ((scores >= 0) & (scores <= 1)).all()
        for place, candidate in enumerate(candidates):
            one = PATCHES.compare(query, [candidate]).components[name][0]
            assert scores[place] == one, "to the last bit"
    own = PATCHES.compare(query, [query]).components
    assert min(float(own["region"][0]), float(own["patches"][0])) > 0.999


@pytest.mark.parametrize("reranker", [SINGLE, PATCHES])
def test_no_candidates_and_bad_bytes(reranker: Any) -> None:
    query = alone(unit(np.random.default_rng(0), 8))
    empty = reranker.compare(query, []).components
    assert {name: scores.shape for name, scores in empty.items()} == dict.fromkeys(
        reranker.weights, (0,)
    )
    with pytest.raises(CatalogueError):
        reranker.compare(query, [b"FLS2"])
    assert "FLC1" in reranker.stamp.preprocessing
