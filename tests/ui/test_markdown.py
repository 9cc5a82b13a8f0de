"""Texts of others within Streamlit's Markdown."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens.ui.markdown import plain


def test_no_text_draws_a_picture_or_a_link() -> None:
    assert plain("![x](https://other.example/a.png)") == (
        r"\!\[x\]\(https\:\/\/other\.example\/a\.png\)"
    )
    assert plain("a\n# b") == r"a \# b"


def test_what_no_mark_is_stays() -> None:
    assert plain("Eiche – natur, 12 €") == r"Eiche – natur\, 12 €"
