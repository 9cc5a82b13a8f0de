"""The frame of the page: its look, its navigation, its parts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from floorlens.look import stylesheet
from floorlens.ui import batch, catalogue, evaluation, find, texts
from floorlens.ui.components import element

STYLE = Path(__file__).with_name("page.css")
_MENU = element("menu")
_MENU_NAMES = {
    '[data-testid="stExpandSidebarButton"]': texts.MENU,
    '[data-testid="stSidebarCollapseButton"] button': texts.CLOSE_MENU,
    '[data-testid="stSidebar"]': texts.MENU,
}


def run() -> None:
    """Shows the page that the address names."""
    # Streamlit would fetch a named icon from another server.
    st.set_page_config(texts.TITLE, page_icon=icon(), layout="wide")
    st.logo(icon(), size="large")
    chosen = st.navigation(
        [
            st.Page(find.show, title=texts.FIND, url_path="find", default=True),
            st.Page(batch.show, title=texts.BATCH, url_path="rooms"),
            st.Page(catalogue.show, title=texts.CATALOGUE, url_path="catalogue"),
            st.Page(evaluation.show, title=texts.EVALUATE, url_path="evaluate"),
        ],
        position="top",
    )
    _MENU(key="menu", data={"names": list(_MENU_NAMES.items())})
    chosen.run()


@cache
def style() -> str:
    """Returns the style sheets of the page, one below the other."""
    words = {"--fl-title": texts.TITLE, "--fl-menu": texts.MENU}
    lines = "".join(f" {name}: {json.dumps(text)};" for name, text in words.items())
    own = STYLE.read_text(encoding="utf-8")
    return f"{stylesheet('tokens', 'parts', 'streamlit')}\n:root {{{lines} }}\n{own}"


@cache
def icon() -> Image.Image:
    """Returns the page's icon: three staggered boards."""
    pixels = np.full((64, 64, 3), (201, 158, 104), np.uint8)
    pixels[22:42] = (176, 130, 80)
    for row, joint in ((0, 20), (22, 42), (44, 12)):
        pixels[row : row + 22, joint : joint + 3] = (96, 66, 38)
    pixels[20:23] = pixels[42:45] = (96, 66, 38)
    return Image.fromarray(pixels)
