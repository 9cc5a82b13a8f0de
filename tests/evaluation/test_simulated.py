"""Simulated rooms: which views are made, and how their ranks are counted."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from floorlens.demo.samples import samples
from floorlens.errors import DatasetError
from floorlens.evaluation.simulated import evaluate_simulated, simulate_room

if TYPE_CHECKING:
    from tests.evaluation.conftest import ScriptedLens

pytestmark = pytest.mark.slow

# Reddish, greenish, bluish: under any of the casts still nearest to themselves.
COLOURS = {"red": (200, 70, 60), "green": (70, 180, 80), "blue": (60, 80, 200)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three products, and a copy of the first."""
    products = tmp_path / "data" / "products"
    products.mkdir(parents=True)
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 40), colour).save(products / f"{name}.png")
    (products / "twin.png").write_bytes((products / "red.png").read_bytes())
    return products.parent


def answer_by_colour(lens: ScriptedLens, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The lens ranks by the mean colour under the region; returns the photos' shapes."""
    shapes: list[tuple[int, int]] = []

    def search(source: bytes, *, region: Any) -> Any:
        pixels = np.asarray(Image.open(io.BytesIO(source)))
        assert region.shape == pixels.shape[:2]
        shapes.append(region.shape)
        mean = pixels[region].mean(axis=0)
        colour_of = COLOURS | {"twin": COLOURS["red"]}
        far = {name: float(np.abs(mean - colour).sum()) for name, colour in colour_of.items()}
        return SimpleNamespace(
            matches=[
                SimpleNamespace(
                    product=SimpleNamespace(id=name),
                    score=1 - far[name] / 765,
                    likeness=None,
                    word=None,
                )
                for name in sorted(far, key=lambda name: far[name])
            ],
            equals=0,
            nothing_close=None,
        )

    monkeypatch.setattr(lens, "search", search)
    return shapes


def test_products_take_turns_and_are_found_by_what_lies_in_their_rooms(
    folder: Path, lens: ScriptedLens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = answer_by_colour(lens, monkeypatch)
    calls: list[tuple[int, ...]] = []
    report = evaluate_simulated(
        folder, "fine", views=7, opener=lens.open, progress=lambda *call: calls.append(call)
    )
    # The copy counts as one with its original.
    names = [outcome.product.removesuffix(".png") for outcome in report.outcomes]
    assert names == ["blue", "green", "red", "blue", "green", "red", "blue"]
    assert [outcome.rank for outcome in report.outcomes] == [1] * 7
    assert report.products == 3
    assert len(set(shapes)) > 1
    assert calls == [(number, 7) for number in range(1, 8)]
    assert lens.opened_with[0][1] == "fine"
    assert lens.closed == 1
    figures = report.as_dict()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert (figures["n"], figures["top1"], figures["mrr"]) == (7, 1.0, 1.0)
    assert figures["ci95"]["top1"] == [1.0, 1.0]


def test_figures_by_hand(folder: Path, lens: ScriptedLens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Always the same answer, blue before green before red: ranks 1, 2, 3 in turn."""
    scores = {"blue": 0.9, "green": 0.5, "red": 0.2, "twin": 0.2}
    matches = [
        SimpleNamespace(product=SimpleNamespace(id=name), score=score, likeness=None, word=None)
        for name, score in scores.items()
    ]
    monkeypatch.setattr(
        lens,
        "search",
        lambda *_a, **_k: SimpleNamespace(matches=matches, equals=0, nothing_close=None),
    )
    figures = evaluate_simulated(folder, views=3, opener=lens.open).as_dict()
    assert [row["rank"] for row in figures["per_query"]] == [1, 2, 3]
    assert [row["first"] for row in figures["per_query"]] == ["blue"] * 3
    assert figures["top1"] == pytest.approx(1 / 3)
    assert (figures["top3"], figures["top5"], figures["median_rank"]) == (1.0, 1.0, 2.0)
    assert figures["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    low, high = figures["ci95"]["mrr"]
    assert 1 / 3 <= low < figures["mrr"] < high <= 1


def test_a_view_without_a_result_comes_last_and_says_why(folder: Path, lens: ScriptedLens) -> None:
    """The scripted lens sees no floor in a photo that it was not told of."""
    report = evaluate_simulated(folder, views=3, opener=lens.open)
    assert [outcome.rank for outcome in report.outcomes] == [3, 3, 3]
    assert [failure.file for failure in report.failed] == [
        f"view {number} of products/{name}.png"
        for number, name in enumerate(["blue", "green", "red"])
    ]
    assert report.failed[0].reason == "no floor in this photo"
    assert all(region is not None and region.any() for region in lens.regions)


def test_a_broken_picture_is_listed_and_stops_nothing(folder: Path, lens: ScriptedLens) -> None:
    (folder / "products" / "green.png").write_bytes(b"x")
    report = evaluate_simulated(folder, views=6, opener=lens.open)
    assert [outcome.number for outcome in report.outcomes] == [0, 2, 3, 5]
    assert "products/green.png" in [failure.file for failure in report.failed]


def test_a_seed_makes_the_same_views_whatever_their_number(
    folder: Path, lens: ScriptedLens
) -> None:
    evaluate_simulated(folder, views=3, opener=lens.open)
    evaluate_simulated(folder, views=4, opener=lens.open)
    evaluate_simulated(folder, views=3, seed=1, opener=lens.open)
    photos = lens.searched
    assert photos[:3] == photos[3:6]
    assert len({*photos[:3], *photos[7:]}) == 6


def test_what_cannot_be_measured(folder: Path, tmp_path: Path, lens: ScriptedLens) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        evaluate_simulated(tmp_path / "gone", opener=lens.open)
    for views, seed in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="at least 1"):
            evaluate_simulated(folder, views=views, seed=seed, opener=lens.open)
    for picture in (folder / "products").iterdir():
        picture.write_bytes(b"x")
    with pytest.raises(DatasetError, match="no picture in it can be read"):
        evaluate_simulated(folder, views=4, opener=lens.open)


def test_views_of_one_picture_differ_in_light_and_place() -> None:
    """Of a sample: another number is another photo, another product another floor."""
    picture = samples() / "products" / "oak-natural-plank.jpg"
    rooms = [simulate_room(picture, number, 0) for number in range(6)]
    means = np.array([room.rgb[room.mask].mean(axis=0) for room in rooms])
    assert np.ptp(means, axis=0).min() > 8
    assert len({room.mask.tobytes() for room in rooms}) == 6


def test_the_pipeline_finds_samples_in_their_simulated_rooms(tmp_path: Path) -> None:
    """The real models, floors that nobody would confuse: found, most of all first."""
    products = tmp_path / "products"
    products.mkdir()
    for name in ("check-black-white", "oak-ebony-plank", "terracotta-hexagon", "wool-velvet-moss"):
        picture = samples() / "products" / f"{name}.jpg"
        (products / picture.name).write_bytes(picture.read_bytes())
    figures = evaluate_simulated(tmp_path, views=8).as_dict()
    assert figures["failed"] == []
    assert figures["top1"] >= 0.75
