"""Projection, prior and pairs of the sample pictures: what is described, cached and left out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="needs the extra train")

from floorlens.embedding.scatter import load_pair_scatter, load_scatter
from training.matching import fit
from training.matching.features import describe_all, read_sources
from training.matching.pipeline import encoder_version

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[3] / "samples"
PAIRS = {
    "living-oak-sun.jpg": ("oak-natural-plank.jpg", "one"),
    "hall-chevron.jpg": ("oak-light-chevron.jpg", "two"),
}


TEXTURES = {"wool-loop-pebble": "CC0", "terrazzo-grigio": "MIT", "oak-natural-plank": "not stated"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of two shops, a room without a floor, a swatch alone, a texture of each licence."""
    folder = tmp_path_factory.mktemp("data")
    shops, textures = folder / "train_pairs", folder / "textures"
    for path in (shops / "rooms", shops / "products", shops / "swatches", textures / "images"):
        path.mkdir(parents=True)
    rows = ["room,product,source,kind,view"]
    for room, (product, source) in PAIRS.items():
        shutil.copy(SAMPLES / "rooms" / room, shops / "rooms")
        shutil.copy(SAMPLES / "products" / product, shops / "products")
        rows.append(f"{room},{product},{source},wood,room")
    Image.new("RGB", (640, 480), (90, 130, 200)).save(shops / "rooms" / "sky-0.jpg")
    rows.append("sky-0.jpg,oak-light-chevron.jpg,two,wood,room")
    (shops / "pairs.csv").write_text("\n".join(rows))
    shutil.copy(SAMPLES / "products" / "terrazzo-grigio.jpg", shops / "swatches")
    (shops / "swatches.csv").write_text("file,kind,source\nterrazzo-grigio.jpg,tile,three")
    lines = ["file,library,licence_how_known"]
    for name, licence in TEXTURES.items():
        shutil.copy(SAMPLES / "products" / f"{name}.jpg", textures / "images" / f"t-{name}.jpg")
        lines.append(f"t-{name}.jpg,library,{licence}")
    (textures / "textures.csv").write_text("\n".join(lines))
    return folder


def test_pictures_are_described_once_and_rooms_twice(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = describe_all(data, data / "cache")
    assert [row.source for row in described] == read_sources(data)
    aspects = {Path(row.source.path).name: len(row.aspects) for row in described}
    assert aspects["living-oak-sun.jpg"] == 2
    assert aspects["sky-0.jpg"] == 0
    assert aspects["terrazzo-grigio.jpg"] == 3
    plain, relit = described[-3].aspects
    assert plain.base.shape == relit.base.shape
    assert np.abs(np.median(plain.lab, axis=0) - np.median(relit.lab, axis=0)).max() > 0.5
    (data / "train_pairs" / "rooms" / "hall-chevron.jpg").rename(data / "away.jpg")
    again = describe_all(data, data / "cache")
    (data / "away.jpg").rename(data / "train_pairs" / "rooms" / "hall-chevron.jpg")
    for ours, theirs in zip(described, again, strict=True):
        for one, other in zip(ours.aspects, theirs.aspects, strict=True):
            np.testing.assert_array_equal(one.base, other.base)


def fitted(data: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    out = data / "-".join(["weights", *options])
    out.mkdir()
    places = ("--data", str(data), "--cache", str(data / "cache"), "--out", str(out))
    monkeypatch.setattr(sys, "argv", ["fit", *places, *options])
    fit.main()
    return out


def test_what_is_left_out_counts_nowhere(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = encoder_version()
    whole = fitted(data, monkeypatch)
    assert load_pair_scatter(whole / "pairs.npz", version).pairs == 2
    assert len(load_scatter(whole / "prior.npz", version).counts) == 6
    one = fitted(data, monkeypatch, "--leave-out", "two")
    assert load_pair_scatter(one / "pairs.npz", version).pairs == 1
    assert len(load_scatter(one / "prior.npz", version).counts) == 5
    # Two textures: nothing of the shops, and no pair.
    licensed = fitted(data, monkeypatch, "--licensed-only", "--leave-out", "nobody")
    assert not (licensed / "pairs.npz").exists()
    assert len(load_scatter(licensed / "prior.npz", version).counts) == 2
