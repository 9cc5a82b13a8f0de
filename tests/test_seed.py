"""The reference project's own task: what must hold on its photos, with the real models."""

from __future__ import annotations

from pathlib import Path

import pytest

from floorlens.evaluation.masks import evaluate_masks
from floorlens.evaluation.ranking import RankingReport, evaluate_ranking

GREY = {"1", "4", "14", "15", "17"}


@pytest.fixture(scope="module")
def ranking(shared_data: Path) -> RankingReport:
    return evaluate_ranking(shared_data / "seed")


def test_the_masks_hold(shared_data: Path) -> None:
    """Mean IoU of the five room photos is at least .88."""
    figures = evaluate_masks(shared_data / "seed", images="queries", masks="floor_masks").as_dict()
    assert figures["n"] == 5
    assert figures["mean_iou"] >= 0.88


def test_the_order_agrees_with_the_judgments(ranking: RankingReport) -> None:
    """nDCG@10 is at least .75, and the floor of query 4 is found first."""
    figures = ranking.as_dict()
    assert figures["ndcg@10"] >= 0.75
    assert figures["per_query"]["4.jpg"]["ranking"][0] == "16"


def test_no_grey_product_is_near_a_brown_floor(ranking: RankingReport) -> None:
    """The reference design ranks grey products 3rd and 4th for query 1."""
    first = ranking.as_dict()["per_query"]["1.jpg"]["ranking"][:5]
    assert not GREY & set(first)
