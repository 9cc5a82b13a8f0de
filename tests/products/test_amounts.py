"""Numbers in lists: a cell that plainly is one, and columns of prices as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.products.amounts import typed_cell


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("0.5", 0.5),
        ("-12.25", -12.25),
        ("4006381333931", 4006381333931),
        ("true", True),
        ("False", False),
        (" oak ", "oak"),
        ("007", "007"),
        ("-07", "-07"),
        ("--5", "--5"),
        ("-", "-"),
        (".", "."),
        ("1_000", "1_000"),
        ("1,5", "1,5"),
        ("1.2.3", "1.2.3"),
        ("1e5", "1e5"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("٣", "٣"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_what_a_cell_means(text: str, value: Any) -> None:
    assert typed_cell(text) == value
    assert type(typed_cell(text)) is type(value)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(st.text(alphabet="0123456789.-+eE_, truefals²٣", max_size=30) | st.text(max_size=12))
def test_any_cell_has_a_meaning_and_numbers_are_exact(text: str) -> None:
    value = typed_cell(text)
    if isinstance(value, str):
        assert value == text.strip()
    elif not isinstance(value, bool):
        assert value == float(text)
    assert typed_cell("9" * 5000) == "9" * 5000


@settings(deadline=None, derandomize=True)
@given(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**12), 10**12))
def test_ordinary_numbers_come_back_from_their_text(value: float) -> None:
    text = str(value)
    if "e" not in text and len(text.split(".")[0].lstrip("-")) <= 15:
        assert typed_cell(text) == value
