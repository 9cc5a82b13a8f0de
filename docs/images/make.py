"""Makes the pictures of the page and of the report, from both as they are: `make images`.

The page runs over the sample catalogue, in a browser without a window. Look at every picture that
it writes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT
from page_speed import FLAGS, page_process
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
ROOMS = ROOT / "samples" / "rooms"
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
WIDTH = 1440
# Pictures on the screen that are still on their way; elements are in shadow roots.
WHOLE = """() => {
  const whole = (root) => [...root.querySelectorAll("*")].every((one) => {
    if (one.shadowRoot && !whole(one.shadowRoot)) return false;
    if (one.tagName !== "IMG" || !one.getAttribute("src")) return true;
    const { top, bottom, left, width } = one.getBoundingClientRect();
    const hidden = !width || bottom < 0 || top > innerHeight || left > innerWidth;
    return hidden || (one.complete && one.naturalWidth > 0);
  });
  return whole(document);
}"""
GAP = 24
GROUND = (240, 235, 227)


def shot(page: Page) -> Image.Image:
    """Returns what the page shows, once it is at rest."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(WHOLE)
    page.wait_for_timeout(800)
    return Image.open(BytesIO(page.screenshot()), formats=["PNG"]).convert("RGB")


def save(picture: Image.Image, name: str) -> None:
    """Writes a picture, not wider than the documents show it."""
    if picture.width > WIDTH:
        height = round(picture.height * WIDTH / picture.width)
        picture = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    picture.save(HERE / f"{name}.jpg", quality=85, optimize=True)
    print(f"docs/images/{name}.jpg  {picture.width} x {picture.height}")


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Returns pictures of one height side by side."""
    width = sum(one.width for one in pictures) + GAP * 2 * (len(pictures) + 1)
    whole = Image.new("RGB", (width, pictures[0].height + 4 * GAP), GROUND)
    left = 2 * GAP
    for one in pictures:
        whole.paste(one, (left, 2 * GAP))
        left += one.width + 2 * GAP
    return whole


def search(page: Page, address: str, room: str) -> None:
    """Gives the page a sample room, and waits for the cards."""
    page.goto(address)
    page.locator("input[type=file]").first.set_input_files(ROOMS / room)
    page.locator("[data-search] li[data-product]").first.wait_for()


def open_first_card(page: Page) -> None:
    """Opens the first card, and waits for its comparison."""
    page.locator("[data-search] li[data-product] button").first.click()
    page.get_by_role("dialog").get_by_role("heading", name="Colours").wait_for()


def at_the_desk(page: Page, address: str) -> None:
    """Takes the pictures of a large screen."""
    page.goto(address)
    page.get_by_role("heading", name="Find this floor").wait_for()
    save(shot(page), "page-first")
    search(page, address, "kitchen-star-tiles.jpg")
    save(shot(page), "ui")
    open_first_card(page)
    save(shot(page), "page-product")
    page.keyboard.press("Escape")
    search(page, address, "hall-chevron.jpg")
    cards = page.locator("[data-search] li[data-product]")
    for number in range(3):
        cards.nth(number).hover()
        cards.nth(number).get_by_role("button", name="Compare", exact=True).click()
        page.wait_for_timeout(600)
    page.get_by_role("button", name="Compare 3").first.click()
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(4000)
    save(shot(page), "page-compare")


def several_rooms(page: Page, address: str) -> None:
    """Takes the picture of the page for several rooms."""
    page.goto(f"{address}/rooms")
    page.locator("input[type=file]").first.set_input_files(sorted(ROOMS.glob("*.jpg"))[:6])
    page.get_by_text("All 6 rooms are done").first.wait_for()
    save(shot(page), "page-rooms")


def catalogue(page: Page, address: str) -> None:
    """Takes the picture of the catalogue's page."""
    page.goto(f"{address}/catalogue")
    page.get_by_text("Ash Pale").or_(page.get_by_text("Lumi Ash")).first.wait_for()
    save(shot(page), "page-catalogue")


def evaluation(page: Page, address: str) -> None:
    """Takes the picture of the page that measures, with the sample rooms."""
    page.goto(f"{address}/evaluate")
    page.get_by_role("textbox", name="Folder").fill(str(ROOMS.parent))
    page.get_by_role("button", name="Measure", exact=True).click()
    page.get_by_role("heading", name="What came out worst").wait_for(timeout=120_000)
    figures = page.get_by_role("heading", name="Rooms and products in samples")
    figures.evaluate("heading => heading.scrollIntoView()")
    page.mouse.wheel(0, -80)
    save(shot(page), "page-evaluate")


def in_the_dark(page: Page, address: str) -> None:
    """Takes the picture of the dark theme."""
    search(page, address, "salon-herringbone-walnut.jpg")
    save(shot(page), "page-dark")


def on_a_telephone(page: Page, address: str) -> None:
    """Takes the pictures of a small screen, side by side."""
    page.goto(address)
    page.get_by_role("button", name="Take a photo").wait_for()
    pictures = [shot(page)]
    search(page, address, "living-oak-sun.jpg")
    pictures.append(shot(page))
    page.get_by_role("button", name="Correct the floor").click()
    pictures.append(shot(page))
    page.get_by_role("button", name="Done", exact=True).click()
    open_first_card(page)
    pictures.append(shot(page))
    save(beside(pictures), "page-phone")


def report(browser: Browser) -> None:
    """Takes the picture of the report of `floorlens demo`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "floorlens", "demo", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto((Path(folder) / "report.html").as_uri())
        room = page.locator("section", has_text="hall-chevron.jpg")
        room.evaluate("section => section.scrollIntoView()")
        save(shot(page), "demo")


PARTS: dict[str, tuple[Callable[[Any, str], None], dict[str, Any]]] = {
    "desk": (at_the_desk, DESK),
    "rooms": (several_rooms, DESK),
    "catalogue": (catalogue, DESK),
    "evaluation": (evaluation, DESK),
    "dark": (in_the_dark, DESK | {"color_scheme": "dark"}),
    "phone": (on_a_telephone, PHONE),
}


def main() -> None:
    """Makes the pictures, all or those of some parts."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "report", []], default=[])
    chosen = parser.parse_args().parts or [*PARTS, "report"]
    with (
        tempfile.TemporaryDirectory() as folder,
        page_process(Path(folder)) as (_, address),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for name, (take, options) in PARTS.items():
            if name in chosen:
                context = browser.new_context(**options)
                take(context.new_page(), address)
                context.close()
        if "report" in chosen:
            report(browser)
        browser.close()


if __name__ == "__main__":
    main()
