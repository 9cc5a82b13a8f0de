"""The page "Several rooms": many photos at once, each searched after the other, as one table.

The photos stay in the browser; the page has one at a time. What was found stays in the address.

```
rooms   what there is of each photo: its place in the queue, its answer, its problem
table   the answers as CSV and XLSX
```
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from floorlens.client.answers import SearchPage
from floorlens.demo.samples import samples
from floorlens.errors import FloorlensError, InputError
from floorlens.ui import asking, texts
from floorlens.ui.addresses import MARK, PREFIX, address, search_photo_address
from floorlens.ui.batch import table
from floorlens.ui.batch.rooms import Batch, Room
from floorlens.ui.components import element
from floorlens.ui.markdown import plain
from floorlens.ui.photos import PHOTOS
from floorlens.ui.states import problem_of
from floorlens.ui.visit import shown_photo

MOST = 50
"""Photos at a time."""
TOP = 10
"""Matches of a room that can be downloaded."""
SHOWN = 3
AGAIN_SECONDS = 3.0
_DROP = element("several", "nodes", "drop")
_ROOMS = element("rooms", "nodes")


def show() -> None:
    """Shows the page."""
    st.title(texts.BATCH)
    batch = _batch()
    now = None if batch.stopped else batch.next_task()
    if not batch.rooms:
        st.write(texts.BATCH_LINE)
    _drop(batch, now)
    if not batch.rooms:
        st.caption(texts.PRIVACY)
        _offer_samples(batch)
        return
    st.progress(batch.done / len(batch.rooms), _progress_text(batch, now))
    _buttons(batch)
    _ROOMS(
        key="rooms",
        data={
            "rooms": [_row(room, room is now) for room in batch.rooms],
            "texts": texts.ROOM_TABLE,
        },
    )
    _downloads(batch)
    if now is None or not now.can_be_asked:
        return
    if batch.waits is not None:
        st.warning(f"**{batch.waits.title}**\n\n{texts.BATCH_WAITS}")
        _ask_again()
        return
    _ask(batch, now)
    st.rerun()


def _batch() -> Batch:
    batch = st.session_state.get("batch")
    if not isinstance(batch, Batch):
        batch = st.session_state["batch"] = Batch()
        for number, search in enumerate(_ids(st.query_params.get("rooms", "")), start=1):
            batch.rooms.append(
                Room(f"search-{number}", texts.ROOM_NAME.format(number=number), search=search)
            )
    return batch


def _ids(text: str) -> list[str]:
    return [one for one in text.split(".") if one][:MOST]


# -- photos come in ----------------------------------------------------------------------------


def _drop(batch: Batch, now: Room | None) -> None:
    megabytes = asking.settings().max_upload_mb
    _DROP(
        key="several",
        data={
            "address": f"{PREFIX}/photos",
            "mark": MARK,
            "megabytes": megabytes,
            "most": max(MOST - len(batch.rooms), 0),
            "next": now.number if now is not None and not now.can_be_asked else None,
            "compact": bool(batch.rooms),
            "texts": texts.SEVERAL
            | {
                "formats": texts.FORMATS.format(megabytes=f"{megabytes:g}"),
                "most": texts.SEVERAL["most"].format(most=MOST),
            },
        },
        on_files_change=_take_files,
        on_photo_change=_take_photo,
        on_refusal_change=_take_refusal,
    )


def _event(name: str) -> Any:
    return st.session_state["several"].get(name)


def _take_files() -> None:
    batch = _batch()
    for file in _event("files") or ():
        if len(batch.rooms) < MOST:
            batch.rooms.append(Room(file["number"], file["name"]))
    batch.stopped = False


def _take_photo() -> None:
    event = _event("photo")
    room = None if not event else _batch().room(event["number"])
    if room is not None:
        room.token = event["token"]


def _take_refusal() -> None:
    event = _event("refusal")
    room = None if not event else _batch().room(event["number"])
    if room is not None:
        room.problem = problem_of(_Refused(event["code"]))


class _Refused(FloorlensError):
    """The browser could not send a photo."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


def _offer_samples(batch: Batch) -> None:
    try:
        files = sorted((samples() / "rooms").glob("*.jpg"))
    except InputError:
        return
    if files:
        st.button(
            texts.BATCH_SAMPLES.format(count=len(files)),
            on_click=_take_samples,
            args=(batch, files),
        )


def _take_samples(batch: Batch, files: list[Path]) -> None:
    # "hall-chevron" would give the product away: the name is the kind of room.
    batch.rooms += [
        Room(f"sample-{file.name}", file.stem.split("-")[0].capitalize(), file=file)
        for file in files
    ]


# -- one after the other -----------------------------------------------------------------------


def _ask(batch: Batch, room: Room) -> None:
    """Asks the service about one room; only what passes by itself leaves it in the queue.

    The answer goes into the room at once: Streamlit may end this run at its next own call.
    """
    client = asking.client()
    try:
        if room.search is not None:
            room.page = client.get_search(room.search, limit=TOP)
        elif (photo := _photo(room)) is not None:
            room.page = client.search(photo, limit=TOP)
            room.search = room.page.id
        else:
            # The page had to let the photo go: the browser sends it again.
            room.token = None
            return
    except FloorlensError as error:
        problem = problem_of(error)
        batch.waits = problem if problem.passes else None
        if problem.passes:
            return
        room.problem = problem
    batch.waits = None
    if room.token is not None:
        PHOTOS.drop(room.token)
        room.token = None
    _keep_in_address(batch)


def _photo(room: Room) -> bytes | None:
    if room.file is not None:
        return room.file.read_bytes()
    return None if room.token is None else PHOTOS.get(room.token)


def _keep_in_address(batch: Batch) -> None:
    ids = [room.search for room in batch.rooms if room.search is not None and room.problem is None]
    if ids:
        st.query_params["rooms"] = ".".join(ids)


@st.fragment(run_every=AGAIN_SECONDS)
def _ask_again() -> None:
    """Asks again until the service has time; the rest of the page stays usable."""
    batch = _batch()
    room = None if batch.stopped else batch.next_task()
    if room is None or not room.can_be_asked:
        st.rerun()
    _ask(batch, room)
    if batch.waits is None:
        st.rerun()


# -- what is shown -----------------------------------------------------------------------------


def _progress_text(batch: Batch, now: Room | None) -> str:
    done, total = batch.done, len(batch.rooms)
    if now is None:
        return (texts.BATCH_STOPPED if batch.stopped and done < total else texts.BATCH_DONE).format(
            done=done, total=total
        )
    return texts.BATCH_STEP.format(done=done, total=total, name=plain(now.name))


def _buttons(batch: Batch) -> None:
    with st.container(horizontal=True):
        if batch.done < len(batch.rooms):
            label = texts.BATCH_GO_ON if batch.stopped else texts.BATCH_STOP
            st.button(label, key="stop", on_click=_stop, args=(batch, not batch.stopped))
        st.button(texts.BATCH_CLEAR, key="clear", on_click=_clear)


def _stop(batch: Batch, stopped: bool) -> None:
    batch.stopped = stopped


def _clear() -> None:
    batch = st.session_state.pop("batch", None)
    for room in batch.rooms if isinstance(batch, Batch) else ():
        if room.token is not None:
            PHOTOS.drop(room.token)
    st.query_params.pop("rooms", None)


def _row(room: Room, is_now: bool) -> dict[str, Any]:
    page, problem = room.page, room.problem
    number = 0 if page is None else shown_photo(page)
    floor = None if page is None else page.floors[number]
    search = None if page is None else room.search
    state = "now" if is_now else "waiting"
    if page is not None or problem is not None:
        state = "failed" if problem is not None else "done"
    return {
        "number": room.number,
        "name": room.name,
        "state": state,
        "picture": None if search is None else search_photo_address(search, number),
        "polygons": [] if floor is None else floor.polygons,
        "size": None if floor is None else floor.photo_size,
        "link": None if search is None else f"/?{urlencode({'search': search})}",
        "problem": None if problem is None else f"{problem.title}. {problem.text}",
        "note": "" if page is None else _note(page),
        "matches": []
        if page is None
        else [
            {
                "name": match.name,
                "word": texts.WORDS.get(match.word, match.word),
                "picture": None if match.image_url is None else address(match.image_url),
            }
            for match in page.matches[:SHOWN]
        ],
    }


def _note(page: SearchPage) -> str:
    parts = []
    if len(page.floors) > 1:
        number = shown_photo(page) + 1
        parts.append(texts.PHOTO_OF.format(number=number, count=len(page.floors)))
    if page.nothing_close:
        parts.append(texts.NOTHING_CLOSE)
    return " · ".join(parts)


def _downloads(batch: Batch) -> None:
    if not batch.done:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        top = st.segmented_control(
            texts.TOP_LABEL, (1, 3, 5, TOP), default=SHOWN, required=True, key="top"
        )
        url = urlsplit(st.context.url or "")
        site = f"{url.scheme}://{url.netloc}" if url.netloc else ""
        for label, ending, mime, write in (
            (texts.AS_CSV, "csv", "text/csv", table.as_csv),
            (texts.AS_XLSX, "xlsx", table.XLSX_TYPE, table.as_xlsx),
        ):
            st.download_button(
                label,
                partial(write, table.rows(batch, top or SHOWN, site)),
                file_name=f"floors.{ending}",
                mime=mime,
                on_click="ignore",
                key=f"download_{ending}",
            )
