"""What narrows the ranking, and what counts in it: chips by field, sliders, examples.

Values, counts and the filter that each value leads to come from the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from floorlens.attributes.vocabulary import NAMES
from floorlens.client.answers import (
    SearchFacet,
    SearchFacetBucket,
    SearchFacets,
    SearchFacetValue,
)
from floorlens.client.emphasis import FACTORS, steps_of, weights_of
from floorlens.errors import FloorlensError
from floorlens.products.amounts import is_price
from floorlens.products.offer import offer_of
from floorlens.ui import asking, texts, visit
from floorlens.ui.components import element
from floorlens.ui.find.briefs import brief
from floorlens.ui.visit import Answer, Visit

_CHIPS = element("chips", "nodes", "panel")

OWN_CHIPS = 5
"""Fields with a chip of their own; the others share one."""
DOTS = {
    "white": "#f6f4ef",
    "grey": "#9a9a97",
    "black": "#26241f",
    "beige": "#d9c19c",
    "brown": "#7b5536",
    "red": "#8e3b2e",
    "yellow": "#d8b04c",
    "green": "#5f7a56",
    "blue": "#4f6c8c",
    "multicolour": "conic-gradient(#d8b04c, #8e3b2e, #4f6c8c, #5f7a56, #d8b04c)",
}
"""Colour family -> how its dot looks."""


def show(now: Visit, facets: SearchFacets | None) -> None:
    """Shows the chips."""
    answer = now.answer
    if answer is None:
        return
    groups = [] if facets is None else [_group(answer, facet) for facet in facets.facets]
    query = answer.page.query
    chosen = [*_examples(now, answer), *(one for group in groups for one in _chosen(group))]
    _CHIPS(
        key="chips",
        data={
            "turn": st.session_state.get("chips_turn", 0),
            "chosen": chosen,
            "clear": bool(query.where or query.weights or query.like or query.unlike),
            "fields": [*map(_field, groups[:OWN_CHIPS]), *_others(groups[OWN_CHIPS:])],
            "weights": _weights(answer),
            "show": texts.SHOW_ONE if answer.page.total == 1 else _show(answer.page.total),
            "texts": {
                "refine": texts.REFINE,
                "clearAll": texts.CLEAR_ALL,
                "clear": texts.CLEAR,
                "close": texts.CLOSE_PANEL,
                "reset": texts.RESET_WEIGHTS,
                "less": texts.LESS,
                "more": texts.MORE_WEIGHT,
            },
        },
        on_value_change=_choose,
        on_field_change=_clear_field,
        on_weights_change=_weigh,
        on_like_change=lambda: _drop_example("like"),
        on_unlike_change=lambda: _drop_example("unlike"),
        on_all_change=_clear_all,
    )


def search_facets(answer: Answer) -> SearchFacets | None:
    """Returns what the ranking can be narrowed by, asked once; None where that is not known."""
    if answer.page.id is None or answer.facets is not None:
        return answer.facets
    try:
        facets = asking.client().search_facets(answer.page)
    except FloorlensError:
        # The ranking is there without them; they are asked for at the next rerun.
        return None
    visit.change(answer=replace(answer, facets=facets))
    return facets


# -- what is shown -----------------------------------------------------------------------------


def _group(answer: Answer, facet: SearchFacet) -> dict[str, Any]:
    """Returns a field with its values, as the element takes it."""
    currency = _currency(answer, facet.field)
    options = [_option(facet, one, currency) for one in facet.values or facet.buckets]
    return {
        "key": facet.field,
        "label": field_label(facet.field),
        "named": False,
        "options": [one for one in options if one["count"] or one["selected"] or facet.buckets],
    }


def _option(
    facet: SearchFacet, one: SearchFacetValue | SearchFacetBucket, currency: str | None
) -> dict[str, Any]:
    label = (
        _range_text(one, facet.unit or currency or "")
        if isinstance(one, SearchFacetBucket)
        else _text(facet, one.value)
    )
    return {
        "key": _key(one),
        "label": label,
        "dot": DOTS.get(str(getattr(one, "value", ""))) if facet.field == "colour" else None,
        "count": one.count,
        "counted": texts.ONE_PRODUCT
        if one.count == 1
        else texts.SOME_PRODUCTS.format(count=one.count),
        "selected": one.selected,
        "disabled": not one.count and not one.selected,
        "event": [facet.field, _key(one)],
    }


def _chosen(group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for option in group["options"]:
        if option["selected"]:
            yield {
                "key": f"{group['key']} {option['key']}",
                "label": option["label"],
                "dot": option["dot"],
                "picture": None,
                "remove": texts.REMOVE.format(name=f"{group['label']}: {option['label']}"),
                "event": ["value", option["event"]],
            }


def _examples(now: Visit, answer: Answer) -> Iterator[dict[str, Any]]:
    """Yields a chip for each product that the ranking should be more, or less, like."""
    for kind, text in (("like", texts.LIKE_CHIP), ("unlike", texts.UNLIKE_CHIP)):
        for product_id in getattr(answer.page.query, kind):
            product = brief(now, product_id)
            label = text.format(name=product.name)
            yield {
                "key": f"{kind} {product_id}",
                "label": label,
                "dot": None,
                "picture": product.picture,
                "remove": texts.REMOVE.format(name=label),
                "event": [kind, product_id],
            }


def _field(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": group["key"],
        "label": group["label"],
        "title": group["label"],
        "count": sum(option["selected"] for option in group["options"]),
        "field": group["key"],
        "groups": [group],
    }


def _others(groups: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the chip that the fields without one of their own share."""
    if len(groups) == 1:
        yield _field(groups[0])
    elif groups:
        yield {
            "key": "others",
            "label": texts.MORE_FILTERS,
            "title": texts.MORE_FILTERS,
            "count": sum(one["selected"] for group in groups for one in group["options"]),
            "field": None,
            "groups": [group | {"named": True} for group in groups],
        }


def _weights(answer: Answer) -> dict[str, Any] | None:
    """Returns the sliders; None where nothing was compared closely, or in one respect alone."""
    default = answer.page.default_weights
    if default is None or len(default) < 2:
        return None
    steps = steps_of(answer.page.query.weights, default)
    return {
        "label": texts.WEIGHTS,
        "title": texts.WEIGHTS_TITLE,
        "count": sum(step != 0 for step in steps.values()),
        "steps": [texts.STEPS[step] for step in sorted(FACTORS)],
        "sliders": [
            {
                "key": name,
                "label": texts.COMPONENTS.get(name, field_label(name)),
                "tint": name if name in texts.COMPONENTS else "",
                "step": step,
            }
            for name, step in steps.items()
        ],
    }


def field_label(field: str) -> str:
    """Returns what a field is called here."""
    if field in texts.FIELD_NAMES:
        return texts.FIELD_NAMES[field]
    label = field.replace("_", " ").strip()
    return label[:1].upper() + label[1:]


def _text(facet: SearchFacet, value: str | bool | float) -> str:
    if isinstance(value, bool):
        return texts.YES if value else texts.NO
    if isinstance(value, int | float):
        return f"{value:g} {facet.unit}".strip()
    return value[:1].upper() + value[1:] if facet.field in NAMES else value


def _range_text(one: SearchFacetBucket, unit: str) -> str:
    def number(value: float) -> str:
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"

    low = None if one.at_least is None else number(one.at_least)
    high = None if one.below is None else f"{number(one.below)} {unit}".strip()
    if low is None:
        return texts.BELOW.format(high=high)
    if high is None:
        return texts.AT_LEAST.format(low=f"{low} {unit}".strip())
    return texts.BETWEEN.format(low=low, high=high)


def _currency(answer: Answer, field: str) -> str | None:
    """Returns the currency of a field with prices, where all products that are shown agree."""
    if not is_price(field):
        return None
    offers = [offer_of(match.metadata) for match in answer.matches]
    signs = {offer.currency for offer in offers if field in offer.fields}
    return signs.pop() if len(signs) == 1 else None


def _show(total: int) -> str:
    return texts.SHOW_ALL.format(count=f"{total:,}")


def _key(one: SearchFacetValue | SearchFacetBucket) -> str:
    if isinstance(one, SearchFacetBucket):
        return f"{one.at_least} {one.below}"
    return f"{type(one.value).__name__} {one.value}"


# -- what is asked -----------------------------------------------------------------------------


def _event(name: str) -> Any:
    """Returns what the element has sent; it sends the next wish after this turn."""
    event = st.session_state["chips"].get(name)
    if event is not None:
        st.session_state["chips_turn"] = st.session_state.get("chips_turn", 0) + 1
    return event


def _known(field: str) -> SearchFacet | None:
    answer = visit.current().answer
    known = () if answer is None or answer.facets is None else answer.facets.facets
    return next((facet for facet in known if facet.field == field), None)


def _choose() -> None:
    event = _event("value")
    facet = None if event is None else _known(event[0])
    if facet is None:
        return
    choices: tuple[SearchFacetValue | SearchFacetBucket, ...] = (*facet.values, *facet.buckets)
    for one in choices:
        if _key(one) == event[1]:
            visit.ask(where=one.where)


def _clear_field() -> None:
    field = _event("field")
    facet = None if field is None else _known(field)
    if facet is not None:
        visit.ask(where=facet.without)


def _weigh() -> None:
    steps, answer = _event("weights"), visit.current().answer
    if steps is not None and answer is not None and answer.page.default_weights is not None:
        known = {name: int(step) for name, step in steps.items() if int(step) in FACTORS}
        visit.ask(weights=weights_of(known, answer.page.default_weights))


def _drop_example(kind: str) -> None:
    product_id = _event(kind)
    if product_id is not None and visit.current().answer is not None:
        visit.ask(**{kind: tuple(one for one in visit.asked(kind) if one != product_id)})


def _clear_all() -> None:
    if _event("all") is not None:
        visit.ask(where=None, weights=None, like=(), unlike=())
