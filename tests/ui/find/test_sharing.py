"""The link, the files and the shortlist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.ui import server, texts
from floorlens.ui.addresses import PREFIX
from floorlens.ui.visit import MOST_LISTED
from tests.ui.elements import data_of, send
from tests.ui.find.asked import search

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def test_the_link_brings_search_and_shortlist_back(page: AppTest, room: Path) -> None:
    search(page, room)
    first, second = [card["id"] for card in data_of(page, "cards")["cards"]][:2]
    send(page, "cards", "shortlist", second)
    send(page, "cards", "shortlist", first)
    share = data_of(page, "share")
    found = page.session_state["visit"].answer.page
    # The element writes this into the address.
    assert share["named"] == [second, first]
    assert share["share"]["query"] == [["search", found.id], ["list", second], ["list", first]]
    assert share["share"]["expires"] == found.expires.isoformat()
    assert [one["name"] for one in share["list"]] == [
        f"{second.title()} floor",
        f"{first.title()} floor",
    ]
    assert share["list"][0]["price"]
    # Somebody else opens the link.
    del page.session_state["visit"]
    del page.session_state["list_read"]
    page.query_params["search"] = found.id
    page.query_params["list"] = [second, first, second, "gone"]
    page.run()
    again = data_of(page, "share")
    assert again["named"] == [second, first, "gone"]
    assert again["list"][2]["name"] == texts.GONE
    assert not again["list"][2]["opens"]
    send(page, "share", "remove", "gone")
    send(page, "share", "open", first)
    assert page.session_state["visit"].product == first
    send(page, "share", "clear", True)
    assert data_of(page, "share")["named"] == []


def test_a_shortlist_alone_is_there_at_the_start(page: AppTest, lens: Floorlens) -> None:
    ids = [product.id for product in lens.products()]
    page.query_params["list"] = [*ids, *(f"p{number}" for number in range(2 * MOST_LISTED))]
    page.run()
    share = data_of(page, "share")
    assert share["share"] is None
    assert share["named"][: len(ids)] == ids
    assert len(share["named"]) == MOST_LISTED
    assert not any(one["opens"] for one in share["list"])


def test_files_are_fetched_by_addresses_that_the_page_passes_on(page: AppTest, room: Path) -> None:
    search(page, room)
    first = data_of(page, "cards")["cards"][0]["id"]
    send(page, "cards", "shortlist", first)
    share = data_of(page, "share")
    for file in (*share["share"]["files"], *share["listFiles"]):
        path = urlsplit(file["href"]).path.removeprefix(f"{PREFIX}/")
        assert re.fullmatch(server._PASSED, path)
    for file in share["listFiles"]:
        assert parse_qs(urlsplit(file["href"]).query) == {"ids": [first]}
