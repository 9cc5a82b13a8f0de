"""What one visitor has on the page: a photo, what was asked of it, the answer so far.

All of it lies in `st.session_state` as one frozen `Visit`. The address of the page names the
search, so that a reload or a shared link brings it back from the service; a step back or forward in
the browser, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from floorlens.client.answers import Match, SearchFacets, SearchPage
from floorlens.ui import texts
from floorlens.ui.early import EARLY_SEARCHES
from floorlens.ui.photos import PHOTOS
from floorlens.ui.states import Problem

MOST_STEPS = 20
"""Answers to go back to, at most."""
MOST_COMPARED = 4
MOST_LISTED = 24
"""Products on the shortlist: their ids are in the address."""


@dataclass(frozen=True)
class Wish:
    """What the visitor asked for, until the service has answered it.

    Attributes:
        kind: search: the photo; refine: the same search with `changes`; open: the search of the
            id `changes["search"]`; more: the next page.
        changes: keywords of `Client.refine`.
    """

    kind: Literal["search", "refine", "open", "more"]
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A ranking as far as the page has it.

    Attributes:
        page: the latest page of it that was asked for.
        matches: of all pages so far.
        next_cursor: for the next page; None after the last one.
        facets: what it can be narrowed by; None: not asked for yet.
    """

    page: SearchPage
    matches: tuple[Match, ...]
    next_cursor: str | None
    facets: SearchFacets | None = None


@dataclass(frozen=True)
class Visit:
    """What one visitor has.

    Attributes:
        photo: the token of the photo while only the page has it; None: none, or the service does.
        preview: the token by which the visitor's browser has the photo itself; None: it has not.
        picture: the id of the search whose photo is shown: its refinements have the same photo.
        wish: what is still to be answered.
        answer: what is shown.
        earlier: answers before it, the latest last: to take a correction back.
        problem: why the last wish failed.
        unmet: the wish that failed for good.
        product: the id of the product whose card is open.
        compared: ids of products to compare.
        comparing: whether the table of them is open.
        shortlist: ids of products that were put aside.
    """

    photo: str | None = None
    preview: str | None = None
    picture: str | None = None
    wish: Wish | None = None
    answer: Answer | None = None
    earlier: tuple[Answer, ...] = ()
    problem: Problem | None = None
    unmet: Wish | None = None
    product: str | None = None
    compared: tuple[str, ...] = ()
    comparing: bool = False
    shortlist: tuple[str, ...] = ()


def shown_photo(page: SearchPage) -> int:
    """Returns which photo of a search is shown, from 0: the first with a floor.

    The page searches with one photo; other programs may search with several, and share the link.
    """
    return next((number for number, floor in enumerate(page.floors) if floor is not None), 0)


def current() -> Visit:
    """Returns the visit."""
    visit: Visit = st.session_state.setdefault("visit", Visit())
    return visit


def change(**fields: Any) -> Visit:
    """Changes fields of the visit, and returns it."""
    visit = replace(current(), **fields)
    st.session_state["visit"] = visit
    return visit


def address_counts() -> bool:
    """Returns whether the address of the page says what to show.

    It does when the page is opened, and when the visitor goes back or forward in the browser.
    Otherwise what the visit has counts: what is clicked may come before the browser has the address
    of the latest answer, and then it brings that of the answer before. Streamlit takes a step back
    with a click right after it for the click alone.
    """
    run = get_script_run_ctx()
    return "visit" not in st.session_state or (run is not None and run.is_history_navigation)


def begin(photo: str) -> None:
    """Begins anew with a photo that the page has; what was put aside stays."""
    _forget()
    st.session_state["visit"] = Visit(
        photo=photo, preview=photo, wish=Wish("search"), shortlist=current().shortlist
    )
    st.query_params.pop("search", None)


def ask(**changes: Any) -> None:
    """Asks for the same search with changes, keywords of `Client.refine`.

    What is still to be answered is asked for along with them.
    """
    now = current()
    # Without an answer, what failed is asked for along with them as well: there is no other query.
    pending = now.wish or (now.unmet if now.answer is None else None)
    if pending is not None and pending.kind in ("search", "refine"):
        change(wish=Wish(pending.kind, {**pending.changes, **changes}), problem=None, unmet=None)
    else:
        change(wish=Wish("refine", changes), problem=None, unmet=None)


def asked(name: str) -> Any:
    """Returns what is asked of a keyword of `Client.refine`, what is still to be answered included.

    Two quick taps must not take each other back.
    """
    now = current()
    pending = {} if now.wish is None else now.wish.changes
    if name in pending or now.answer is None:
        return pending.get(name)
    return getattr(now.answer.page.query, name)


def ask_more() -> None:
    """Asks for the next page; of a ranking that is about to change there is none."""
    now = current()
    if now.wish is None or now.wish.kind == "more":
        change(wish=Wish("more"), problem=None, unmet=None)


def ask_again() -> None:
    """Asks once more for what failed."""
    visit = current()
    change(wish=visit.unmet or visit.wish, problem=None, unmet=None)


def go_back() -> None:
    """Shows the answer before this one; the service is asked nothing.

    A wish that is still to be answered is taken back alone.
    """
    visit = current()
    if visit.answer is not None and visit.wish is not None:
        change(wish=None, problem=None, unmet=None)
    elif visit.earlier:
        answer = visit.earlier[-1]
        change(answer=answer, earlier=visit.earlier[:-1], wish=None, problem=None, unmet=None)
        name(answer)


def leave() -> None:
    """Goes back to the first screen; what was put aside stays."""
    _forget()
    st.session_state["visit"] = Visit(shortlist=current().shortlist)
    st.query_params.pop("search", None)


def store(visit: Visit) -> None:
    """Makes this the visit, and has the address of the page name its search.

    Streamlit may end the run here: only what the visit no longer has is forgotten, and after it.
    """
    photo = current().photo
    st.session_state["visit"] = visit
    if photo is not None and photo != visit.photo:
        _drop(photo)
    if visit.answer is not None:
        name(visit.answer)


def name(answer: Answer | None) -> None:
    """Has the address of the page name the search, so that a reload brings it back."""
    if answer is None or answer.page.id is None:
        st.query_params.pop("search", None)
    elif st.query_params.get("search") != answer.page.id:
        st.query_params["search"] = answer.page.id


def _drop(photo: str) -> None:
    PHOTOS.drop(photo)
    EARLY_SEARCHES.drop(photo)


def _forget() -> None:
    photo = current().photo
    if photo is not None:
        _drop(photo)


def compare(product_id: str) -> None:
    """Puts a product into the tray of those to compare, or takes it out again."""
    now = current()
    change(compared=_last(toggle(now.compared, product_id), MOST_COMPARED, texts.TRAY_FULL))


def put_aside(product_id: str) -> None:
    """Puts a product on the shortlist, or takes it off again."""
    now = current()
    change(shortlist=_last(toggle(now.shortlist, product_id), MOST_LISTED, texts.SHORTLIST_FULL))


def _last(ids: tuple[str, ...], most: int, text: str) -> tuple[str, ...]:
    """Returns the last of some ids, and says so where that leaves one out."""
    if len(ids) > most:
        st.toast(text.format(most=most))
    return ids[-most:]


def toggle(ids: tuple[str, ...], product_id: str) -> tuple[str, ...]:
    """Returns ids without one of them, or with it at the end."""
    if product_id in ids:
        return tuple(one for one in ids if one != product_id)
    return (*ids, product_id)
