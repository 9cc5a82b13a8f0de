"""The places for files, rooms and the catalogue's products in a browser, by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens.ui import texts
from floorlens.ui.catalogue.adding import UPLOAD_TEXTS
from tests.ui.drawing import show

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow

DROP = """([name, files]) => {
  const data = new DataTransfer();
  for (const file of files) data.items.add(new File(["text"], file));
  const root = elements[name].parent.querySelector(".drop");
  for (const kind of ["dragover", "drop"]) {
    root.dispatchEvent(new DragEvent(kind, { dataTransfer: data, cancelable: true }));
  }
}"""


def drop(page: Page, name: str, *files: str) -> None:
    page.evaluate(DROP, [name, list(files)])


def test_photos_are_dropped_and_only_so_many(browser_page: Page) -> None:
    page = browser_page
    said = texts.SEVERAL | {"formats": "JPEG"}
    data = {"address": "/", "mark": "x", "megabytes": 1, "most": 2, "next": None, "compact": False}
    show(page, "several", data | {"texts": said}, "nodes", "drop")
    drop(page, "several", "a.jpg", "b.jpg", "c.jpg")
    ((event, files),) = page.evaluate("events.splice(0)")
    assert (event, [file["name"] for file in files]) == ("files", ["a.jpg", "b.jpg"])
    assert page.get_by_role("status").text_content() == texts.SEVERAL["tooMany"]
    page.get_by_label(texts.SEVERAL["choose"]).set_input_files(
        {"name": "d.jpg", "mimeType": "image/jpeg", "buffer": b"d"}
    )
    ((_, files),) = page.evaluate("events.splice(0)")
    assert [file["name"] for file in files] == ["d.jpg"]


def test_a_list_is_sent_alone(browser_page: Page) -> None:
    """What is dropped while another one is on its way is not sent beside it."""
    page, waiting = browser_page, []

    def take(route: Route) -> None:
        if "imports" not in route.request.url:
            route.fulfill(body="<title>A page</title>", content_type="text/html")
        else:
            waiting.append(route)

    page.route("http://page.test/**", take)
    page.goto("http://page.test/")
    data: dict[str, Any] = {"address": "/imports", "mark": "x-mark", "ticket": "t", "options": {}}
    data |= {"accept": ".csv", "refusals": texts.UPLOAD_REFUSALS, "texts": UPLOAD_TEXTS}
    show(page, "upload", data, "nodes", "drop")
    drop(page, "upload", "first.csv")
    drop(page, "upload", "second.csv")
    page.get_by_role("button", name=texts.CANCEL).wait_for()
    page.wait_for_timeout(200)
    assert ["first.csv" in route.request.url for route in waiting] == [True]
    waiting[0].fulfill(status=202, json={"id": "job-1"})
    page.wait_for_function("events.length")
    assert page.evaluate("events.splice(0)") == [["job", "job-1"]]
    drop(page, "upload", "second.csv")
    page.wait_for_timeout(200)
    waiting[1].fulfill(status=413, json={"code": "unheard-of", "detail": "It is too large."})
    status = page.get_by_role("status")
    page.wait_for_function("elements.upload.parent.querySelector('.wrong')")
    assert status.text_content() == "It is too large."
    assert not page.get_by_role("button", name=texts.CANCEL).is_visible()


def test_rooms_are_a_table(browser_page: Page) -> None:
    page = browser_page
    room: dict[str, Any] = {
        "number": "1",
        "name": "<b>hall</b>",
        "state": "done",
        "picture": "/photo.jpg",
        "polygons": [[[[0, 0], [9, 0], [9, 9]]]],
        "size": [12, 9],
        "link": "/?search=s",
        "problem": None,
        "note": "",
        "matches": [{"name": "Oak", "word": "Close", "picture": None}],
    }
    waits = room | {"number": "2", "state": "waiting", "matches": [], "picture": None, "link": None}
    show(page, "rooms", {"rooms": [room, waits], "texts": texts.ROOM_TABLE}, "nodes")
    first, second = page.get_by_role("row").all()[1:]
    assert first.get_by_role("rowheader").text_content() == "<b>hall</b>"
    assert first.get_by_role("cell").all_text_contents()[:3] == ["OakClose", "–", "–"]
    assert first.locator("path").get_attribute("d") == "M0 0L9 0L9 9Z"
    assert first.get_by_role("link").get_attribute("href") == "/?search=s"
    assert second.get_by_role("cell").first.text_content() == texts.ROOM_TABLE["waiting"]


def test_products_open_and_stay_where_they_are(browser_page: Page) -> None:
    page = browser_page
    card = {"id": "oak", "name": "Oak <i>", "facts": "12 €", "badge": "", "picture": None}
    data = {"cards": [card], "texts": {"open": "Open {name}", "noPicture": "No picture"}}
    show(page, "products", data, "nodes")
    button = page.get_by_role("button", name="Open Oak <i>")
    assert button.locator(":visible").all_text_contents() == ["No picture", "Oak <i>", "12 €"]
    button.focus()
    show(page, "products", data | {"cards": [card | {"badge": "Edited"}]}, "nodes")
    assert button.locator("em").text_content() == "Edited"
    assert button.evaluate("(node) => node.getRootNode().activeElement === node")
    button.click()
    assert page.evaluate("events") == [["open", "oak"]]
