"""`eval pairs` against a scripted lens, with figures worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from floorlens.errors import ImageError, StampMismatch
from floorlens.evaluation import pairs
from floorlens.evaluation.pairs import evaluate_pairs

if TYPE_CHECKING:
    from tests.evaluation.conftest import PairsFolder, ScriptedLens

PRODUCTS = [f"p{number}" for number in range(12)]


def falling(first: str, *rest: str) -> dict[str, float]:
    """Scores .9, .8, … for the named products, 0 for the others."""
    products = [first, *rest]
    return {p: 0.9 - products.index(p) / 10 if p in products else 0.0 for p in PRODUCTS}


def listing(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_pairs_by_hand(pairs_folder: PairsFolder, lens: ScriptedLens) -> None:
    pairs_folder.write_pairs("a.png,p1.png,wfs", "b.png,p2.png,wfs", "c.png,p10.png,oz")
    lens.scores = {
        pairs_folder.photos["a"]: falling("p1"),
        pairs_folder.photos["b"]: falling("p7", "p2"),
        # p10 and p11 are one product: with p0 before them it is second, not third.
        pairs_folder.photos["c"]: falling("p0", "p11", "p10"),
    }
    before = listing(pairs_folder.path)
    calls: list[tuple[int, ...]] = []
    report = evaluate_pairs(
        pairs_folder.path, "fine", opener=lens.open, progress=lambda *call: calls.append(call)
    )
    figures = report.as_dict()

    assert [outcome.rank for outcome in report.outcomes] == [1, 2, 2]
    assert (figures["n"], figures["products"]) == (3, 11)
    assert figures["top1"] == pytest.approx(1 / 3)
    assert figures["top5"] == figures["top10"] == 1.0
    assert figures["mrr"] == pytest.approx(2 / 3)
    assert figures["median_rank"] == 2.0
    assert figures["by_source"]["wfs"]["mrr"] == pytest.approx(0.75)
    assert figures["by_source"]["oz"]["n"] == 1
    low, high = figures["ci95"]["mrr"]
    assert 0.5 <= low < figures["mrr"] < high <= 1.0
    assert figures["failed"] == []
    assert figures["seconds_per_query"] >= 0.0
    assert figures["stamp"]["preset"] == "scripted"
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert lens.opened_with[0][1] == "fine"
    assert pairs_folder.path not in lens.opened_with[0][0].parents
    assert not lens.opened_with[0][0].parent.exists()
    assert lens.closed == 1
    assert listing(pairs_folder.path) == before


def test_what_a_search_says_of_itself_is_held_against_what_is_right(
    pairs_folder: PairsFolder, lens: ScriptedLens
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,wfs", "b.png,p2.png,wfs", "c.png,p10.png,oz")
    assert evaluate_pairs(pairs_folder.path, opener=lens.open).as_dict()["scores"] is None
    lens.calibrated = True
    strangers = dict.fromkeys(PRODUCTS, 0.1) | {"p10": 0.9, "p11": 0.8}
    lens.scores = {
        pairs_folder.photos["a"]: falling("p1"),
        # Right is p2, one of four equals.
        pairs_folder.photos["b"]: falling("p7", "p8", "p2", "p9"),
        # p10 and p11 are one product: without it nothing is close.
        pairs_folder.photos["c"]: strangers,
    }
    scores = evaluate_pairs(pairs_folder.path, opener=lens.open).as_dict()["scores"]
    assert scores["base_rate"] == pytest.approx(2 / 3)
    assert scores["mean_score"] == pytest.approx(0.9)
    assert scores["ece"] == pytest.approx(0.9 - 2 / 3)
    assert scores["bins"] == [{"n": 3, "score": pytest.approx(0.9), "right": pytest.approx(2 / 3)}]
    assert scores["equals_cover"] == 1.0
    assert scores["equals_median"] == 2.0
    assert scores["nothing_close"] == 0.0
    # Without their product the first two rooms have 0 and .9, the third .1.
    assert scores["nothing_close_taken_out"] == pytest.approx(2 / 3)
    assert scores["taken_out_auroc"] == pytest.approx(7.5 / 9)


def test_hard10_ranks_among_the_nine_of_nearest_colour(
    pairs_folder: PairsFolder, lens: ScriptedLens
) -> None:
    # Shades of grey 0, 20, … 200 for p0 … p10. Nearest nine to p0 leave out p10, its farthest.
    pairs_folder.write_pairs("a.png,p0.png,wfs", "b.png,p0.png,wfs")
    lens.scores = {
        pairs_folder.photos["a"]: falling("p10", "p0"),
        pairs_folder.photos["b"]: falling("p10", "p9", "p0"),
    }
    report = evaluate_pairs(pairs_folder.path, opener=lens.open)
    assert [outcome.rank for outcome in report.outcomes] == [2, 3]
    assert [outcome.hard10_rank for outcome in report.outcomes] == [1, 2]
    assert report.as_dict()["hard10_top1"] == 0.5
    assert report.as_dict()["hard10_top3"] == 1.0


def test_a_product_whose_colour_is_unknown_does_not_win_for_want_of_rivals(
    pairs_folder: PairsFolder, lens: ScriptedLens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        pairs, "mean_colours", lambda products: np.full((products.count, 3), np.nan)
    )
    pairs_folder.write_pairs("a.png,p0.png,wfs")
    lens.scores = {pairs_folder.photos["a"]: falling("p0")}
    (outcome,) = evaluate_pairs(pairs_folder.path, opener=lens.open).outcomes
    assert (outcome.rank, outcome.hard10_rank) == (1, 10)


def test_a_lens_that_knows_nothing_gains_nothing_by_ties(
    pairs_folder: PairsFolder, lens: ScriptedLens
) -> None:
    pairs_folder.write_pairs("a.png,p0.png,wfs")
    lens.scores = {pairs_folder.photos["a"]: dict.fromkeys(PRODUCTS, 0.5)}
    (outcome,) = evaluate_pairs(pairs_folder.path, opener=lens.open).outcomes
    assert (outcome.rank, outcome.hard10_rank) == (11, 10)


def test_whatever_fails_is_listed_and_comes_last(
    pairs_folder: PairsFolder, lens: ScriptedLens, broken_photo: ImageError
) -> None:
    pairs_folder.write_pairs(
        "a.png,p1.png,wfs",  # no floor
        "b.png,p1.png,wfs",  # cannot be read
        "c.png,p1.png,wfs",  # a bug
        "gone.png,p1.png,wfs",
        "d.png,gone.png,wfs",
        "d.png,p4.png,wfs",  # this product was not imported
    )
    ranked = falling("p1")
    del ranked["p4"]
    lens.refused = {"p4": "truncated"}
    lens.scores = {
        pairs_folder.photos["b"]: broken_photo,
        pairs_folder.photos["c"]: ZeroDivisionError("oh"),
        pairs_folder.photos["d"]: ranked,
    }
    report = evaluate_pairs(pairs_folder.path, opener=lens.open)
    failed = {failure.file: failure.reason for failure in report.failed}
    assert failed == {
        "products/gone.png": "named in pairs.csv, but not there",
        "products/p4.png": "truncated",
        "rooms/a.png": "no floor in this photo",
        "rooms/b.png": "the image: is truncated or damaged",
        "rooms/c.png": "ZeroDivisionError: oh",
        "rooms/gone.png": failed["rooms/gone.png"],
    }
    assert "no such file" in failed["rooms/gone.png"]
    assert [outcome.rank for outcome in report.outcomes] == [11] * 6
    assert [outcome.hard10_rank for outcome in report.outcomes] == [10] * 6
    assert report.as_dict()["median_rank"] == 11.0


def test_a_room_of_two_products_is_searched_once(
    pairs_folder: PairsFolder, lens: ScriptedLens
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,wfs", "b.png,p3.png,wfs", "a.png,p2.png,wfs")
    lens.scores = {
        pairs_folder.photos["a"]: falling("p1", "p2"),
        pairs_folder.photos["b"]: falling("p3"),
    }
    report = evaluate_pairs(pairs_folder.path, opener=lens.open)
    assert [outcome.rank for outcome in report.outcomes] == [1, 1, 2]
    assert lens.searched == [pairs_folder.photos["a"], pairs_folder.photos["b"]]


def test_an_unusable_catalogue_is_no_bad_photo(
    pairs_folder: PairsFolder, lens: ScriptedLens
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,wfs")
    lens.scores = {pairs_folder.photos["a"]: StampMismatch("made with another preset")}
    with pytest.raises(StampMismatch):
        evaluate_pairs(pairs_folder.path, opener=lens.open)
    assert lens.closed == 1
