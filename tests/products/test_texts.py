"""Texts as people paste them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.products.texts import plain_name, tidy


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (" Oak ", "Oak"),
        ("Oak\u00a014\u202fmm", "Oak 14 mm"),
        ("\ufeffO\u200bak\u00ad\u2060", "Oak"),
        ("gru\u0308n", "grün"),
        ("\u202aOak\u202c", "Oak"),
        ("a\x0bb\x7f", "ab"),
        ("two\nlines\tand\u2028more", "two\nlines\tand\u2028more"),
        ("a\0b", "a\0b"),
        # In these words a joiner is a letter's other shape, and in this picture it joins people.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🔧", "👩\u200d🔧"),
    ],
)
def test_a_text_is_as_it_looks(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_what_is_tidy_stays_so(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


def test_names_of_columns_are_compared_by_letters_and_digits() -> None:
    assert {plain_name(name) for name in ("Image Src", "image_src", " IMAGE-SRC:", "imageSrc")} == {
        "imagesrc"
    }
    assert plain_name("Stärke [mm]") == "starkemm"
