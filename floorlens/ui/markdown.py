"""Texts of others within Streamlit's Markdown."""

from __future__ import annotations

import re

# Only these can be escaped; a backslash before any other letter is shown.
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """Returns a text in which Markdown finds no marks: no link, no picture, no other line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
