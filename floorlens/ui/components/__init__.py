"""The page's own elements, which Streamlit lacks: each a JavaScript module with its style.

They get data and the texts that they show, and answer with events; they ask the service nothing,
but for pictures by their addresses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent


def element(name: str) -> Any:
    """Returns what shows an element: the file `name.js` with `name.css`."""
    script = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    style = (FOLDER / f"{name}.css").read_text(encoding="utf-8")
    return st.components.v2.component(f"floorlens_{name}", js=script, css=style)
