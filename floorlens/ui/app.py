"""The page. Streamlit runs this file from top to bottom at every click."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from floorlens.errors import FloorlensError
from floorlens.images.decoding import decode_photo
from floorlens.images.formats import SUFFIXES
from floorlens.settings import Settings, load_settings
from floorlens.ui import views
from floorlens.ui.client import Floor, Health, Ranking, ServiceClient

DEFAULT_URL = "http://127.0.0.1:8000"
FIRST, MORE = 12, 24
PRODUCT_SIDE = 320
SAMPLE_WIDTH = 68
ENDINGS = sorted(suffix.removeprefix(".") for suffix in SUFFIXES)


@st.cache_resource
def service(url: str) -> ServiceClient:
    """Returns the client of a service; all visitors share its connections."""
    return ServiceClient(url)


# Without these caches the page would ask the service again at every click. They expire soon, since
# catalogues change.
@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def floor_of(url: str, photo: bytes) -> Floor:
    """Returns where the floor is in a photo."""
    return service(url).mask(photo)


@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def ranking_of(url: str, photo: bytes) -> Ranking:
    """Returns the ranking for a photo."""
    return service(url).search(photo)


@st.cache_data(ttl=300, max_entries=64, show_spinner=False)
def pictures_of(url: str, ids: tuple[str, ...]) -> list[bytes | None]:
    """Returns the products' pictures."""
    return service(url).pictures(ids, PRODUCT_SIDE)


@st.cache_data(max_entries=32, show_spinner=False)
def thumbnail_of(photo: Path) -> bytes:
    """Returns a small picture of a sample room."""
    return views.thumbnail(photo)


def choose(photo: bytes | None) -> None:
    """Makes a photo the current one."""
    st.session_state["photo"] = photo
    st.session_state["limit"] = FIRST


def take_upload() -> None:
    """Makes the file in the uploader the current photo; none if the uploader is empty."""
    file = st.session_state[uploader()]
    choose(None if file is None else file.getvalue())


def take_sample(photo: bytes) -> None:
    """Makes a sample room the current photo, and empties the uploader, which names another one."""
    choose(photo)
    st.session_state["uploaders"] = st.session_state.get("uploaders", 0) + 1


def uploader() -> str:
    """Returns the key of the uploader; a new key makes a new, empty one."""
    return f"upload-{st.session_state.get('uploaders', 0)}"


def connect() -> tuple[str, Health]:
    """Returns the service's URL and what it searches; ends the page if there is no service."""
    url = DEFAULT_URL
    try:
        url = load_settings().api_url or DEFAULT_URL
        client = service(url)
        public_url, health = client.url, client.health()
    except FloorlensError as error:
        st.html(views.header(None, "no service"))
        st.error(views.problem(error), icon=":material/cloud_off:")
        st.button("Try again", icon=":material/refresh:")
        st.stop()
    st.html(views.header(health.products, public_url))
    if not health.products:
        st.warning(f"**{views.EMPTY_TITLE}**\n\n{views.EMPTY_TEXT}", icon=":material/inventory_2:")
        st.button("Look again", icon=":material/refresh:")
        st.stop()
    return url, health


def show_samples() -> None:
    """Shows the sample rooms, each with a button that chooses it."""
    rooms = views.sample_rooms()
    if not rooms:
        return
    st.caption("Or try a sample room:")
    # On a telephone this row wraps; columns would put one picture below another.
    row = st.container(horizontal=True, gap="small")
    for name, photo in rooms:
        with row.container(width=SAMPLE_WIDTH, gap="xsmall"):
            st.image(thumbnail_of(photo), width="stretch")
            st.button(
                name,
                key=f"room-{name}",
                type="tertiary",
                on_click=take_sample,
                args=(photo.read_bytes(),),
                width="stretch",
            )


def show_floor(url: str, photo: bytes) -> bool:
    """Shows the photo with its floor drawn; returns whether there is a floor."""
    settings = load_settings()
    try:
        with st.spinner("Looking for the floor …"):
            floor = floor_of(url, photo)
        st.image(
            views.draw_floor(photo, floor, settings.max_megapixels, settings.picture_seconds),
            width="stretch",
        )
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        if error.code == "no-floor-found":
            show_plain(photo, settings)
        return False
    st.caption(views.floor_caption(floor))
    for reason in floor.reasons:
        st.warning(f"Doubtful floor: {reason}", icon=":material/help:")
    return True


def show_plain(photo: bytes, settings: Settings) -> None:
    """Shows a photo as it is, if it can be read here."""
    # Streamlit itself cannot read some files: HEIC, TIFF of 16 bits.
    with suppress(FloorlensError):
        picture = decode_photo(
            photo, max_megapixels=settings.max_megapixels, seconds=settings.picture_seconds
        )
        st.image(picture.pixels, width="stretch")


def show_ranking(url: str, photo: bytes) -> None:
    """Shows the ranked products."""
    try:
        with st.spinner("Ranking the catalogue …"):
            ranking = ranking_of(url, photo)
            hits = ranking.hits[: st.session_state["limit"]]
            pictures = pictures_of(url, tuple(hit.id for hit in hits))
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        return
    if ranking.degraded is not None:
        st.warning(views.DEGRADED, icon=":material/info:")
    st.html(views.cards(hits, pictures))
    if len(hits) < len(ranking.hits):
        st.button(f"Show more of the {len(ranking.hits)} products", on_click=show_more)
    st.caption(views.FOOTNOTE)


def show_more() -> None:
    """Makes the list of products longer."""
    st.session_state["limit"] += MORE


# Streamlit would fetch a named icon from another server.
st.set_page_config("Floorlens", page_icon=views.icon(), layout="wide")
address, _ = connect()
left, right = st.columns([5, 7], gap="large")
current: bytes | None = st.session_state.get("photo")
with left:
    st.file_uploader("A photo of a room", type=ENDINGS, key=uploader(), on_change=take_upload)
    there_is_a_floor = current is not None and show_floor(address, current)
    show_samples()
with right:
    if current is not None and there_is_a_floor:
        show_ranking(address, current)
    else:
        st.markdown(views.INTRODUCTION)
