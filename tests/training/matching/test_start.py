"""Where a run begins: directions without meaning count for little, and floors are told at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

import torch

from tests.training.matching.packs import small_pack
from training.encoder import normalise
from training.matching.draw import Drawer, Store
from training.matching.recipe import Recipe
from training.matching.start import freeze, make_matcher, prepare, reliability

pytestmark = pytest.mark.slow


def test_directions_in_which_products_do_not_differ_count_for_little() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (200, 3)) * [3.0, 1.0, 0.0]
    rows = np.repeat(centres, 8, axis=0) + rng.normal(0, 1, (1600, 3))
    groups = np.split(np.arange(1600), 200)
    found = reliability(rows, groups)
    np.testing.assert_allclose(found, np.array([0.9, 0.5, 0.0], np.float32), atol=0.08)


@pytest.mark.parametrize("instance_norm", [False, True])
def test_a_prepared_network_tells_products_apart(instance_norm: bool, tmp_path: Path) -> None:
    pack = small_pack(tmp_path / "pack.npz", products=6)
    drawer = Drawer(pack, pack.pictures_of((), False), 4, 0)
    store = Store(pack, torch.device("cpu"))
    matcher = make_matcher(Recipe(instance_norm=instance_norm), 6)
    prepare(matcher, drawer, store, seed=0)
    patches, label, rooms = drawer.sample(9, seed=1)
    with torch.no_grad():
        vectors = matcher.eval()(normalise(store.raw(patches)), torch.from_numpy(rooms))
        nearest = (vectors @ matcher.proxies.T).argmax(dim=1).numpy()
    assert (nearest == label).mean() > 0.8


def test_frozen_blocks_do_not_learn() -> None:
    matcher = make_matcher(Recipe(), 2)
    freeze(matcher, 2)
    learning = {
        name.split(".")[2]
        for name, parameter in matcher.encoder.trunk.blocks.named_parameters("encoder.blocks")
        if parameter.requires_grad
    }
    assert learning == {str(number) for number in range(2, 16)}
    assert not any(p.requires_grad for p in matcher.encoder.trunk.stem.parameters())
