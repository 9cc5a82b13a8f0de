"""Which of a product's own fields are price, currency, link and material."""

from __future__ import annotations

from typing import Any

import pytest

from floorlens.products.offer import offer_of, web_link


@pytest.mark.parametrize(
    ("metadata", "price", "currency"),
    [
        ({"price": 49.9, "currency": "EUR"}, 49.9, "EUR"),
        ({"Preis (€)": 12}, 12.0, "€"),
        ({"price_usd": 12}, 12.0, "$"),
        ({"price": 20, "Sale price": 15}, 15.0, None),
        ({"price": 20, "Sale price": 0}, 20.0, None),
        ({"Variant Price": 9, "Cost per item": 3, "Variant Compare At Price": 12}, 9.0, None),
        ({"EK-Preis": 3, "Preis pro m²": 20, "price currency": "CHF"}, 20.0, "CHF"),
        ({"price.value": 3.5, "price.currency": "EUR"}, 3.5, "EUR"),
        ({"price": "€ 4 / $ 5", "currency": "EUR"}, "€ 4 / $ 5", None),
        ({"price": True, "prestige": 3}, None, None),
        ({"currency": "EUR"}, None, None),
    ],
)
def test_price_and_currency(
    metadata: dict[str, Any], price: float | str | None, currency: str | None
) -> None:
    offer = offer_of(metadata)
    assert (offer.price, offer.currency) == (price, currency)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "//evil.example/oak",
        "https://",
        "https://shop.example/a b",
        "http:\\\\shop.example",
        "http://[oak",
        "oak.html",
        7,
    ],
)
def test_what_is_no_link(text: object) -> None:
    assert web_link(text) is None
    assert offer_of({"url": text}).link is None


def test_the_first_field_that_is_a_link_counts() -> None:
    offer = offer_of({"url": "oak", "Product URL": "https://shop.example/oak?a=1"})
    assert offer.link == "https://shop.example/oak?a=1"
    assert offer.fields == ("Product URL",)


def test_a_material_of_several_words() -> None:
    assert offer_of({"Werkstoff": ["oak", "cork"]}).material == "oak, cork"
    assert offer_of({"material": ""}).material is None
