"""All products of the catalogue: search, filters, and pages of cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from floorlens.client.answers import FacetValue, Product
from floorlens.ui import texts
from floorlens.ui.addresses import address
from floorlens.ui.admin import Access
from floorlens.ui.catalogue import product
from floorlens.ui.components import element
from floorlens.ui.markdown import plain

PAGE = 24
_CARDS = element("products", "nodes")


def show(access: Access) -> None:
    """Shows the products."""
    client = access.client
    text = _search_field()
    where = _filters(client.product_facets())
    asked = (text, repr(where))
    if st.session_state.get("asked") != asked:
        # Another list begins at its first page.
        st.session_state.update({"asked": asked, "cursors": (None,)})
    cursors: tuple[str | None, ...] = st.session_state["cursors"]
    page = client.list_products(where=where, text=text, limit=PAGE, cursor=cursors[-1])
    first = PAGE * (len(cursors) - 1)
    if not page.total:
        st.info(texts.NO_PRODUCTS_MATCH if text or where else texts.NO_PRODUCTS)
        return
    st.caption(
        texts.PRODUCTS_SHOWN.format(
            first=first + 1, last=first + len(page.products), total=page.total
        )
    )
    _CARDS(
        key="products",
        data={
            "cards": [_card(one) for one in page.products],
            "texts": {"noPicture": texts.NO_PICTURE, "open": texts.OPEN_PRODUCT},
        },
        on_open_change=_open,
    )
    if len(cursors) > 1 or page.next_cursor is not None:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button(
                texts.PAGE_BEFORE, on_click=_turn, args=(cursors[:-1],), disabled=len(cursors) == 1
            )
            st.button(
                texts.PAGE_AFTER,
                on_click=_turn,
                args=((*cursors, page.next_cursor),),
                disabled=page.next_cursor is None,
            )
    if opened := st.session_state.get("opened_product"):
        product.show(access, opened)


def _search_field() -> str:
    return (
        st.text_input(
            texts.SEARCH_PRODUCTS,
            key="search_products",
            placeholder=texts.SEARCH_PRODUCTS_HINT,
            label_visibility="collapsed",
            type="search",
        )
        or ""
    ).strip()


def _filters(facets: Mapping[str, Sequence[FacetValue]]) -> dict[str, Any] | None:
    """Shows what products can be filtered by, and returns the filter that is chosen."""
    where: dict[str, Any] = {}
    chosen = sum(len(st.session_state.get(f"field_{field}") or ()) for field in facets)
    label = texts.FILTERS_CHOSEN.format(count=chosen) if chosen else texts.FILTERS
    with st.expander(label, key="filters"):
        for field, values in facets.items():
            counts = {one.value: one.count for one in values}
            picked = st.pills(
                plain(texts.attribute(field)),
                list(counts),
                selection_mode="multi",
                key=f"field_{field}",
                format_func=partial(_counted, counts),
            )
            if picked:
                where[field] = {"$in": picked}
    return where or None


def _counted(counts: Mapping[Any, int], one: Any) -> str:
    return f"{plain(texts.value(one))} · {counts[one]:,}"


def _card(one: Product) -> dict[str, Any]:
    shown = [one.attributes[name] for name in texts.CARD_ATTRIBUTES if name in one.attributes]
    edited = any(attribute.origin == "edited" for attribute in one.attributes.values())
    return {
        "id": one.id,
        "name": one.name,
        "facts": " · ".join(texts.value(attribute.value) for attribute in shown),
        "badge": texts.EDITED if edited else "",
        "picture": None if one.thumbnail is None else address(one.thumbnail),
    }


def _open() -> None:
    event = st.session_state["products"].get("open")
    if event:
        st.session_state["opened_product"] = event


def _turn(cursors: tuple[str | None, ...]) -> None:
    st.session_state["cursors"] = cursors
