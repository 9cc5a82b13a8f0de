"""Comparisons of products with the floor, for the opened card and for the table.

Each takes the service about as long as a search. So it is asked for once, and kept for both.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from floorlens.client.answers import Comparison, SearchPage
from floorlens.errors import FloorlensError
from floorlens.ui import asking, visit

MOST_KEPT = 12
"""Comparisons that a visit keeps: more than a table and a card show at once."""

_Kept = dict[tuple[str, str], Comparison | None]


def is_due(search: str | None, product_id: str) -> bool:
    """Returns whether a comparison is still to be asked for; a search that is not kept has none."""
    return search is not None and (search, product_id) not in _kept()


def comparison(search: str | None, product_id: str) -> Comparison | None:
    """Returns a comparison that was asked for; None where it could not be had."""
    return None if search is None else _kept().get((search, product_id))


def ask(page: SearchPage, product_id: str) -> None:
    """Asks the service for a comparison with the photo that is shown, and keeps what it answers."""
    search = page.id
    if search is None:
        return
    try:
        answer = asking.client().compare(search, product_id, photo=visit.shown_photo(page))
    except FloorlensError:
        answer = None
    kept = _kept()
    kept[search, product_id] = answer
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)))


def retry(search: str | None, product_ids: Collection[str]) -> None:
    """Has comparisons that could not be had asked for again: they may be there now."""
    kept = _kept()
    for one in product_ids:
        if search is not None and (search, one) in kept and kept[search, one] is None:
            del kept[search, one]


def _kept() -> _Kept:
    kept: _Kept = st.session_state.setdefault("comparisons", {})
    return kept
