"""The photo with its floor drawn on it, and the correction in place."""

from __future__ import annotations

import streamlit as st

from floorlens.ui import texts, visit
from floorlens.ui.components import element
from floorlens.ui.server import PREFIX, photo_address
from floorlens.ui.visit import Visit

_PHOTO = element("photo")


def show(now: Visit) -> None:
    """Shows the photo."""
    answer = now.answer
    floor = None if answer is None else answer.page.floors[0]
    if answer is not None and answer.page.id is not None:
        source = f"{PREFIX}/v1/searches/{answer.page.id}/photo.jpg"
    elif now.photo is not None:
        source = photo_address(now.photo)
    else:
        return
    _PHOTO(
        key="photo",
        data={
            "source": source,
            "polygons": [] if floor is None else floor.polygons,
            "size": None if floor is None else floor.photo_size,
            "clicks": []
            if answer is None
            else [(one.x, one.y, one.floor) for one in answer.page.query.clicks[0]],
            "texts": {"alt": texts.PHOTO_ALT},
        },
        on_clicks_change=_correct,
    )


def _correct() -> None:
    clicks = st.session_state["photo"].get("clicks")
    if clicks:
        visit.ask(clicks=[(x, y, floor) for x, y, floor in clicks])
