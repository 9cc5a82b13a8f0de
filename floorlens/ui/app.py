"""The page, as Streamlit runs it: from top to bottom at every click."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from floorlens.errors import FloorlensError
from floorlens.images.loading import load_photo
from floorlens.settings import load_settings
from floorlens.ui import views
from floorlens.ui.client import Floor, Health, Ranking, ServiceClient

DEFAULT_URL = "http://127.0.0.1:8000"
FIRST, MORE = 12, 24
PRODUCT_SIDE = 320
SAMPLE_WIDTH = 68
ENDINGS = ["jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "bmp", "tif", "tiff", "gif"]


@st.cache_resource
def service(url: str) -> ServiceClient:
    """Returns the client of a service; all visitors share its connections."""
    return ServiceClient(url)


# What is cached is asked for at every click otherwise. Catalogues change: it is soon forgotten.
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
    """Makes a photo the one that is looked at."""
    st.session_state["photo"] = photo
    st.session_state["shown"] = FIRST


def take_upload() -> None:
    """Takes over what the uploader holds, also that it holds nothing any more."""
    file = st.session_state[uploader()]
    choose(None if file is None else file.getvalue())


def take_sample(photo: bytes) -> None:
    """Takes a sample room; the uploader must not go on showing another photo's name."""
    choose(photo)
    st.session_state["uploaders"] = st.session_state.get("uploaders", 0) + 1


def uploader() -> str:
    """Returns the key of the uploader; under a new one it is empty."""
    return f"upload-{st.session_state.get('uploaders', 0)}"


def connect() -> tuple[str, Health]:
    """Returns the service's URL and what it searches; ends the page where there is none."""
    url = DEFAULT_URL
    try:
        url = load_settings().api_url or DEFAULT_URL
        client = service(url)
        url_shown, health = client.url, client.health()
    except FloorlensError as error:
        st.html(views.header(None, "no service"))
        st.error(views.problem(error), icon=":material/cloud_off:")
        st.button("Try again", icon=":material/refresh:")
        st.stop()
    st.html(views.header(health.products, url_shown))
    if not health.products:
        st.warning(f"**{views.EMPTY_TITLE}**\n\n{views.EMPTY_TEXT}", icon=":material/inventory_2:")
        st.button("Look again", icon=":material/refresh:")
        st.stop()
    return url, health


def show_samples() -> None:
    """Shows the sample rooms, each with a button that looks at it."""
    rooms = views.sample_rooms()
    if not rooms:
        return
    st.caption("Or try a sample room:")
    # On a telephone the row breaks; columns would become one picture below another.
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
    """Shows the photo with its floor drawn; returns whether there is one to rank by."""
    most = load_settings().max_megapixels
    try:
        with st.spinner("Looking for the floor …"):
            floor = floor_of(url, photo)
        st.image(views.drawn(photo, floor, most), width="stretch")
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        if error.code == "no-floor-found":
            show_plain(photo, most)
        return False
    st.caption(views.floor_caption(floor))
    for reason in floor.reasons:
        st.warning(f"Doubtful floor: {reason}", icon=":material/help:")
    return True


def show_plain(photo: bytes, most: float) -> None:
    """Shows a photo of at most so many megapixels as it is, where it can be read here."""
    # Streamlit raises at files that it does not know: HEIC, TIFF of 16 bits.
    with suppress(FloorlensError):
        st.image(load_photo(photo, max_megapixels=most).pixels, width="stretch")


def show_ranking(url: str, photo: bytes) -> None:
    """Shows the ranked products."""
    try:
        with st.spinner("Ranking the catalogue …"):
            ranking = ranking_of(url, photo)
            shown = ranking.found[: st.session_state["shown"]]
            pictures = pictures_of(url, tuple(product.id for product in shown))
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        return
    if ranking.degraded is not None:
        st.warning(views.DEGRADED, icon=":material/info:")
    st.html(views.cards(shown, pictures))
    if len(shown) < len(ranking.found):
        st.button(f"Show more of the {len(ranking.found)} products", on_click=show_more)
    st.caption(views.FOOTNOTE)


def show_more() -> None:
    """Makes the list of products longer."""
    st.session_state["shown"] += MORE


# A named icon would be fetched from a server of others.
st.set_page_config("Floorlens", page_icon=views.icon(), layout="wide")
address, _ = connect()
left, right = st.columns([5, 7], gap="large")
chosen: bytes | None = st.session_state.get("photo")
with left:
    st.file_uploader("A photo of a room", type=ENDINGS, key=uploader(), on_change=take_upload)
    there_is_a_floor = chosen is not None and show_floor(address, chosen)
    show_samples()
with right:
    if chosen is not None and there_is_a_floor:
        show_ranking(address, chosen)
    else:
        st.markdown(views.INTRODUCTION)
