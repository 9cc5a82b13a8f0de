"""The ranked products as cards."""

from __future__ import annotations

import streamlit as st

from floorlens.ui import texts, visit
from floorlens.ui.components import element
from floorlens.ui.server import address
from floorlens.ui.visit import Visit

_CARDS = element("cards")


def show(now: Visit) -> None:
    """Shows the ranking."""
    answer = now.answer
    if answer is None:
        return
    st.subheader(texts.RESULTS)
    _CARDS(
        key="cards",
        data={
            "search": answer.page.id or "",
            "cards": [
                {
                    "id": match.id,
                    "rank": match.rank,
                    "name": match.name,
                    "word": texts.WORDS.get(match.word, match.word),
                    "picture": None if match.image_url is None else address(match.image_url),
                }
                for match in answer.matches
            ],
            "texts": {"noPicture": texts.NO_PICTURE},
        },
        on_open_change=_open,
    )
    if answer.next_cursor is not None:
        st.button(texts.MORE, on_click=visit.ask_more)


def _open() -> None:
    product = st.session_state["cards"].get("open")
    if product:
        visit.change(product=product)
