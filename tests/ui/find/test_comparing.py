"""The tray, and the table of products beside the floor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens.client import Client
from floorlens.client.answers import Attribute, BothAttributes
from floorlens.errors import ServiceError
from floorlens.ui import asking, texts
from floorlens.ui.visit import MOST_COMPARED
from tests.ui.elements import data_of, navigate, send
from tests.ui.find.asked import search

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def compared(page: AppTest, room: Path, count: int) -> list[str]:
    """Puts the first products into the tray, and returns their ids."""
    search(page, room)
    ids = [card["id"] for card in data_of(page, "cards")["cards"]][:count]
    for one in ids:
        send(page, "cards", "compare", one)
    return ids


def row(page: AppTest, label: str) -> dict[str, Any]:
    rows = data_of(page, "versus")["rows"]
    found: dict[str, Any] = next(one for one in rows if one["label"] == label)
    return found


def test_the_tray_holds_four(page: AppTest, room: Path) -> None:
    ids = compared(page, room, MOST_COMPARED)
    assert not page.toast
    fifth = data_of(page, "cards")["cards"][MOST_COMPARED]["id"]
    send(page, "cards", "compare", fifth)
    assert [one.value for one in page.toast] == [texts.TRAY_FULL.format(most=MOST_COMPARED)]
    ids.append(fifth)
    tray = data_of(page, "tray")
    assert [one["key"] for one in tray["products"]] == ids[-MOST_COMPARED:]
    assert tray["texts"]["compare"] == "Compare 4 of 4"
    assert data_of(page, "versus") == {"open": False}
    send(page, "tray", "remove", ids[2])
    assert ids[2] not in [one["key"] for one in data_of(page, "tray")["products"]]
    send(page, "tray", "clear", True)
    assert data_of(page, "tray")["products"] == []


def test_the_table_says_what_the_comparisons_say(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = Client.compare

    def counting(client: Client, found: Any, product_id: str, **options: Any) -> Any:
        asked.append(product_id)
        comparison = ask(client, found, product_id, **options)
        # The fakes measure no floor.
        measured = {"tone": Attribute("medium", 0.9, "measured", None)}
        both = BothAttributes(measured, comparison.attributes.product)
        return replace(comparison, attributes=both)

    monkeypatch.setattr(Client, "compare", counting)
    ids = compared(page, room, 3)
    send(page, "tray", "compare", True)
    table = data_of(page, "versus")
    assert [one["key"] for one in table["columns"]] == ["floor", *ids]
    assert asked == ids
    page.run()
    assert asked == ids
    colours = row(page, texts.COLOURS_ROW)["cells"]
    found = page.session_state["visit"].answer.page
    expected = ask(asking.client(), found, ids[1])
    assert colours[2]["colours"] == list(expected.palettes.product_hex)
    assert colours[0]["colours"] == list(expected.palettes.floor_hex)
    assert not any("waits" in cell for one in table["rows"] for cell in one["cells"])
    tone = row(page, texts.PROPERTY_NAMES["tone"])
    floor, *products = tone["cells"]
    assert floor["text"] == "Medium"
    assert {one["same"] for one in products} == {True, False}
    assert [one["same"] for one in products] == [one["text"] == "Medium" for one in products]
    assert not tone["alike"]
    assert row(page, texts.PROPERTY_NAMES["variation"])["alike"]
    assert not row(page, texts.PRICE_ROW)["alike"]
    # One product less asks nothing; the last one closes the table.
    send(page, "versus", "remove", ids[0])
    assert len(data_of(page, "versus")["columns"]) == 3
    for one in ids[1:]:
        send(page, "versus", "remove", one)
    assert data_of(page, "versus") == {"open": False}
    assert asked == ids


def test_a_product_is_compared_once_for_card_and_table(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = Client.compare

    def counting(client: Client, search_page: Any, product_id: str, **options: Any) -> Any:
        asked.append(product_id)
        return ask(client, search_page, product_id, **options)

    monkeypatch.setattr(Client, "compare", counting)
    first, second = compared(page, room, 2)
    send(page, "cards", "open", {"id": first})
    assert data_of(page, "product")["palettes"]
    send(page, "product", "close", first)
    send(page, "tray", "compare", True)
    assert "colours" in row(page, texts.COLOURS_ROW)["cells"][1]
    send(page, "versus", "open", second)
    assert data_of(page, "product")["palettes"]
    assert asked == [first, second]


def test_what_cannot_be_compared_is_shown_without(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ServiceError("no picture", code="image-unreadable", status=422)

    ids = compared(page, room, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Client, "compare", refuse)
        send(page, "tray", "compare", True)
        assert row(page, texts.COLOURS_ROW)["cells"][1:] == [{"text": None}] * 2
        assert row(page, texts.PRICE_ROW)["cells"][1]["text"]
        send(page, "versus", "close", True)
    # Opened again, it is asked for again.
    send(page, "tray", "compare", True)
    assert "colours" in row(page, texts.COLOURS_ROW)["cells"][2]
    send(page, "versus", "open", ids[0])
    assert page.session_state["visit"].product == ids[0]


def test_back_closes_the_table(page: AppTest, room: Path) -> None:
    ids = compared(page, room, 2)
    send(page, "tray", "compare", True)
    assert page.query_params["compare"] == "table"
    # What is clicked before the browser has the new address does not close it.
    del page.query_params["compare"]
    page.run()
    assert data_of(page, "versus")["open"]
    del page.query_params["compare"]
    navigate(page)
    assert data_of(page, "versus") == {"open": False}
    assert [one["key"] for one in data_of(page, "tray")["products"]] == ids
    send(page, "tray", "compare", True)
    send(page, "versus", "close", True)
    assert "compare" not in page.query_params
