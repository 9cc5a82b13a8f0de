"""What a product's own fields say to somebody who may buy it: price, currency, link, material.

Lists name their columns as they like: a field is known by its name, like a column of an import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from floorlens.products.amounts import is_price
from floorlens.products.texts import plain_name, tidy


def _names(text: str) -> tuple[str, ...]:
    return tuple(plain_name(name) for name in text.split(","))


# The best name first; a field within a field has a dot: `price.value`.
_PRICES = _names(
    "sale price, special price, aktionspreis, price, preis, prix, precio, prezzo, prijs,"
    "price value, price amount, variant price, regular price, verkaufspreis,"
    "retail price, uvp, msrp, rrp"
)
_CURRENCIES = _names(
    "currency, price currency, currency code, währung, devise, moneda, valuta, waluta"
)
_LINKS = _names(
    "url, link, product url, product link, permalink, web page, webpage, website, produktlink,"
    "produkt url, produktseite, lien, enlace, canonical link"
)
_MATERIALS = _names(
    "material, materials, product material, werkstoff, matériau, matière, materiale, materiaal"
)
# Prices that are no offer: what the seller pays, and what it cost before.
_OTHER_PRICES = (
    *("cost", "kosten", "einkauf", "purchase", "wholesale"),
    *("compare", "before", "oldprice"),
)
# Part of the name of a price -> its currency: "Preis (€)", "price_eur".
_SIGNS = {"€": "€", "$": "$", "£": "£", "eur": "€", "chf": "CHF", "usd": "$", "gbp": "£"}
# These stand before the amount, without a space.
_BEFORE = ("€", "$", "£")
_LONGEST = 60


@dataclass(frozen=True)
class Offer:
    """What a product's own fields say to somebody who may buy it; None where they do not.

    Attributes:
        price: a number, or the text as it stands.
        currency: a sign or code, such as "€" or "CHF"; never with a price that is a text.
        link: an address that begins with http:// or https://.
        material: as the list names it.
        fields: the fields that these were read from.
    """

    price: float | str | None = None
    currency: str | None = None
    link: str | None = None
    material: str | None = None
    fields: tuple[str, ...] = ()


def offer_of(metadata: Mapping[str, Any]) -> Offer:
    """Returns price, currency, link and material of a product.

    Args:
        metadata: the product's own fields.

    Example:
        >>> offer = offer_of({"Preis (€)": 49.9, "Link": "https://shop.example/oak"})
        >>> offer.price, offer.currency, offer.link, offer.material
        (49.9, '€', 'https://shop.example/oak', None)
        >>> offer_of({"url": "javascript:alert(1)"}).link is None
        True
    """
    plain = {plain_name(field): field for field in metadata}
    prices = [plain[name] for name in _PRICES if name in plain]
    prices += [field for name, field in plain.items() if is_price(field) and _is_offered(name)]
    price = next((field for field in prices if _amount(metadata[field]) is not None), None)
    links = [plain[name] for name in _LINKS if name in plain]
    link = next((field for field in links if web_link(metadata[field])), None)
    materials = [plain[name] for name in _MATERIALS if name in plain]
    material = next((field for field in materials if _text(metadata[field])), None)
    amount = None if price is None else _amount(metadata[price])
    currency, sign = None, None
    if price is not None and isinstance(amount, float):
        signs = [plain[name] for name in _CURRENCIES if name in plain]
        currency = next((field for field in signs if _text(metadata[field])), None)
        sign = _sign_in(price) if currency is None else _text(metadata[currency])
    return Offer(
        price=amount,
        currency=sign,
        link=None if link is None else web_link(metadata[link]),
        material=None if material is None else _text(metadata[material]),
        fields=tuple(field for field in (price, currency, link, material) if field is not None),
    )


def price_text(offer: Offer) -> str | None:
    """Returns a price as people write it, such as "€49.90" or "CHF 1,299"; None without one.

    Args:
        offer: whose price.

    Example:
        >>> price_text(Offer(price=1299.0, currency="CHF")), price_text(Offer(price="on request"))
        ('CHF 1,299', 'on request')
    """
    if offer.price is None or isinstance(offer.price, str):
        return offer.price
    amount = f"{offer.price:,.0f}" if offer.price.is_integer() else f"{offer.price:,.2f}"
    if not offer.currency:
        return amount
    return f"{offer.currency}{'' if offer.currency in _BEFORE else ' '}{amount}"


def web_link(value: object) -> str | None:
    """Returns an address that a page may link to; None for all else, such as "javascript:…".

    Example:
        >>> web_link("https://shop.example/oak"), web_link("javascript:alert(1)")
        ('https://shop.example/oak', None)
    """
    if not isinstance(value, str):
        return None
    text = tidy(value)
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    # Browsers drop line breaks and tabs within an address, and a backslash is a slash to them.
    odd = any(character.isspace() or character == "\\" for character in text)
    return text if parts.scheme in ("http", "https") and host and not odd else None


def _is_offered(name: str) -> bool:
    no_price = any(word in name for word in (*_OTHER_PRICES, *_CURRENCIES))
    return not no_price and not name.startswith("ek")


def _amount(value: object) -> float | str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # Shops write 0 where they do not say it.
        return float(value) if value > 0 else None
    return _text(value)


def _text(value: object) -> str | None:
    if isinstance(value, list | tuple):
        value = ", ".join(str(one) for one in value)
    text = tidy(value) if isinstance(value, str) else ""
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text or None


def _sign_in(field: str) -> str | None:
    words = "".join(c if c.isalnum() or c in "€$£" else " " for c in field.casefold()).split()
    return next((sign for word in words for mark, sign in _SIGNS.items() if mark == word), None)
