"""The pieces of a report: measured once, kept, and measured anew where something changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from floorlens.demo.samples import samples
from floorlens.evaluation import report, systems
from floorlens.evaluation.curves import CURVES
from floorlens.evaluation.measured import open_measured_lens
from floorlens.evaluation.report import ReportResults, measure_report
from floorlens.evaluation.searches import search_photo, search_picture
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, PairsFolder

CURVE = tuple(curve for curve in CURVES if curve.name in ("blur", "mask moved"))


@pytest.fixture
def data(pairs_folder: PairsFolder) -> Path:
    pairs_folder.write_pairs("a.png,p1.png,x", "b.png,p2.png,y", "c.png,p3.png,y")
    return pairs_folder.path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is measured, in order."""
    names: list[str] = []
    for name in ("measure_systems", "product_patterns", "measure_curve", "evaluate_ranking"):
        function = getattr(report, name)

        def spy(*arguments: Any, _name: str = name, _function: Any = function, **more: Any) -> Any:
            names.append(_name)
            return _function(*arguments, **more)

        monkeypatch.setattr(report, name, spy)
    monkeypatch.setattr("floorlens.presets.load_stages", lambda *_a, **_k: fake_stages())
    return names


def measure(data: Path, **options: Any) -> ReportResults:
    results = data.parent / "results"
    settings: dict[str, Any] = {"rooms": 2, "curves": CURVE} | options
    # The fake stages are of no preset that could be opened by its name.
    return measure_report(
        data,
        results,
        fake_stages(),
        opener=lambda path, _preset: open_measured_lens(path, None),
        **settings,
    )


def test_what_is_there_is_not_measured_again(
    data: Path, ranking_folder: Folder, measured: list[str]
) -> None:
    first = measure(data, ranking=ranking_folder.path)
    assert measured == [
        "measure_systems",
        "product_patterns",
        "measure_curve",
        "measure_curve",
        "evaluate_ranking",
    ]
    measured.clear()
    again = measure(data, ranking=ranking_folder.path)
    assert measured == []
    assert again == first
    measure(data, ranking=ranking_folder.path, anew=True)
    assert len(measured) == 5


def test_an_interrupted_report_goes_on(
    data: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(report, "measure_curve", _stop)
        with pytest.raises(KeyboardInterrupt):
            measure(data)
    measured.clear()
    measure(data)
    assert measured == ["measure_curve"] * 2


def _stop(*_arguments: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


def test_other_data_rooms_or_files_are_measured_anew(data: Path, measured: list[str]) -> None:
    measure(data)
    measured.clear()
    # Only the curves take a sample of the rooms.
    measure(data, rooms=3)
    assert measured == ["measure_curve"] * 2
    measured.clear()
    broken = data.parent / "results" / "curve-blur.json"
    broken.write_text("{", encoding="utf-8")
    measure(data, rooms=3)
    assert measured == ["measure_curve"]
    measured.clear()
    (data / "pairs.csv").write_text("room,product,source\na.png,p5.png,x\n", encoding="utf-8")
    assert measure(data).systems["ours"]["n"] == 1
    assert measured[0] == "measure_systems"


def test_another_photo_or_source_of_the_same_name_is_measured_anew(
    data: Path, measured: list[str]
) -> None:
    first = measure(data).systems["mean colour"]["per_query"]
    measured.clear()
    room = data / "rooms" / "b.png"
    pixels = np.full((24, 32, 3), 250, np.uint8)
    pixels[12:] = 40
    Image.fromarray(pixels).save(room)
    again = measure(data).systems["mean colour"]["per_query"]
    assert measured == ["measure_systems"] + ["measure_curve"] * 2
    assert again[0] == first[0]
    assert (again[1]["rank"], again[1]["first"][0][0]) == (1, "p2")
    rows = (data / "pairs.csv").read_text("utf-8").replace("b.png,p2.png,y", "b.png,p2.png,z")
    (data / "pairs.csv").write_text(rows, "utf-8")
    sources = [row["source"] for row in measure(data).systems["ours"]["per_query"]]
    assert sources == ["x", "z", "y"]


def test_other_judgments_queries_or_products_are_measured_anew(
    data: Path, ranking_folder: Folder, measured: list[str]
) -> None:
    def again() -> list[str]:
        measured.clear()
        measure(data, ranking=ranking_folder.path, curves=())
        return measured

    folder = ranking_folder.path
    assert "evaluate_ranking" in again()
    assert again() == []
    table = folder / "judgments.csv"
    table.write_text(table.read_text("utf-8").replace("1.png,1.png,1", "1.png,1.png,2"), "utf-8")
    assert again() == ["evaluate_ranking"]
    (folder / "queries" / "1.png").write_bytes((folder / "queries" / "2.png").read_bytes())
    assert again() == ["evaluate_ranking"]
    (folder / "products" / "2.png").unlink()
    assert again() == ["evaluate_ranking"]


def test_some_rooms_first_and_then_the_rest(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured of a room counts in a longer report as well."""
    rooms: list[str] = []

    def spy(system: Any, path: Path, *more: Any) -> Any:
        rooms.append(path.name)
        return search_photo(system, path, *more)

    monkeypatch.setattr(systems, "search_photo", spy)
    assert measure(data, limit=2, curves=()).systems["ours"]["n"] == 2
    assert set(rooms) == {"a.png", "b.png"}
    rooms.clear()
    results = measure(data, curves=())
    assert set(rooms) == {"c.png"}
    assert [row["room"] for row in results.systems["ours"]["per_query"]] == [
        "a.png",
        "b.png",
        "c.png",
    ]
    rooms.clear()
    measure(data, curves=(), anew=True)
    assert set(rooms) == {"a.png", "b.png", "c.png"}


def test_one_system_that_is_missing_is_measured_alone(data: Path, measured: list[str]) -> None:
    first = measure(data)
    path = data.parent / "results" / "system-mean-colour.json"
    assert "seconds_per_query" not in json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    measured.clear()
    again = measure(data)
    assert measured == ["measure_systems"]
    assert list(again.systems) == list(first.systems)
    assert again.systems["mean colour"]["per_query"] == first.systems["mean colour"]["per_query"]


def test_the_unchanged_photos_are_searched_once_for_all_curves(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[object] = []

    def spy(*arguments: Any) -> Any:
        searches.append(arguments)
        return search_picture(*arguments)

    monkeypatch.setattr("floorlens.evaluation.curves.search_picture", spy)
    results = measure(data, curves=CURVES)
    disturbed = sum(len(curve.photo) + len(curve.mask) for curve in CURVES)
    assert len(searches) == 2 * (1 + disturbed)
    ranks = {
        tuple(point["ranks"])
        for curve in results.curves
        for point in curve["points"]
        if point["strength"] == curve["unchanged"]
    }
    assert len(ranks) == 1
    assert all(len(curve["rooms"]) == 2 for curve in results.curves)


def test_no_rooms_no_curves(data: Path) -> None:
    assert measure(data, rooms=0).curves == ()


def test_files_of_systems_can_be_compared(data: Path) -> None:
    from floorlens.evaluation.compare import compare_files

    measure(data)
    paths = [data.parent / "results" / f"system-{name}.json" for name in ("ours", "mean-colour")]
    assert compare_files(*paths).rows == 3


@pytest.mark.slow
def test_an_adapted_catalogue_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package's own models on some of its samples, as if these were enough."""
    from floorlens.presets import BUILTIN, load_stages

    data = tmp_path / "samples"
    for kind in ("products", "rooms"):
        (data / kind).mkdir(parents=True)
    pairs = [
        "room,product,source",
        "bath-terrazzo.jpg,terrazzo-grigio.jpg,sample",
        "dining-herringbone-honey.jpg,oak-honey-herringbone.jpg,sample",
        "lounge-ebony.jpg,oak-ebony-plank.jpg,sample",
    ]
    for pair in pairs[1:]:
        room, sold, _ = pair.split(",")
        shutil.copy(samples() / "rooms" / room, data / "rooms")
        shutil.copy(samples() / "products" / sold, data / "products")
    for product in sorted((samples() / "products").glob("*.jpg"))[::6]:
        shutil.copy(product, data / "products")
    (data / "pairs.csv").write_text("\n".join(pairs), "utf-8")
    monkeypatch.setattr("floorlens.evaluation.systems.WORTH", 8)
    options: dict[str, Any] = {"rooms": 1, "curves": ()}
    stages = load_stages(BUILTIN, threads=1)
    results = measure_report(data, tmp_path / "results", stages, **options)
    ours, plain = results.systems["ours"], results.systems["without adaptation"]
    assert ours["stamp"]["projection"]["version"].startswith("own-")
    assert not plain["stamp"]["projection"]["version"].startswith("own-")
    assert results.systems["without both"]["stamp"]["weights"] is None
    assert set(results.patterns.values()) >= {"plank", "herringbone", "terrazzo"}
    assert ours["top1"] > 0.5
    assert ours["top1"] >= results.systems["mean colour"]["top1"]
    # The catalogues are there: another run has nothing to adapt.
    monkeypatch.setattr("floorlens.lens.Floorlens.adapt", _stop)
    again = measure_report(data, tmp_path / "results", stages, **options)
    assert again.systems["ours"] == ours
