"""`eval ranking`: does the order of the products agree with graded judgments?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from floorlens.errors import DatasetError
from floorlens.evaluation.datasets import (
    Failure,
    Measured,
    ProductFolder,
    RankingDataset,
    failures,
    read_ranking,
)
from floorlens.evaluation.measured import Clock, Lens, Opener, open_measured_lens, report_stamp
from floorlens.evaluation.metrics import bootstrap_interval, ndcg, pessimistic_order
from floorlens.evaluation.searches import PhotoRanking, lens_with_products, search_photo
from floorlens.evaluation.worst_cases import MOST, Card, RoomCase, write_rooms

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress

DEPTH = 10
"""How many products the page of worst cases shows, as many as nDCG@10 counts."""


@dataclass(frozen=True)
class RankingOutcome:
    """The result for one judged query.

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
        data: which data; None: the report does not say it.
    """

    outcomes: tuple[RankingOutcome, ...]
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    data: Measured | None = None

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
                outcome.query: {
                    "ndcg@10": outcome.ndcg,
                    "ranking": list(outcome.ranking),
                    "scores": list(outcome.scores),
                }
                for outcome in self.outcomes
            },
            "stamp": dict(self.stamp),
            **({} if self.data is None else self.data.as_dict()),
        }


def evaluate_ranking(
    directory: Path,
    preset: str | None = None,
    *,
    html: Path | None = None,
    progress: Progress | None = None,
    index_progress: ImportProgress | None = None,
    opener: Opener = open_measured_lens,
) -> RankingReport:
    r"""Returns how well rankings agree with graded judgments.

    Args:
        directory: queries/, products/ and judgments.csv (query, product, grade); only read.
        preset, html, progress, index_progress, opener: as for `evaluate_pairs`.

    Raises:
        DatasetError: the folder lacks a folder, file or column, or nothing is judged above 0.
        SettingsError: there is no such preset.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.ranking import evaluate_ranking
        >>> Path("queries").mkdir()
        >>> photo = Path("room.jpg").rename("queries/room.jpg")
        >>> rows = ["query,product,grade", "room.jpg,oak-natural-plank.jpg,3"]
        >>> _ = Path("judgments.csv").write_text("\n".join(rows))
        >>> evaluate_ranking(Path()).as_dict()["ndcg@10"]
        1.0
    """
    data = read_ranking(directory)
    reasons: dict[str, str] = {}
    outcomes: list[RankingOutcome] = []
    clock = Clock()
    grades_of = {query: grades for query, grades in data.grades.items() if any(grades.values())}
    if not grades_of:
        raise DatasetError(f"{directory}: judgments.csv judges no product above 0")
    for query in data.grades.keys() - grades_of.keys():
        reasons[f"queries/{query}"] = "not counted: no product is judged above 0 for it"
    with lens_with_products(opener, preset, data.products, reasons, index_progress) as lens:
        for query, grades in grades_of.items():
            for name in grades:
                if data.products.group_of_file(name) is None:
                    reasons[f"products/{name}"] = "named in judgments.csv, but not there"
            ranking = search_photo(lens, data.queries / query, data.products, clock)
            if ranking.reason:
                reasons[f"queries/{query}"] = ranking.reason
            outcomes.append(_outcome_of(query, grades, ranking, data.products))
            if progress is not None:
                progress(len(outcomes), len(grades_of))
        report = RankingReport(
            outcomes=tuple(outcomes),
            seconds_per_query=clock.mean,
            failed=failures(reasons),
            stamp=report_stamp(lens),
            data=Measured("ranking", directory, data.products.digest),
        )
        if html is not None:
            _write_worst(report, data, lens, html)
    return report


def _outcome_of(
    query: str, grades: Mapping[str, int], ranking: PhotoRanking, products: ProductFolder
) -> RankingOutcome:
    """Returns how one query's ranking agrees with its grades (product file -> grade)."""
    # The keys are groups, so that twins are judged once; a product that is not there keeps its
    # name and stays in the ideal, where the ranking misses it.
    grade_of: dict[str, float] = {}
    for name, grade in grades.items():
        group = products.group_of_file(name)
        key = name if group is None else str(group)
        grade_of[key] = max(grade_of.get(key, 0.0), float(grade))
    entries = {str(group): entry for group, entry in ranking.groups.items()}
    order = pessimistic_order(list(entries), [score for score, _ in entries.values()], grade_of)
    rows = [(product, entries[key][0]) for key in order for product in entries[key][1]]
    return RankingOutcome(
        query=query,
        ndcg=ndcg([grade_of.get(key, 0.0) for key in order], grade_of.values()),
        ranking=tuple(product for product, _ in rows),
        scores=tuple(score for _, score in rows),
        reason=ranking.reason,
    )


def _write_worst(report: RankingReport, data: RankingDataset, lens: Lens, folder: Path) -> None:
    """Writes the page of the judged queries, worst first, with the grades of their first ten."""
    worst = sorted(report.outcomes, key=lambda o: (o.ndcg, o.query))[:MOST]
    cases = []
    for outcome in worst:
        grades = {Path(name).stem: grade for name, grade in data.grades[outcome.query].items()}
        cards = []
        first = list(zip(outcome.ranking, outcome.scores, strict=True))[:DEPTH]
        for place, (product, score) in enumerate(first, start=1):
            grade = grades.get(product, 0)
            cards.append(Card(product, score, right=grade > 0, place=place, grade=grade))
        title = f"{outcome.query}: nDCG@10 {outcome.ndcg:.3f}"
        photo = data.queries / outcome.query
        cases.append(RoomCase(title, outcome.reason, outcome.query, photo, tuple(cards)))
    lead = (
        f"{len(report.outcomes)} queries, nDCG@10 {report.as_dict()['ndcg@10']:.3f}; worst first."
    )
    title = "Worst cases: judged rankings"
    write_rooms(folder, title, lead, cases, data.products, lens.mask)
