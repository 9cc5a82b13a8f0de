"""The page. Streamlit runs this file from top to bottom at every click."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import SearchPage
from floorlens.errors import FloorlensError, ServiceError, ServiceUnreachable
from floorlens.images.decoding import decode_photo
from floorlens.images.formats import SUFFIXES
from floorlens.settings import Settings, load_settings
from floorlens.ui import views

DEFAULT_URL = "http://127.0.0.1:8000"
FIRST, MORE = 12, 24
PRODUCT_SIDE = 320
PICTURES_AT_ONCE = 4
# Long, since a photo may wait for those before it.
ANSWER_SECONDS = 120.0
SAMPLE_WIDTH = 68
ENDINGS = sorted(suffix.removeprefix(".") for suffix in SUFFIXES)


@st.cache_resource
def service(url: str, key: str | None) -> Client:
    """Returns the client of a service; all visitors share its connections."""
    return Client(url, key=key, timeout=ANSWER_SECONDS, retries=1)


# Without these caches the page would ask the service again at every click. They expire soon, since
# catalogues change.
@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def first_page(url: str, photo: bytes) -> SearchPage:
    """Returns the floor of a photo, and the first products for it."""
    return client_of(url).search(photo, limit=FIRST)


@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def next_page(url: str, photo: bytes, search: str | None, cursor: str) -> SearchPage:
    """Returns more products for it."""
    client = client_of(url)
    if search is None:
        return client.search(photo, limit=MORE, cursor=cursor)
    return client.get_search(search, limit=MORE, cursor=cursor)


@st.cache_data(ttl=300, max_entries=64, show_spinner=False)
def pictures_of(url: str, ids: tuple[str, ...]) -> list[bytes | None]:
    """Returns the products' pictures, None for one that has none."""
    client = client_of(url)

    def picture(product_id: str) -> bytes | None:
        try:
            return client.product_image(product_id, width=PRODUCT_SIDE)
        except ServiceUnreachable:
            raise
        except ServiceError:
            return None

    with ThreadPoolExecutor(PICTURES_AT_ONCE) as pool:
        return list(pool.map(picture, ids))


@st.cache_data(max_entries=32, show_spinner=False)
def thumbnail_of(photo: Path) -> bytes:
    """Returns a small picture of a sample room."""
    return views.thumbnail(photo)


def client_of(url: str) -> Client:
    """Returns the client of a service, with the key of the settings."""
    key = load_settings().api_key
    return service(url, None if key is None else key.get_secret_value())


def choose(photo: bytes | None) -> None:
    """Makes a photo the current one."""
    st.session_state["photo"] = photo
    st.session_state["pages"] = 1


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


def connect() -> str:
    """Returns the service's URL; ends the page if there is no service, or nothing to search."""
    url = DEFAULT_URL
    try:
        url = load_settings().api_url or DEFAULT_URL
        client = client_of(url)
        public_url, products = client.url, count_products(client)
    except FloorlensError as error:
        st.html(views.header(None, "no service"))
        st.error(views.problem(error), icon=":material/cloud_off:")
        st.button("Try again", icon=":material/refresh:")
        st.stop()
    st.html(views.header(products, public_url))
    if products == 0:
        st.warning(f"**{views.EMPTY_TITLE}**\n\n{views.EMPTY_TEXT}", icon=":material/inventory_2:")
        st.button("Look again", icon=":material/refresh:")
        st.stop()
    return url


def count_products(client: Client) -> int | None:
    """Returns how many products the service has; None where its key may not ask for that."""
    try:
        return client.status().products
    except ServiceError as error:
        if error.code != "scope-missing":
            raise
        return None


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


def show_floor(url: str, photo: bytes) -> SearchPage | None:
    """Shows the photo with its floor drawn; returns the first products, None if there are none."""
    settings = load_settings()
    try:
        with st.spinner("Looking for the floor, ranking the catalogue …"):
            page = first_page(url, photo)
        floor = page.floors[0]
        if floor is None:
            show_plain(photo, settings)
            return page
        st.image(
            views.draw_floor(photo, floor, settings.max_megapixels, settings.picture_seconds),
            width="stretch",
        )
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        if error.code in views.PHOTO_IS_GOOD:
            show_plain(photo, settings)
        return None
    st.caption(views.floor_caption(floor))
    for reason in floor.reasons:
        st.warning(f"Doubtful floor: {reason}", icon=":material/help:")
    return page


def show_plain(photo: bytes, settings: Settings) -> None:
    """Shows a photo as it is, if it can be read here."""
    # Streamlit itself cannot read some files: HEIC, TIFF of 16 bits.
    with suppress(FloorlensError):
        picture = decode_photo(
            photo, max_megapixels=settings.max_megapixels, seconds=settings.picture_seconds
        )
        st.image(picture.pixels, width="stretch")


def show_ranking(url: str, photo: bytes, page: SearchPage) -> None:
    """Shows the ranked products."""
    try:
        with st.spinner("Ranking the catalogue …"):
            matches, last = list(page.matches), page
            for _ in range(1, st.session_state["pages"]):
                if last.next_cursor is not None:
                    last = next_page(url, photo, page.id, last.next_cursor)
                    matches += last.matches
            pictures = pictures_of(url, tuple(match.id for match in matches))
    except FloorlensError as error:
        st.error(views.problem(error), icon=":material/error:")
        return
    if page.degraded is not None:
        st.warning(views.DEGRADED, icon=":material/info:")
    st.html(views.cards(matches, pictures))
    if last.next_cursor is not None:
        st.button(f"Show more of the {page.total} products", on_click=show_more)
    st.caption(views.FOOTNOTE)


def show_more() -> None:
    """Makes the list of products longer."""
    st.session_state["pages"] += 1


# Streamlit would fetch a named icon from another server.
st.set_page_config("Floorlens", page_icon=views.icon(), layout="wide")
address = connect()
left, right = st.columns([5, 7], gap="large")
current: bytes | None = st.session_state.get("photo")
with left:
    st.file_uploader("A photo of a room", type=ENDINGS, key=uploader(), on_change=take_upload)
    first = None if current is None else show_floor(address, current)
    show_samples()
with right:
    if current is not None and first is not None:
        show_ranking(address, current, first)
    else:
        st.markdown(views.INTRODUCTION)
