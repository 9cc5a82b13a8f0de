"""Elements of the page drawn in a browser by themselves: no service, no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floorlens.look import stylesheet
from floorlens.ui.components import FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOW = """
async ([name, script, style, data]) => {
  window.elements ??= {};
  window.events ??= [];
  if (!elements[name]) {
    const host = document.body.appendChild(document.createElement("div"));
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    const file = new Blob([script], { type: "text/javascript" });
    const { default: draw } = await import(URL.createObjectURL(file));
    elements[name] = { draw, parent: root.appendChild(document.createElement("div")) };
  }
  elements[name].draw({
    parentElement: elements[name].parent,
    data,
    setTriggerValue: (event, value) => events.push([event, value]),
  });
}
"""


def show(page: Page, name: str, data: dict[str, Any], *parts: str) -> None:
    """Draws an element with data, or once more with other data; its events are in `events`."""
    files = [FOLDER / f"{part}.js" for part in (*parts, name)]
    script = "\n".join(file.read_text(encoding="utf-8") for file in files)
    sheets = [file.with_suffix(".css") for file in files]
    styles = [sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.is_file()]
    style = "\n".join([stylesheet().replace(":root", ":host"), *styles])
    page.evaluate(SHOW, [name, script, style, data])
