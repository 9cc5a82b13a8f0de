"""The page "Find a floor": a photo, the floor drawn on it, the products ranked for it.

```
entry     the first screen: drop, paste, camera, sample rooms; and another photo later
progress  what the service does with a photo, stage by stage
trouble   what is amiss, with its cure
photo     the photo with its floor, and the correction in place
briefs    products in short, beside the ranking
refining  what narrows the ranking, and what counts in it
comparing up to four products beside the floor
sharing   how many pass, the link, files, the shortlist
matches   the ranked products as cards
product   an opened card: floor and product side by side
facts     what is known of a product, as texts
```
"""

from __future__ import annotations

import streamlit as st

from floorlens.ui import asking, visit
from floorlens.ui.find import (
    comparing,
    entry,
    matches,
    photo,
    product,
    progress,
    refining,
    sharing,
    trouble,
)
from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit, Wish

TOUCH_SECONDS = 600.0
"""So often a photo that only the page has is touched while somebody looks at it."""


def show() -> None:
    """Shows the page."""
    _follow_address()
    now = visit.current()
    if now.wish is not None and now.answer is not None and now.problem is None:
        # What is there already stays on the screen meanwhile.
        now = _ask(now, None)
    if _at_start(now):
        entry.show(now)
        sharing.show(now)
        return
    entry.show_other_photo()
    left, right = st.columns([5, 7], gap="large")
    with left, st.container(key="floor-photo"):
        place = st.empty()
    with right, st.container(key="floor-results"):
        if now.answer is None and now.problem is None:
            with place.container():
                photo.show(now, key="photo-waiting")
            waiting = st.empty()
            now = _ask(now, waiting)
            if _at_start(now):
                st.rerun()
            waiting.empty()
        with place.container():
            photo.show(now)
            if now.photo is not None:
                _touch()
        if now.problem is not None:
            trouble.show(now)
        if now.answer is not None:
            trouble.show_doubts(now)
            sharing.show(now)
            chips = st.container()
            matches.show(now)
            # Above the cards, and after them: what it shows has to be asked for first.
            with chips:
                refining.show(now)
    product.show(now)
    comparing.show(now)


def _at_start(now: Visit) -> bool:
    """Returns whether there is nothing yet but the first screen."""
    if now.answer is not None:
        return False
    return now.wish is None and now.photo is None


def _follow_address() -> None:
    """Opens the search that the address names: after a reload, from a link, by the back button."""
    product.follow_address()
    comparing.follow_address()
    sharing.follow_address()
    now, named = visit.current(), st.query_params.get("search")
    shown = None if now.answer is None else now.answer.page.id
    came_back = st.session_state.pop("elsewhere", False)
    if now.wish is not None or named == shown:
        return
    if named is None:
        if now.answer is None:
            return
        if came_back:
            visit.name(now.answer)
        elif shown is not None:
            visit.leave()
        return
    wish = Wish("open", {"search": named})
    if now.unmet == wish:
        return
    for place, earlier in enumerate(now.earlier):
        if earlier.page.id == named:
            visit.change(answer=earlier, earlier=now.earlier[:place], problem=None, unmet=None)
            return
    visit.change(wish=wish, problem=None, unmet=None)


def _ask(now: Visit, place: st.delta_generator.DeltaGenerator | None) -> Visit:
    """Asks the service for the visitor's wish, and says on the way what it is doing."""
    if place is None or now.wish is None:
        now = asking.answered(now)
    else:
        with place:
            show_stage = progress.show(now.wish.kind)
        now = asking.answered(now, show_stage)
    visit.store(now)
    return now


@st.fragment(run_every=TOUCH_SECONDS)
def _touch() -> None:
    """Keeps a photo that only the page has, as long as the visitor is there."""
    token = visit.current().photo
    if token is not None:
        PHOTOS.get(token)
