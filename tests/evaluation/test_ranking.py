"""`eval ranking` against a scripted lens, with figures worked out by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from floorlens.errors import DatasetError
from floorlens.evaluation.ranking import evaluate_ranking

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, ScriptedLens


def test_ranking_by_hand(ranking_folder: Folder, lens: ScriptedLens) -> None:
    lens.scores = {
        # Products 0 (grade 3) and 2 (none) tie: the worse one is taken to come first.
        ranking_folder.photos["1"]: {"0": 0.9, "2": 0.9, "1": 0.5, "3": 0.4, "twin": 0.4},
        # 3 and twin are one product, judged once.
        ranking_folder.photos["2"]: {"3": 0.9, "twin": 0.9, "0": 0.1, "1": 0.1, "2": 0.1},
    }
    figures = evaluate_ranking(ranking_folder.path, opener=lens.open).as_dict()
    expected = (7 / math.log2(3) + 1 / math.log2(4)) / (7 + 1 / math.log2(3))
    first, second = figures["per_query"]["1.png"], figures["per_query"]["2.png"]
    assert first["ndcg@10"] == pytest.approx(expected)
    assert first["ranking"] == ["2", "0", "1", "3", "twin"]
    assert second["ndcg@10"] == 1.0
    assert second["ranking"][:2] == ["3", "twin"]
    assert figures["n"] == 2
    assert figures["ndcg@10"] == pytest.approx((expected + 1) / 2)
    assert figures["failed"] == []


def test_a_query_without_floor_has_no_gain(ranking_folder: Folder, lens: ScriptedLens) -> None:
    lens.scores = {ranking_folder.photos["1"]: {"0": 0.9, "1": 0.5}}
    report = evaluate_ranking(ranking_folder.path, opener=lens.open)
    figures = report.as_dict()
    assert figures["per_query"]["2.png"] == {"ndcg@10": 0.0, "ranking": [], "scores": []}
    assert figures["ndcg@10"] == 0.5
    assert figures["failed"] == [{"file": "queries/2.png", "reason": "no floor in this photo"}]


def test_a_judged_product_that_is_not_there_stays_in_the_ideal(
    ranking_folder: Folder, lens: ScriptedLens
) -> None:
    (ranking_folder.path / "judgments.csv").write_text(
        "query,product,grade\n1.png,0.png,1\n1.png,gone.png,1\n3.png,0.png,0\n", encoding="utf-8"
    )
    lens.scores = {ranking_folder.photos["1"]: {"0": 0.9, "1": 0.5}}
    report = evaluate_ranking(ranking_folder.path, opener=lens.open)
    assert report.as_dict()["ndcg@10"] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert [failure.file for failure in report.failed] == ["products/gone.png", "queries/3.png"]


def test_nothing_judged_is_refused(ranking_folder: Folder, lens: ScriptedLens) -> None:
    (ranking_folder.path / "judgments.csv").write_text(
        "query,product,grade\n1.png,0.png,0\n", encoding="utf-8"
    )
    with pytest.raises(DatasetError, match="no product above 0"):
        evaluate_ranking(ranking_folder.path, opener=lens.open)
