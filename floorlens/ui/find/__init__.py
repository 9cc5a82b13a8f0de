"""The page "Find a floor": a photo, the floor drawn on it, the products ranked for it.

```
entry     the first screen: drop, paste, camera, sample rooms
photo     the photo with its floor, and the correction in place
matches   the ranked products as cards
product   an opened card: floor and product side by side
facts     what is known of a product, as texts
```
"""

from __future__ import annotations

import streamlit as st

from floorlens.ui import asking, texts, visit
from floorlens.ui.find import entry, matches, photo, product
from floorlens.ui.visit import Visit, Wish

AGAIN_SECONDS = 3.0


def show() -> None:
    """Shows the page."""
    _follow_address()
    place = st.container()
    now = visit.current()
    if now.wish is not None:
        now = _ask(now, place)
    if now.problem is not None:
        _show_problem(now)
    if now.answer is None and not (now.photo and now.problem and now.problem.keeps_photo):
        entry.show()
        return
    left, right = st.columns([5, 7], gap="large")
    with left:
        photo.show(now)
    with right:
        if now.answer is not None:
            matches.show(now)
    product.show(now)


def _follow_address() -> None:
    """Opens the search that the address names, after a reload or from a shared link."""
    product.follow_address()
    now, named = visit.current(), st.query_params.get("search")
    shown = None if now.answer is None else now.answer.page.id
    if named and named != shown and now.wish is None and now.problem is None:
        visit.change(wish=Wish("open", {"search": named}))


def _ask(now: Visit, place: st.delta_generator.DeltaGenerator) -> Visit:
    """Asks the service for the visitor's wish, and says on the way what it is doing."""
    with place:
        status = st.empty()

        def progress(stage: str) -> None:
            status.caption(f"{texts.STAGES.get(stage, texts.WORKING)} …")

        now = asking.answered(now, progress)
        status.empty()
    st.session_state["visit"] = now
    if now.answer is not None and now.answer.page.id is not None:
        st.query_params["search"] = now.answer.page.id
    return now


def _show_problem(now: Visit) -> None:
    problem = now.problem
    if problem is None:
        return
    st.error(f"**{problem.title}**\n\n{problem.text}")
    if problem.passes:
        _ask_again()


@st.fragment(run_every=AGAIN_SECONDS)
def _ask_again() -> None:
    """Asks again until the service is back; the rest of the page stays usable."""
    now = asking.answered(visit.current())
    st.session_state["visit"] = now
    if now.problem is None or not now.problem.passes:
        st.rerun()
