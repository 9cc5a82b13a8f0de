"""A run: resumes as if it had never stopped, travels as half-precision weights, and learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

import torch

from tests.training.matching.packs import small_pack
from training.matching.checkpoint import load_saved, load_weights, start_from
from training.matching.draw import Drawer
from training.matching.network import Matcher
from training.matching.pack import Pack
from training.matching.recipe import CPU, GPU, Loss, Recipe, recipe_of
from training.matching.train import loss_of, rate_at, train

pytestmark = pytest.mark.slow

RECIPE = replace(CPU, products=4, steps=4, warm_up=1, leave_out=("a",))


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return small_pack(tmp_path_factory.mktemp("pack") / "pack.npz", products=9)


@pytest.fixture(scope="module")
def run(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four steps."""
    folder = tmp_path_factory.mktemp("run")
    train(RECIPE, pack, folder)
    return folder


def test_a_stopped_run_goes_on_as_if_it_had_not(pack: Pack, run: Path, tmp_path: Path) -> None:
    train(RECIPE, pack, tmp_path, last_step=2)
    train(CPU, pack, tmp_path)  # the recipe is the checkpoint's
    whole, halves = (load_saved(folder / "checkpoint.pt") for folder in (run, tmp_path))
    assert halves["step"] == 4 and recipe_of(halves["recipe"]) == RECIPE
    for name, value in whole["matcher"].items():
        assert torch.allclose(value.float(), halves["matcher"][name].float(), atol=1e-5), name
    assert not any(path.suffix == ".draft" for path in tmp_path.iterdir())


def test_a_checkpoint_of_another_pack_is_refused(run: Path, tmp_path: Path) -> None:
    other = small_pack(tmp_path / "other.npz", products=6)
    with pytest.raises(ValueError, match="other products"):
        train(RECIPE, other, run)


def test_weights_travel_and_classes_are_found_by_name(pack: Pack, run: Path) -> None:
    weights = load_weights(run / "weights.npz")
    assert weights.step == 4 and weights.recipe == RECIPE
    assert (run / "weights.npz").stat().st_size < 8e6
    labels = ["new", *weights.labels[2:]]
    matcher = Matcher(len(labels))
    assert start_from(matcher, labels, weights) == len(weights.labels) - 2
    average = load_saved(run / "checkpoint.pt")["average"]
    assert torch.allclose(matcher.proxies[1], average["proxies"][2], atol=1e-3)
    stem = "encoder.trunk.stem.0.weight"
    assert torch.allclose(matcher.state_dict()[stem], average[stem], atol=1e-3)


def test_a_run_begins_with_weights_at_their_step(pack: Pack, run: Path, tmp_path: Path) -> None:
    longer = replace(RECIPE, steps=6)
    state = train(longer, pack, tmp_path, weights=load_weights(run / "weights.npz"), last_step=5)
    assert state.step == 5


@pytest.mark.parametrize("loss", ["cosface", "arcface", "contrastive"])
def test_the_loss_is_of_patches_and_of_pictures(loss: Loss, pack: Pack) -> None:
    drawer = Drawer(pack, pack.pictures_of((), False), 4, 0)
    plan = drawer.plan(0)
    recipe = replace(RECIPE, loss=loss, picture_share=0.5)
    matcher = Matcher(len(drawer.labels))
    own = torch.nn.functional.normalize(matcher.proxies.detach(), dim=1)
    right = own[torch.from_numpy(plan.label)]
    alone = replace(recipe, picture_share=0.0)
    assert loss_of(alone, matcher, right, plan) < loss_of(alone, matcher, right.roll(1, 0), plan)
    assert torch.isfinite(loss_of(recipe, matcher, right, plan))


def test_the_rate_warms_up_falls_and_follows_the_clock() -> None:
    assert rate_at(CPU, 0, 0, 0) < rate_at(CPU, 100, 0, 0) < rate_at(CPU, 300, 0, 0)
    assert rate_at(CPU, 300, 0, 0) > rate_at(CPU, 10_000, 0, 0) > rate_at(CPU, 19_999, 0, 0) > 0
    assert rate_at(CPU, 10_000, 0, 10_000) < rate_at(CPU, 10_000, 0, 0)
    assert rate_at(GPU, 500, 60 * 9, 0) < rate_at(GPU, 500, 60, 0)


def test_a_recipe_survives_as_text() -> None:
    recipe = Recipe(leave_out=("a", "b"), instance_norm=True, licensed_only=True)
    assert recipe_of(recipe.as_json()) == recipe
