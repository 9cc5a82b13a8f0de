"""Adapting on the command line: by itself at a large first index, by command, or declined."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import Result

from floorlens.adaptation import adapt as adaptation
from floorlens.adaptation.adapt import LEAST
from floorlens.adaptation.rooms import simulate_view
from floorlens.adaptation.validation import Validation
from floorlens.presets import Stages
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Stages that can be adapted, with small rooms."""
    monkeypatch.setattr(adaptation, "VIEWS", 2)
    monkeypatch.setattr(adaptation, "simulate_view", partial(simulate_view, size=(96, 72)))
    return fake_stages(adaptable=True)


@pytest.fixture
def worth_nine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine products are enough for an adaptation without --adapt, one more than the least."""
    monkeypatch.setattr(adaptation, "WORTH", LEAST + 1)


@pytest.fixture
def products(tmp_path: Path) -> Path:
    """Nine plain products."""
    folder = tmp_path / "products"
    folder.mkdir()
    for number in range(9):
        colour = (20 + 25 * number, 200 - 20 * number, 90)
        Image.new("RGB", (48, 48), colour).save(folder / f"p{number}.png")
    return folder


def document(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.mark.usefixtures("worth_nine")
def test_the_first_index_of_enough_products_adapts_and_says_so(run: Run, products: Path) -> None:
    out = run("index", products).stdout
    assert "9 added" in out
    assert "adapted to 9 products in " in out
    assert "2 simulated rooms each, 18 made now, 9 described anew" in out
    assert document(run("index", products, "--json"))["adaptation"] is None
    assert "adapted to: 9 of its products, 2 simulated rooms each" in run("info").stdout
    projection = document(run("info", "--json"))["projection"]
    assert (projection["products"], projection["views"], projection["seed"]) == (9, 2, 0)
    assert f"projection {projection['version']} of 9 products" in run("doctor").stdout
    again = document(run("index", "--rebuild", "--json"))
    assert again["adaptation"]["version"] == projection["version"]


def test_few_products_are_only_adapted_by_option(run: Run, products: Path) -> None:
    """Nine are enough with --adapt, and far fewer than what makes it worth while."""
    assert "adapted" not in run("index", products).stdout
    assert "adapted" not in run("index", "--rebuild").stdout
    assert "adapted to: nothing: the package's own projection" in run("info").stdout
    assert "adapted to 9 products" in run("index", products, "--adapt").stdout


@pytest.mark.usefixtures("worth_nine")
def test_a_later_import_only_adapts_by_option(run: Run, products: Path) -> None:
    """The first import had eight; the ninth comes into a catalogue that is already in use."""
    late = products.parent / "p8.png"
    (products / "p8.png").rename(late)
    assert "adapted" not in run("index", products).stdout
    late.rename(products / "p8.png")
    report = document(run("index", products, "--json"))
    assert (report["counts"]["added"], report["adaptation"]) == (1, None)


@pytest.mark.usefixtures("worth_nine")
def test_a_declined_adaptation_waits_for_the_command(run: Run, products: Path) -> None:
    assert "adapted" not in run("index", products, "--no-adapt").stdout
    assert "adapted" not in run("index", products).stdout
    assert "adapted to: nothing: the package's own projection" in run("info").stdout
    assert document(run("index", "--rebuild", "--json"))["adaptation"] is None
    report = document(run("adapt", "--views", 1, "--limit", 8, "--seed", 3, "--json"))
    assert (report["products"], report["views"], report["simulated"]) == (8, 1, 8)
    assert report["described"] == 9
    assert "nothing has changed" in run("adapt", "--views", 1, "--limit", 8, "--seed", 3).stdout


def test_too_few_products_are_no_failure_of_index(run: Run, products: Path) -> None:
    """With --adapt they are adapted as soon as there are enough."""
    late = products / "p8.png"
    for name in ("p7.png", "p8.png"):
        (products / name).rename(products.parent / name)
    assert "adapted" not in run("index", products, "--adapt").stdout
    failure = run("adapt", code=2)
    assert "at least 8 different products: this catalogue has 7" in failure.stderr
    (products.parent / "p8.png").rename(late)
    assert "adapted to 8 products" in run("index", products, "--adapt").stdout


def test_unusable_arguments(run: Run, products: Path) -> None:
    run("adapt", "--catalogue", "nowhere", code=6)
    run("index", products)
    for wrong in (["--views", 0], ["--seed", -1], ["--limit", 2], ["--views", "many"]):
        run("adapt", *wrong, code=2)


def test_a_missing_picture_is_reported(run: Run, products: Path) -> None:
    run("index", products, "--no-adapt")
    (products / "p4.png").unlink()
    result = run("adapt")
    assert "adapted to 8 products" in result.stdout
    assert "unused  p4: " in result.stderr


def test_an_import_is_reported_even_if_it_cannot_be_adapted(run: Run, products: Path) -> None:
    """Pictures of earlier products are gone: the new ones are stored all the same."""
    run("index", products, "--no-adapt")
    products.rename(products.parent / "moved")
    products.mkdir()
    Image.new("RGB", (48, 48), "red").save(products / "new.png")
    result = run("index", products, "--adapt")
    assert "1 added" in result.stdout
    assert "not adapted: adaptation needs at least 8 different products" in result.stderr
    (products / "new.png").unlink()
    Image.new("RGB", (48, 48), "blue").save(products / "more.png")
    report = document(run("index", products, "--adapt", "--json"))
    assert (report["counts"]["added"], report["adaptation"]) == (1, None)
    assert "whose pictures cannot be used" in report["not_adapted"]


@pytest.mark.usefixtures("worth_nine")
def test_eval_measures_adapted_or_not_and_the_report_says_which(
    run: Run, products: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "rooms").mkdir(parents=True)
    room = Image.new("RGB", (60, 40), "white")
    room.paste((120, 120, 90), (0, 20, 60, 40))
    room.save(data / "rooms" / "a.png")
    products.rename(data / "products")
    (data / "pairs.csv").write_text("room,product,source\na.png,p4.png,made\n")
    (data / "judgments.csv").write_text("query,product,grade\na.png,p4.png,3\n")
    (data / "queries").mkdir()
    room.save(data / "queries" / "a.png")
    for kind, *options in (["pairs"], ["ranking"], ["simulated", "--views", 1]):
        with_adaptation = document(run("eval", kind, data, *options, "--json", "-"))
        without = document(run("eval", kind, data, *options, "--no-adapt", "--json", "-"))
        assert with_adaptation["stamp"]["projection"]["version"].startswith("own-")
        assert without["stamp"]["projection"]["version"] == "1"


def write_pairs(folder: Path, *further: str) -> Path:
    """Writes a list of twelve rooms of six products, and further rows."""
    lines = ["room,product"]
    for number in range(12):
        colour = (20 + 25 * (number % 6), 200 - 20 * (number % 6), 90 + 3 * number)
        photo = Image.new("RGB", (48, 48), colour)
        photo.putpixel((0, 0), (0, 0, 0))
        photo.save(folder / f"{number}.png")
        lines.append(f"{number}.png,p{number % 6}")
    table = folder / "pairs.csv"
    table.write_text("\n".join([*lines, *further]))
    return table


def test_a_list_of_pairs_is_measured_and_its_bad_rows_are_named(
    run: Run, products: Path, tmp_path: Path
) -> None:
    run("index", products, "--no-adapt")
    table = write_pairs(tmp_path, "absent.png,p1", "0.png,p1")
    result = run("adapt", "--pairs", table, code=8)
    assert "failed  absent.png: the image 'absent.png' cannot be found" in result.stderr
    assert "failed  0.png: is the same photo as in line 2" in result.stderr
    assert "14 pairs: 12 usable, 2 failed" in result.stdout
    assert "cross-validated on 12 rooms of 6 products" in result.stdout
    assert re.search(
        r"MRR \d\.\d{3} without the list, \d\.\d{3} with it \(difference [+-]", result.stdout
    )
    report = document(run("adapt", "--pairs", table, "--json", code=8))["pairs"]
    assert report["counts"] == {"usable": 12, "failed": 2}
    assert report["rows"][-1] == {
        "room": "0.png",
        "product": "p1",
        "place": "line 15",
        "status": "failed",
        "reason": "is the same photo as in line 2",
    }
    assert report["mrr"]["difference"] == pytest.approx(
        report["mrr"]["after"] - report["mrr"]["before"]
    )
    known = document(run("adapt", "--json"))["rooms"]
    assert known == (12 if report["used"] else 0)
    assert ("12 rooms whose product is known" in run("info").stdout) == report["used"]


def test_pairs_that_bring_nothing_change_nothing(
    run: Run, products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Validation, "gain", False)
    run("index", products, "--no-adapt")
    table = write_pairs(tmp_path)
    out = run("adapt", "--pairs", table).stdout
    assert "no gain: nothing has changed, and the list was not kept; the catalogue is not" in out
    assert "adapted to: nothing" in run("info").stdout
    assert document(run("adapt", "--pairs", table, "--json"))["pairs"]["used"] is False
    run("adapt")
    out = run("adapt", "--pairs", table).stdout
    assert "no gain: nothing has changed, and the list was not kept; projection own-" in out


def test_pairs_that_bring_nothing_any_more_are_forgotten(
    run: Run, products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Validation, "gain", True)
    run("index", products, "--no-adapt")
    table = write_pairs(tmp_path)
    assert "12 rooms whose product is known" in run("adapt", "--pairs", table).stdout
    monkeypatch.setattr(Validation, "gain", False)
    out = run("adapt", "--pairs", table).stdout
    assert "no gain: 12 rooms stored before were forgotten, adapted without rooms, 9 desc" in out
    assert "whose product is known" not in run("info").stdout


def test_too_few_pairs_are_a_wrong_use(run: Run, products: Path, tmp_path: Path) -> None:
    run("index", products, "--no-adapt")
    table = write_pairs(tmp_path)
    table.write_text("\n".join(table.read_text().splitlines()[:6]))
    run("adapt", "--rooms", tmp_path, code=2)
    run("adapt", "--pairs", table, code=2)
    run("adapt", "--pairs", tmp_path / "nowhere.csv", code=3)
