"""The page "Several rooms" over a real service without models."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.api.server import running_service
from floorlens.client import Client
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import texts
from floorlens.ui.batch import table
from floorlens.ui.batch.rooms import Batch, Room
from floorlens.ui.photos import PHOTOS
from floorlens.ui.states import problem_of

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def _several() -> None:
    from floorlens.ui import batch

    batch.show()


@pytest.fixture
def several(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("FLOORLENS_API_URL", service)
    st.cache_resource.clear()
    yield AppTest.from_function(_several, default_timeout=120)


def data_of(page: AppTest, name: str) -> dict[str, Any]:
    """Returns what an element of the page was given that has a field of a name."""
    parts = [json.loads(part.proto.json) for part in page.get("bidi_component")]
    return next(part for part in parts if name in part)


def batch_of(*photos: tuple[str, bytes]) -> Batch:
    return Batch([Room(name, name, token=PHOTOS.put(data)) for name, data in photos])


def test_rooms_are_searched_one_after_the_other_and_a_bad_one_stops_nothing(
    several: AppTest, room: Path, blank: Path, lens: Floorlens
) -> None:
    page = several
    good = room.read_bytes()
    batch = batch_of(("a.png", good), ("b.txt", b"a text"), ("c.png", blank.read_bytes()))
    # The photo of the last one is still in the browser.
    batch.rooms += [Room("d.png", "d.png", token=PHOTOS.put(good)), Room("e.png", "e.png")]
    tokens = [one.token for one in batch.rooms if one.token]
    page.session_state["batch"] = batch
    page.run()
    assert not page.exception
    rows = data_of(page, "rooms")["rooms"]
    assert [row["state"] for row in rows] == ["done", "failed", "failed", "done", "now"]
    expected = [match.product.name for match in lens.search(room).matches[:3]]
    assert [match["name"] for match in rows[0]["matches"]] == expected
    assert rows[1]["problem"].startswith(texts.PROBLEMS["image-unreadable"][0])
    assert rows[2]["problem"].startswith(texts.PROBLEMS["no-floor-found"][0])
    assert rows[0]["picture"].endswith("/photo.jpg")
    assert rows[0]["link"] == f"/?search={batch.rooms[0].search}"
    # The browser is asked for the one that is not here; of the others no photo stays in memory.
    assert data_of(page, "next")["next"] == "e.png"
    assert [PHOTOS.get(token) for token in tokens] == [None] * 4


def test_a_reload_brings_the_answers_back(several: AppTest, service: str, room: Path) -> None:
    with Client(service) as client:
        ids = [client.search(room).id for _ in range(2)]
    page = several
    page.query_params["rooms"] = ".".join([str(ids[0]), "gone", str(ids[1])])
    page.run()
    assert not page.exception
    rows = data_of(page, "rooms")["rooms"]
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert page.query_params["rooms"] == ".".join(map(str, ids))


def test_a_search_of_several_photos_says_which_one_is_shown(
    several: AppTest, service: str, blank: Path, room: Path
) -> None:
    with Client(service) as client:
        search = client.search([blank, room]).id
    several.query_params["rooms"] = str(search)
    (row,) = data_of(several.run(), "rooms")["rooms"]
    assert row["picture"].endswith("/photo.jpg?photo=1")
    assert row["polygons"]
    assert row["note"].startswith("Photo 2 of 2")


def test_a_service_that_is_away_loses_nothing(
    several: AppTest, lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import streamlit as st

    settings = Settings(catalogue=str(lens.folder))
    page = several
    with running_service(settings, stages=fake_stages()) as url:
        port = int(url.rsplit(":", 1)[1])
    monkeypatch.setenv("FLOORLENS_API_URL", url)
    st.cache_resource.clear()
    page.session_state["batch"] = batch_of(("a.png", room.read_bytes()), ("b.png", b"a text"))
    page.run()
    assert not page.exception
    assert texts.BATCH_WAITS in page.warning[0].value
    assert data_of(page, "rooms")["rooms"][0]["state"] == "now"
    with running_service(settings, stages=fake_stages(), port=port):
        page.run()
        assert not page.exception
        assert not page.warning
        states = [row["state"] for row in data_of(page, "rooms")["rooms"]]
        assert states == ["done", "failed"]


def test_stopped_it_asks_nothing_until_it_goes_on(several: AppTest, room: Path) -> None:
    page = several
    batch = batch_of(("a.png", room.read_bytes()))
    batch.stopped = True
    page.session_state["batch"] = batch
    page.run()
    assert data_of(page, "rooms")["rooms"][0]["state"] == "waiting"
    assert data_of(page, "next")["next"] is None
    page.button(key="stop").click().run()
    assert data_of(page, "rooms")["rooms"][0]["state"] == "done"
    page.button(key="clear").click().run()
    assert "rooms" not in page.query_params
    assert data_of(page, "next")["compact"] is False


def test_the_table_holds_each_match_and_each_problem(service: str, room: Path) -> None:
    from openpyxl import load_workbook

    from floorlens.errors import NoFloorFound

    with Client(service) as client:
        page = client.search(room, limit=4)
    batch = Batch(
        [
            Room("=1+1", "=1+1", search=page.id, page=page),
            Room("b", "b", problem=problem_of(NoFloorFound())),
            Room("c", "c"),
        ]
    )
    lines = table.rows(batch, 3, "https://shop.example")
    text = table.as_csv(lines)
    read = list(csv.DictReader(io.StringIO(text)))
    assert [line["Rank"] for line in read] == ["1", "2", "3", ""]
    assert read[0]["Product id"] == page.matches[0].id
    assert read[0]["All matches"] == f"https://shop.example/?search={page.id}"
    assert read[3]["Remark"] == texts.PROBLEMS["no-floor-found"][0]
    # A spreadsheet computes no name.
    assert read[0]["Room"] == "'=1+1"
    sheet = load_workbook(io.BytesIO(table.as_xlsx(lines))).active
    assert sheet.max_row == 5
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=1+1", "s")
