"""The photo with its floor drawn on it, and the correction in place."""

from __future__ import annotations

from typing import Any

import streamlit as st

from floorlens.client.answers import Floor
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


def show(now: Visit, key: str = "photo") -> None:
    """Shows the photo; twice in one run, before and after the answer, by two keys."""
    floor = None if now.answer is None else now.answer.page.floors[0]
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
            "facts": "" if floor is None else texts.FLOOR_SHARE.format(share=f"{floor.share:.0%}"),
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


def _source(now: Visit) -> str | None:
    """Returns where the photo lies; of a refined search at the first one, so that it stays."""
    if now.photo is not None:
        return photo_address(now.photo)
    opening = now.wish if now.wish is not None and now.wish.kind == "open" else None
    search = now.picture if opening is None else opening.changes["search"]
    return None if search is None else search_photo_address(search)


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
        query = now.answer.page.query
        region = query.region[0]
        clicks = [(click.x, click.y, click.floor) for click in query.clicks[0]]
    wish = now.wish or (now.unmet if now.answer is None else None)
    changes = {} if wish is None else wish.changes
    return changes.get("region", region), changes.get("clicks", clicks)


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
    visit.ask(**changes)
