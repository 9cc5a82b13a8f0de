"""The page's own elements, which Streamlit lacks: each a JavaScript module with its style.

They get data and the texts that they show, and answer with events; they ask the service nothing,
but for pictures by their addresses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from floorlens.look import stylesheet
from floorlens.ui.assets import asset

FOLDER = Path(__file__).parent

# Streamlit sends an element's script with every run of the page: so this is short, and what it
# fetches stays in the browser. The style is there before the element is drawn. If data comes while
# the script loads, Streamlit calls it twice and ends the first call after the second has drawn:
# only the latest call may clear the element away.
_SCRIPT = """\
const whole = (path) => new URL(path, location.origin);
const style = async (path) =>
  new CSSStyleSheet().replace(await (await fetch(whole(path))).text());
const [shown, sheet] = await Promise.all([import(whole("%s")), style("%s")]);
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
    """Returns the script of an element, which fetches the files and calls what they hold.

    The tokens and parts of the look are there, since no style of the page reaches into an element.
    """
    styles, scripts = [stylesheet().replace(":root", ":host")], []
    for part in (*parts, name):
        scripts.append((FOLDER / f"{part}.js").read_text(encoding="utf-8"))
        style = FOLDER / f"{part}.css"
        if style.is_file():
            styles.append(style.read_text(encoding="utf-8"))
    script = asset(f"{name}.js", "\n".join(scripts))
    return _SCRIPT % (script, asset(f"{name}.css", "\n".join(styles)))
