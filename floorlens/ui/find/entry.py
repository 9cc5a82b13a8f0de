"""The first screen: what it does, where a photo comes in, the sample rooms, the privacy line."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from floorlens.client.answers import Status
from floorlens.errors import FloorlensError
from floorlens.settings import Settings
from floorlens.ui import asking, texts, visit
from floorlens.ui.addresses import MARK, PREFIX, room_address
from floorlens.ui.components import element
from floorlens.ui.photos import PHOTOS, PhotosFull
from floorlens.ui.rooms import sample_photo, sample_rooms
from floorlens.ui.states import Problem, problem_of
from floorlens.ui.visit import Visit

AGAIN_SECONDS = 3.0
_HOURS_OF_DAYS = 48
_ENTRY = element("entry")


def show(now: Visit) -> None:
    """Shows the first screen, with the problem of the last photo if it had one."""
    problem, status = now.problem, None
    try:
        status = asking.service_status()
    except FloorlensError as error:
        problem = problem or problem_of(error, photo=False)
    if problem is None and status is not None and status.products == 0:
        problem = Problem(
            "catalogue-empty", texts.EMPTY_CATALOGUE, texts.EMPTY_CATALOGUE_CURE, True, True
        )
    st.html(
        f'<div class="fl-hero"><h1>{escape(texts.HEADING)}</h1><p>{escape(texts.LINE)}</p></div>'
    )
    rooms = sample_rooms()
    settings = asking.settings()
    _show_element(
        settings if status is None else _of(settings, status),
        {
            "compact": False,
            "problem": None
            if problem is None
            # The element shows plain text.
            else [problem.title, problem.text.replace("`", ""), problem.passes],
            "samples": [
                {
                    "name": room.name,
                    "title": room.title,
                    "alt": texts.SAMPLE_ALT.format(title=room.title),
                    "picture": room_address(room.name),
                }
                for room in rooms
            ],
            "privacy": privacy(status),
            "count": ""
            if status is None or not status.products
            else texts.COUNT.format(count=f"{status.products:,}"),
        },
    )
    if problem is not None and problem.passes:
        _look_again()


def show_other_photo() -> None:
    """Shows a button for another photo; one can be dropped or pasted here as well."""
    with st.container(key="other-photo"):
        _show_element(asking.settings(), {"compact": True})


def _of(settings: Settings, status: Status) -> Settings:
    """Returns the settings with the limits of the service that is asked."""
    return settings.model_copy(update={"max_upload_mb": status.max_upload_mb})


def _show_element(settings: Settings, data: Mapping[str, Any]) -> None:
    megabytes = f"{settings.max_upload_mb:g}"
    _ENTRY(
        key="entry",
        data={
            "address": f"{PREFIX}/photos?search=1",
            "mark": MARK,
            "bytes": int(settings.max_upload_mb * 1e6),
            "megabytes": megabytes,
            "echo": st.session_state.get("photo-echo"),
            "texts": {
                "drop": texts.DROP,
                "dropTouch": texts.DROP_TOUCH,
                "dropAnywhere": texts.DROP_ANYWHERE,
                "paste": texts.PASTE,
                "choose": texts.CHOOSE,
                "camera": texts.CAMERA,
                "other": texts.OTHER_PHOTO,
                "home": texts.FIRST_SCREEN,
                "samples": texts.SAMPLES,
                "noSamples": texts.NO_SAMPLES,
                "formats": texts.FORMATS.format(megabytes=megabytes),
                "uploading": texts.UPLOADING,
                "looking": texts.WORKING_TITLE,
                "chosen": texts.PHOTO_CHOSEN,
                "empty": texts.REFUSED_EMPTY,
                "kind": texts.REFUSED_KIND,
                "size": texts.REFUSED_SIZE,
                "connection": texts.REFUSED_LINE,
                "busy": texts.REFUSED_BUSY,
            },
            **data,
        },
        on_photo_change=_take_photo,
        on_sample_change=_take_sample,
        on_home_change=visit.leave,
    )


def privacy(status: Status | None) -> str:
    """Returns what becomes of a photo, as far as the service says it."""
    if status is None:
        return texts.PRIVACY
    if status.keep_hours == 0:
        return f"{texts.PRIVACY} {texts.PRIVACY_NOT_KEPT}"
    hours = status.keep_hours
    if hours >= _HOURS_OF_DAYS:
        time = texts.DAYS.format(count=f"{hours / 24:.3g}")
    elif hours == 24:
        time = texts.DAY
    else:
        time = texts.HOUR if hours == 1 else texts.HOURS.format(count=f"{hours:.3g}")
    return f"{texts.PRIVACY} {texts.PRIVACY_KEPT.format(time=time)}"


def _take_photo() -> None:
    event = st.session_state["entry"].get("photo")
    if event:
        st.session_state["photo-echo"] = event["token"]
        visit.begin(event["token"])


def _take_sample() -> None:
    photo = sample_photo(st.session_state["entry"].get("sample") or "")
    if photo is None:
        return
    try:
        visit.begin(PHOTOS.put(photo))
    except PhotosFull:
        title, text = texts.REFUSED_BUSY
        visit.change(problem=Problem("busy", title, text, False, False))


@st.fragment(run_every=AGAIN_SECONDS)
def _look_again() -> None:
    """Shows the first screen anew as soon as the service is back, or has products."""
    try:
        status = asking.service_status()
    except FloorlensError:
        return
    if status is None or status.products:
        st.rerun()
