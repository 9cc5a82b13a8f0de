"""Chips, sliders and examples: what the element gets of the service, and what it leads to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.client import Client
from floorlens.client.emphasis import weights_of
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import texts
from tests.ui.elements import data_of, send
from tests.ui.find.asked import search

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def options(page: AppTest, field: str) -> dict[str, dict[str, Any]]:
    """Returns the values of a field by their label."""
    groups = [group for one in data_of(page, "chips")["fields"] for group in one["groups"]]
    group = next(group for group in groups if group["key"] == field)
    return {option["label"]: option for option in group["options"]}


def choose(page: AppTest, field: str, label: str) -> AppTest:
    return send(page, "chips", "value", options(page, field)[label]["event"])


def query(page: AppTest) -> Any:
    return page.session_state["visit"].answer.page.query


def test_chips_narrow_the_ranking_within_and_across_fields(
    page: AppTest, lens: Floorlens, room: Path
) -> None:
    search(page, room)
    assert {label: one["count"] for label, one in options(page, "material").items()} == {
        "Wood": 4,
        "Stone": 2,
    }
    assert data_of(page, "chips")["chosen"] == []
    assert not data_of(page, "chips")["clear"]
    choose(page, "material", "Stone")
    assert query(page).where == {"material": {"$in": ["stone"]}}
    stock = options(page, "stock")
    assert {label: one["count"] for label, one in stock.items()} == {"Yes": 1, "No": 1}
    choose(page, "stock", "Yes")
    assert [one["label"] for one in data_of(page, "chips")["chosen"]] == ["Stone", "Yes"]
    ids = [card["id"] for card in data_of(page, "cards")["cards"]]
    where = {"material": "stone", "stock": True}
    assert ids == [match.product.id for match in lens.search(room, where=where).matches]
    assert data_of(page, "share")["count"] == "1 of 6"
    # Values of one field are joined with "or": the other one counts as if none were chosen.
    assert options(page, "material")["Wood"]["count"] == 2
    choose(page, "material", "Wood")
    assert data_of(page, "share")["count"] == "3 of 6"
    chips = {one["label"]: one for one in data_of(page, "chips")["chosen"]}
    send(page, "chips", *chips["Stone"]["event"])
    assert query(page).where == {"material": {"$in": ["wood"]}, "stock": {"$in": [True]}}
    send(page, "chips", "field", "material")
    assert query(page).where == {"stock": {"$in": [True]}}
    send(page, "chips", "all", True)
    assert query(page).where is None
    assert data_of(page, "share")["count"] == "6"


def test_a_price_is_a_range(page: AppTest, room: Path) -> None:
    search(page, room)
    prices = options(page, "price")
    assert sum(one["count"] for one in prices.values()) == 6
    first = next(iter(prices))
    assert first.startswith("under ")
    choose(page, "price", first)
    assert query(page).where == {"price": {"$lt": float(first.split()[1])}}
    assert options(page, "price")[first]["selected"]


def test_facets_are_asked_for_once_for_each_search(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    ask = Client.search_facets

    def counting(client: Client, found: Any) -> Any:
        asked.append(found.id)
        return ask(client, found)

    monkeypatch.setattr(Client, "search_facets", counting)
    search(page, room).run()
    page.run()
    assert len(asked) == 1
    choose(page, "material", "Stone").run()
    assert len(asked) == len(set(asked)) == 2


def test_a_slider_says_what_counts(page: AppTest, room: Path) -> None:
    search(page, room)
    default = page.session_state["visit"].answer.page.default_weights
    sliders = data_of(page, "chips")["weights"]
    assert {one["key"] for one in sliders["sliders"]} == set(default)
    assert {one["step"] for one in sliders["sliders"]} == {0}
    first = next(iter(default))
    send(page, "chips", "weights", {first: 2})
    assert query(page).weights == pytest.approx(weights_of({first: 2}, default))
    again = data_of(page, "chips")["weights"]
    assert {one["key"]: one["step"] for one in again["sliders"]}[first] == 2
    assert again["count"] == 1
    send(page, "chips", "weights", {})
    assert query(page).weights is None


def test_examples_are_chips_that_can_be_removed(page: AppTest, room: Path) -> None:
    search(page, room)
    first, second = [card["id"] for card in data_of(page, "cards")["cards"]][:2]
    send(page, "cards", "like", first)
    send(page, "cards", "unlike", second)
    # What it should be less like is no longer in the ranking: its name comes from the service.
    chips = data_of(page, "chips")["chosen"]
    assert [one["label"] for one in chips] == [
        texts.LIKE_CHIP.format(name=f"{first.title()} floor"),
        texts.UNLIKE_CHIP.format(name=f"{second.title()} floor"),
    ]
    assert all(one["picture"].startswith("/floorlens/v1/products/") for one in chips)
    send(page, "chips", *chips[1]["event"])
    assert (query(page).like, query(page).unlike) == ((first,), ())


def test_a_service_that_keeps_nothing_still_weighs(
    lens: Floorlens, room: Path, page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from floorlens.api.server import running_service

    settings = Settings(catalogue=str(lens.folder), keep_hours=0)
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        search(page, room)
        chips = data_of(page, "chips")
        assert chips["fields"] == []
        first = chips["weights"]["sliders"][0]["key"]
        send(page, "chips", "weights", {first: -2})
        assert query(page).weights[first] == 0
        share = data_of(page, "share")["share"]
        assert share["query"] is None and share["expires"] is None and share["files"] == []
