"""What ranking evaluations return: figures, and what each query contributed to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from floorlens.evaluation.datasets import Failure
from floorlens.evaluation.metrics import bootstrap_interval, rank_rates, within


@dataclass(frozen=True)
class PairOutcome:
    """How one row of pairs.csv fared.

    Attributes:
        room, product: file names.
        source: the row's source.
        rank: the true product's place among the distinct products, ties at their worst.
        hard10_rank: its place among itself and the nine products nearest to it in mean Lab.
        score: the true product's score, 0..1; None where it was not ranked.
        first: id and score of the first distinct products, best first.
        reason: why it was not ranked; "" if it was.
    """

    room: str
    product: str
    source: str
    rank: int
    hard10_rank: int
    score: float | None
    first: tuple[tuple[str, float], ...]
    reason: str = ""


@dataclass(frozen=True)
class PairsReport:
    """How well the rooms of pairs.csv found their products.

    Attributes:
        outcomes: one for each row, in the order of the file.
        products: how many distinct products were ranked against each other.
        seconds_per_query: the mean time of a search of a photo given as bytes.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
    """

    outcomes: tuple[PairOutcome, ...]
    products: int
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1."""
        sources = sorted({outcome.source for outcome in self.outcomes})
        return {
            **_rates(self.outcomes),
            "seconds_per_query": self.seconds_per_query,
            "by_source": {
                source: _rates([o for o in self.outcomes if o.source == source])
                for source in sources
            },
            "ci95": _intervals(self.outcomes),
            "products": self.products,
            "failed": [failure.as_dict() for failure in self.failed],
            "per_query": [
                {
                    "room": outcome.room,
                    "product": outcome.product,
                    "rank": outcome.rank,
                    "hard10_rank": outcome.hard10_rank,
                }
                for outcome in self.outcomes
            ],
            "stamp": dict(self.stamp),
        }


@dataclass(frozen=True)
class RankingOutcome:
    """How one judged query fared.

    Attributes:
        query: the photo's file name.
        ndcg: nDCG at 10 places, 0..1.
        ranking: product ids, best first; byte-identical products stand side by side.
        scores: the scores of `ranking`, 0..1.
        reason: why nothing was ranked; "" if something was.
    """

    query: str
    ndcg: float
    ranking: tuple[str, ...]
    scores: tuple[float, ...]
    reason: str = ""


@dataclass(frozen=True)
class RankingReport:
    """How well rankings agree with graded judgments.

    Attributes:
        outcomes: one for each query that has a product judged above 0.
        seconds_per_query: the mean time of a search of a photo given as bytes.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
    """

    outcomes: tuple[RankingOutcome, ...]
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1."""
        values = [outcome.ndcg for outcome in self.outcomes]
        return {
            "n": len(values),
            "ndcg@10": float(np.mean(values)),
            "seconds_per_query": self.seconds_per_query,
            "ci95": {"ndcg@10": list(bootstrap_interval(values))},
            "failed": [failure.as_dict() for failure in self.failed],
            "per_query": {
                outcome.query: {"ndcg@10": outcome.ndcg, "ranking": list(outcome.ranking)}
                for outcome in self.outcomes
            },
            "stamp": dict(self.stamp),
        }


def _rates(outcomes: Sequence[PairOutcome]) -> dict[str, Any]:
    hard = [outcome.hard10_rank for outcome in outcomes]
    return {
        **asdict(rank_rates([outcome.rank for outcome in outcomes])),
        "hard10_top1": within(hard, 1),
        "hard10_top3": within(hard, 3),
    }


def _intervals(outcomes: Sequence[PairOutcome]) -> dict[str, list[float]]:
    """Returns 95 % intervals over rooms: the queries of one room are drawn together."""
    rooms = [outcome.room for outcome in outcomes]
    ranks = np.array([outcome.rank for outcome in outcomes])
    hard = np.array([outcome.hard10_rank for outcome in outcomes])
    values = {
        "mrr": 1.0 / ranks,
        "top1": ranks <= 1,
        "top5": ranks <= 5,
        "top10": ranks <= 10,
        "hard10_top1": hard <= 1,
        "hard10_top3": hard <= 3,
    }
    return {name: list(bootstrap_interval(value, groups=rooms)) for name, value in values.items()}
