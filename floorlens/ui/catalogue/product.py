"""One product opened: its name, fields and attributes are changed, or it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from floorlens.attributes.vocabulary import NAMES
from floorlens.client.answers import Attribute, Product
from floorlens.errors import FloorlensError
from floorlens.ui import admin, texts
from floorlens.ui.addresses import address
from floorlens.ui.admin import Access
from floorlens.ui.catalogue.fields import field_text, field_value
from floorlens.ui.markdown import plain


def show(access: Access, product_id: str) -> None:
    """Shows a product in a dialog."""
    try:
        product = access.client.get_product(product_id)
    except FloorlensError as error:
        _close()
        admin.report(error)
        return
    st.dialog(plain(product.name), width="large", on_dismiss=_close)(_show)(access, product)


def _close() -> None:
    for name in ("opened_product", "deleting"):
        st.session_state.pop(name, None)


def _show(access: Access, product: Product) -> None:
    if st.session_state.get("deleting") == product.id:
        _confirm(access, product)
        return
    pictures, fields = st.columns([2, 3], gap="large")
    with pictures:
        for number, url in enumerate(product.images):
            alt = texts.PICTURE_ALT.format(number=number + 1, name=product.name)
            # Without the signature: it is of the picture as it lies there, however large.
            parameters = admin.picture_ticket(access) | {"width": "640", "index": str(number)}
            st.html(_picture(address(urlsplit(url).path, **parameters), alt))
        st.caption(texts.PRODUCT_ID.format(id=plain(product.id)))
    with fields, st.form("product_form", border=False):
        name = st.text_input(texts.NAME, product.name, key=f"name_{product.id}")
        metadata = _metadata(product)
        attributes = _attributes(product)
        saves = st.form_submit_button(texts.SAVE, type="primary")
    with fields:
        _edited(access, product)
        st.button(texts.DELETE, key="delete", on_click=_ask_first, args=(product.id,))
    if saves:
        changes: dict[str, Any] = {"metadata": metadata, "attributes": attributes}
        _save(access, product, name.strip(), changes)


def _picture(source: str, alt: str) -> str:
    style = "display:block;width:100%;max-height:45vh;object-fit:cover;border-radius:12px"
    return f'<img src="{escape(source)}" alt="{escape(alt)}" style="{style}" loading="lazy">'


def _save(access: Access, product: Product, name: str, changes: Mapping[str, Any]) -> None:
    asked = {key: value for key, value in changes.items() if value}
    if name and name != product.name:
        asked["name"] = name
    if not asked:
        st.caption(texts.NOTHING_CHANGED)
        return
    try:
        access.client.change_product(product.id, **asked)
    except FloorlensError as error:
        admin.report(error)
        return
    admin.note(texts.SAVED.format(name=name or product.name))
    _close()
    st.rerun()


# -- fields of the shop's own ------------------------------------------------------------------


def _metadata(product: Product) -> dict[str, Any]:
    """Shows the product's own fields, and returns those that were changed."""
    changes: dict[str, Any] = {}
    st.subheader(texts.OWN_FIELDS)
    for field, value in product.metadata.items():
        before = field_text(value)
        after = st.text_input(plain(field), before, key=f"field_{product.id}_{field}").strip()
        if after != before:
            changes[field] = field_value(after, value) if after else None
    left, right = st.columns(2)
    field = left.text_input(texts.NEW_FIELD, key=f"new_field_{product.id}").strip()
    value = right.text_input(texts.NEW_FIELD_VALUE, key=f"new_value_{product.id}").strip()
    if field and value:
        changes[field] = field_value(value)
    st.caption(texts.FIELDS_HINT)
    return changes


# -- attributes --------------------------------------------------------------------------------


def _attributes(product: Product) -> dict[str, str | bool | float | None]:
    """Shows the attributes by which products are filtered; returns those that were changed."""
    st.subheader(texts.ATTRIBUTES_HEAD)
    changes: dict[str, str | bool | float | None] = {}
    # A number that was measured is hardly ever known better by a person.
    names = [
        name
        for name, meaning in NAMES.items()
        if not meaning.is_number or (meaning.unit == "mm" and name in product.attributes)
    ]
    columns = cycle(st.columns(2))
    for name, column in zip(names, columns, strict=False):
        meaning, held = NAMES[name], product.attributes.get(name)
        if meaning.is_number and held is not None:
            number = column.number_input(
                f"{texts.attribute(name)} ({meaning.unit})",
                meaning.low,
                meaning.high,
                float(held.value) if isinstance(held.value, int | float) else meaning.low,
                key=f"attribute_{product.id}_{name}",
                help=_origin(held),
            )
            if number != held.value:
                changes[name] = number
            continue
        choices: list[Any] = [True, False] if meaning.is_flag else list(meaning.words)
        value = None if held is None else held.value
        picked = column.selectbox(
            texts.attribute(name),
            choices,
            index=choices.index(value) if value in choices else None,
            key=f"attribute_{product.id}_{name}",
            format_func=texts.value,
            help=_origin(held),
            placeholder=texts.NOT_KNOWN,
        )
        if picked is not None and picked != value:
            changes[name] = picked
    return changes


def _origin(held: Attribute | None) -> str:
    if held is None:
        return texts.NOT_KNOWN
    return texts.ORIGIN_NOTES[held.origin].format(confidence=f"{held.confidence:.0%}")


def _edited(access: Access, product: Product) -> None:
    """Lets attributes that a person has set be measured or stated again."""
    edited = [name for name, one in product.attributes.items() if one.origin == "edited"]
    if not edited:
        return
    st.subheader(texts.EDITED_BY_HAND)
    for name in edited:
        label = texts.TAKE_BACK.format(
            attribute=texts.attribute(name), value=texts.value(product.attributes[name].value)
        )
        if st.button(label, key=f"back_{name}"):
            try:
                access.client.change_product(product.id, attributes={name: None})
            except FloorlensError as error:
                admin.report(error)
                return
            admin.note(texts.EDIT_TAKEN_BACK.format(attribute=texts.attribute(name)))
            st.session_state.pop(f"attribute_{product.id}_{name}", None)
            st.rerun()


# -- delete ------------------------------------------------------------------------------------


def _ask_first(product_id: str | None) -> None:
    st.session_state["deleting"] = product_id


def _confirm(access: Access, product: Product) -> None:
    st.markdown(texts.DELETE_TEXT.format(name=plain(product.name)))
    with st.container(horizontal=True):
        deletes = st.button(texts.DELETE_YES, key="delete_yes", type="primary")
        st.button(texts.DELETE_NO, key="delete_no", on_click=_ask_first, args=(None,))
    if not deletes:
        return
    try:
        access.client.delete_product(product.id)
    except FloorlensError as error:
        admin.report(error)
        return
    admin.note(texts.DELETED.format(name=product.name))
    _close()
    st.rerun()
