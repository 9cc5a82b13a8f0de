"""The cards and the opened card in a browser, by themselves: no service, no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens.ui.find import product
from tests.ui import drawing

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

FOCUS = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return node.getAttribute("aria-label");
}"""
ODD = "<img src=x onerror='window.harm=1'>"


def show(page: Page, name: str, data: dict[str, Any], *parts: str) -> None:
    drawing.show(page, name, data, "nodes", *parts)


def card(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "rank": number,
        "name": f"Oak {number}",
        "word": {"text": "Close", "kind": "close"},
        "bars": [{"name": "colour", "label": "Colour", "share": 80}],
        "barsLabel": "Colour 80 %",
        "actionsLabel": f"Actions for Oak {number}",
        **changes,
    }


def show_cards(page: Page, cards: list[dict[str, Any]], equals: int = 0, **changes: Any) -> None:
    pairs = {name: [name, f"not {name}"] for name in ("compare", "shortlist", "like", "unlike")}
    said = {
        "equals": "Equal",
        "rest": "Further",
        "results": "Best",
        "actions": pairs,
        "shop": "Shop",
        "more": "Show more",
        "group": "Group designs",
        "right": "Right",
        "comparedBadge": "Compared",
        "listedBadge": "Shortlisted",
    }
    data = {"cards": cards, "equals": equals, "search": "s", "likes": [], "texts": said}
    show(page, "cards", data | changes)


def show_product(page: Page, **changes: Any) -> None:
    texts = product._TEXTS
    names = ("bars", "palettes", "properties", "details", "design")
    lists: dict[str, list[Any]] = {name: [] for name in names}
    data = {"open": True, "id": "p1", "name": "Oak 1", "judged": True, **lists, **changes}
    show(page, "product", data | {"texts": texts}, "wipe")


def test_more_cards_take_the_keyboard_along(browser_page: Page) -> None:
    page = browser_page
    show_cards(page, [card(number) for number in range(1, 25)], more="24 of 30", turn=0)
    assert page.get_by_role("heading", name="Best").count() == 1
    page.wait_for_function("elements.cards.parent.querySelectorAll('li[data-product]').length > 23")
    more = page.get_by_role("button", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate("events") == [["more", True]]
    # It failed: it can be pressed again, and the keyboard is still there.
    show_cards(page, [card(number) for number in range(1, 25)], more="24 of 30", turn=1)
    page.keyboard.press("Enter")
    assert page.evaluate("events") == [["more", True]] * 2
    show_cards(page, [card(number) for number in range(1, 31)], more=None, turn=2)
    assert page.evaluate(FOCUS) == "25. Oak 25, Close"
    assert more.count() == 0


def test_the_switch_says_what_is_shown(browser_page: Page) -> None:
    page = browser_page
    show_cards(page, [card(1)], group=False, turn=0)
    switch = page.get_by_role("switch", name="Group designs")
    switch.click()
    assert page.evaluate("events") == [["group", True]]
    show_cards(page, [card(1)], group=False, turn=1)
    assert not switch.is_checked()
    show_cards(page, [card(1)], group=True, turn=2)
    assert switch.is_checked()


def test_cards(browser_page: Page) -> None:
    page = browser_page
    odd = card(2, name=ODD, link="javascript:window.harm=1", verdict="right", linkLabel="shop")
    good = card(3, link="https://shop.example/3", linkLabel="Oak 3 in the shop")
    cards = [card(1), odd, good, *(card(number) for number in range(4, 10))]
    show_cards(page, cards, equals=2)
    assert page.locator("li[data-product]").count() == 9
    assert page.get_by_role("list", name="Equal").locator("li").count() == 2
    # Not `inner_text`: before the first frame no card is drawn.
    assert page.locator("[data-product=p2] h3").text_content() == ODD
    assert page.locator("[data-product=p2] a").count() == 0
    assert page.get_by_role("link", name="Oak 3 in the shop").get_attribute("rel") == (
        "noopener noreferrer"
    )
    # Arrow keys move as the eye does; Tab then reaches the quick actions of that card.
    page.get_by_role("button", name="1. Oak 1, Close").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUS) == "3. Oak 3, Close"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(FOCUS) == "1. Oak 1, Close"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("events") == [["open", {"id": "p1"}], ["shortlist", "p1"]]
    # Two lines of a long name are shown; a mouse that rests on it brings the rest.
    assert page.get_by_title("Oak 4", exact=True).text_content() == "Oak 4"
    # What comes anew takes neither the focus nor the nodes of cards that stay.
    page.evaluate("kept = elements.cards.parent.querySelector('[data-product=p4]').firstChild")
    show_cards(page, [card(1, listed=True), *cards[1:]], equals=1)
    assert page.evaluate("kept.isConnected")
    pressed = page.locator("[data-product=p1]").get_by_role("button", pressed=True)
    assert pressed.text_content() == "not shortlist"
    assert pressed.evaluate("node => node === node.getRootNode().activeElement")
    assert page.evaluate("window.harm") is None


def test_the_opened_card(browser_page: Page) -> None:
    page = browser_page
    # A picture of one pixel.
    dot = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
    wipe = {"floor": dot, "product": dot, "whole": dot, "caption": "One scale"}
    rows = [
        {"label": "Page", "text": "https://shop.example", "link": "https://shop.example"},
        {"label": "Note", "text": ODD, "link": "javascript:window.harm=1"},
    ]
    show_cards(page, [card(1)])
    show_product(page, open=False)
    page.get_by_role("button", name="1. Oak 1, Close").focus()
    show_product(page, name=ODD, wipe=wipe, details=rows)
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", level=2).inner_text() == ODD
    assert dialog.get_by_role("cell").all_inner_texts() == ["https://shop.example", ODD]
    assert dialog.get_by_role("link").count() == 1
    # The slider answers to keys, and stays where it is when something else comes.
    dialog.get_by_text("One scale").wait_for()
    slider = dialog.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "51 % floor"
    show_product(page, name=ODD, wipe=wipe, details=rows, verdict="wrong")
    assert slider.input_value() == "51"
    assert dialog.get_by_role("button", pressed=True).inner_text() == "No, it is not"
    # Escape closes, and the focus returns to the card; what still comes does not open it again.
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.wait_for_function("events.length")
    assert page.evaluate("events") == [["close", "p1"]]
    assert page.evaluate(FOCUS) == "1. Oak 1, Close"
    show_product(page, name=ODD, wipe=wipe, details=rows, verdict="right")
    assert not dialog.is_visible()
    show_product(page, open=False)
    show_product(page)
    assert dialog.is_visible()
    assert page.evaluate("window.harm") is None


def test_more_like_a_product_far_down_is_answered_at_the_top(browser_page: Page) -> None:
    page = browser_page
    cards = [card(number) for number in range(1, 41)]
    show_cards(page, cards)
    page.locator("[data-product=p40] .open").wait_for()
    scroll = "() => Math.round(scrollY)"
    page.evaluate("scrollTo(0, 400)")
    # Another filter leaves the visitor where they are, and so does an example taken back.
    show_cards(page, cards, search="filtered")
    assert page.evaluate(scroll) == 400
    show_cards(page, cards, search="liked", likes=["p7"])
    assert page.evaluate(scroll) == 0
    page.evaluate("scrollTo(0, 400)")
    show_cards(page, cards, search="taken back")
    assert page.evaluate(scroll) == 400
