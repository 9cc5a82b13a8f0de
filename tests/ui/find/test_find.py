"""The page "Find a floor" in each of its states, over HTTP to a real service without models."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

import streamlit as st

from floorlens import Floorlens
from floorlens.api.server import listen, running_service
from floorlens.client import Client
from floorlens.errors import InputError, ServiceError
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import asking, rooms, texts
from floorlens.ui.early import EARLY_SEARCHES
from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit, Wish
from tests.ui.elements import navigate, send

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow

FLOOR = [0, 60, 160, 120]
"""Where the floor is in `room`."""


def element(page: AppTest, name: str) -> dict[str, Any]:
    """Returns what one of the page's own elements was given to show; {} if it is not there."""
    for one in page.get("bidi_component"):
        if one.proto.component_name == f"floorlens_{name}":
            data: dict[str, Any] = json.loads(one.proto.json)
            return data
    return {}


def products(page: AppTest) -> list[str]:
    """Returns the ids on the page's cards, in their order."""
    return [card["id"] for card in element(page, "cards").get("cards", [])]


def upload(page: AppTest, data: bytes) -> AppTest:
    """Has a photo come in, as the first screen's element would."""
    token = PHOTOS.put(data)
    page.session_state["visit"] = Visit(photo=token, preview=token, wish=Wish("search"))
    return run(page)


def wish(page: AppTest, kind: Any, **changes: Any) -> AppTest:
    """Has the visitor wish for something, as an element would."""
    visit = page.session_state["visit"]
    page.session_state["visit"] = replace(visit, wish=Wish(kind, changes), problem=None)
    return run(page)


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def free_port() -> int:
    with listen("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def test_the_first_screen_says_what_is_true_of_the_service(page: AppTest) -> None:
    entry = element(run(page), "entry")
    assert "deleted after a day" in entry["privacy"]
    assert entry["bytes"] == 200_000
    assert "0.2 MB" in entry["texts"]["formats"]
    assert "6 products" in entry["count"]
    assert entry["problem"] is None
    titles = [room["title"] for room in entry["samples"]]
    assert len(titles) == 12
    assert titles[:3] == ["Bath", "Bedroom", "Dining"]
    assert products(page) == []


def test_a_sample_room_is_one_click_away() -> None:
    assert rooms.sample_rooms()[0].name == "bath-terrazzo.jpg"
    data = rooms.sample_photo("bath-terrazzo.jpg")
    assert data is not None
    assert data[:2] == b"\xff\xd8"
    assert rooms.sample_photo("../products.csv") is None


def test_an_installation_without_sample_rooms(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise InputError("no samples")

    monkeypatch.setattr(rooms, "samples", none)
    rooms.sample_files.cache_clear()
    try:
        entry = element(run(page), "entry")
    finally:
        rooms.sample_files.cache_clear()
    assert entry["samples"] == []
    assert "Your own photo" in entry["texts"]["noSamples"]


def test_a_photo_brings_the_drawn_floor_and_the_ranking(
    page: AppTest, lens: Floorlens, room: Path
) -> None:
    upload(page, room.read_bytes())
    assert products(page) == [match.product.id for match in lens.search(room).matches]
    photo = element(page, "photo")
    assert photo["size"] == [160, 120]
    assert photo["polygons"]
    assert not photo["busy"]
    visit = page.session_state["visit"]
    search = visit.answer.page.id
    assert page.query_params["search"] in (search, [search])
    assert photo["source"].endswith(f"/v1/searches/{search}/photo.jpg")
    # The service keeps the photo, so the page need not.
    assert visit.photo is None
    assert PHOTOS.get(visit.preview) is None


def test_a_search_that_began_when_the_photo_came_is_not_asked_for_again(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    search = Client.search

    def counting(client: Client, *arguments: Any, **options: Any) -> Any:
        calls.append("search")
        return search(client, *arguments, **options)

    monkeypatch.setattr(Client, "search", counting)
    data = room.read_bytes()
    token = PHOTOS.put(data)
    asking.search_early(token, data)
    page.session_state["visit"] = Visit(photo=token, preview=token, wish=Wish("search"))
    run(page)
    assert len(products(page)) == 6
    assert calls == ["search"]
    # A floor that is drawn meanwhile corrects it.
    token = PHOTOS.put(data)
    asking.search_early(token, data)
    drawn = Wish("search", {"region": tuple(FLOOR)})
    page.session_state["visit"] = Visit(photo=token, preview=token, wish=drawn)
    run(page)
    assert page.session_state["visit"].answer.page.query.region == (FLOOR,)
    assert calls == ["search"] * 2
    assert EARLY_SEARCHES.get(token) is None


def test_a_click_elsewhere_asks_the_service_nothing(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit runs the page from top to bottom at every click."""
    upload(page, room.read_bytes())
    calls: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        whole = getattr(Client, name)

        def ask(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            return whole(*arguments, **options)

        return ask

    for name in ("search", "refine", "get_search"):
        monkeypatch.setattr(Client, name, counting(name))
    run(page)
    assert calls == []
    wish(page, "refine", region=FLOOR, clicks=[])
    assert calls == ["refine"]


def test_a_correction_keeps_the_photo_and_can_be_taken_back(page: AppTest, room: Path) -> None:
    upload(page, room.read_bytes())
    before = element(page, "photo")
    assert not before["undo"]
    first = page.session_state["visit"].answer.page.id
    wish(page, "refine", region=[0, 60, 80, 120], clicks=[])
    after = element(page, "photo")
    assert (after["undo"], after["reset"]) == (True, True)
    assert after["polygons"] != before["polygons"]
    assert after["source"] == before["source"]
    assert page.query_params["search"] not in (first, [first])
    page.query_params["search"] = first
    assert element(navigate(page), "photo")["polygons"] == before["polygons"]


def test_what_is_clicked_before_the_browser_has_the_new_address(page: AppTest, room: Path) -> None:
    """It still sends the address of the search before: that is no step back."""
    upload(page, room.read_bytes())
    first = page.session_state["visit"].answer.page.id
    wish(page, "refine", where={"material": "wood"})
    filtered = page.session_state["visit"].answer.page
    for event, value in (("shortlist", "oak"), ("open", {"id": "oak"})):
        page.query_params["search"] = first
        send(page, "cards", event, value)
        assert page.session_state["visit"].answer.page == filtered
        assert page.query_params["search"] == filtered.id
    # A tap is asked of what is shown.
    page.query_params = {"search": first}
    send(page, "photo", "floor", {"n": 1, "region": FLOOR, "clicks": []})
    query = page.session_state["visit"].answer.page.query
    assert (query.region[0], query.where) == (FLOOR, {"material": "wood"})
    # On the first screen, too: the search that was left does not come back.
    send(page, "entry", "home", True)
    page.query_params["search"] = first
    assert products(run(page)) == []
    assert "search" not in page.query_params


def test_of_several_photos_one_is_shown_and_corrected(
    page: AppTest, service: str, blank: Path, room: Path
) -> None:
    """The page searches with one; the link to a search with several comes from elsewhere."""
    with Client(service) as client:
        search = client.search([blank, room, room]).id
    page.query_params["search"] = str(search)
    photo = element(run(page), "photo")
    assert photo["source"].endswith(f"/v1/searches/{search}/photo.jpg?photo=1")
    assert photo["size"] == [160, 120]
    assert "Photo 2 of 3" in photo["facts"]
    click = [80, 100, True]
    send(page, "photo", "floor", {"n": 1, "region": [0, 60, 80, 120], "clicks": []})
    send(page, "photo", "floor", {"n": 2, "clicks": [click]})
    query = page.session_state["visit"].answer.page.query
    assert query.region == (None, [0, 60, 80, 120], None)
    assert [len(clicks) for clicks in query.clicks] == [0, 1, 0]
    assert element(page, "photo")["clicks"] == [click]
    send(page, "cards", "open", {"id": "oak"})
    assert element(page, "product")["palettes"]


def test_no_floor_is_drawn_right_there(page: AppTest, blank: Path) -> None:
    upload(page, blank.read_bytes())
    assert "No floor in sight" in page.warning[0].value
    assert "drag a box" in page.warning[0].value
    photo = element(page, "photo")
    assert (photo["drawn"], photo["size"]) == (True, [64, 64])
    assert products(page) == []
    wish(page, "search", region=[0, 32, 64, 64], clicks=[])
    assert len(products(page)) == 6
    assert not page.warning
    assert not element(page, "photo")["drawn"]


def test_a_refused_file_never_stays_beside_the_next_good_one(page: AppTest, room: Path) -> None:
    upload(page, b"a text")
    entry = element(page, "entry")
    assert entry["problem"][0] == "This file is not a photo we can read"
    assert not entry["compact"]
    assert products(page) == []
    assert element(page, "photo") == {}
    assert page.session_state["visit"].photo is None
    upload(page, room.read_bytes())
    assert element(page, "entry")["compact"]
    assert len(products(page)) == 6
    assert not page.error
    assert not page.warning


def test_a_damaged_photo_and_one_of_too_many_pixels(page: AppTest, room: Path) -> None:
    upload(page, room.read_bytes()[:-200])
    assert "It is damaged" in element(page, "entry")["problem"][1]
    upload(page, png(np.zeros((1000, 1000), np.uint8)))
    title, text, passes = element(page, "entry")["problem"]
    assert title == "This photo is too large"
    assert "0.1 megapixels" in text
    assert not passes


@pytest.mark.parametrize("code", ["missing-dependency", "image-timeout", "internal"])
def test_what_this_service_cannot_do(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """These cannot be had of a service in a test: it lacks nothing, and is fast."""

    def refuse(self: Client, photo: bytes, **options: Any) -> Any:
        raise ServiceError("the text of the service", code, status=500)

    monkeypatch.setattr(Client, "search", refuse)
    upload(page, room.read_bytes())
    title, text, _ = element(page, "entry")["problem"]
    assert (title, text) == texts.PROBLEMS[code]


def test_nothing_left_after_filtering(page: AppTest, room: Path) -> None:
    upload(page, room.read_bytes())
    wish(page, "refine", where={"material": "none has it"})
    assert "Nothing is left" in page.warning[0].value
    assert len(products(page)) == 6
    page.button(key="clear-filter").click()
    assert not run(page).warning
    assert len(products(page)) == 6
    assert page.session_state["visit"].answer.page.query.where is None


def test_nothing_close(page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Client.search

    def far(self: Client, photo: bytes, **options: Any) -> Any:
        return replace(whole(self, photo, **options), nothing_close=True)

    monkeypatch.setattr(Client, "search", far)
    upload(page, room.read_bytes())
    assert "Nothing in this catalogue is close" in page.warning[0].value
    assert len(products(page)) == 6


def test_an_engine_that_does_not_answer(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Client.search

    def degraded(self: Client, photo: bytes, **options: Any) -> Any:
        return replace(whole(self, photo, **options), degraded="engine-unavailable")

    monkeypatch.setattr(Client, "search", degraded)
    upload(page, room.read_bytes())
    assert page.info[0].value == texts.DEGRADED
    assert len(products(page)) == 6


def test_an_expired_link(page: AppTest, room: Path) -> None:
    page.query_params["search"] = "a-search-that-was-deleted"
    title, text, _ = element(run(page), "entry")["problem"]
    assert title == "This search is no longer kept"
    assert "photo again" in text
    # And a link that is still good.
    upload(page, room.read_bytes())
    order, search = products(page), page.session_state["visit"].answer.page.id
    del page.session_state["visit"]
    page.query_params["search"] = search
    assert products(run(page)) == order


def test_an_empty_catalogue(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lens: Floorlens, room: Path
) -> None:
    """The page says so before a photo is chosen, and goes on when there are products."""
    folder = tmp_path / "empty"
    settings = Settings(catalogue=str(folder))
    with running_service(settings, create=True, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        title, text, passes = element(run(page), "entry")["problem"]
        assert (title, passes) == ("No products yet", True)
        assert "floorlens index" in text
        upload(page, room.read_bytes())
        assert "No products yet" in page.warning[0].value
        with Floorlens.open(folder, stages=fake_stages()) as catalogue:
            catalogue.add(tmp_path / "products")
        page.button(key="try-again").click()
        assert len(products(run(page))) == 6


def test_a_service_that_goes_away_and_comes_back(
    page: AppTest, lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(catalogue=str(lens.folder))
    port = free_port()
    monkeypatch.setenv("FLOORLENS_API_URL", f"http://127.0.0.1:{port}")
    title, text, passes = element(run(page), "entry")["problem"]
    assert (title, passes) == ("The service does not answer", True)
    assert "photo" not in text
    upload(page, room.read_bytes())
    assert "Your photo is safe" in page.info[0].value
    token = page.session_state["visit"].photo
    assert PHOTOS.get(token) == room.read_bytes()
    with running_service(settings, stages=fake_stages(), port=port):
        run(page)
        run(page)
        assert not page.info
        assert len(products(page)) == 6
    # Away again: what was shown stays, and what is wished meanwhile comes together.
    wish(page, "refine", region=FLOOR, clicks=[])
    assert "does not answer" in page.info[0].value
    assert len(products(page)) == 6
    assert element(page, "photo")["busy"]
    with running_service(settings, stages=fake_stages(), port=port):
        run(page)
        run(page)
        assert not page.info
        assert page.session_state["visit"].answer.page.query.region[0] == FLOOR


@pytest.mark.parametrize("scopes", [["search"], ["search", "read"]])
def test_a_service_with_keys(
    page: AppTest,
    lens: Floorlens,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
    scopes: list[str],
) -> None:
    """A key that may only search is enough; what it may not read is not told."""
    settings = Settings(catalogue=str(lens.folder), no_auth=None)
    store = Store(settings.state_folder())
    secret = Keys(store).create("page", scopes)[1]
    store.close()
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        assert "asks for a key" in element(run(page), "entry")["problem"][0]
        monkeypatch.setenv("FLOORLENS_API_KEY", "fl_wrong")
        st.cache_resource.clear()  # As if the page was started again.
        assert "does not know" in element(run(page), "entry")["problem"][0]
        monkeypatch.setenv("FLOORLENS_API_KEY", secret)
        st.cache_resource.clear()
        entry = element(run(page), "entry")
        assert entry["problem"] is None
        assert ("deleted after" in entry["privacy"]) == ("read" in scopes)
        assert len(products(upload(page, room.read_bytes()))) == 6


def test_a_service_that_keeps_no_searches(
    page: AppTest, lens: Floorlens, tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo stays on the page, and everything is asked with it."""
    many = tmp_path / "many"
    many.mkdir()
    for number in range(30):
        Image.new("RGB", (20, 20), (number * 8, 90, 90)).save(many / f"p{number:02}.png")
    lens.add(many)
    settings = Settings(catalogue=str(lens.folder), keep_hours=0)
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        assert "not stored" in element(run(page), "entry")["privacy"]
        upload(page, room.read_bytes())
        token = page.session_state["visit"].photo
        assert element(page, "photo")["source"].endswith(f"/photos/{token}.jpg")
        assert "search" not in page.query_params
        wish(page, "more")
        assert len(set(products(page))) == 36
        wish(page, "refine", region=FLOOR, clicks=[])
        wish(page, "refine", where={"material": "wood"})
        query = page.session_state["visit"].answer.page.query
        assert (query.region[0], query.where) == (FLOOR, {"material": "wood"})
        assert PHOTOS.get(token) == room.read_bytes()
        # Gone after all: that has words of its own.
        PHOTOS.drop(token)
        wish(page, "refine", where=None)
        assert "no longer has the photo" in page.error[0].value
