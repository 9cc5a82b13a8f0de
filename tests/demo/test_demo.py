"""The demo: one call from two folders to a report, whatever is among the photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.demo import demo
from floorlens.demo.demo import run_demo
from floorlens.demo.report import RoomOutcome
from floorlens.demo.samples import sample_catalogue
from floorlens.errors import InputError, ProductSourceError
from floorlens.testing import fake_stages


@pytest.fixture(autouse=True)
def _stages_without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages())


@pytest.fixture
def rooms(tmp_path: Path, room: Path, blank: Path) -> Path:
    """A good photo, one without a floor, a broken one, and files that are no photos."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    room.rename(folder / "a.png")
    blank.rename(folder / "b.png")
    (folder / "c.jpg").write_bytes(b"not a picture")
    (folder / "notes.txt").write_bytes(b"x")
    (folder / "._a.png").write_bytes(b"x")
    return folder


def test_every_photo_has_an_outcome_and_bad_ones_stop_nothing(
    tmp_path: Path, rooms: Path, product_folder: Path
) -> None:
    calls: list[tuple[int, int, str]] = []

    def note(number: int, total: int, outcome: RoomOutcome) -> None:
        calls.append((number, total, outcome.name))

    result = run_demo(tmp_path / "out", rooms=rooms, products=product_folder, room_progress=note)
    assert calls == [(1, 3, "a.png"), (2, 3, "b.png"), (3, 3, "c.jpg")]
    good, empty, broken = result.rooms
    assert good.result is not None
    assert good.result.matches[0].product.id == "oak"
    assert empty.result is None
    assert "no floor was found" in (empty.problem or "")
    assert "is not an image" in (broken.problem or "")
    assert result.report == tmp_path / "out" / "report.html"
    assert "oak" in result.report.read_text(encoding="utf-8")
    assert result.import_report.counts["added"] == 6


def test_a_second_run_embeds_nothing_and_removes_lost_products(
    tmp_path: Path, rooms: Path, product_folder: Path
) -> None:
    run_demo(tmp_path / "out", rooms=rooms, products=product_folder)
    (product_folder / "moss.png").unlink()
    result = run_demo(tmp_path / "out", rooms=rooms, products=product_folder)
    assert result.import_report.counts == {"added": 0, "updated": 0, "unchanged": 5, "failed": 0}
    assert result.rooms[0].result is not None
    assert result.rooms[0].result.total == 5


def test_products_of_another_folder_do_not_stay_in_the_ranking(
    tmp_path: Path, rooms: Path, product_folder: Path
) -> None:
    other = tmp_path / "elsewhere" / "products"
    other.mkdir(parents=True)
    Image.new("RGB", (40, 40), "brown").save(other / "new.png")
    run_demo(tmp_path / "out", rooms=rooms, products=product_folder)
    result = run_demo(tmp_path / "out", rooms=rooms, products=other)
    assert result.rooms[0].result is not None
    assert [m.product.id for m in result.rooms[0].result.matches] == ["new"]


def test_missing_and_empty_folders(tmp_path: Path, rooms: Path, product_folder: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no such folder of room photos"):
        run_demo(tmp_path / "out", rooms=tmp_path / "gone", products=product_folder)
    with pytest.raises(InputError, match="holds no photos"):
        run_demo(tmp_path / "out", rooms=empty, products=product_folder)
    with pytest.raises(ProductSourceError, match="holds no product images"):
        run_demo(tmp_path / "out", rooms=rooms, products=empty)


def test_an_installation_without_samples_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "package" / "demo" / "samples.py"
    monkeypatch.setattr("floorlens.demo.samples.__file__", str(file))
    with pytest.raises(InputError, match="--rooms DIR and --products DIR"):
        run_demo(tmp_path / "out")


def test_the_sample_catalogue_is_indexed_once(
    tmp_path: Path, product_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second start of the page embeds nothing."""
    monkeypatch.setattr("floorlens.demo.samples.samples", lambda: product_csv.parent)
    calls: list[str] = []
    for _ in range(2):
        folder = sample_catalogue(
            tmp_path / "catalogue", progress=lambda _done, _all, row: calls.append(row.status)
        )
    assert calls == ["added"] * 6 + ["unchanged"] * 6
    with Floorlens.open(folder) as lens:
        assert len(lens.products()) == 6


def test_samples_know_which_product_is_on_the_floor(
    tmp_path: Path, rooms: Path, product_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = tmp_path / "samples"
    product_csv.parent.rename(samples)
    rooms.rename(samples / "rooms")
    pairs = "room,product,source\na.png,oak.png,made\n"
    (samples / "pairs.csv").write_text(pairs, encoding="utf-8")
    monkeypatch.setattr(demo, "samples", lambda: samples)
    result = run_demo(tmp_path / "out")
    assert [outcome.truth for outcome in result.rooms] == ["oak", None, None]
    assert "comes first in 1 of 1 rooms" in result.report.read_text(encoding="utf-8")
