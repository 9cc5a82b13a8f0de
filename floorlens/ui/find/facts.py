"""What is known of a product, as the texts of cards and of the opened card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from floorlens.client.answers import Attribute, Match
from floorlens.look.parts import word_kind
from floorlens.products.offer import Offer, offer_of, price_text, web_link
from floorlens.ui import texts
from floorlens.ui.addresses import address


def word_fact(word: str | None) -> dict[str, str]:
    """Returns how close a product is: the word, and its kind for the style."""
    return {"text": texts.WORDS.get(word, word or ""), "kind": word_kind(word)}


def bars(components: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """Returns a bar for each component that has a name here: name, label, percent."""
    return [
        {"name": name, "label": label, "share": round(100 * min(max(components[name], 0.0), 1.0))}
        for name, label in texts.COMPONENTS.items()
        if components and name in components
    ]


def bars_label(components: Mapping[str, float] | None) -> str:
    """Returns the bars in words, for those who do not see them."""
    return ", ".join(
        texts.PERCENT.format(name=one["label"], share=one["share"]) for one in bars(components)
    )


def material_text(offer: Offer, attributes: Mapping[str, Attribute]) -> str | None:
    """Returns the material that the product data name, or else what its pictures look like."""
    if offer.material is not None:
        return offer.material
    look = attributes.get("material")
    return None if look is None else _capital(str(look.value))


def picture(image_url: str | None, width: int | None = None) -> str | None:
    """Returns where a browser finds a product's picture, in another width if one is asked for."""
    if image_url is None:
        return None
    return address(image_url) if width is None else address(image_url.split("?")[0], width=width)


def card(match: Match) -> dict[str, Any]:
    """Returns what a card says of a product: all that does not depend on the visitor."""
    offer, more = offer_of(match.metadata), len(match.variants)
    variants = texts.ONE_VARIANT if more == 1 else texts.VARIANTS.format(count=more)
    return {
        "id": match.id,
        "rank": match.rank,
        "name": match.name,
        "price": price_text(offer),
        "material": material_text(offer, match.attributes),
        "link": offer.link,
        "linkLabel": texts.SHOP_LABEL.format(name=match.name),
        "actionsLabel": texts.ACTIONS.format(name=match.name),
        "word": word_fact(match.word),
        "bars": bars(match.components),
        "barsLabel": bars_label(match.components),
        "variants": variants if more else None,
        "picture": picture(match.image_url),
    }


def details(metadata: Mapping[str, Any], offer: Offer) -> list[dict[str, Any]]:
    """Returns a product's other fields as rows: label, text, and the link where it is one."""
    return [
        {"label": _label(name), "text": _plain(value), "link": web_link(value)}
        for name, value in metadata.items()
        if value not in (None, "", []) and name not in offer.fields
    ]


def properties(
    floor: Mapping[str, Attribute], product: Mapping[str, Attribute]
) -> list[dict[str, Any]]:
    """Returns the attributes of floor and product side by side: label, and of each value, note."""
    names = [name for name in texts.PROPERTY_NAMES if name in floor or name in product]
    names += [name for name in product if name not in texts.PROPERTY_NAMES]
    return [
        {
            "label": texts.PROPERTY_NAMES.get(name, _label(name)),
            "floor": attribute_fact(floor.get(name)),
            "product": attribute_fact(product.get(name)),
        }
        for name in names
    ]


def attribute_fact(attribute: Attribute | None) -> dict[str, str] | None:
    """Returns an attribute's value with its unit, and a note: how sure it is, if it was measured
    and is not, or else where it is from."""
    if attribute is None:
        return None
    if attribute.origin == "measured":
        note = level(attribute.confidence, texts.CONFIDENCES)
    else:
        note = texts.PROPERTY_ORIGINS.get(attribute.origin, attribute.origin)
    return {"value": _capital(_amount(attribute)), "note": note}


def level(value: float, words: Sequence[tuple[float, str]]) -> str:
    """Returns the word of the highest bound that a value reaches."""
    return [word for bound, word in words if value >= bound or bound == words[0][0]][-1]


def _amount(attribute: Attribute) -> str:
    value, unit = attribute.value, attribute.unit or ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _plain(value)
    if unit == "share":
        return texts.OF_PICTURE.format(share=round(100 * value))
    number = f"{value:.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.1f}"
    return f"{number} {unit}".strip()


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return texts.YES if value else texts.NO
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else f"{value:.10g}"
    return str(value)


def _label(name: str) -> str:
    return _capital(name.replace("_", " ").strip())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
