"""The look that the page and the written reports share: style sheets, and their colours as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

Sheet = Literal["tokens", "parts", "document", "streamlit"]
"""What a style sheet is for: `tokens` names colours and sizes, and the others use those names.
`parts` is for what `floorlens.look.parts` writes, `document` for whole pages of HTML, `streamlit`
for what Streamlit's theme leaves open."""
Theme = Literal["light", "dark"]

_TOKEN = re.compile(r"--fl-([a-z0-9-]+):\s*([^;]+);")
_BY_THEME = re.compile(r"light-dark\(([^,]+),\s*([^)]+)\)")


def stylesheet(*sheets: Sheet) -> str:
    """Returns style sheets, one below the other, as text for a `<style>` element.

    Args:
        sheets: in this order; `tokens` and `parts` where none is named.

    Example:
        >>> from floorlens.look import stylesheet
        >>> "--fl-accent: light-dark(#1a7f64, #4cc3a1);" in stylesheet("tokens")
        True
    """
    return "\n".join(_text(sheet) for sheet in sheets or ("tokens", "parts"))


def tokens(theme: Theme) -> Mapping[str, str]:
    """Returns the tokens of the style sheet as they are in one theme: name -> CSS value.

    Args:
        theme: "light" or "dark".

    Example:
        >>> from floorlens.look import tokens
        >>> tokens("light")["accent"], tokens("dark")["accent"], tokens("dark")["radius"]
        ('#1a7f64', '#4cc3a1', '12px')
    """
    place = 1 if theme == "light" else 2
    return MappingProxyType(
        {
            name: _BY_THEME.sub(lambda pair: pair[place].strip(), " ".join(value.split()))
            for name, value in _TOKEN.findall(stylesheet("tokens"))
        }
    )


@cache
def _text(sheet: Sheet) -> str:
    return Path(__file__).with_name(f"{sheet}.css").read_text(encoding="utf-8")
