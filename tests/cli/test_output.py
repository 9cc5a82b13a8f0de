"""What the commands print of an import."""

from __future__ import annotations

import pytest

from floorlens.cli.output import failure_lines, print_import
from floorlens.importing import ImportReport, ImportRow
from floorlens.lens import CatalogueReport


def failure(number: int, cause: str) -> ImportRow:
    place = f"line {number}"
    return ImportRow(f"p{number}", "failed", f"{place}: {cause}", place=place)


def test_equal_causes_are_one_line_and_the_most_common_comes_first() -> None:
    rows = [failure(2, "no picture"), *(failure(number, "no host") for number in range(3, 503))]
    assert failure_lines(rows) == [
        "failed  500 products (p3, p4, p5, p6, p7, …): no host",
        "failed  p2: line 2: no picture",
    ]


def test_of_many_causes_the_rest_is_counted() -> None:
    lines = failure_lines([failure(number, f"cause {number}") for number in range(500)])
    assert len(lines) == 21
    assert lines[-1] == "… 480 more (--json has them all)"
    assert failure_lines([]) == []


def test_the_notes_and_the_counts_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(failure(number, f"cause {number}") for number in range(40))
    report = CatalogueReport(ImportReport(rows, 1.0, ("the encoding is UTF-16",)))
    assert print_import(report, as_json=False) == 8
    output, errors = capsys.readouterr()
    assert errors.splitlines()[-1] == "the encoding is UTF-16"
    assert output == "40 products in 1.0 s: 0 added, 0 updated, 0 unchanged, 40 failed\n"
