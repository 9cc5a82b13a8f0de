"""Streamlit around the page."""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from pathlib import Path

from floorlens.api.server import listen
from floorlens.errors import MissingDependency

APP = Path(__file__).with_name("app.py")


def check_page(host: str, port: int) -> None:
    """Checks, before anything is started, that the page can be shown at an address.

    Raises:
        MissingDependency: the extra `[ui]` is not installed.
        UsageError: the port is in use, or the address is none of this machine.
    """
    for module in ("streamlit", "httpx"):
        if find_spec(module) is None:
            raise MissingDependency(
                f"the page needs {module}, which is not installed: pip install 'floorlens[ui]'"
            )
    listen(host, port).close()


def run_page(url: str, host: str, port: int, *, max_upload_mb: float) -> None:
    """Shows the page until Ctrl-C or SIGTERM. To be called in the main thread.

    Args:
        url: where the service is.
        host: the address to listen at.
        port: the port.
        max_upload_mb: larger files are refused in the browser already.
    """
    from streamlit.web.cli import main

    # How the page learns of it: Streamlit runs it as a program of its own.
    os.environ["FLOORLENS_API_URL"] = url
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": math.ceil(max_upload_mb),
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        # What goes wrong in the page is shown by the page; an exception's text is for the log.
        "client.showErrorDetails": "none",
        # Of both, so that the page goes on following the browser's choice of light or dark.
        "theme.light.primaryColor": "#1a7f64",
        "theme.dark.primaryColor": "#1f9a79",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    main(args=["run", str(APP), *flags], prog_name="streamlit", standalone_mode=False)
