"""A photo that the page searches with, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit, Wish

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


def search(page: AppTest, photo: Path, **changes: Any) -> AppTest:
    """Runs the page with a photo, as after an upload."""
    token = PHOTOS.put(photo.read_bytes())
    page.session_state["visit"] = Visit(photo=token, wish=Wish("search", changes))
    page.run()
    assert not page.exception
    return page
