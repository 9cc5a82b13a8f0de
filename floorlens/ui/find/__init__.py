"""The page "Find a floor": a photo, the floor drawn on it, the products ranked for it.

```
entry       the first screen: drop, paste, camera, sample rooms; and another photo later
progress    what the service does with a photo, stage by stage
trouble     what is amiss, with its cure
photo       the photo with its floor, and the correction in place
briefs      products in short, beside the ranking
refining    what narrows the ranking, and what counts in it
comparing   up to four products beside the floor
comparisons of products with the floor, for table and card
sharing     how many pass, the link, files, the shortlist
matches     the ranked products as cards
product     an opened card: floor and product side by side
facts       what is known of a product, as texts
```
"""

from __future__ import annotations

from collections.abc import Callable

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
    now, frame = visit.current(), None
    if now.wish is not None and now.problem is None:
        # What is there already stays on the screen meanwhile.
        now, frame = _ask(now)
    if _at_start(now):
        if frame is not None:
            st.rerun()
        entry.show(now)
        sharing.show(now)
        return
    frame = frame or _Frame()
    frame.waiting.empty()
    with frame.photo.container():
        photo.show(now)
        if now.photo is not None:
            _touch()
    with frame.results:
        if now.problem is not None:
            trouble.show(now)
        if now.answer is not None:
            trouble.show_doubts(now)
            above = st.container(key="above-cards")
            with above:
                sharing.show(now)
            matches.show(now)
            # The chips are sent after the cards: what they show has to be asked for.
            facets = refining.search_facets(now.answer)
            with above:
                refining.show(now, facets)
    product.show(now)
    comparing.show(now)


class _Frame:
    """The places of the photo and of the results, and a button for another photo."""

    def __init__(self) -> None:
        entry.show_other_photo()
        left, right = st.columns([5, 7], gap="large")
        with left, st.container(key="floor-photo"):
            self.photo = st.empty()
        with right:
            self.results = st.container(key="floor-results")
        with self.results:
            self.waiting = st.empty()


def _at_start(now: Visit) -> bool:
    """Returns whether there is nothing yet but the first screen."""
    if now.answer is not None:
        return False
    return now.wish is None and now.photo is None


def _follow_address() -> None:
    """Shows what the address names where that counts, else has it name what is shown."""
    counts = visit.address_counts()
    _follow_search(counts)
    product.follow_address(counts)
    comparing.follow_address(counts)
    sharing.follow_address()


def _follow_search(counts: bool) -> None:
    now, named = visit.current(), st.query_params.get("search")
    shown = None if now.answer is None else now.answer.page.id
    if now.wish is not None or named == shown:
        return
    if not counts:
        # The link to a search that could not be opened stays, so that a reload tries it again.
        if now.unmet is None or now.unmet.kind != "open":
            visit.name(now.answer)
        return
    if named is None:
        visit.leave()
        return
    for place, earlier in enumerate(now.earlier):
        if earlier.page.id == named:
            visit.change(answer=earlier, earlier=now.earlier[:place], problem=None, unmet=None)
            return
    visit.change(wish=Wish("open", {"search": named}), problem=None, unmet=None)


def _ask(now: Visit) -> tuple[Visit, _Frame | None]:
    """Asks the service for the visitor's wish.

    Returns the visit after it, and where an answer is to stand, if it took so long that what the
    service does was shown there.
    """
    frame: _Frame | None = None
    show_stage: Callable[[str], None] | None = None
    kind = "search" if now.wish is None else now.wish.kind

    def begin(stage: str) -> None:
        nonlocal frame, show_stage
        if show_stage is None:
            frame = _Frame()
            with frame.photo.container():
                photo.show(now, key="photo-waiting")
            with frame.waiting:
                show_stage = progress.show(kind)
        show_stage(stage)

    after = asking.answered(now, begin if now.answer is None else None)
    visit.store(after)
    return after, frame


@st.fragment(run_every=TOUCH_SECONDS)
def _touch() -> None:
    """Keeps a photo that only the page has, as long as the visitor is there."""
    token = visit.current().photo
    if token is not None:
        PHOTOS.get(token)
