"""What is shown of a product beside the ranking: in the tray, on the shortlist, on a chip."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from floorlens.errors import FloorlensError, ServiceError
from floorlens.products.offer import offer_of, price_text
from floorlens.ui import asking, texts
from floorlens.ui.find import facts
from floorlens.ui.visit import Visit

_SECONDS, _MOST = 600.0, 500


@dataclass(frozen=True)
class Brief:
    """A product in short; `gone` says that the catalogue has it no more."""

    id: str
    name: str
    picture: str | None = None
    price: str | None = None
    material: str | None = None
    gone: bool = False


def brief(now: Visit, product_id: str) -> Brief:
    """Returns a product in short: out of the ranking where it shows it, else from the service."""
    for match in () if now.answer is None else now.answer.matches:
        if match.id == product_id:
            offer = offer_of(match.metadata)
            return Brief(
                match.id,
                match.name,
                facts.picture(match.image_url),
                price_text(offer),
                facts.material_text(offer, match.attributes),
            )
    try:
        return _of_service(asking.service_url(), product_id)
    except FloorlensError:
        # It is asked for again at the next rerun.
        return Brief(product_id, product_id)


def count_text(count: int) -> str:
    """Returns so many products, in words."""
    return texts.ONE_PRODUCT if count == 1 else texts.SOME_PRODUCTS.format(count=f"{count:,}")


@st.cache_data(ttl=_SECONDS, max_entries=_MOST, show_spinner=False)
def _of_service(url: str, product_id: str) -> Brief:
    try:
        product = asking.client().get_product(product_id)
    except ServiceError as error:
        if error.code == "product-not-found":
            return Brief(product_id, texts.GONE, gone=True)
        raise
    offer = offer_of(product.metadata)
    return Brief(
        product.id,
        product.name,
        facts.picture(product.thumbnail),
        price_text(offer),
        facts.material_text(offer, product.attributes),
    )
