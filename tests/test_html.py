"""The HTML that the reports share."""

from __future__ import annotations

import pytest

from floorlens.html import figure, page, score_bar


def test_a_page_escapes_its_title_and_loads_nothing() -> None:
    text = page("<Oak> & co", "<p>body</p>")
    assert "<title>&lt;Oak&gt; &amp; co</title>" in text
    assert "<p>body</p>" in text
    assert "http" not in text


def test_a_figure_escapes_what_is_no_html() -> None:
    text = figure('a"b.jpg', "<b>1</b>", alt="<x>", kind='"')
    assert 'src="a&quot;b.jpg"' in text
    assert 'alt="&lt;x&gt;"' in text
    assert "<figcaption><b>1</b></figcaption>" in text


@pytest.mark.parametrize(("score", "width"), [(-1.0, "0.0%"), (0.5, "50.0%"), (7.0, "100.0%")])
def test_a_score_bar_stays_in_its_box(score: float, width: str) -> None:
    assert f"width:{width}" in score_bar(score)
