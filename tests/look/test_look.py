"""The look: whoever reads it can read it, in light and in dark, and the style sheets agree."""

from __future__ import annotations

import re
from itertools import product
from typing import get_args

import pytest

from floorlens.look import Sheet, Theme, stylesheet, tokens
from floorlens.look.theme import theme_options

GROUNDS = ("paper", "card", "well")
TEXTS = ("ink", "soft", "accent-text", "error", "warn")
#: Text and what it stands on.
PAIRS = [
    *product(TEXTS, GROUNDS),
    # Of the brand; on a well it is a mark, not a text.
    *product(("accent", "accent-strong"), ("paper", "card")),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-text", "accent-ground"),
    ("warn", "warn-ground"),
    ("error", "error-ground"),
    ("on-photo", "veil"),
    # Streamlit writes its own texts on these.
    ("ink", "warn-ground"),
    ("ink", "error-ground"),
    ("ink", "accent-ground"),
]
#: Marks without text: a bar, the edge of a field.
MARKS = [
    *product(("colour", "texture", "pattern", "other"), ("card", "line")),
    *product(("accent", "edge"), GROUNDS),
]
THEMES: tuple[Theme, ...] = ("light", "dark")


def luminance(colour: str) -> float:
    """Returns the relative luminance of "#rrggbb", as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_every_text_can_be_read_on_its_ground(theme: Theme, text: str, ground: str) -> None:
    """WCAG AA for texts of any size."""
    values = tokens(theme)
    assert contrast(values[text], values[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_every_mark_can_be_told_from_its_ground(theme: Theme, mark: str, ground: str) -> None:
    """WCAG AA for what is no text: a bar on its track says how alike two floors are."""
    values = tokens(theme)
    assert contrast(values[mark], values[ground]) >= 3


def test_both_themes_are_whole() -> None:
    light, dark = tokens("light"), tokens("dark")
    assert light.keys() == dark.keys()
    assert len(light) == len(re.findall(r"^\s*--fl-", stylesheet("tokens"), re.MULTILINE))
    assert not [name for name, value in {**light, **dark}.items() if "light-dark" in value]


@pytest.mark.parametrize("sheet", get_args(Sheet))
def test_sheets_use_only_tokens_that_exist(sheet: Sheet) -> None:
    """And no colour of their own, so that every one of them is checked here."""
    text = re.sub(r"/\*.*?\*/", "", stylesheet(sheet), flags=re.DOTALL)
    assert set(re.findall(r"var\(--fl-([a-z0-9-]+)\)", text)) <= tokens("light").keys()
    if sheet != "tokens":
        assert not re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(", text)


def test_the_theme_of_streamlit_has_only_options_that_it_knows() -> None:
    config = pytest.importorskip("streamlit.config")
    options = theme_options()
    assert options["theme.dark.backgroundColor"] == tokens("dark")["paper"]
    assert not options.keys() - config._config_options_template.keys()
