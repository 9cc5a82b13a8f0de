"""The first screen: what it does, where a photo comes in, the sample rooms, the privacy line."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from floorlens.demo.samples import samples
from floorlens.errors import InputError
from floorlens.settings import load_settings
from floorlens.ui import texts, visit
from floorlens.ui.components import element
from floorlens.ui.photos import PHOTOS
from floorlens.ui.server import MARK, PREFIX

_ENTRY = element("entry")


def show() -> None:
    """Shows the first screen."""
    settings = load_settings()
    _ENTRY(
        key="entry",
        data={
            "address": f"{PREFIX}/photos",
            "mark": MARK,
            "megabytes": settings.max_upload_mb,
            "samples": [{"name": name, "title": title} for title, name in sample_rooms()],
            "texts": {
                "line": texts.LINE,
                "drop": texts.DROP,
                "choose": texts.CHOOSE,
                "camera": texts.CAMERA,
                "samples": texts.SAMPLES,
                "privacy": texts.PRIVACY,
            },
        },
        on_photo_change=_take_photo,
        on_sample_change=_take_sample,
    )


def _take_photo() -> None:
    event = st.session_state["entry"].get("photo")
    if event:
        visit.begin(event["token"])


def _take_sample() -> None:
    name = st.session_state["entry"].get("sample")
    rooms = {file: samples() / "rooms" / file for _, file in sample_rooms()}
    if name in rooms:
        visit.begin(PHOTOS.put(rooms[name].read_bytes()))


def sample_rooms() -> list[tuple[str, str]]:
    """Returns some sample rooms as (title, file name); none if this installation has no samples."""
    try:
        photos = sorted((samples() / "rooms").glob("*.jpg"))
    except InputError:
        return []
    # "hall-chevron" would give the product away: the title is the kind of room.
    kinds: dict[str, Path] = {photo.stem.split("-")[0]: photo for photo in reversed(photos)}
    return [(kind.capitalize(), kinds[kind].name) for kind in sorted(kinds)]
