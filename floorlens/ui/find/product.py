"""The opened card: the floor beside one product, why they are alike, and what else is like it.

What the ranking knows is shown at once, and the comparison is asked for once that is on the screen.
What was asked for is kept for when the card is opened again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import streamlit as st

from floorlens.client.answers import (
    Attribute,
    Comparison,
    Match,
    Product,
    ProductVariant,
    SimilarProduct,
    Variant,
)
from floorlens.errors import FloorlensError
from floorlens.products.offer import offer_of, price_text
from floorlens.ui import asking, texts, visit
from floorlens.ui.addresses import address
from floorlens.ui.components import element
from floorlens.ui.find import comparisons, facts
from floorlens.ui.visit import Answer, Visit

T = TypeVar("T")

_PRODUCT = element("product", "nodes", "wipe")
MOST_KEPT = 8
"""Cards of which a visit keeps what was asked for."""
SIMILAR = 12
WIDTH = 720
"""Of the product's picture, in pixels."""
PATCH = 200
"""Side of a patch, in pixels."""


@dataclass(frozen=True)
class Reading:
    """What was asked of the service for an opened card beside the comparison, so far.

    Attributes:
        asked: the names of what was asked for; what is None nevertheless could not be had.
        product: the product, if the ranking as shown does not have it.
        similar: products that look like it.
        variants: the others of its design.
    """

    asked: tuple[str, ...] = ()
    product: Product | None = None
    similar: tuple[SimilarProduct, ...] | None = None
    variants: tuple[ProductVariant, ...] | None = None


@dataclass(frozen=True)
class _Basics:
    """What is known of a product before it is compared."""

    id: str
    name: str
    metadata: dict[str, Any]
    attributes: dict[str, Attribute]
    image_url: str | None
    match: Match | None
    variants: tuple[Variant, ...] = field(default=())


def open_card(product_id: str, part: str | None = None) -> None:
    """Opens a product's card, at one of its parts if that is named."""
    visit.change(product=product_id)
    st.session_state["opened_part"] = part
    st.session_state["opened_said"] = None
    # What could not be had may be there now.
    place = _place(visit.current(), product_id)
    comparisons.retry(place[0], [product_id])
    reading = _readings().get(place, Reading())
    if any(getattr(reading, name) is None for name in reading.asked):
        del _readings()[place]


def close_card() -> None:
    """Closes the card."""
    visit.change(product=None)


def follow_address(counts: bool) -> None:
    """Opens the product that the address names where that counts, else has it name the open one."""
    named, opened = st.query_params.get("product"), visit.current().product
    if counts:
        visit.change(product=named)
    elif opened is None:
        st.query_params.pop("product", None)
    elif opened != named:
        st.query_params["product"] = opened


def show(now: Visit) -> None:
    """Shows the card that is open, if one is."""
    answer, product_id = now.answer, now.product
    basics = None if answer is None or product_id is None else _basics(now, answer, product_id)
    if answer is None or product_id is None or basics is None:
        # To close it; before the first one there is nothing to close.
        if "opened" in st.session_state:
            _show({"open": False})
        return
    reading = _readings().get(_place(now, product_id), Reading())
    _show(_data(now, answer, basics, reading))
    if _ask_next(now, answer, product_id, reading):
        st.rerun()


def _show(data: dict[str, Any]) -> None:
    _PRODUCT(
        key="opened",
        data=data,
        on_close_change=close_card,
        on_open_change=_open,
        on_judge_change=_judge,
        on_like_change=_search_like,
        on_compare_change=_compare,
        on_shortlist_change=_shortlist,
    )


# -- asking ------------------------------------------------------------------------------------


def _readings() -> dict[tuple[str | None, str], Reading]:
    readings: dict[tuple[str | None, str], Reading]
    readings = st.session_state.setdefault("opened_readings", {})
    return readings


def _place(now: Visit, product_id: str) -> tuple[str | None, str]:
    return (None if now.answer is None else now.answer.page.id, product_id)


def _keep(now: Visit, product_id: str, reading: Reading) -> None:
    readings, place = _readings(), _place(now, product_id)
    readings.pop(place, None)
    readings[place] = reading
    while len(readings) > MOST_KEPT:
        readings.pop(next(iter(readings)))


def _ask_next(now: Visit, answer: Answer, product_id: str, reading: Reading) -> bool:
    """Asks the service for what comes next, and returns whether anything did."""
    client = asking.client()
    if comparisons.is_due(answer.page.id, product_id):
        # Alone, since it takes longest; the rest together.
        comparisons.ask(answer.page, product_id)
        return True
    steps: dict[str, Callable[[], object]] = {}
    steps["similar"] = lambda: client.similar_products(product_id, limit=SIMILAR).matches
    if answer.page.query.group is not None:
        # Only then the service has made out the designs; to begin with it takes long.
        steps["variants"] = lambda: client.product_variants(product_id)
    left = [name for name in steps if name not in reading.asked]
    if not left:
        return False
    for name in left:
        answers: dict[str, Any] = {name: _answer_of(steps[name])}
        reading = replace(reading, asked=(*reading.asked, name), **answers)
    _keep(now, product_id, reading)
    return True


def _answer_of(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except FloorlensError:
        return None


def _basics(now: Visit, answer: Answer, product_id: str) -> _Basics | None:
    reading = _readings().get(_place(now, product_id), Reading())
    match = next((one for one in answer.matches if one.id == product_id), None)
    comparison = comparisons.comparison(answer.page.id, product_id)
    if match is None and comparison is not None:
        match = comparison.match
    if match is not None:
        return _Basics(
            *(match.id, match.name, dict(match.metadata), dict(match.attributes)),
            *(match.image_url, match, match.variants),
        )
    if "product" not in reading.asked:
        product = _answer_of(lambda: asking.client().get_product(product_id))
        reading = replace(reading, asked=(*reading.asked, "product"), product=product)
        _keep(now, product_id, reading)
    product = reading.product
    if product is None:
        st.toast(texts.NO_PRODUCT)
        visit.change(product=None)
        return None
    return _Basics(
        *(product.id, product.name, dict(product.metadata), dict(product.attributes)),
        *(product.thumbnail, None),
    )


# -- what is shown -----------------------------------------------------------------------------


def _data(now: Visit, answer: Answer, basics: _Basics, reading: Reading) -> dict[str, Any]:
    match, page = basics.match, answer.page
    comparison = comparisons.comparison(page.id, basics.id)
    offer = offer_of(basics.metadata)
    components = None if match is None else match.components
    reason = match.reason if match is not None else ""
    if comparison is not None:
        reason = comparison.reason or reason
    waits = comparisons.is_due(page.id, basics.id)
    return {
        "open": True,
        "id": basics.id,
        "part": st.session_state.get("opened_part"),
        "name": basics.name,
        "rank": None if match is None else texts.RANK.format(rank=match.rank),
        "word": None if match is None else facts.word_fact(match.word),
        "reason": reason[:1].upper() + reason[1:],
        "price": price_text(offer),
        "material": facts.material_text(offer, basics.attributes),
        "link": offer.link,
        "linkLabel": texts.SHOP_LABEL.format(name=basics.name),
        "picture": facts.picture(basics.image_url, WIDTH),
        "bars": facts.bars(components),
        "barsLabel": facts.bars_label(components),
        "waits": waits,
        "note": _note(answer, comparison, waits=waits),
        "wipe": _wipe(basics, comparison),
        "palettes": _palettes(comparison),
        "patches": _patches(basics, comparison),
        "properties": facts.properties(
            {} if comparison is None else comparison.attributes.floor,
            basics.attributes if comparison is None else comparison.attributes.product,
        ),
        "details": facts.details(basics.metadata, offer),
        "design": _design(basics, reading),
        "similar": _similar(reading),
        "verdict": page.feedback.get(basics.id),
        "judged": page.id is not None,
        "said": st.session_state.get("opened_said"),
        "compared": basics.id in now.compared,
        "listed": basics.id in now.shortlist,
        "texts": _TEXTS,
    }


_TEXTS = {
    "close": texts.CLOSE,
    "comparing": texts.COMPARING,
    "colours": texts.COLOURS,
    "patches": texts.PATCHES,
    "likeness": texts.LIKENESS,
    "properties": texts.ATTRIBUTES_TITLE,
    "measured": texts.ATTRIBUTES_MEASURED,
    "heads": [texts.ATTRIBUTE_HEAD, texts.FLOOR_HEAD, texts.PRODUCT_HEAD],
    "details": texts.DETAILS,
    "design": texts.DESIGN,
    "similar": texts.SIMILAR,
    "searchLike": texts.SEARCH_LIKE,
    "judge": texts.JUDGE,
    "right": texts.RIGHT,
    "wrong": texts.WRONG,
    "compare": [texts.COMPARE, texts.UNCOMPARE],
    "shortlist": [texts.SHORTLIST, texts.UNSHORTLIST],
    "noPicture": texts.NO_PICTURE,
    "shop": texts.SHOP,
    "wipe": {
        "title": texts.BESIDE,
        "label": texts.WIPE_LABEL,
        "floor": texts.WIPE_FLOOR,
        "product": texts.WIPE_PRODUCT,
        "value": texts.WIPE_VALUE,
        "waits": texts.STRAIGHTENING,
        "broken": texts.NOT_COMPARED,
    },
}


def _note(answer: Answer, comparison: Comparison | None, *, waits: bool) -> str | None:
    if answer.page.id is None:
        return texts.NO_KEPT
    return texts.NOT_COMPARED if comparison is None and not waits else None


def _wipe(basics: _Basics, comparison: Comparison | None) -> dict[str, str] | None:
    if comparison is None or basics.image_url is None:
        return None
    scaled = comparison.scaled
    return {
        "floor": address(scaled.floor_url),
        "product": address(scaled.product_url),
        "whole": facts.picture(basics.image_url, WIDTH) or "",
        "caption": texts.SCALES[scaled.scale],
    }


def _palettes(comparison: Comparison | None) -> list[dict[str, str]]:
    if comparison is None:
        return []
    both, pairs = comparison.palettes, len(comparison.palettes.delta_e)
    places = texts.COLOUR_PLACES if pairs == len(texts.COLOUR_PLACES) else ("",) * pairs
    return [
        {
            "place": place,
            "floor": floor,
            "product": product,
            "delta": f"ΔE {delta:.1f}",
            "word": facts.level(delta, texts.DIFFERENCES),
        }
        for place, floor, product, delta in zip(
            places, both.floor_hex, both.product_hex, both.delta_e, strict=True
        )
    ]


def _patches(basics: _Basics, comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None or not comparison.pairs:
        return None
    likeness = [max(0, round(100 * pair.similarity)) for pair in comparison.pairs]
    return {
        "picture": address(comparison.picture_url, layout="patches", side=PATCH),
        "label": texts.PATCHES_ALT.format(name=basics.name),
        "notes": [texts.ALIKE.format(share=share) for share in likeness],
    }


def _design(basics: _Basics, reading: Reading) -> list[dict[str, str | None]]:
    if reading.variants is not None:
        return [
            _small(
                *(one.product.id, one.product.name, one.product.thumbnail),
                texts.DESIGN_KINDS.get(one.kind, ""),
            )
            for one in reading.variants
        ]
    return [_small(one.id, one.name, one.image_url, "") for one in basics.variants]


def _similar(reading: Reading) -> list[dict[str, str | None]] | None:
    if reading.similar is None:
        return None
    return [
        _small(
            *(one.product.id, one.product.name, one.product.thumbnail),
            "" if one.word is None else facts.word_fact(one.word)["text"],
        )
        for one in reading.similar
    ]


def _small(product_id: str, name: str, image_url: str | None, note: str) -> dict[str, str | None]:
    return {"id": product_id, "name": name, "picture": facts.picture(image_url), "note": note}


# -- events ------------------------------------------------------------------------------------


def _event(name: str) -> Any:
    return st.session_state["opened"].get(name)


def _open() -> None:
    if product_id := _event("open"):
        open_card(product_id)


def _judge() -> None:
    event, now = _event("judge"), visit.current()
    if not event or now.answer is None or now.answer.page.id is None:
        return
    page, product_id, verdict = now.answer.page, event["id"], event["verdict"]
    judged = dict(page.feedback)
    try:
        if judged.get(product_id) == verdict:
            asking.client().take_feedback_back(page, product_id)
            del judged[product_id]
            said = texts.VERDICT_TAKEN_BACK
        else:
            asking.client().give_feedback(page, product_id, verdict)
            judged[product_id] = verdict
            said = texts.THANKS
    except FloorlensError:
        st.session_state["opened_said"] = texts.VERDICT_NOT_KEPT
        return
    st.session_state["opened_said"] = said
    # It holds for the photo, so for the answers to go back to as well.
    answer, *earlier = (
        replace(one, page=replace(one.page, feedback=judged)) for one in (now.answer, *now.earlier)
    )
    visit.change(answer=answer, earlier=tuple(earlier))


def _search_like() -> None:
    if product_id := _event("like"):
        close_card()
        visit.ask(like=[product_id])


def _compare() -> None:
    if one := _event("compare"):
        visit.compare(one)


def _shortlist() -> None:
    if one := _event("shortlist"):
        visit.put_aside(one)
