"""The page's own elements, which Streamlit lacks: each a JavaScript module with its style.

They get data and the texts that they show, and answer with events; they ask the service nothing,
but for pictures by their addresses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from floorlens.look import stylesheet
from floorlens.ui.assets import asset

FOLDER = Path(__file__).parent

# Streamlit sends an element's script with every run of the page: so this is short, and the file
# that it fetches stays in the browser. The style is there before the element is drawn. If data come
# while the script loads, Streamlit calls it twice and ends the first call after the second has
# drawn: only the latest call may clear the element away.
_SCRIPT = """\
const shown = await import(new URL("%s", location.origin));
const sheet = new CSSStyleSheet();
sheet.replaceSync(shown.style);
const calls = new WeakMap();
export default (element) => {
  const call = {};
  calls.set(element.parentElement, call);
  const root = element.parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  const end = shown.default(element);
  return () => calls.get(element.parentElement) === call && end?.();
};
"""


def element(name: str, *parts: str) -> Any:
    """Returns what shows an element: `name.js` with `name.css`, after those of its parts."""
    return st.components.v2.component(f"floorlens_{name}", js=loading_script(name, *parts))


def loading_script(name: str, *parts: str) -> str:
    """Returns the script of an element, which fetches the file with all of it and calls that.

    The tokens and parts of the look are there, since no style of the page reaches into an element.
    """
    styles, scripts = [stylesheet().replace(":root", ":host")], []
    for part in (*parts, name):
        scripts.append((FOLDER / f"{part}.js").read_text(encoding="utf-8"))
        sheet = FOLDER / f"{part}.css"
        if sheet.is_file():
            styles.append(sheet.read_text(encoding="utf-8"))
    style = "\n".join(styles)
    scripts.append(f"export const style = {json.dumps(style)};")
    return _SCRIPT % asset(f"{name}.js", "\n".join(scripts))
