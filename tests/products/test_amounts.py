"""Numbers in lists: a cell that plainly is one, and columns of prices as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.products.amounts import read_amounts, typed_cell


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


# -- columns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cells", "values"),
    [
        ("Preis", ["€ 49,90", "1.299,00 €", "7"], (49.9, 1299.0, 7)),
        ("price", ["49.90 EUR", "1,299.00 EUR"], (49.9, 1299.0)),
        ("x", ["CHF 12.-", "Fr. 1'299.–", "CHF 9.50"], (12, 1299, 9.5)),
        ("x", ["49,- €", "49,--€", "-5 €"], (49, 49, -5)),
        ("x", ["49,90 €/m²", "9 € / m²"], (49.9, 9)),
        ("x", ["19,90 pro qm", "5,00 pro qm"], (19.9, 5.0)),
        ("Stärke", ["14,5", "8"], (14.5, 8)),
        ("Preis", [49.9, 1, "9,90"], (49.9, 1, 9.9)),
        # A price with three digits behind the mark: thousands.
        ("UVP", ["1.299", "899"], (1299, 899)),
        ("UVP", ["1,299", "2,499"], (1299, 2499)),
        ("UVP", ["1.299", "899,50"], (1299, 899.5)),
        ("UVP", ["0.899", "1.299 €"], (0.899, 1.299)),
        ("Preis", ["1 299,00", "10 000"], (1299.0, 10000)),
    ],
)
def test_columns_of_amounts(name: str, cells: list[Any], values: tuple[float, ...]) -> None:
    amounts = read_amounts(name, cells)
    assert amounts is not None
    assert amounts.values == values
    assert [type(value) for value in amounts.values] == [type(value) for value in values]
    assert amounts.note.startswith(f"{name!r} was read as numbers: ")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Preis", ["49.90", "12"]),  # Plain numbers already.
        ("sku", ["007", "5,5"]),
        ("ean", ["4006381333931", "12"]),
        ("size", ["1200x190", "5"]),
        ("code", ["1,299", "2,499"]),
        ("code", ["12.345.678", "1"]),
        ("code", ["123 456", "1"]),
        ("rooms", ["1,2,3", "1,2"]),
        ("new", [True, "5,5"]),
        ("words", ["oak", "5,5"]),
        ("tel", ["+49 711 1234", "5,5"]),
        ("long", ["1" * 16 + ",5"]),
        ("none", []),
    ],
)
def test_columns_that_stay_as_they_are(name: str, cells: list[Any]) -> None:
    assert read_amounts(name, cells) is None


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["€ 49,90", "auf Anfrage", "zwölf"], "'zwölf' is no number"),
        (["€ 49,90", "$ 9.90"], "it has $ and €"),
        (["49,90 €", "9.90 €"], "points and decimal commas are mixed"),
        (["9 €/m²", "9 €/qm"], "it has /m² and /qm"),
    ],
)
def test_prices_that_cannot_be_read_are_told_why(cells: list[str], why: str) -> None:
    amounts = read_amounts("Preis", cells)
    assert amounts is not None
    assert amounts.values is None
    assert why in amounts.note
    assert "stays text" in amounts.note


@pytest.mark.parametrize(
    ("name", "cells", "values"),
    [
        ("Preis", ["€ 49,90", "auf Anfrage", "-", "n/a", "1.299,00 €"], (49.9, *[None] * 3, 1299)),
        ("price", ["49.90", "On request", "5"], (49.9, None, 5)),
        ("Preis", [49.9, "k. A.", 5], (49.9, None, 5)),
        ("Netto", ["€ 5", "\u2013"], (5, None)),
    ],
)
def test_words_for_no_price_do_not_make_texts_of_prices(
    name: str, cells: list[Any], values: tuple[float | None, ...]
) -> None:
    amounts = read_amounts(name, cells)
    assert amounts is not None
    assert amounts.values == values
    gaps = values.count(None)
    assert f"has no value in {gaps} row{'s' * (gaps > 1)} (" in amounts.note


@pytest.mark.parametrize(
    ("name", "cells"), [("grade", ["5", "-"]), ("Preis", ["-", "n/a"]), ("size", ["5,5", "na"])]
)
def test_words_for_no_price_stay_where_there_are_no_prices(name: str, cells: list[str]) -> None:
    assert read_amounts(name, cells) is None


def test_what_thousands_were_is_said() -> None:
    amounts = read_amounts("Preis", ["1.299", "899"])
    assert amounts is not None
    assert amounts.note.endswith("'1.299' is 1299; the point was taken to part thousands")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.lists(st.decimals(0, 99999, places=2), min_size=1, max_size=6),
    st.sampled_from([(",", "."), (".", ","), ("'", "."), ("", ",")]),
    st.sampled_from(["€ {}", "{} EUR", "{}", "CHF {}", "{} €/m²"]),
)
def test_prices_come_back_from_any_way_of_writing_them(
    prices: list[Any], marks: tuple[str, str], form: str
) -> None:
    group, point = marks
    texts = [
        form.format(f"{price:,.2f}".replace(",", "G").replace(".", point).replace("G", group))
        for price in prices
    ]
    amounts = read_amounts("Preis", texts)
    values = [typed_cell(text) for text in texts] if amounts is None else amounts.values
    assert values is not None
    assert list(values) == [float(price) for price in prices]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.text("0123456789.,'- €$CHFm²/", max_size=9), max_size=4), st.text(max_size=3))
def test_any_column_has_numbers_or_stays(cells: list[str], name: str) -> None:
    for title in (name, "Preis"):
        amounts = read_amounts(title, cells)
        if amounts is not None and amounts.values is not None:
            assert len(amounts.values) == len(cells)
            assert all(value is None or abs(value) < 1e16 for value in amounts.values)
