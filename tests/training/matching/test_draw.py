"""Batches: a function of seed and step, of both sides of a product, cut inside the patch."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

import torch

from tests.training.matching.packs import small_pack
from training.matching.draw import CROP, Drawer, Plan, Store
from training.matching.pack import Pack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return small_pack(tmp_path_factory.mktemp("pack") / "pack.npz")


def _drawer(pack: Pack, leave_out: tuple[str, ...] = ()) -> Drawer:
    return Drawer(pack, pack.pictures_of(leave_out, False), products=6, seed=3)


def _equal(one: Plan, two: Plan) -> bool:
    return all(np.array_equal(vars(one)[key], vars(two)[key]) for key in ("patches", "affine"))


def test_a_batch_depends_on_its_number_alone(pack: Pack) -> None:
    drawer = _drawer(pack)
    later = drawer.plan(7)
    assert _equal(later, _drawer(pack).plan(7))
    assert not _equal(later, drawer.plan(8))


def test_every_product_is_seen_from_both_sides_and_many_have_a_real_room(pack: Pack) -> None:
    drawer = _drawer(pack)
    for step in range(20):
        plan = drawer.plan(step)
        for label in np.unique(plan.label):
            assert set(plan.room[plan.label == label]) == {0, 1}
        # Patches are of the product that they are said to be of.
        of = pack.labels[pack.label[pack.picture[plan.patches]]]
        assert of.tolist() == [drawer.labels[label] for label in plan.label]
    assert drawer.classes_with_rooms() == 4


def test_nothing_of_a_left_out_shop_is_drawn(pack: Pack) -> None:
    drawer = _drawer(pack, ("a",))
    drawn = np.concatenate([drawer.plan(step).patches for step in range(30)])
    assert "a" not in pack.sources[pack.source[pack.picture[drawn]]]


def test_one_light_falls_on_all_patches_of_a_picture(pack: Pack) -> None:
    plan = _drawer(pack).plan(0)
    assert len(plan.lights.gamma) == plan.picture.max() + 1
    for picture in range(int(plan.picture.max()) + 1):
        assert np.unique(pack.picture[plan.patches[plan.picture == picture]]).size == 1


def test_crops_stay_inside_the_patch_or_nearly_so(pack: Pack) -> None:
    corners = np.array([[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]], np.float32)
    drawer = _drawer(pack)
    for step in range(20):
        reached = np.abs(drawer.plan(step).affine @ corners.T)
        assert np.quantile(reached, 0.9) <= 1.0 and reached.max() < 1.3


def test_patches_are_cut_alike_whether_they_are_kept_or_read(pack: Pack) -> None:
    plan = _drawer(pack).plan(2)
    read = Store(pack, torch.device("cpu")).cut(plan)
    kept = Store(pack, torch.device("cpu"), whole=True).cut(plan)
    assert read.shape == (len(plan.patches), CROP, CROP, 3)
    assert float(read.min()) >= 0 and float(read.max()) <= 255
    assert torch.equal(read, kept)
