"""What is known of a product, as texts."""

from __future__ import annotations

from typing import Any, get_args

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens.client.answers import Attribute
from floorlens.look import stylesheet
from floorlens.look.parts import word_badge
from floorlens.ranking import Word
from floorlens.ui.components import FOLDER
from floorlens.ui.find import facts


@pytest.mark.parametrize("word", [*get_args(Word), "of tomorrow", None])
def test_page_and_reports_draw_a_word_alike(word: str | None) -> None:
    kind = facts.word_fact(word)["kind"]
    assert "fl-word fl-${word.kind}" in (FOLDER / "nodes.js").read_text(encoding="utf-8")
    assert f".fl-word.fl-{kind}" in stylesheet("parts")
    if word is not None:
        assert f'class="fl-word fl-{kind}"' in word_badge(word)


@pytest.mark.parametrize(
    ("origin", "confidence", "note"),
    [
        ("measured", 0.97, ""),
        ("measured", 0.85, ""),
        ("measured", 0.7, "likely"),
        ("measured", 0.3, "uncertain"),
        ("stated", 0.3, "from the product data"),
    ],
)
def test_a_property_says_a_doubt_or_its_origin(origin: Any, confidence: float, note: str) -> None:
    assert facts.attribute_fact(Attribute("oak", confidence, origin, None)) == {
        "value": "Oak",
        "note": note,
    }
