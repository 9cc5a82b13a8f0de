"""The signature: small, versioned, and faithful."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding import ASPECTS, AspectName
from floorlens.embedding.pattern import CLASSES
from floorlens.embedding.signature import LIMIT, Detail, pack, unpack
from floorlens.errors import CatalogueError
from floorlens.normalisation.trust import TRUST

PATTERN = np.linspace(0.0, 2 / len(CLASSES), len(CLASSES))


def unit(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    rows = rng.normal(0, 1, shape).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def colours(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal((60, 5, 20), (9, 2, 4), (500, 3)).astype(np.float32)


def detail(rng: np.random.Generator, directions: int, patches: int) -> Detail:
    whole, rows = unit(rng, directions), unit(rng, patches, directions)
    return Detail(colours(rng), PATTERN, rng.random(len(TRUST)), whole, rows)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 60), st.integers(0, 60))
def test_what_is_packed_comes_back(seed: int, swatch: int, scene: int) -> None:
    rng = np.random.default_rng(seed)
    counts: dict[AspectName, int] = {"swatch": swatch, "scene": scene or int(swatch == 0)}
    aspects = {name: detail(rng, 128, count) for name, count in counts.items() if count}
    packed = pack(aspects)
    assert len(packed) <= LIMIT
    back = unpack([packed])
    assert [ASPECTS[number] for number in back.aspect] == list(aspects)
    assert back.total == 1
    for row, made in enumerate(aspects.values()):
        np.testing.assert_allclose(back.centre[row], np.median(made.lab, axis=0), atol=1e-3)
        np.testing.assert_allclose(back.pattern[row], PATTERN, atol=1e-3)
        np.testing.assert_allclose(back.trust[row], made.trust, atol=1e-3)
        np.testing.assert_allclose(back.whole[row], made.whole, atol=0.01)
        own = back.patches[row, : back.counts[row]]
        np.testing.assert_allclose(own[0], made.patches[0], atol=0.01)
        np.testing.assert_allclose(own[-1], made.patches[-1], atol=0.01)
        if len(own) == len(made.patches):
            np.testing.assert_allclose(own, made.patches, atol=0.01)
        else:
            assert sum(back.counts) >= 27, "nothing is left out that fits"
            assert len(own) >= 13, "each has its half"


def test_floors_of_different_aspects_and_patch_counts_are_read_together() -> None:
    rng = np.random.default_rng(1)
    floors: list[dict[AspectName, Detail]] = [
        {"swatch": detail(rng, 16, 2)},
        {"scene": detail(rng, 16, 5)},
        {"swatch": detail(rng, 16, 3), "scene": detail(rng, 16, 4)},
        {"swatch": detail(rng, 16, 2)},
    ]
    packed = [pack(floor) for floor in floors]
    together = unpack(packed)
    assert together.floor.tolist() == [0, 1, 2, 2, 3]
    assert together.aspect.tolist() == [0, 1, 0, 1, 0]
    assert together.counts.tolist() == [2, 5, 3, 4, 2]
    assert together.patches.shape == (5, 5, 16)
    row = 0
    for one in (unpack([signature]) for signature in packed):
        for place, count in enumerate(one.counts):
            for name in ("centre", "quantiles", "pattern", "trust", "whole"):
                np.testing.assert_array_equal(
                    getattr(together, name)[row], getattr(one, name)[place]
                )
            np.testing.assert_array_equal(together.patches[row, :count], one.patches[place, :count])
            rest = together.patches[row, count:]
            np.testing.assert_array_equal(rest, np.broadcast_to(one.patches[place, 0], rest.shape))
            row += 1


def test_values_of_aspects_make_a_table_of_floors() -> None:
    rng = np.random.default_rng(1)
    one = detail(rng, 16, 2)
    floors = unpack([pack({"scene": one}), pack({"swatch": one, "scene": one})])
    table = floors.table(np.array([1, 2, 3], np.float32))
    np.testing.assert_array_equal(table, np.array([[np.nan, 1], [2, 3]], np.float32))


def test_nothing_to_read_is_no_floor() -> None:
    assert unpack([]).table(np.empty(0, np.float32)).shape == (0, 2)


@pytest.mark.parametrize("bad", [b"", b"FLS3", b"FLS2" + bytes(100), b"FLS3" + bytes(4000)])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(CatalogueError, match="floorlens index --rebuild"):
        unpack([bad])


def test_signatures_of_different_embedders_are_refused() -> None:
    rng = np.random.default_rng(1)
    packed = [pack({"swatch": detail(rng, wide, 2)}) for wide in (8, 16)]
    with pytest.raises(CatalogueError, match="different embedders"):
        unpack(packed)


def test_too_many_directions_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="limit"):
        pack({"swatch": detail(rng, 2048, 4)})


def test_a_floor_without_aspects_is_refused() -> None:
    with pytest.raises(ValueError, match="one or two aspects"):
        pack({})
