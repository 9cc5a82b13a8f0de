"""The ranked products as cards."""

from __future__ import annotations

from typing import Any

import streamlit as st

from floorlens.client.answers import SearchPage
from floorlens.ui import texts, visit
from floorlens.ui.components import element
from floorlens.ui.find import facts, photo, product
from floorlens.ui.visit import Answer, Visit

_CARDS = element("cards", "nodes")
MOST_EQUALS = 9
"""A band around more of them would say nothing; the sentence above the cards says how many."""


def show(now: Visit) -> None:
    """Shows the ranking."""
    answer = now.answer
    if answer is None:
        return
    page = answer.page
    count = texts.SHOWN.format(shown=len(answer.matches), total=page.total)
    _CARDS(
        key="cards",
        data={
            "search": page.id or "",
            # Streamlit draws nothing anew for the same data: what was pressed would stay so.
            "turn": st.session_state.get("cards_turn", 0),
            "group": page.query.group == "design",
            "verdict": _verdict(answer),
            "more": None if answer.next_cursor is None else count,
            "cards": _cards(now, answer),
            "likes": [*page.query.like, *(f"-{one}" for one in page.query.unlike)],
            "equals": _equals(page),
            "texts": {
                "results": texts.RESULTS,
                "group": texts.GROUP,
                "more": texts.MORE,
                "rest": texts.REST,
                "equals": texts.EQUALS.format(count=page.equals),
                "noPicture": texts.NO_PICTURE,
                "right": texts.RIGHT_BADGE,
                "wrong": texts.WRONG_BADGE,
                "comparedBadge": texts.COMPARED_BADGE,
                "listedBadge": texts.LISTED_BADGE,
                "shop": texts.SHOP,
                "actions": {
                    "compare": [texts.COMPARE, texts.UNCOMPARE],
                    "shortlist": [texts.SHORTLIST, texts.UNSHORTLIST],
                    "like": [texts.MORE_LIKE, texts.MORE_LIKE],
                    "unlike": [texts.LESS_LIKE, texts.LESS_LIKE],
                },
            },
        },
        on_open_change=_open,
        on_more_change=_more,
        on_group_change=_group,
        on_compare_change=_compare,
        on_shortlist_change=_shortlist,
        on_like_change=lambda: prefer(_event("like"), "like"),
        on_unlike_change=lambda: prefer(_event("unlike"), "unlike"),
    )


def _verdict(answer: Answer) -> str:
    """Returns what is to be said of the whole ranking."""
    page = answer.page
    floor = page.floors[visit.shown_photo(page)]
    if floor is not None and floor.reasons:
        # The service's own sentence has figures in it that say nothing to a visitor.
        return " ".join(photo.doubt(reason) for reason in floor.reasons)
    # That nothing is close `trouble` says, with its cure; the band's title names the equals.
    return "" if page.nothing_close or _equals(page) > 1 else page.verdict or ""


def _equals(page: SearchPage) -> int:
    """Returns how many of the first stand in a band of their own; 0: none."""
    return 0 if page.nothing_close or page.equals > MOST_EQUALS else page.equals


def _cards(now: Visit, answer: Answer) -> list[dict[str, Any]]:
    page = answer.page
    return [
        facts.card(match)
        | {
            "verdict": page.feedback.get(match.id),
            "compared": match.id in now.compared,
            "listed": match.id in now.shortlist,
            "liked": match.id in page.query.like,
            "unliked": match.id in page.query.unlike,
        }
        for match in answer.matches
    ]


def prefer(product_id: str | None, what: str) -> None:
    """Asks for more or less like a product (`what`: "like" or "unlike"); again takes it back."""
    if product_id is None or visit.current().answer is None:
        return
    other = "unlike" if what == "like" else "like"
    changes = {what: visit.toggle(visit.asked(what), product_id)}
    if product_id in visit.asked(other):
        changes[other] = visit.toggle(visit.asked(other), product_id)
    visit.ask(**changes)


def _event(name: str) -> Any:
    event = st.session_state["cards"].get(name)
    if event is not None:
        st.session_state["cards_turn"] = st.session_state.get("cards_turn", 0) + 1
    return event


def _open() -> None:
    event = _event("open")
    if event:
        product.open_card(event["id"], event.get("part"))


def _compare() -> None:
    if one := _event("compare"):
        visit.compare(one)


def _shortlist() -> None:
    if one := _event("shortlist"):
        visit.put_aside(one)


def _group() -> None:
    wanted = _event("group")
    if wanted is not None:
        visit.ask(group="design" if wanted else None)


def _more() -> None:
    if _event("more"):
        visit.ask_more()
