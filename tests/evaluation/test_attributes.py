"""`eval attributes`: labels are read strictly, and shares are counted as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from floorlens.errors import DatasetError
from floorlens.evaluation.attributes import Label, evaluate_attributes, read_labels
from floorlens.evaluation.metrics import wilson_interval
from floorlens.testing import fake_stages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three plain pictures, one of them with a wrong label, and one that is not there."""
    for name, grey in (("dark", 30), ("light", 220), ("medium", 130)):
        Image.new("RGB", (40, 40), (grey, grey, grey)).save(tmp_path / f"{name}.png")
    (tmp_path / "attributes.csv").write_text(
        "file,split,tone,pattern\ndark.png,test,dark,plain\nlight.png,test,medium,\n"
        "medium.png,tuning,medium,\ngone.png,test,light,\n"
    )
    return tmp_path


def test_shares_count_what_was_labelled_and_measured(folder: Path) -> None:
    """A pattern that the models do not tell is neither right nor wrong."""
    report = evaluate_attributes(folder, fake_stages(), split="test").as_dict()
    assert (report["pictures"], report["tone"]) == (2, 0.5)
    assert report["ci95"]["tone"] == pytest.approx(wilson_interval(1, 2))
    assert report["confusions"] == {"tone": [{"label": "medium", "measured": "light", "count": 1}]}
    assert [row["file"] for row in report["failed"]] == ["gone.png"]
    assert "pattern" not in report
    assert evaluate_attributes(folder, fake_stages()).as_dict()["tone"] == pytest.approx(2 / 3)


def test_labels_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    for text, problem in (
        ("file,tone\na.png,drak\n", r"row 1 .*did you mean 'dark'"),
        ("picture,tone\na.png,dark\n", "lacks the column file"),
        ("file,price\na.png,dark\n", "one of pattern, tone"),
        ("", "lacks the column file"),
        ("tone,file\nlight,a.png\ndark\n", "row 2: file '': must be a file name inside"),
        ("file,tone\na.png,dark\n,dark\n", "row 2: file '': must be a file name inside"),
        ("file,tone\n../a.png,dark\n", "row 1: file '../a.png': must be a file name inside"),
    ):
        table.write_text(text)
        with pytest.raises(DatasetError, match=problem):
            read_labels(table)
    table.write_text("file,split,tone\na.png,test,dark\n")
    with pytest.raises(DatasetError, match="no row whose split is 'train'"):
        read_labels(table, "train")
    table.write_text("file,split,tone\na.png,test,dark\nb.png,tuning,drak\n")
    assert len(read_labels(table, "test")) == 1
    with pytest.raises(DatasetError, match=r"row 2 \(b.png\)"):
        read_labels(table, "tuning")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_labels(tmp_path / "absent.csv")


def test_labels_that_a_spreadsheet_wrote(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,tone,gloss\na.png, dark \n", encoding="utf-8-sig")
    assert read_labels(table) == [Label("a.png", {"tone": "dark"})]


def test_the_labels_of_the_project_can_be_used() -> None:
    table = ROOT / "benchmarks" / "attributes.csv"
    counts = {split: len(read_labels(table, split)) for split in ("test", "tuning", "unseen")}
    assert counts == {"test": 150, "tuning": 90, "unseen": 60}
    files = [label.file for label in read_labels(table)]
    assert len(set(files)) == len(files)
