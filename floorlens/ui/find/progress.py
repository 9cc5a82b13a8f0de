"""What the service does with a photo, stage by stage, where the results will be."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from floorlens.ui import texts

CARDS = 6


def show(kind: str) -> Callable[[str], None]:
    """Returns what is called with the name of each stage when it begins; it shows them all."""
    place = st.empty()
    stages = list(texts.STAGES) if kind == "search" else []

    def begin(stage: str) -> None:
        place.html(_html(stages, stage))

    return begin


def _html(stages: list[str], current: str) -> str:
    at = stages.index(current) if current in stages else -1
    items = "".join(
        f'<li class="{_state(number, at)}"{_CURRENT if number == at else ""}>'
        f"{escape(texts.STAGES[stage])}</li>"
        for number, stage in enumerate(stages)
    )
    title = texts.WORKING_TITLE if stages else texts.OPENING
    # The cards to come have their place already.
    cards = '<div class="fl-card"><div class="fl-none"></div><p></p><p></p></div>' * CARDS
    return (
        f'<div class="fl-progress" role="status"><p class="fl-name">{escape(title)}</p>'
        f"<ol>{items}</ol></div>"
        f'<div class="fl-cards fl-waiting" aria-hidden="true">{cards}</div>'
    )


_CURRENT = ' aria-current="step"'


def _state(number: int, at: int) -> str:
    if number < at:
        return "fl-done"
    return "fl-now" if number == at else "fl-next"
