"""The page's own elements, which Streamlit lacks: each a JavaScript module with its style.

They get data and the texts that they show, and answer with events; they ask the service nothing,
but for pictures by their addresses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from floorlens.look import stylesheet

FOLDER = Path(__file__).parent


def element(name: str, *parts: str) -> Any:
    """Returns what shows an element: the file `name.js` with `name.css`, after those of its parts.

    The tokens and parts of the look are there, since no style of the page reaches into an element.
    """
    styles, scripts = [stylesheet().replace(":root", ":host")], []
    for part in (*parts, name):
        scripts.append((FOLDER / f"{part}.js").read_text(encoding="utf-8"))
        style = FOLDER / f"{part}.css"
        if style.is_file():
            styles.append(style.read_text(encoding="utf-8"))
    return st.components.v2.component(
        f"floorlens_{name}", js="\n".join(scripts), css="\n".join(styles)
    )
