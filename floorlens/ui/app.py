"""The page. Streamlit runs this file from top to bottom at every click."""

from __future__ import annotations

from floorlens.ui import frame

frame.run()
