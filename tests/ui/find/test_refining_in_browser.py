"""Chips, link, shortlist and the table in a browser, by themselves: no service, no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")

from tests.ui.find.test_cards_in_browser import FOCUS, ODD, card, show, show_cards

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

NAMES = (ODD, "Stone", "Cork")
# Streamlit's own, as far as menu.js knows it.
MENU = """<a data-testid="stSidebarNavLink" href="#rooms"><span>Rooms</span></a>
<div data-testid="stSidebarCollapseButton"><button onclick="window.shut = 1">‹‹</button></div>"""


def show_chips(page: Page, turn: int, selected: tuple[str, ...] = (), step: int = 0) -> None:
    options = [
        {
            "key": name,
            "label": name,
            "dot": None,
            "count": 3,
            "counted": "3 products",
            "selected": name in selected,
            "disabled": False,
            "event": ["material", name],
        }
        for name in NAMES
    ]
    field = {
        "key": "material",
        "label": "Material",
        "title": "Material",
        "count": len(selected),
        "field": "material",
        "groups": [{"key": "material", "label": "Material", "named": False, "options": options}],
    }
    chosen = [
        {
            "key": name,
            "label": name,
            "dot": None,
            "picture": None,
            "remove": f"Remove {name}",
            "event": ["value", ["material", name]],
        }
        for name in NAMES
        if name in selected
    ]
    sliders = [
        {"key": name, "label": name, "tint": name, "step": step if name == "colour" else 0}
        for name in ("colour", "texture")
    ]
    weights = {"label": "Matters", "title": "Matters", "count": 0, "sliders": sliders}
    weights["steps"] = ["none", "less", "usual", "more", "most"]
    texts = dict.fromkeys(("clear", "close", "reset", "less", "more"), "…")
    texts |= {"refine": "Narrow", "clearAll": "Clear all"}
    data = {"turn": turn, "chosen": chosen, "clear": bool(selected), "fields": [field]}
    show(page, "chips", data | {"weights": weights, "show": "Show", "texts": texts}, "panel")


def test_a_wish_waits_for_the_answer_to_the_one_before(browser_page: Page) -> None:
    page = browser_page
    show_chips(page, 0)
    page.get_by_role("button", name="Material").click()
    page.get_by_role("checkbox", name=ODD).check()
    page.get_by_role("checkbox", name="Stone").check()
    assert page.evaluate("events") == [["value", ["material", ODD]]]
    show_chips(page, 0)
    assert len(page.evaluate("events")) == 1
    show_chips(page, 1, (ODD,))
    page.wait_for_function("events.length === 2")
    assert page.evaluate("events[1]") == ["value", ["material", "Stone"]]
    show_chips(page, 2, (ODD, "Stone"))
    # The panel is still open, and the focus where it was; Escape gives it back.
    assert page.get_by_role("dialog", name="Material").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog", name="Material").is_visible()
    chips = page.get_by_role("group", name="Narrow").get_by_role("button")
    assert chips.all_inner_texts()[:3] == [ODD, "Stone", "Clear all"]
    page.get_by_role("button", name="Remove Stone").click()
    assert page.evaluate("events[2]") == ["value", ["material", "Stone"]]
    show_chips(page, 3, (ODD,))
    # The chip is gone; the focus is on the next one.
    assert page.evaluate(FOCUS) is None
    assert chips.nth(1).evaluate("node => node === node.getRootNode().activeElement")
    assert page.evaluate("window.harm") is None


def test_a_slider_is_sent_when_it_is_let_go(browser_page: Page) -> None:
    page = browser_page
    show_chips(page, 0)
    page.get_by_role("button", name="Matters").click()
    slider = page.get_by_role("slider", name="colour")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    assert slider.get_attribute("aria-valuetext") == "most"
    page.wait_for_timeout(400)
    assert page.evaluate("events") == []
    page.mouse.up()
    page.wait_for_function("events.length")
    assert page.evaluate("events") == [["weights", {"colour": 2, "texture": 0}]]


def show_share(page: Page, listed: list[str]) -> None:
    items = [{"key": one, "name": one, "opens": True, "remove": f"Remove {one}"} for one in listed]
    names = ("share", "shareTitle", "link", "copy", "copied", "notCopied", "native", "list")
    texts = {name: name for name in names} | {
        "close": "close",
        "until": "until {time}",
        "listCount": "shortlist",
    }
    texts |= {"counted": "products", "clear": "clear", "title": "Floorlens", "empty": "nothing"}
    query = [["search", "abc"], *(["list", one] for one in listed)]
    share = {"query": query, "expires": "2030-01-02T12:00:00+00:00", "carries": "", "files": []}
    data = {"count": "6", "locale": "en-GB", "named": listed, "share": share, "list": items}
    show(page, "share", data | {"listFiles": [], "texts": texts}, "panel")


def test_the_link_carries_the_shortlist_and_so_does_the_address(browser_page: Page) -> None:
    page = browser_page
    page.route("http://floor.test/", lambda route: route.fulfill(body="<!doctype html>"))
    page.goto("http://floor.test/")
    before = page.evaluate("history.length")
    show_share(page, ["a&b", ODD])
    assert page.evaluate("new URLSearchParams(location.search).getAll('list')") == ["a&b", ODD]
    assert page.evaluate("history.length") == before
    page.get_by_role("button", name="share").click()
    link = page.get_by_role("textbox", name="link").input_value()
    assert link.startswith("http://floor.test/?search=abc&list=a%26b&list=")
    # This is no secure place: there is only the old way of copying.
    page.get_by_role("button", name="copy").click()
    page.get_by_role("status").get_by_text("copied").wait_for()
    assert "2 January" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="shortlist").click()
    page.get_by_role("button", name="Remove a&b").click()
    assert page.evaluate("events") == [["remove", "a&b"]]
    show_share(page, [ODD])
    assert page.get_by_role("listitem").count() == 1
    assert page.evaluate("window.harm") is None


def show_versus(page: Page, *, is_open: bool, turn: int = 1, more: int = 0) -> None:
    columns: list[dict[str, Any]] = [{"key": "floor", "name": "Floor", "floor": True}]
    columns += [{"key": "p1", "name": ODD, "floor": False, "remove": "Remove"}]
    tone = [{"text": "Light"}, {"text": "Light", "same": True}]
    laid = [{"text": "Plank"}, {"text": ODD, "same": False}]
    rows: list[dict[str, Any]] = [
        {"label": "Tone", "alike": True, "cells": tone},
        {"label": "Laid", "alike": False, "cells": laid},
        *({"label": f"Row {number}", "alike": True, "cells": tone} for number in range(more)),
    ]
    names = ("title", "only", "close", "waits", "none", "same", "differs")
    data = {"open": is_open, "turn": turn, "columns": columns, "rows": rows}
    show(page, "versus", data | {"texts": {name: name for name in names}}, "panel")


def test_a_table_that_was_closed_stays_closed(browser_page: Page) -> None:
    page = browser_page
    show_versus(page, is_open=True)
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("cell").filter(has_text="Light").count() == 2
    dialog.get_by_role("checkbox").check()
    assert dialog.get_by_role("cell").filter(has_text="Light").count() == 0
    assert dialog.get_by_role("cell").filter(has_text="differs").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_function("events.length")
    assert page.evaluate("events") == [["close", True]]
    # What was on its way when it was closed.
    show_versus(page, is_open=True)
    assert not dialog.is_visible()
    show_versus(page, is_open=True, turn=2)
    assert dialog.is_visible()
    assert page.evaluate("window.harm") is None


def box_of(one: Locator) -> dict[str, float]:
    box = one.bounding_box()
    assert box is not None
    size = {"width": box["width"], "height": box["height"]}
    return size | {"x": box["x"], "y": box["y"], "bottom": box["y"] + box["height"]}


def test_on_a_telephone(phone_page: Page) -> None:
    """Chips in one line, signs within the pictures, names of the table always in sight; a choice
    from the menu closes it."""
    page = phone_page
    # A panel slides in, unless somebody has asked for less of that.
    page.emulate_media(reduced_motion="reduce")
    page.set_content("<!doctype html><meta name=viewport content='width=device-width'>" + MENU)
    show(page, "menu", {"names": [['[data-testid="stSidebarCollapseButton"] button', "Shut"]]})
    page.get_by_role("link", name="Rooms").click()
    page.wait_for_function("window.shut === 1")
    assert page.get_by_role("button", name="Shut").count() == 1

    show_chips(page, 0, NAMES)
    row = page.get_by_role("group", name="Narrow")
    assert len({box_of(one)["y"] for one in row.get_by_role("button").all()}) == 1
    page.get_by_role("button", name="Material", exact=False).last.click()
    panel = box_of(page.get_by_role("dialog", name="Material"))
    assert panel["bottom"] == pytest.approx(844, abs=1)
    assert panel["width"] == 390
    for option in page.get_by_role("dialog").locator("label").all():
        assert box_of(option)["height"] >= 44
    page.keyboard.press("Escape")

    all_three = {"compared": True, "listed": True, "verdict": "right"}
    show_cards(page, [card(1, **all_three, variants="3 variants"), card(2)], equals=2)
    first = page.locator("[data-product=p1]")
    picture = box_of(first.locator(".picture"))
    for name in ("Right", "Compared", "Shortlisted"):
        badge = box_of(first.locator(".badge").filter(has_text=name))
        assert badge["x"] >= picture["x"]
        assert badge["bottom"] <= box_of(first.locator(".variants"))["y"]

    show_versus(page, is_open=True, more=40)
    table = page.get_by_role("dialog").get_by_role("region")
    top = box_of(table)["y"]
    table.evaluate("node => node.scrollTo(0, node.scrollHeight)")
    assert box_of(table.get_by_role("rowheader", name="Tone"))["bottom"] < top
    for name in ("Floor", ODD):
        head = box_of(page.get_by_role("columnheader", name=name))
        assert head["y"] == pytest.approx(top, abs=1)
        assert head["height"] >= 44
