"""The first screen's element and the photo's in a browser, by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("streamlit", reason="needs the extra ui")
pytest.importorskip("playwright", reason="needs the extra dev")

from floorlens.ui import texts
from floorlens.ui.assets import find_asset
from floorlens.ui.components import loading_script
from tests.ui.drawing import show

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow

SIZE = 800, 600
FLOOR = [[[[0, 300], [800, 300], [800, 600], [0, 600]]]]
PICTURE = (
    "data:image/svg+xml,"
    "<svg xmlns='http://www.w3.org/2000/svg' width='800' height='600'><rect width='9'/></svg>"
)


def show_photo(page: Page, **changes: Any) -> None:
    names = ("correct", "draw", "tools", "close", "undo", "reset", "enlarge", "done", "opacity")
    said: dict[str, Any] = {name: name.capitalize() for name in names}
    said |= {"modes": {name: name.capitalize() for name in ("add", "remove", "box", "outline")}}
    said |= {"hints": texts.HINTS, "doubtful": "Doubtful"}
    data = {
        "source": PICTURE,
        "kept": True,
        "preview": None,
        "size": SIZE,
        "polygons": FLOOR,
        "clicks": [],
        "echo": None,
        "busy": False,
        "drawn": False,
        "undo": False,
        "reset": False,
        "alt": "The room",
        "facts": "",
        "doubts": [],
        "texts": said,
    }
    show(page, "photo", data | changes, "nodes")


def events(page: Page) -> list[Any]:
    """Returns the events so far, and forgets them."""
    result: list[Any] = page.evaluate("events.splice(0)")
    return result


def places(page: Page) -> Callable[[float, float], tuple[float, float]]:
    """Returns what tells where a pixel of the photo is on the screen."""
    box = page.get_by_role("application").bounding_box()
    assert box
    return lambda x, y: (
        box["x"] + x / SIZE[0] * box["width"],
        box["y"] + y / SIZE[1] * box["height"],
    )


def near(point: list[float], x: float, y: float) -> bool:
    return abs(point[0] - x) < 3 and abs(point[1] - y) < 3


def test_quick_taps_come_together_and_none_is_lost(browser_page: Page) -> None:
    page = browser_page
    show_photo(page)
    at = places(page)
    page.mouse.click(*at(100, 400))
    # It shows before anything has answered.
    assert page.locator(".dot.waits").count() == 1
    page.get_by_role("button", name="Remove").click()
    page.mouse.click(*at(200, 500))
    page.mouse.click(*at(300, 500))
    assert page.locator(".dot").count() == 3
    ((name, first),) = events(page)
    assert (name, len(first["clicks"])) == ("floor", 1)
    assert near(first["clicks"][0], 100, 400)
    # What the page shows of earlier runs changes nothing; the answer lets the others go.
    show_photo(page, clicks=[])
    assert events(page) == []
    show_photo(page, clicks=first["clicks"], echo=first["n"])
    ((_, rest),) = events(page)
    assert [click[2] for click in rest["clicks"]] == [True, False, False]
    assert page.locator(".dot").count() == 3
    show_photo(page, clicks=rest["clicks"], echo=rest["n"], undo=True, reset=True)
    assert page.locator(".dot.waits").count() == 0
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Reset").click()
    (undo, _), (_, reset) = events(page)
    assert undo == "undo"
    assert (reset["region"], reset["clicks"]) == (None, [])


def test_a_box_and_an_outline(browser_page: Page) -> None:
    page = browser_page
    show_photo(page, polygons=[], drawn=True)
    at = places(page)
    # Where no floor was found, drawing comes first.
    assert page.get_by_role("button", name="Box", pressed=True).count() == 1
    page.mouse.move(*at(500, 550))
    page.mouse.down()
    page.mouse.move(*at(100, 350), steps=3)
    page.mouse.up()
    ((_, box),) = events(page)
    assert near(box["region"][:2], 100, 350)
    assert near(box["region"][2:], 500, 550)
    show_photo(page, echo=box["n"])
    page.get_by_role("button", name="Outline").click()
    corners = (100, 350), (500, 350), (600, 590)
    for corner in corners:
        page.mouse.click(*at(*corner))
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Close").count() == 0
    for corner in corners:
        page.mouse.click(*at(*corner))
    page.mouse.dblclick(*at(50, 590))
    ((_, outline),) = events(page)
    assert len(outline["region"]) == 4
    assert near(outline["region"][3], 50, 590)


def test_with_the_keyboard_alone(browser_page: Page) -> None:
    page = browser_page
    show_photo(page, doubts=["It is dark."], facts="Floor: half")
    page.get_by_role("application").focus()
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    ((_, tap),) = events(page)
    # It begins in the middle of the lower half, and each step is a fortieth of the longer side.
    assert near(tap["clicks"][0], 360, 470)
    show_photo(page, echo=tap["n"])
    page.get_by_role("button", name="Enlarge").press("Enter")
    dialog = page.get_by_role("dialog", name="Correct")
    dialog.get_by_role("button", name="Outline").press("Enter")
    page.get_by_role("application").focus()
    for key in ("ArrowDown", "Enter", "ArrowRight", "Enter", "ArrowDown", "Enter", "Enter"):
        page.keyboard.press(key)
    ((_, outline),) = events(page)
    assert len(outline["region"]) == 3
    # Escape drops what is half drawn, and only then closes.
    for key in ("ArrowDown", "Enter", "Escape"):
        page.keyboard.press(key)
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert events(page) == []


def show_entry(page: Page, **changes: Any) -> None:
    plain = (
        "drop",
        "dropTouch",
        "dropAnywhere",
        "paste",
        "choose",
        "camera",
        "other",
        "samples",
        "home",
    )
    said: dict[str, Any] = {name: name for name in (*plain, "noSamples", "formats", "uploading")}
    said |= {"chosen": "chosen", "empty": ["Empty", ""], "kind": ["Kind", ""]}
    said |= {"size": ["Size", "{size} of {megabytes}"], "connection": ["Connection", ""]}
    data = {
        "address": "http://page.example/photos",
        "mark": "x-mark",
        "bytes": 1000,
        "megabytes": "0.001",
        "echo": None,
        "compact": False,
        "problem": None,
        "samples": [{"name": "hall.jpg", "title": "Hall", "alt": "A hall", "picture": PICTURE}],
        "privacy": "Private",
        "count": "",
        "texts": said | {"busy": ["Busy", ""]},
    }
    show(page, "entry", data | changes)


def test_a_refused_file_never_stays_beside_the_next_one(
    browser_page: Page, tmp_path: Path, room: Path
) -> None:
    page = browser_page
    answers = [(413, '{"code": "upload-too-large"}'), (201, '{"token": "t1"}')]

    def take(route: Route) -> None:
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "x-mark"}
        if route.request.method == "OPTIONS":
            route.fulfill(status=204, headers=allowed)
            return
        status, body = answers.pop(0)
        assert route.request.headers["x-mark"] == "1"
        route.fulfill(status=status, body=body, content_type="application/json", headers=allowed)

    page.route("http://page.example/photos", take)
    show_entry(page)
    chooser = page.locator("input[type=file]").last
    refusal = page.get_by_role("alert")

    def choose(name: str, content: bytes) -> None:
        file = tmp_path / name
        file.write_bytes(content)
        chooser.set_input_files(file)

    for name, content, title in (
        ("empty.jpg", b"", "Empty"),
        ("list.csv", b"a", "Kind"),
        ("large.jpg", b"x" * 1001, "Size"),
    ):
        choose(name, content)
        assert refusal.inner_text().startswith(title)
    assert len(answers) == 2
    choose("refused.png", b"y" * 900)
    page.get_by_role("alert").filter(has_text="0.1 of 0.001").wait_for()
    choose("room.png", room.read_bytes())
    page.wait_for_function("events.length")
    assert refusal.count() == 0
    # The photo is there already, beside what became of it.
    assert page.get_by_alt_text("chosen").is_visible()
    assert events(page) == [["photo", {"token": "t1", "name": "room.png"}]]
    # The page could not read it, twice the same.
    for echo in ("t1", "t2"):
        show_entry(page, problem=["Damaged", "", False], echo=echo)
        assert refusal.inner_text().startswith("Damaged")
        assert not page.get_by_alt_text("chosen").is_visible()
    page.get_by_role("button", name="A hall").click()
    assert refusal.count() == 0
    assert events(page) == [["sample", "hall.jpg"]]


def test_on_a_telephone_every_corner_can_be_tapped(phone_page: Page) -> None:
    """The strip opens wherever it is tapped; opened, nothing lies over the photo."""
    page = phone_page
    page.set_default_timeout(20_000)
    page.set_content('<meta name="viewport" content="width=device-width"><body>')
    show_photo(page)
    canvas = page.get_by_role("application")
    strip = canvas.bounding_box()
    assert strip is not None
    page.touchscreen.tap(strip["x"] + strip["width"] - 12, strip["y"] + strip["height"] - 12)
    page.get_by_role("dialog").wait_for()
    box = canvas.bounding_box()
    assert box is not None
    corners = [
        # Corners are round.
        (box["x"] + 6 + across * (box["width"] - 12), box["y"] + 6 + down * (box["height"] - 12))
        for across in (0, 1)
        for down in (0, 1)
    ]
    for corner in corners:
        page.touchscreen.tap(*corner)
    sent = [change["clicks"][-1] for name, change in events(page) if name == "floor"]
    # The first one is on its way; what waits holds all.
    local = page.evaluate("elements.photo.parent.floorlensPhoto.local.clicks")
    assert len(sent) == 1
    assert [(x < 20, y < 20) for x, y, _ in local] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_call_that_was_overtaken_clears_nothing_away(browser_page: Page) -> None:
    page = browser_page
    show_photo(page)
    data = page.evaluate("() => elements.photo.parent.floorlensPhoto.data")
    page.route("http://page.test/**", answer_as_page)
    page.goto("http://page.test/")
    # As Streamlit does it with data that comes while the script loads: the first call ends last.
    page.evaluate(
        """async ([script, data]) => {
          const file = new Blob([script], { type: "text/javascript" });
          const { default: call } = await import(URL.createObjectURL(file));
          const root = document.body.attachShadow({ mode: "open" });
          const parentElement = root.appendChild(document.createElement("div"));
          const element = { parentElement, data, setTriggerValue: () => {} };
          const first = call(element);
          window.last = call(element);
          first();
        }""",
        [loading_script("photo", "nodes"), data],
    )
    assert page.get_by_role("application").count() == 1
    page.evaluate("() => last()")
    assert page.get_by_role("application").count() == 0


def answer_as_page(route: Route) -> None:
    file = find_asset(route.request.url.rpartition("/")[2])
    if file is None:
        route.fulfill(body="<title>A page</title>", content_type="text/html")
    else:
        route.fulfill(body=file.text, content_type=file.media_type)


def test_dropped_anywhere_or_pasted(browser_page: Page) -> None:
    page = browser_page
    show_entry(page, compact=True)
    give = """(kind) => {
      const file = new File(["a text"], "note.txt", { type: "text/plain" });
      const data = new DataTransfer();
      data.items.add(kind === "paste" ? new File([""], "p.png", { type: "image/png" }) : file);
      const event = kind === "paste"
        ? new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert page.evaluate(give, "dragenter")
    assert page.get_by_text("dropAnywhere").is_visible()
    # Else the browser would open the file in the place of the page.
    assert page.evaluate(give, "drop")
    assert not page.get_by_text("dropAnywhere").is_visible()
    assert page.get_by_role("alert").inner_text() == "Kind"
    assert page.evaluate(give, "paste")
    assert page.get_by_role("alert").inner_text() == "Empty"
    page.get_by_role("button", name="home").click()
    assert events(page) == [["home", True]]


def test_every_outline_of_the_mark_is_closed(browser_page: Page) -> None:
    page = browser_page
    island = [[100, 100], [200, 100], [200, 200]]
    show_photo(page, polygons=[*FLOOR, [island]])
    for name in ("mark", "casing", "edge"):
        outlines = (page.locator(f"path.{name}").get_attribute("d") or "").split("M")[1:]
        assert [outline[-1] for outline in outlines] == ["Z", "Z"], name


def test_a_photo_that_the_browser_has_is_shown_before_the_service_sends_it(
    browser_page: Page,
) -> None:
    page, waiting = browser_page, list["Route"]()
    kept = "http://page.example/photo.svg"
    page.route(kept, lambda route: waiting.append(route))
    page.evaluate("address => (window.floorlensPhoto = { token: 't1', address })", PICTURE)
    with page.expect_request(kept):
        show_photo(page, source=kept, preview="t1")
    image = page.get_by_role("img", name="The room")
    assert image.get_attribute("src") == PICTURE
    page.wait_for_timeout(100)
    waiting[0].fulfill(
        body='<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"/>',
        content_type="image/svg+xml",
    )
    page.wait_for_function("() => window.floorlensPhoto === null")
    assert image.get_attribute("src") == kept
