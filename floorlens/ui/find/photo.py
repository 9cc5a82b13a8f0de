"""The photo with its floor drawn on it, and the correction in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from floorlens.client.answers import ClickOfQuery, Floor, SearchPage
from floorlens.ui import asking, texts, visit
from floorlens.ui.addresses import photo_address, search_photo_address
from floorlens.ui.components import element
from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit

_PHOTO = element("photo", "nodes")
_MODES = {
    "add": texts.TAP_ADD,
    "remove": texts.TAP_REMOVE,
    "box": texts.BOX,
    "outline": texts.POLYGON,
}
_BY_PHOTO = ("region", "clicks")


def show(now: Visit, key: str = "photo") -> None:
    """Shows the photo; twice in one run, before and after the answer, by two keys."""
    page = None if now.answer is None else now.answer.page
    floor = None if page is None else page.floors[visit.shown_photo(page)]
    size = _size(now, floor)
    region, clicks = _asked(now)
    _PHOTO(
        key=key,
        data={
            "source": _source(now),
            "kept": now.photo is None,
            "preview": now.preview,
            "size": size,
            "polygons": [] if floor is None else floor.polygons,
            "clicks": clicks,
            "echo": st.session_state.get("floor-echo"),
            "busy": now.wish is not None,
            "drawn": floor is None and size is not None,
            "undo": bool(now.earlier),
            "reset": region is not None or bool(clicks),
            "alt": texts.PHOTO_PLAIN_ALT if floor is None else texts.PHOTO_ALT,
            "facts": _facts(page, floor),
            "doubts": [] if floor is None else [doubt(reason) for reason in floor.reasons],
            "texts": {
                "correct": texts.CORRECT,
                "draw": texts.DRAW,
                "tools": texts.TOOLS,
                "modes": _MODES,
                "hints": texts.HINTS,
                "close": texts.CLOSE_OUTLINE,
                "undo": texts.UNDO,
                "reset": texts.RESET,
                "enlarge": texts.ENLARGE,
                "done": texts.DONE,
                "opacity": texts.OPACITY,
                "doubtful": texts.DOUBTFUL,
            },
        },
        on_floor_change=_correct,
        on_undo_change=visit.go_back,
    )


def doubt(reason: str) -> str:
    """Returns why a floor is doubtful, in the page's own words."""
    kind, _, text = reason.partition(": ")
    return texts.DOUBTS.get(kind, text[:1].upper() + text[1:] if text else reason)


def _facts(page: SearchPage | None, floor: Floor | None) -> str:
    parts = []
    if floor is not None:
        parts.append(texts.FLOOR_SHARE.format(share=f"{floor.share:.0%}"))
    if page is not None and len(page.floors) > 1:
        number = visit.shown_photo(page) + 1
        parts.append(texts.PHOTO_OF.format(number=number, count=len(page.floors)))
    return " · ".join(parts)


def _source(now: Visit) -> str | None:
    """Returns where the photo lies; of a refined search at the first one, so that it stays."""
    if now.photo is not None:
        return photo_address(now.photo)
    opening = now.wish if now.wish is not None and now.wish.kind == "open" else None
    search = now.picture if opening is None else opening.changes["search"]
    page = None if now.answer is None or opening is not None else now.answer.page
    number = 0 if page is None else visit.shown_photo(page)
    return None if search is None else search_photo_address(search, number)


def _size(now: Visit, floor: Floor | None) -> tuple[int, int] | None:
    """Returns the size of the photo, in whose pixels the floor is drawn; None: not known yet."""
    if floor is not None:
        return floor.photo_size
    if now.photo is None or now.wish is not None:
        return None
    settings = asking.settings()
    return PHOTOS.size(
        now.photo, max_megapixels=settings.max_megapixels, seconds=settings.picture_seconds
    )


def _asked(now: Visit) -> tuple[Any, list[tuple[float, float, bool]]]:
    """Returns the region and the clicks that are asked for, or were."""
    region: Any = None
    clicks: list[tuple[float, float, bool]] = []
    if now.answer is not None:
        query, number = now.answer.page.query, visit.shown_photo(now.answer.page)
        region = query.region[number]
        clicks = _points(query.clicks[number])
    wish = now.wish or (now.unmet if now.answer is None else None)
    changes = {} if wish is None else wish.changes
    if now.answer is not None and len(now.answer.page.floors) > 1:
        changes = {name: value[number] for name, value in changes.items() if name in _BY_PHOTO}
    return changes.get("region", region), changes.get("clicks", clicks)


def _points(clicks: Sequence[ClickOfQuery]) -> list[tuple[float, float, bool]]:
    return [(click.x, click.y, click.floor) for click in clicks]


def _correct() -> None:
    change = st.session_state["photo"].get("floor")
    if not change:
        return
    st.session_state["floor-echo"] = change["n"]
    changes: dict[str, Any] = {}
    if "region" in change:
        changes["region"] = change["region"]
    if "clicks" in change:
        changes["clicks"] = [(x, y, bool(floor)) for x, y, floor in change["clicks"]]
    answer = visit.current().answer
    if answer is not None and len(answer.page.floors) > 1:
        changes = {name: _of_each(answer.page, name, value) for name, value in changes.items()}
    visit.ask(**changes)


def _of_each(page: SearchPage, name: str, value: Any) -> list[Any]:
    """Returns a wish for each photo of a search: a new one for that which is shown."""
    asked = visit.asked(name)
    each = list(asked)
    if asked is page.query.clicks:
        each = [_points(clicks) for clicks in page.query.clicks]
    each[visit.shown_photo(page)] = value
    return each
