"""The figures of every report can be written as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from floorlens.evaluation.masks import MasksReport, evaluate_masks
from floorlens.evaluation.pairs import PairsReport, evaluate_pairs
from floorlens.evaluation.ranking import RankingReport, evaluate_ranking

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, MasksFolder, PairsFolder, ScriptedLens


def numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif value is not None and not isinstance(value, str):
        yield value


def test_figures_are_plain_finite_json(
    pairs_folder: PairsFolder, masks_folder: MasksFolder, ranking_folder: Folder, lens: ScriptedLens
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,wfs")
    reports: tuple[PairsReport | MasksReport | RankingReport, ...] = (
        evaluate_pairs(pairs_folder.path, opener=lens.open),
        evaluate_masks(masks_folder.path, opener=lens.open),
        evaluate_ranking(ranking_folder.path, opener=lens.open),
    )
    for report in reports:
        figures = report.as_dict()
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures
        assert all(type(number) in (int, float, bool) for number in numbers(figures))
