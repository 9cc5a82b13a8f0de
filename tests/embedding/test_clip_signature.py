"""The signature of embedders on hub models: small, and exact where the order depends on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.clip_signature import EXACT, LIMIT, MAGIC, MOST, pack, unpack
from floorlens.errors import CatalogueError


def unit(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    rows = rng.normal(0, 1, shape).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 999), st.sampled_from([8, 384, 512, 768, 1152]), st.integers(0, 30))
def test_what_is_packed_comes_back(seed: int, dimension: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    whole, patches = unit(rng, dimension), unit(rng, count, dimension)
    packed = pack(whole, patches)
    assert len(packed) <= LIMIT
    back = unpack([packed])
    np.testing.assert_allclose(back.whole[0], whole, atol=1e-3)
    rows = back.patches[0]
    assert 1 <= len(rows) <= max(1, count)
    if count and len(rows) == count:
        np.testing.assert_allclose(rows, patches, atol=0.01)


@pytest.mark.parametrize(("dimension", "least"), [(384, 8), (512, 5), (768, 3)])
def test_so_many_patches_fit(dimension: int, least: int) -> None:
    rng = np.random.default_rng(0)
    packed = pack(unit(rng, dimension), unit(rng, 40, dimension))
    assert unpack([packed]).patches.shape[1] == least


@pytest.mark.parametrize("dimension", [384, 512, 768, EXACT])
def test_a_region_alone_is_exact(dimension: int) -> None:
    """Compared again it must give the order of retrieval, to the last bits of float32."""
    whole = unit(np.random.default_rng(1), dimension)
    back = unpack([pack(whole, np.empty((0, dimension), np.float32))])
    np.testing.assert_allclose(back.whole[0], whole, rtol=3e-7)


@pytest.mark.parametrize("dimension", [EXACT + 1, MOST])
def test_a_longer_region_is_rounded_even_alone(dimension: int) -> None:
    whole = unit(np.random.default_rng(1), dimension)
    packed = pack(whole, np.empty((0, dimension), np.float32))
    assert len(packed) <= LIMIT
    difference = np.abs(unpack([packed]).whole[0] - whole).max()
    assert 1e-7 < difference < 1e-4


def test_floors_of_different_patch_counts_are_read_together() -> None:
    rng = np.random.default_rng(1)
    packed = [pack(unit(rng, 16), unit(rng, count, 16)) for count in (2, 5, 0)]
    together, alone = unpack(packed), [unpack([one]) for one in packed]
    assert together.patches.shape == (3, 5, 16)
    for index, one in enumerate(alone):
        np.testing.assert_array_equal(together.whole[index], one.whole[0])
        count = one.patches.shape[1]
        np.testing.assert_array_equal(together.patches[index, :count], one.patches[0])
    np.testing.assert_array_equal(together.patches[0, 4], together.patches[0, 0])
    np.testing.assert_allclose(together.patches[2, 0], together.whole[2], atol=1e-6)


@pytest.mark.parametrize("bad", [b"", MAGIC, b"FLS2" + bytes(40), MAGIC + bytes(8), MAGIC * 9])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(CatalogueError, match="floorlens index --rebuild"):
        unpack([bad])


def test_cut_short_and_mixed_signatures_are_refused() -> None:
    rng = np.random.default_rng(2)
    good, other = pack(unit(rng, 16), unit(rng, 2, 16)), pack(unit(rng, 8), unit(rng, 2, 8))
    with pytest.raises(CatalogueError):
        unpack([good[:-1]])
    with pytest.raises(CatalogueError, match="different embedders"):
        unpack([good, other])


def test_a_vector_that_does_not_fit_is_refused() -> None:
    assert (EXACT, MOST) == (1021, 2042)
    for dimension in (MOST + 1, 3000):
        with pytest.raises(ValueError, match="does not fit"):
            pack(unit(np.random.default_rng(0), dimension), np.empty((0, dimension), np.float32))
