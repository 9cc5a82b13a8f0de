"""The pairs' scatter, of the sample rooms: what is cached, and which shops can be left out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from floorlens.embedding.scatter import PairScatter, load_pair_scatter
from training.matching import fit_pairs

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[3] / "samples"
PAIRS = {
    "living-oak-sun.jpg": ("oak-natural-plank.jpg", "one"),
    "hall-chevron.jpg": ("oak-light-chevron.jpg", "one"),
    "bath-terrazzo.jpg": ("terrazzo-grigio.jpg", "two"),
    "office-wool-pebble.jpg": ("wool-loop-pebble.jpg", "two"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sample rooms as two shops, and a picture that shows no floor."""
    folder = tmp_path_factory.mktemp("data") / "train_pairs"
    (folder / "rooms").mkdir(parents=True)
    (folder / "products").mkdir()
    rows = ["room,product,source,kind,view"]
    for room, (product, source) in PAIRS.items():
        shutil.copy(SAMPLES / "rooms" / room, folder / "rooms")
        shutil.copy(SAMPLES / "products" / product, folder / "products")
        rows.append(f"{room},{product},{source},wood,room")
    shutil.copy(SAMPLES / "floorless" / "sky-0.jpg", folder / "rooms")
    rows.append("sky-0.jpg,terrazzo-grigio.jpg,two,stone,room")
    (folder / "pairs.csv").write_text("\n".join(rows))
    return folder.parent


def fitted(data: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> PairScatter:
    out = data / "pairs.npz"
    places = ("--data", str(data), "--cache", str(data / "cache"), "--out", str(out))
    monkeypatch.setattr(sys, "argv", ["fit_pairs", *places, *options])
    fit_pairs.main()
    projection = fit_pairs.builtin_stages().embedder.projection
    assert projection is not None
    return load_pair_scatter(out, projection.encoder)


def test_shops_can_be_left_out_and_pictures_are_described_once(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fitted(data, monkeypatch)
    assert (whole.pairs, whole.within.shape) == (4, (1104, 1104))
    assert whole.rows >= 4 * 12
    assert "9 of 9 pictures" in (output := capsys.readouterr().out)
    assert "1 rooms without a floor" in output
    one = fitted(data, monkeypatch, "--leave-out", "two")
    assert one.pairs == 2
    assert "pictures" not in capsys.readouterr().out
    assert np.trace(one.within) < np.trace(whole.within)
    with pytest.raises(SystemExit):
        fitted(data, monkeypatch, "--leave-out", "three")
