"""Validation on left-out shops: ranks, intervals, and the ways from features to vectors."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

from training.matching.pack import ROOM, SIMULATED, SWATCH
from training.matching.scores import figures, pooled, ranks, standing
from training.matching.shops import Shop, Views, relit_rooms
from training.matching.ways import Encoded, projected

pytestmark = pytest.mark.slow

NOTHING = np.zeros((0, 0, 0, 3), np.uint8)


def _views(names: list[str], each: int) -> Views:
    starts = np.arange(len(names) + 1) * each
    return Views(names, NOTHING, np.ones(starts[-1], np.float32), starts)


def test_ranks_count_ties_against_the_product() -> None:
    catalogue = np.eye(3, dtype=np.float32)
    rooms = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0.5]], np.float32)
    found = ranks(rooms, catalogue, ["a", "b", "c"], ["a", "b", "c"])
    assert found.tolist() == [1, 2, 2]


def test_standing_tells_how_far_a_product_is_above_the_others() -> None:
    catalogue = np.eye(3, dtype=np.float32)
    rooms = np.array([[1, 0.2, 0], [0.6, 0.5, 0]], np.float32)
    found = standing(rooms, catalogue, ["a", "a"], ["a", "b", "c"])
    assert found[0] > found[1] > 0


def test_relit_rooms_keep_their_colour_and_each_has_one_light() -> None:
    rng = np.random.default_rng(0)
    patch = rng.integers(60, 200, (1, 160, 160, 3), np.uint8)
    patches = np.repeat(patch, 4, axis=0)
    views = Views(["a", "b"], patches, np.ones(4, np.float32), np.array([0, 2, 4]))
    lit = relit_rooms(views).patches
    np.testing.assert_array_equal(lit[0], lit[1])
    assert np.abs(lit[0].astype(int) - lit[2]).mean() > 3
    assert np.abs(lit[0].astype(int) - patch[0]).mean() > 3
    assert float(np.ptp(lit.astype(int), axis=-1).mean()) > 5


def test_figures_count_rooms_without_a_floor_as_misses() -> None:
    found = figures(np.array([1, 2]), unseen=2)
    assert found["mrr"] == pytest.approx(0.375)
    assert found["top1"] == 0.25 and found["top5"] == 0.5
    assert found["low"] <= found["mrr"] <= found["high"]


def test_pooling_weighs_patches_by_their_coverage() -> None:
    views = Views(["a", "b"], NOTHING, np.array([1, 0, 1, 1], np.float32), np.array([0, 2, 4]))
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    found = pooled(vectors, views)
    expected = np.array([[1, 0], [0.7071, 0.7071]])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_every_way_finds_products_whose_rooms_differ_by_one_common_light() -> None:
    rng, products, each, size = np.random.default_rng(0), 40, 6, 24
    floors = rng.normal(0, 1, (products, size))
    light = rng.normal(0, 3, size)

    def seen(product: int, side: int) -> np.ndarray:
        return floors[product] + light * (side == ROOM) + rng.normal(0, 0.4, (each, size))

    rows, label, side, shop = [], [], [], []
    for product in range(products):
        for kind in (SWATCH, ROOM, SIMULATED):
            if product < 10 and kind == ROOM:
                continue
            rows.append(seen(product, kind))
            label += [product] * each
            side += [kind] * each
            shop += ["left" if product < 10 else "other"] * each
    known = Encoded(
        np.concatenate(rows).astype(np.float32),
        np.array(label, np.int32),
        np.array(side, np.uint8),
        np.array(shop),
    )
    names = [f"p{product:02d}" for product in range(products)]
    left = Shop("left", _views(names[:10], each), _views(names[:10], each), 0)
    catalogue = np.concatenate([seen(product, SWATCH) for product in range(10)]).astype(np.float32)
    rooms = np.concatenate([seen(product, ROOM) for product in range(10)]).astype(np.float32)
    found = {
        way: ranks(pooled(theirs, left.rooms), pooled(ours, left.catalogue), names[:10], names[:10])
        for way, ours, theirs in projected(known, left, names, catalogue, rooms)
    }
    assert set(found) == {
        "fitted",
        "fitted, weighted",
        "fitted, centred",
        "adapted",
        "adapted, centred, and pairs",
    }
    for way in ("fitted, centred", "adapted, centred, and pairs"):
        assert (found[way] == 1).all(), way
    assert (found["adapted"] > 1).any()
