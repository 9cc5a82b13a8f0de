"""The evaluation document: figures by hand, equal texts, and what a person wrote stays."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floorlens.errors import DatasetError
from floorlens.evaluation.calibration import Bin, ScoreOutcome, score_figures
from floorlens.evaluation.curves import CURVES
from floorlens.evaluation.document import (
    BEGIN,
    END,
    reliability,
    write_document,
)
from floorlens.evaluation.report import ReportResults, measure_report
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from tests.evaluation.conftest import PairsFolder


@pytest.fixture
def results(pairs_folder: PairsFolder, tmp_path: Path) -> ReportResults:
    rows = [f"{name}.png,p{number}.png,brand" for number, name in enumerate("abcd")]
    pairs_folder.write_pairs(*rows, "a.png,p5.png,home|made")
    return measure_report(
        pairs_folder.path, tmp_path / "results", fake_stages(), rooms=2, curves=CURVES[:1]
    )


def rows_of(text: str, first: str) -> list[list[str]]:
    """Returns the cells of the rows that begin with a word."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {first}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_new_document_has_every_part(results: ReportResults, tmp_path: Path) -> None:
    path = write_document(tmp_path / "docs" / "eval.md", results, "floorlens eval report DIR")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Evaluation\n")
    ours = results.systems["ours"]
    (row,) = rows_of(text, "ours")
    assert row[1].startswith(f"{ours['top1']:.3f}"[1:])
    for name in ("without re-ranking", "box crop, one embedding", "mean colour"):
        (row,) = rows_of(text, name)
        assert re.fullmatch(r"[+-]\.\d{3} \[[+-]\.\d{3}, [+-]\.\d{3}\]", row[5]), row
    # Both sources have few rows; together they have five.
    assert rows_of(text, "2 others")[0][1] == "5"
    assert "preset `clip`" in text
    assert len(rows_of(text, "exposure")) == 5
    pictures = re.findall(r"\]\((.+?)\)", text)
    assert pictures == ["eval/calibration.svg", "eval/robustness.svg"]
    assert all((path.parent / name).is_file() for name in pictures)
    # Nothing of a user's text ends a cell.
    assert "home|made" not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


@pytest.mark.parametrize(
    ("preset", "adapted", "said", "not_said"),
    [
        ("builtin", True, "is adapted to its products", "is not adapted"),
        ("builtin", False, "is not adapted", "is adapted to its products"),
        ("builtin", False, "with our own encoder", "that design's encoder"),
        ("clip", False, "with that design's encoder", "our own encoder"),
        ("clip", False, "Mean colour", "is not among the rows"),
        ("other", False, "with the preset's encoder", "patches as they lie"),
        ("other", False, "is not among the rows", "our own encoder"),
    ],
)
def test_the_sentences_are_true_of_the_run(
    results: ReportResults,
    tmp_path: Path,
    preset: str,
    adapted: bool,
    said: str,
    not_said: str,
) -> None:
    ours = results.systems["ours"]
    systems = {**results.systems, "ours": {**ours, "stamp": {**ours["stamp"], "preset": preset}}}
    if adapted:
        systems["without adaptation"] = ours
    path = write_document(tmp_path / "a.md", replace(results, systems=systems), "command")
    text = path.read_text(encoding="utf-8")
    assert said in text
    assert not_said not in text


def test_equal_results_give_equal_texts_and_the_rest_of_the_file_stays(
    results: ReportResults, tmp_path: Path
) -> None:
    path = tmp_path / "eval.md"
    path.write_text(f"# Mine\n\nBefore.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", encoding="utf-8")
    write_document(path, results, "command")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Mine\n\nBefore.\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nAfter.\n")
    assert "old" not in text.replace("threshold", "")
    svg = (tmp_path / "eval" / "robustness.svg").read_text(encoding="utf-8")
    write_document(path, results, "command")
    assert path.read_text(encoding="utf-8") == text
    assert (tmp_path / "eval" / "robustness.svg").read_text(encoding="utf-8") == svg


@pytest.mark.parametrize("text", ["", "# Mine\n", BEGIN, f"{END} {BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_file_without_marks_is_not_overwritten(
    results: ReportResults, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "eval.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match="where the generated part goes"):
        write_document(path, results, "command")
    assert path.read_text(encoding="utf-8") == text


def test_reliability_by_hand() -> None:
    rows: list[dict[str, Any]] = [
        {"rank": 1, "first": [["oak", 0.95]]},
        {"rank": 2, "first": [["oak", 0.91], ["elm", 0.9]]},
        {"rank": 1, "first": [["oak", 1.0]]},
        {"rank": 4, "first": [["oak", 0.2]]},
        {"rank": 40, "first": []},
    ]
    bins = reliability({"scores": None, "per_query": rows})
    assert [(part.n, part.right) for part in bins] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    assert bins[1].score == pytest.approx((0.95 + 0.91 + 1) / 3)
    # Of a calibrated preset the searches said it themselves.
    scores = {"bins": [{"n": 2, "score": 0.4, "right": 0.5}]}
    assert reliability({"scores": scores, "per_query": rows}) == [Bin(2, 0.4, 0.5)]


def test_what_a_search_says_of_itself_is_told(results: ReportResults, tmp_path: Path) -> None:
    text = write_document(tmp_path / "a.md", results, "command").read_text(encoding="utf-8")
    assert "Nothing is calibrated in this preset" in text
    sure = ScoreOutcome(0.95, True, 2, True, False, True, 0.8, 0.2)
    scores = score_figures([sure] * 4, list("abcd"))
    ours = {**results.systems["ours"], "scores": scores}
    calibrated = replace(results, systems={**results.systems, "ours": ours})
    text = write_document(tmp_path / "b.md", calibrated, "command").read_text(encoding="utf-8")
    assert "Nothing is calibrated" not in text
    assert rows_of(text, "median number of equals")[0][1] == "2.000"
    assert rows_of(text, "the true product is among")[0][1] == "1.000 [1.000, 1.000]"
    assert rows_of(text, "4")[0][1:] == [".950", "1.000"]
