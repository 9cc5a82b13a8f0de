"""The pieces that the page and the reports share: nothing in them is read as HTML."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from floorlens.look import stylesheet
from floorlens.look.parts import chip, component_bars, palettes, product_card, word_badge
from floorlens.ranking import Word

EVIL = '"><b>&'


def test_every_word_has_a_badge_that_the_sheet_draws() -> None:
    assert word_badge(None) == ""
    badges = [word_badge(word) for word in get_args(Word)]
    assert len(set(badges)) == len(badges)
    for badge in badges:
        for name in re.findall(r'class="([^"]+)"', badge)[0].split():
            assert f".{name}" in stylesheet("parts")


@pytest.mark.parametrize(("value", "width"), [(-1.0, "0%"), (0.5, "50%"), (7.0, "100%")])
def test_a_bar_stays_in_its_box_and_says_its_length(value: float, width: str) -> None:
    text = component_bars({"colour": value})
    assert f'style="width:{width}"' in text
    assert f'aria-label="{width}"' in text
    assert "fl-bar fl-colour" in text


def test_nothing_compared_has_no_bars() -> None:
    assert component_bars(None) == component_bars({}) == ""


def test_texts_are_never_html() -> None:
    whole = "".join(
        (word_badge(EVIL), component_bars({EVIL: 0.5}), palettes([EVIL], [EVIL], [1.0]), chip(EVIL))
    )
    assert "<b>&" not in whole
    assert whole.count("&lt;b&gt;&amp;") == 7


def test_a_card_has_what_is_known_and_no_more() -> None:
    bare = product_card(1, "Oak", None)
    assert "no picture" in bare
    assert not re.findall(r"fl-(?:facts|price|line|word|score|bars|reason)", bare)
    full = product_card(
        2,
        EVIL,
        f"{EVIL}.jpg",
        facts=("oak", EVIL),
        price=EVIL,
        word="close",
        score="20%",
        components={"colour": 0.5},
        reason=EVIL,
        note=EVIL,
        mark=True,
    )
    assert "<b>&" not in full
    for name in set(re.findall(r"fl-[a-z]+", full)) - {"fl-first"}:
        assert f".{name}" in stylesheet("parts"), name
