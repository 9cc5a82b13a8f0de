"""A ranking in a notebook and as a DataFrame."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas
import pytest
from PIL import Image

from floorlens import Match, Product, Ranking
from floorlens.attributes import Attribute
from floorlens.errors import MissingDependency
from floorlens.ranking.tables import ROWS, data_frame


def ranking(count: int, picture: Path | None = None) -> Ranking:
    images = () if picture is None else (str(picture),)
    matches = tuple(
        Match(
            number,
            Product(f"p{number}", "<b>Oak & ash</b>", {"price": number, "score": "A"}, images),
            1 / number,
            {"colour": 0.5, "texture": 1 / number},
            attributes={"tone": Attribute("dark")},
        )
        for number in range(1, count + 1)
    )
    return Ranking(matches=matches, total=50, timings={"total": 0.1})


def test_a_notebook_shows_pictures_and_escapes_texts(tmp_path: Path) -> None:
    """Names come from shops' lists: a tag in one must not become one of the notebook."""
    Image.new("RGB", (300, 200), "tan").save(tmp_path / "oak.png")
    text = ranking(2, tmp_path / "oak.png")._repr_html_()
    assert text.count('<img src="data:image/jpeg;base64,') == 2
    assert "&lt;b&gt;Oak &amp; ash" in text
    assert "<b>" not in text
    assert str(tmp_path) not in text
    assert "<th>word</th>" not in text


def test_a_notebook_shows_a_few_rows_and_says_how_many_there_are(tmp_path: Path) -> None:
    """Pictures that are gone, or were none, leave the rest as it is."""
    text = ranking(ROWS + 5, tmp_path / "gone.png")._repr_html_()
    assert text.count("<tr>") == ROWS + 1
    assert "… and 5 more" in text
    assert "<img" not in text
    assert "more" not in ranking(ROWS)._repr_html_()


def test_the_rows_of_a_data_frame() -> None:
    """Metadata have columns of their own, but take none of ours."""
    frame = ranking(3).to_pandas()
    assert frame["id"].tolist() == ["p1", "p2", "p3"]
    assert frame["score"].tolist() == [1, 1 / 2, 1 / 3]
    assert frame["texture"].tolist() == [1, 1 / 2, 1 / 3]
    assert frame["price"].tolist() == [1, 2, 3]
    assert frame["metadata.score"].tolist() == ["A"] * 3
    assert frame["attributes.tone"].tolist() == ["dark"] * 3
    assert ranking(0).to_pandas().empty


def test_a_data_frame_has_each_column_once() -> None:
    """Also where a list has a column that is called as we call another one."""
    rows = [{"id": "oak", "score": 0.9}]
    fields = [{"metadata.id": "A", "id": 7, "metadata.metadata.id": "B", "score": 3, "width": 20}]
    frame = data_frame(rows, fields)
    assert len(set(frame.columns)) == len(frame.columns) == 7
    assert frame.iloc[0].to_dict() == {
        "id": "oak",
        "score": 0.9,
        "metadata.id": "A",
        "metadata.metadata.metadata.id": 7,
        "metadata.metadata.id": "B",
        "metadata.score": 3,
        "width": 20,
    }


def test_pandas_makes_a_frame_of_matches_by_itself() -> None:
    frame = pandas.DataFrame(list(ranking(2)))
    assert frame["score"].tolist() == [1, 1 / 2]
    assert frame["components"][1] == {"colour": 0.5, "texture": 0.5}


def test_without_pandas_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[pandas\]"):
        ranking(1).to_pandas()
