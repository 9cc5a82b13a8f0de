"""The signature: small, versioned, and faithful."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.pattern import CLASSES
from floorlens.embedding.signature import LIMIT, MOST_PATCHES, pack, unpack
from floorlens.errors import CatalogueError

PATTERN = np.linspace(0.0, 2 / len(CLASSES), len(CLASSES))


def unit(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    rows = rng.normal(0, 1, shape).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def colours(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal((60, 5, 20), (9, 2, 4), (500, 3)).astype(np.float32)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_what_is_packed_comes_back(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    lab, whole, patches = colours(rng), unit(rng, 128), unit(rng, count, 128)
    packed = pack(lab, PATTERN, whole, patches)
    assert len(packed) <= LIMIT
    back = unpack([packed])
    np.testing.assert_allclose(back.centre[0], np.median(lab, axis=0), atol=1e-3)
    np.testing.assert_allclose(back.pattern[0], PATTERN, atol=1e-3)
    np.testing.assert_allclose(back.whole[0], whole, atol=0.01)
    assert back.patches.shape == (1, min(count, MOST_PATCHES), 128)
    if count <= MOST_PATCHES:
        np.testing.assert_allclose(back.patches[0], patches, atol=0.01)


def test_floors_of_different_patch_counts_are_read_together() -> None:
    rng = np.random.default_rng(1)
    packed = [
        pack(colours(rng), PATTERN, unit(rng, 16), unit(rng, count, 16)) for count in (2, 5, 2)
    ]
    together, alone = unpack(packed), [unpack([one]) for one in packed]
    assert together.patches.shape == (3, 5, 16)
    for index, one in enumerate(alone):
        np.testing.assert_array_equal(together.whole[index], one.whole[0])
        np.testing.assert_array_equal(
            together.patches[index, : one.patches.shape[1]], one.patches[0]
        )
    np.testing.assert_array_equal(together.patches[0, 4], together.patches[0, 0])


@pytest.mark.parametrize("bad", [b"", b"FLS2", b"FLS1" + bytes(100), b"FLS2" + bytes(4000)])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(CatalogueError, match="floorlens index --rebuild"):
        unpack([bad])


def test_signatures_of_different_embedders_are_refused() -> None:
    rng = np.random.default_rng(1)
    packed = [pack(colours(rng), PATTERN, unit(rng, wide), unit(rng, 2, wide)) for wide in (8, 16)]
    with pytest.raises(CatalogueError, match="different embedders"):
        unpack(packed)


def test_too_many_directions_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="limit"):
        pack(colours(rng), PATTERN, unit(rng, 2048), unit(rng, 4, 2048))
