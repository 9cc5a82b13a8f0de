"""The systems of a report: side by side they give what each gives alone."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import NoFloorFound
from floorlens.evaluation import systems
from floorlens.evaluation.baselines import BaselineResult
from floorlens.evaluation.calibration import ScoreOutcome
from floorlens.evaluation.datasets import Pair, read_pairs
from floorlens.evaluation.measured import open_measured_lens
from floorlens.evaluation.pairs import PairOutcome, PairsReport, evaluate_pairs
from floorlens.evaluation.systems import (
    OURS,
    OutcomeStore,
    measure_systems,
    open_catalogues,
    remembering,
    systems_of,
)
from floorlens.lens import Floorlens
from floorlens.products.product import Product
from floorlens.ranking import Match
from floorlens.segmentation import Click
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from tests.evaluation.conftest import PairsFolder


@pytest.fixture
def rooms(pairs_folder: PairsFolder) -> PairsFolder:
    """Rooms with floors of grey 50, 90, 130, and a picture of one colour."""
    for number, name in enumerate("abc"):
        pixels = np.full((24, 32, 3), 250, np.uint8)
        pixels[12:] = 50 + 40 * number
        Image.fromarray(pixels).save(pairs_folder.path / "rooms" / f"{name}.png")
    rows = [
        f"{name}.png,p{number},x" for name, number in zip("abcda", (2, 4, 6, 6, 3), strict=True)
    ]
    pairs_folder.write_pairs(*[row.replace(",x", ".png,x") for row in rows])
    return pairs_folder


class Counting:
    """A segmenter that counts its calls."""

    def __init__(self, segmenter: Any) -> None:
        self._segmenter = segmenter
        self.stamp = segmenter.stamp
        self.calls: Counter[bytes] = Counter()

    def segment(self, pixels: Any, clicks: Any = ()) -> Any:
        self.calls[pixels.tobytes()] += 1
        return self._segmenter.segment(pixels, clicks)


def test_side_by_side_as_alone_and_each_photo_is_segmented_once(
    rooms: PairsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (rooms.path / "pairs.csv").open("a", encoding="utf-8") as table:
        table.write("a.png,gone.png,x\n")
    (rooms.path / "products" / "broken.png").write_bytes(b"x")
    data = read_pairs(rooms.path)
    segmenter = Counting(fake_stages().segmenter)
    stages = replace(fake_stages(), segmenter=segmenter)
    done: list[tuple[int, int]] = []
    with open_catalogues(tmp_path / "kept", data.products, stages) as catalogues:
        # Twelve products are too few for a catalogue that is adapted by itself.
        assert catalogues.adapted is None
        segmenter.calls.clear()
        reports = measure_systems(
            systems_of(catalogues, data.products),
            data,
            rooms.path,
            {"preset": "fake"},
            OutcomeStore(tmp_path / "rooms.jsonl", "key"),
            failed=catalogues.failed,
            progress=lambda *call: done.append(call),
        )
    assert set(segmenter.calls.values()) == {1}
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert list(reports)[:2] == [OURS, "without re-ranking"]
    assert "without adaptation" not in reports
    assert {"without colour", "box crop, one embedding", "mean colour"} < set(reports)
    monkeypatch.setattr("floorlens.presets.load_stages", lambda *_a, **_k: fake_stages())
    alone = evaluate_pairs(rooms.path).as_dict()
    ours = reports[OURS].as_dict()
    assert {"products/broken.png", "products/gone.png"} <= {row["file"] for row in ours["failed"]}
    for name in ("mrr", "top1", "per_query", "ci95", "failed", "data"):
        assert ours[name] == alone[name], name
    assert ours["stamp"]["weights"] == alone["stamp"]["weights"]
    retrieved = evaluate_pairs(
        rooms.path, opener=lambda path, preset: open_measured_lens(path, preset, rerank=False)
    ).as_dict()
    assert reports["without re-ranking"].as_dict()["per_query"] == retrieved["per_query"]
    assert reports["without re-ranking"].as_dict()["stamp"]["weights"] is None
    assert reports["without colour"].as_dict()["stamp"]["weights"]["colour"] == 0
    assert reports["mean colour"].as_dict()["stamp"]["system"] == "mean colour"


class Scripted:
    """Ranks p1 first, whatever the photo; it may be stopped."""

    def __init__(self) -> None:
        self.searches = 0
        self.stop_at = 99

    def search(self, source: Any, *, region: Any = None) -> Any:
        self.searches += 1
        if self.searches == self.stop_at:
            raise KeyboardInterrupt
        if self.searches == 1:
            raise NoFloorFound("no floor in this photo")
        product = Product("p1", "p1")
        return BaselineResult((Match(1, product, 0.5, None),))


def test_an_interruption_costs_one_room(rooms: PairsFolder, tmp_path: Path) -> None:
    data = read_pairs(rooms.path)
    path = tmp_path / "rooms.jsonl"
    system = Scripted()

    def measure(key: str = "key") -> dict[str, PairsReport]:
        store = OutcomeStore(path, key)
        return measure_systems({"it": lambda: system}, data, rooms.path, {"a": 1}, store)

    system.stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        measure()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"key": "key", "syst')
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    report = measure()["it"]
    # Of four rooms two were there, one of which had failed.
    assert system.searches == 3 + 2
    assert len(report.outcomes) == 5
    assert [(failure.file, failure.reason) for failure in report.failed] == [
        ("rooms/a.png", "no floor in this photo")
    ]
    assert report.stamp == {"a": 1, "system": "it", "weights": None}
    assert measure()["it"] == report
    assert system.searches == 5
    # Of other models everything is measured anew.
    measure("other")
    assert system.searches == 5 + 4


def test_what_is_kept_of_a_room_is_whole(tmp_path: Path) -> None:
    reading = ScoreOutcome(0.9, True, 2, True, False, False, 0.8, None)
    outcome = PairOutcome("a", "p", "x", 3, 2, 0.7, (("q", 0.9), ("p", 0.7)), "", reading)
    weights = {"colour": 0.25, "texture": 0.75}
    OutcomeStore(tmp_path / "rooms.jsonl", "key").put("ours", "photo", [outcome], weights)
    store = OutcomeStore(tmp_path / "rooms.jsonl", "key")
    assert store.get("ours", "photo", Pair("a", "p", "x", "oak")) == outcome
    assert store.weights("ours") == weights
    for photo, pair in (("other", Pair("a", "p", "x")), ("photo", Pair("a", "p", "y"))):
        assert store.get("ours", photo, pair) is None
    assert store.get("ours", "photo", Pair("a", "q", "x")) is None
    assert store.weights("others") is None


def test_catalogues_are_kept_for_the_same_products_and_models(
    rooms: PairsFolder, tmp_path: Path
) -> None:
    def statuses() -> list[str]:
        data = read_pairs(rooms.path)
        rows: list[str] = []
        with open_catalogues(
            tmp_path / "kept",
            data.products,
            fake_stages(),
            progress=lambda _done, _total, row: rows.append(row.status),
        ):
            return rows

    assert set(statuses()) == {"added"}
    assert set(statuses()) == {"unchanged"}
    (rooms.path / "products" / "p1.png").unlink()
    assert statuses() == ["added"] * 11


def test_a_copy_that_is_interrupted_leaves_nothing(
    rooms: PairsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue that will be adapted begins as a copy of the plain one."""
    data = read_pairs(rooms.path)
    stages = fake_stages(adaptable=True)
    monkeypatch.setattr(systems, "WORTH", 2)
    monkeypatch.setattr(Floorlens, "adapt", lambda *_a, **_k: None)

    def broken(_source: Path, target: Path) -> None:
        target.mkdir()
        (target / "half").write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", broken)
        with (
            pytest.raises(KeyboardInterrupt),
            open_catalogues(tmp_path / "kept", data.products, stages),
        ):
            pass
    with open_catalogues(tmp_path / "kept", data.products, stages) as catalogues:
        assert catalogues.adapted is not None
        assert catalogues.adapted.count() == 12
    assert not list((tmp_path / "kept").rglob("half"))


def test_a_memory_tells_inputs_apart() -> None:
    segmenter = Counting(fake_stages().segmenter)
    stages = remembering(replace(fake_stages(), segmenter=segmenter))
    photo = np.zeros((20, 30, 3), np.uint8)
    other = photo.copy()
    other[3, 4] = 1
    first = stages.segmenter.segment(photo)
    assert stages.segmenter.segment(photo) is first
    assert stages.segmenter.segment(other) is not first
    assert stages.segmenter.segment(photo.reshape(30, 20, 3)) is not first
    assert stages.segmenter.segment(photo, (Click(3, 4),)) is not first
    assert sum(segmenter.calls.values()) == 4
    assert stages.stamp() == fake_stages().stamp()


def test_a_memory_forgets_the_oldest() -> None:
    segmenter = Counting(fake_stages().segmenter)
    stages = remembering(replace(fake_stages(), segmenter=segmenter))
    photos = [np.full((20, 30, 3), level, np.uint8) for level in range(12)]
    for photo in (*photos, photos[0], photos[-1]):
        stages.segmenter.segment(photo)
    assert segmenter.calls[photos[0].tobytes()] == 2
    assert segmenter.calls[photos[-1].tobytes()] == 1
