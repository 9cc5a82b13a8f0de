"""Presets: those of other packages, and stages that are checked against each other on opening."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from floorlens import Floorlens, find_floor
from floorlens.errors import SettingsError, StampMismatch
from floorlens.lens import preset_in_use
from floorlens.models.hub import MODELS
from floorlens.presets import (
    BUILTIN,
    Preset,
    check_fit,
    load_stages,
    models_of,
    preset_named,
    stamped_preset,
)
from floorlens.settings import Settings
from floorlens.testing import FakeEmbedder, FakeReranker, fake_stages
from tests.doubles.packages import Installer, installer

# Another module in each test: Python keeps what it has imported.
SOURCE = """
from dataclasses import replace
from floorlens.presets import BUILTIN, CLIP
from floorlens.testing import fake_stages

def segmenter(): return fake_stages().segmenter
def normaliser(): return fake_stages().normaliser
def embedder(threads): return fake_stages(adaptable=threads == 7).embedder
def reranker(): return fake_stages().reranker
def broken(): raise ZeroDivisionError("by nothing")

PRESET = replace(
    BUILTIN, name="mine", description="Mean colours.",
    segmenter="{module}:segmenter", normaliser="{module}:normaliser",
    embedder="{module}:embedder", reranker="{module}:reranker",
)
BROKEN = replace(PRESET, name="broken", embedder="{module}:broken")
ABSENT = replace(PRESET, name="absent", embedder="buitlin")
UNFIT = replace(PRESET, name="unfit", reranker="builtin")
HUB = replace(CLIP, name="hub", encoder="dinov2", reranker="{module}:reranker")
OTHER = replace(PRESET, name="other name")
NUMBER = 7
"""
NAMES = ("PRESET", "BROKEN", "ABSENT", "UNFIT", "HUB", "OTHER", "NUMBER")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A package with a preset "mine", and others that cannot be used, is installed."""
    name = f"mine_{abs(hash(request.node.nodeid))}"
    install: Installer = installer(tmp_path / "packages", monkeypatch)
    lines = [f"{'mine' if it == 'PRESET' else it.lower()} = {name}:{it}" for it in NAMES]
    install(
        "floors-mine",
        {"floorlens.presets": "\n".join(lines)},
        **{name: SOURCE.replace("{module}", name)},
    )
    return name


def test_a_preset_of_another_package_serves_a_catalogue(
    module: str, tmp_path: Path, product_csv: Path, room: Path
) -> None:
    """By name, and after that without one: the catalogue knows what made it."""
    with Floorlens.open(tmp_path / "c", preset="mine") as lens:
        lens.add(product_csv)
        assert lens.search(room).matches[0].product.id == "oak"
        assert lens.stamp["package"] == "floors-mine"
    settings = Settings(catalogue=str(tmp_path / "c"))
    assert preset_in_use(settings) == "mine"
    with Floorlens.open(tmp_path / "c") as lens:
        assert lens.stamp["preset"] == "mine"
        assert lens.count() == 6
    assert find_floor(room, preset="mine").share == 0.5
    assert preset_named("mine").package == "floors-mine"


def test_backends_of_another_package_get_the_settings_that_they_name(module: str) -> None:
    preset = preset_named("mine")
    assert load_stages(preset, threads=7).embedder.projection is not None
    assert load_stages(preset).embedder.projection is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("number", "NUMBER is a int, not a floorlens.presets.Preset"),
        ("other", "calls itself 'other name'"),
        ("broken", "broken could not be made \\(ZeroDivisionError: by nothing\\)"),
        ("absent", "no backend 'buitlin' for embedding; known are builtin, clip, and classes as"),
        ("unfit", "FakeEmbedder writes signatures of the format 'fake', and .*BuiltinReranker "),
    ],
)
def test_a_preset_that_cannot_be_used_is_refused_on_opening(
    module: str, tmp_path: Path, name: str, problem: str
) -> None:
    """It says why, and no empty catalogue is left behind."""
    with pytest.raises(SettingsError, match=problem) as caught:
        Floorlens.open(tmp_path / "c", preset=name)
    assert f"'{name}'" in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_the_hub_models_of_another_package_s_preset_are_known(module: str) -> None:
    """`floorlens models pull hub` fetches them."""
    assert models_of("hub") == [MODELS["clipseg"], MODELS["dinov2"]]


def test_a_catalogue_of_a_preset_that_is_not_installed_names_the_package(tmp_path: Path) -> None:
    """On opening, and for a rebuild that names no other preset."""
    where = tmp_path / "c"
    fake = fake_stages()
    stages = replace(fake, preset=replace(fake.preset, name="mine", package="floors-mine"))
    source = tmp_path / "products"
    source.mkdir()
    with Floorlens.open(where, stages=stages) as lens:
        lens.add(_tile(source))
    for ask in (
        lambda: Floorlens.open(where),
        lambda: Floorlens.rebuild(where),
        lambda: preset_in_use(Settings(catalogue=str(where))),
    ):
        with pytest.raises(StampMismatch, match="preset 'mine' of the package floors-mine") as e:
            ask()
        assert "pip install floors-mine" in str(e.value)
        assert f"--rebuild --preset builtin --catalogue {where}" in str(e.value)
    with Floorlens.open(where, stages=stages) as lens:
        assert lens.count() == 1


def _tile(folder: Path) -> Path:
    from PIL import Image

    Image.new("RGB", (40, 40), "brown").save(folder / "tile.png")
    return folder


def test_a_preset_of_nobody_asks_for_the_stages_that_made_it() -> None:
    with pytest.raises(StampMismatch, match="pass its `stages=`"):
        stamped_preset({"preset": "lost"}, "c")
    assert stamped_preset(None, "c") is BUILTIN


@pytest.mark.parametrize("stage", ["segmenter", "normaliser", "embedder", "reranker"])
def test_a_backend_that_lacks_a_method_is_refused_on_opening(stage: str, tmp_path: Path) -> None:
    class Empty:
        stamp = None

    parts: dict[str, Any] = {stage: Empty()}
    stages = replace(fake_stages(), **parts)
    with pytest.raises(SettingsError, match=f"the {stage} .*Empty lacks \\w+") as caught:
        Floorlens.open(tmp_path / "c", stages=stages)
    assert "stamp," not in str(caught.value)
    assert not (tmp_path / "c").exists()
    with pytest.raises(SettingsError, match="lacks"):
        find_floor(tmp_path / "room.png", stages=stages)


def test_a_re_ranker_that_cannot_read_the_signatures_is_refused_on_opening(tmp_path: Path) -> None:
    class Other(FakeReranker):
        signature_format = "other"

    class Omnivore(FakeReranker):
        signature_format = ""

    stages = fake_stages()
    arguments = (stages.reranker.stamp, stages.reranker.weights)
    with pytest.raises(SettingsError, match=r"FakeEmbedder writes .* 'fake', and .*Other reads"):
        Floorlens.open(tmp_path / "c", stages=replace(stages, reranker=Other(*arguments)))
    assert not (tmp_path / "c").exists()
    check_fit(replace(stages, reranker=Omnivore(*arguments)))


def test_an_embedder_without_a_length_is_refused_on_opening(tmp_path: Path) -> None:
    stages = fake_stages()
    stamp = replace(stages.embedder.stamp, dimension=0)
    without = replace(stages, embedder=FakeEmbedder(stamp))
    with pytest.raises(SettingsError, match=r"FakeEmbedder says .* have 0 numbers"):
        Floorlens.open(tmp_path / "c", stages=without)


@pytest.mark.parametrize("name", ["builtin", "clip"])
def test_our_own_stages_fit_together(name: str) -> None:
    """No model is needed to know it."""
    check_fit(load_stages(preset_named(name)))


def test_a_preset_is_whole_without_a_package() -> None:
    """The stamps of our own presets say what they always said."""
    preset = Preset("p", "d", "builtin", "builtin", "builtin", "builtin")
    assert preset.package == ""
    assert "package" not in fake_stages().stamp()
