"""Measures rankings of the user's own pipeline: each photo as bytes, without its name, alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from floorlens.errors import DatasetError
from floorlens.evaluation import worst_cases
from floorlens.evaluation.datasets import (
    ProductFolder,
    failures,
    mean_colours,
    read_pairs,
    read_ranking,
)
from floorlens.evaluation.measured import (
    Lens,
    Opener,
    Progress,
    open_catalogue,
    opened,
    stamp_of,
)
from floorlens.evaluation.reports import (
    PairOutcome,
    PairsReport,
    RankingOutcome,
    RankingReport,
)
from floorlens.evaluation.scoring import (
    Clock,
    pair_outcome,
    ranking_outcome,
    search_photo,
)


def evaluate_pairs(
    directory: Path,
    preset: str | None = None,
    *,
    html: Path | None = None,
    progress: Progress | None = None,
    index_progress: Any = None,
    opener: Opener = open_catalogue,
) -> PairsReport:
    """Returns how well rooms find the product on their floor.

    Args:
        directory: rooms/, products/ and pairs.csv (room, product, source); only read.
        preset: the preset to measure; the default one if None.
        html: a folder to write the worst cases into; none if None.
        progress: called after each photo with how many are done, and of how many.
        index_progress: handed to `Floorlens.add` as its `progress`.
        opener: how to open a catalogue in an empty folder.

    Raises:
        DatasetError: the folder does not hold what it must.
        SettingsError: there is no such preset.
    """
    data = read_pairs(directory)
    colours = mean_colours(data.products)
    failed: dict[str, str] = {}
    outcomes: list[PairOutcome | None] = [None] * len(data.pairs)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, pair in enumerate(data.pairs):
        rows_of[pair.room].append(row)
    clock = Clock()
    with catalogue_of(opener, preset, data.products, failed, index_progress) as lens:
        for done, (room, rows) in enumerate(rows_of.items(), start=1):
            ranking = search_photo(lens, data.rooms / room, data.products, clock)
            if ranking.reason:
                failed[f"rooms/{room}"] = ranking.reason
            for row in rows:
                pair = data.pairs[row]
                outcomes[row] = pair_outcome(pair, ranking, data.products, colours)
                if data.products.group_of_file(pair.product) is None:
                    failed[f"products/{pair.product}"] = "named in pairs.csv, but not there"
            if progress is not None:
                progress(done, len(rows_of))
        report = PairsReport(
            outcomes=tuple(outcome for outcome in outcomes if outcome is not None),
            products=data.products.count,
            seconds_per_query=clock.mean,
            failed=failures(failed),
            stamp=stamp_of(lens),
        )
        if html is not None:
            worst_cases.write_pairs(report, data, lens.mask, html)
    return report


def evaluate_ranking(
    directory: Path,
    preset: str | None = None,
    *,
    html: Path | None = None,
    progress: Progress | None = None,
    index_progress: Any = None,
    opener: Opener = open_catalogue,
) -> RankingReport:
    """Returns how well rankings agree with graded judgments.

    Args:
        directory: queries/, products/ and judgments.csv (query, product, grade); only read.
        preset, html, progress, index_progress, opener: as for `evaluate_pairs`.

    Raises:
        DatasetError: the folder does not hold what it must, or nothing is judged above 0.
        SettingsError: there is no such preset.
    """
    data = read_ranking(directory)
    failed: dict[str, str] = {}
    outcomes: list[RankingOutcome] = []
    clock = Clock()
    judged = {query: grades for query, grades in data.grades.items() if any(grades.values())}
    if not judged:
        raise DatasetError(f"{directory}: judgments.csv judges no product above 0")
    for query in data.grades.keys() - judged.keys():
        failed[f"queries/{query}"] = "not counted: no product is judged above 0 for it"
    with catalogue_of(opener, preset, data.products, failed, index_progress) as lens:
        for query, grades in judged.items():
            for name in grades:
                if data.products.group_of_file(name) is None:
                    failed[f"products/{name}"] = "named in judgments.csv, but not there"
            ranking = search_photo(lens, data.queries / query, data.products, clock)
            if ranking.reason:
                failed[f"queries/{query}"] = ranking.reason
            outcomes.append(ranking_outcome(query, grades, ranking, data.products))
            if progress is not None:
                progress(len(outcomes), len(judged))
        report = RankingReport(tuple(outcomes), clock.mean, failures(failed), stamp_of(lens))
        if html is not None:
            worst_cases.write_ranking(report, data, lens.mask, html)
    return report


@contextmanager
def catalogue_of(
    opener: Opener,
    preset: str | None,
    products: ProductFolder,
    failed: dict[str, str],
    progress: Any,
) -> Iterator[Lens]:
    """Opens a catalogue of the products; those that did not get into it are noted in `failed`."""
    with opened(opener, preset) as lens:
        rows = {row.id: row for row in lens.add(products.folder, progress=progress).rows}
        for product, name in products.file_of.items():
            row = rows.get(product)
            if row is None:
                failed[f"products/{name}"] = "was not imported"
            elif row.status == "failed":
                failed[f"products/{name}"] = row.reason or "was not imported"
        yield lens
