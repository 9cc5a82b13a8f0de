"""The card of a product, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens.client import Client, ServiceUnreachable
from floorlens.ui import texts
from tests.ui.elements import data_of, navigate, send
from tests.ui.find.test_matches import cards, search

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the page asked of the service, in order."""
    asked: list[str] = []
    for name in ("search", "refine", "compare", "similar_products", "get_product"):
        whole = getattr(Client, name)

        def ask(*arguments: Any, name: str = name, whole: Any = whole, **options: Any) -> Any:
            asked.append(name)
            return whole(*arguments, **options)

        monkeypatch.setattr(Client, name, ask)
    return asked


def test_it_says_what_the_comparison_says(
    page: AppTest, service: str, room: Path, calls: list[str]
) -> None:
    search(page, room)
    with Client(service) as client:
        expected = client.compare(page.session_state["visit"].answer.page, "oak")
    calls.remove("compare")
    send(page, "cards", "open", {"id": "oak"})
    shown = data_of(page, "product")
    assert (shown["open"], shown["id"], shown["name"]) == (True, "oak", expected.name)
    assert [pair["delta"] for pair in shown["palettes"]] == [
        f"ΔE {value:.1f}" for value in expected.palettes.delta_e
    ]
    assert len(shown["patches"]["notes"]) == len(expected.pairs)
    assert "oak" not in {one["id"] for one in shown["similar"]}
    assert {one["label"] for one in shown["details"]}.isdisjoint({"Price", "Material"})
    assert page.query_params["product"] == "oak"
    # Whatever is clicked meanwhile, and opened again: it is asked for once.
    send(page, "product", "shortlist", "oak")
    send(page, "product", "close", "oak")
    assert data_of(page, "product") == {"open": False}
    assert "product" not in page.query_params
    send(page, "cards", "open", {"id": "oak"})
    assert data_of(page, "product")["listed"]
    assert calls == ["search", "compare", "similar_products"]


def test_a_double_tap_opens_a_card(page: AppTest, room: Path) -> None:
    search(page, room)
    send(page, "cards", "open", {"id": "oak"})
    # The second one comes from a browser that has not had the new address yet.
    del page.query_params["product"]
    send(page, "cards", "open", {"id": "oak"})
    assert data_of(page, "product")["open"]
    assert page.query_params["product"] == "oak"
    # Without a tap it is the back button.
    del page.query_params["product"]
    navigate(page)
    assert not data_of(page, "product")["open"]


def test_right_and_wrong_reach_the_service(page: AppTest, service: str, room: Path) -> None:
    search(page, room)
    send(page, "cards", "open", {"id": "oak"})
    page_of = page.session_state["visit"].answer.page
    with Client(service) as client:
        send(page, "product", "judge", {"id": "oak", "verdict": "right"})
        assert client.get_search(page_of).feedback == {"oak": "right"}
        assert data_of(page, "product")["verdict"] == cards(page)["oak"]["verdict"] == "right"
        assert data_of(page, "product")["said"] == texts.THANKS
        send(page, "product", "judge", {"id": "oak", "verdict": "right"})
        assert client.get_search(page_of).feedback == {}
        assert data_of(page, "product")["verdict"] is None


def test_what_was_marked_stays_marked_for_the_photo(page: AppTest, room: Path) -> None:
    search(page, room)
    send(page, "cards", "open", {"id": "oak"})
    send(page, "product", "judge", {"id": "oak", "verdict": "right"})
    send(page, "product", "close", "oak")
    send(page, "cards", "group", True)
    send(page, "photo", "floor", {"n": 1, "region": [0, 60, 80, 120], "clicks": []})
    assert page.session_state["visit"].answer.page.query.group == "design"
    assert cards(page)["oak"]["verdict"] == "right"
    # Taken back, it is gone from the answers to go back to as well.
    send(page, "cards", "open", {"id": "oak"})
    send(page, "product", "judge", {"id": "oak", "verdict": "right"})
    send(page, "photo", "undo", True)
    assert page.session_state["visit"].answer.page.query.region == (None,)
    assert cards(page)["oak"]["verdict"] is None


def test_the_address_opens_it_again(page: AppTest, room: Path) -> None:
    search(page, room)
    del page.session_state["visit"]
    page.query_params["product"] = "ash"
    page.run()
    assert not page.exception
    assert data_of(page, "product")["id"] == "ash"
    del page.query_params["product"]
    navigate(page)
    assert data_of(page, "product") == {"open": False}
    page.query_params["product"] = "of-yesterday"
    navigate(page)
    assert data_of(page, "product") == {"open": False}
    assert page.toast[0].value == texts.NO_PRODUCT


def test_search_like_this(page: AppTest, room: Path) -> None:
    search(page, room)
    send(page, "cards", "open", {"id": "ash"})
    send(page, "product", "like", "ash")
    assert page.session_state["visit"].answer.page.query.like == ("ash",)
    assert data_of(page, "product") == {"open": False}


def test_without_the_comparison_the_rest_is_shown(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(page, room)
    with monkeypatch.context() as gone:

        def fail(*_: Any, **__: Any) -> None:
            raise ServiceUnreachable("gone")

        gone.setattr(Client, "compare", fail)
        send(page, "cards", "open", {"id": "oak"})
        shown = data_of(page, "product")
        assert (shown["note"], shown["wipe"], shown["waits"]) == (texts.NOT_COMPARED, None, False)
        assert shown["properties"]
        assert shown["similar"]
    # It is asked for again when the card is opened again.
    send(page, "product", "close", "oak")
    send(page, "cards", "open", {"id": "oak"})
    assert data_of(page, "product")["note"] is None
