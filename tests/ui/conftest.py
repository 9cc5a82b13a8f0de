"""A real service without models, and a page that asks it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floorlens import Floorlens
from floorlens.settings import Settings
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


@pytest.fixture(autouse=True)
def _main_module_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's `AppTest` leaves the page behind as `__main__`: new processes would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a `.env` or `catalogue` of the developer is not used."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def service(lens: Floorlens) -> Iterator[str]:
    """The URL of a service of the six products that refuses pictures of over 0.1 megapixels."""
    from floorlens.api.server import running_service

    settings = Settings(catalogue=str(lens.folder), max_megapixels=0.1, max_upload_mb=0.2)
    with running_service(settings, stages=fake_stages()) as url:
        yield url


@pytest.fixture
def page(service: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page, not yet run, of that service."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from floorlens.ui.server import APP

    monkeypatch.setenv("FLOORLENS_API_URL", service)
    # A later service may get the port of an earlier one.
    st.cache_data.clear()
    st.cache_resource.clear()
    return AppTest.from_file(str(APP), default_timeout=120)
