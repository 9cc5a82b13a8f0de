"""The ranked products as cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from PIL import Image

from floorlens import Floorlens
from floorlens.client import Client
from floorlens.ui import texts
from floorlens.ui.asking import FIRST
from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit, Wish
from tests.ui.elements import data_of, send

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def search(page: AppTest, photo: Path, **changes: Any) -> AppTest:
    wish = Wish("search", changes)
    page.session_state["visit"] = Visit(photo=PHOTOS.put(photo.read_bytes()), wish=wish)
    page.run()
    assert not page.exception
    return page


def cards(page: AppTest) -> dict[str, dict[str, Any]]:
    """Returns what the cards got: id -> card, in their order."""
    return {card["id"]: card for card in data_of(page, "cards")["cards"]}


def test_cards_say_what_the_ranking_says(page: AppTest, lens: Floorlens, room: Path) -> None:
    search(page, room)
    result = lens.search(room)
    shown = cards(page)
    assert list(shown) == [match.product.id for match in result.matches]
    assert [card["rank"] for card in shown.values()] == [match.rank for match in result.matches]
    assert not result.nothing_close
    assert data_of(page, "cards")["equals"] == result.equals
    # The title of the equals' band says it already.
    assert data_of(page, "cards")["verdict"] == ("" if result.equals > 1 else result.verdict)
    components = result.matches[0].components or {}
    first = next(iter(shown.values()))
    assert {bar["name"]: bar["share"] for bar in first["bars"]} == {
        name: round(100 * value) for name, value in components.items() if name in texts.COMPONENTS
    }
    assert all(card["word"]["text"] for card in shown.values())
    assert first["picture"].startswith("/floorlens/v1/products/")


def test_a_card_of_odd_product_data(
    page: AppTest, lens: Floorlens, product_folder: Path, room: Path
) -> None:
    """Names are texts, and only addresses of the web are links."""
    odd = {"name": "<b onclick=alert(1)>Oak</b>", "url": "javascript:alert(1)", "price": "n/a?"}
    good = {"name": "Ash", "url": "https://shop.example/a", "price": 1299, "currency": "CHF"}
    picture = next(product_folder.glob("*.png"))
    lens.add([{"id": "odd", "image": picture, **odd}, {"id": "good", "image": picture, **good}])
    search(page, room)
    shown = cards(page)
    assert shown["odd"]["name"] == odd["name"]
    assert (shown["odd"]["link"], shown["odd"]["price"]) == (None, "n/a?")
    assert (shown["good"]["link"], shown["good"]["price"]) == (good["url"], "CHF 1,299")


def test_the_next_page_comes_on_request(
    page: AppTest, service: str, lens: Floorlens, tmp_path: Path, room: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(FIRST):
        Image.new("RGB", (20, 20), (number * 10, 90, 90)).save(many / f"p{number:02}.png")
    lens.add(many)
    search(page, room)
    assert len(cards(page)) == FIRST
    last = lens.search(room, limit=FIRST + 6).matches[-1].product.id
    with Client(service) as client:
        client.give_feedback(page.session_state["visit"].answer.page, last, "wrong")
    send(page, "cards", "more", True)
    assert len(cards(page)) == FIRST + 6
    assert cards(page)[last]["verdict"] == "wrong"
    assert data_of(page, "cards")["more"] is None


def test_designs_can_be_grouped(page: AppTest, room: Path) -> None:
    search(page, room)
    assert data_of(page, "cards")["group"] is False
    send(page, "cards", "group", True)
    assert page.session_state["visit"].answer.page.query.group == "design"
    assert data_of(page, "cards")["group"] is True


def test_quick_actions(page: AppTest, room: Path) -> None:
    search(page, room)
    first, second = list(cards(page))[:2]
    send(page, "cards", "compare", first)
    send(page, "cards", "shortlist", second)
    assert cards(page)[first]["compared"]
    assert cards(page)[second]["listed"]
    send(page, "cards", "like", second)
    assert page.session_state["visit"].answer.page.query.like == (second,)
    assert cards(page)[second]["liked"]
    assert cards(page)[first]["compared"]
    send(page, "cards", "unlike", second)
    query = page.session_state["visit"].answer.page.query
    assert (query.like, query.unlike) == ((), (second,))
