"""Runs the page: Streamlit around it, and a service of the samples where it has no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.api.server import listen, running_service
from floorlens.demo.samples import sample_catalogue, samples
from floorlens.errors import MissingDependency
from floorlens.look.theme import theme_options

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress
    from floorlens.settings import Settings

OPTIONS: dict[str, object] = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    # The page shows errors itself; the text of an exception is for the log.
    "client.showErrorDetails": "none",
}


def check_page(host: str, port: int) -> None:
    """Checks that the page can run at an address, before anything starts.

    Raises:
        MissingDependency: the extra `[ui]` is not installed.
        UsageError: the port is in use, or this machine does not have the address.
    """
    for module in ("streamlit", "httpx"):
        if find_spec(module) is None:
            raise MissingDependency(
                f"the page needs {module}, which is not installed: pip install 'floorlens[ui]'"
            )
    listen(host, port).close()


@contextmanager
def sample_service(
    settings: Settings,
    folder: Path,
    *,
    progress: ImportProgress | None = None,
    adapt_progress: Progress | None = None,
) -> Iterator[str]:
    """Yields the URL of a service of the sample catalogue that runs while the block lasts.

    Catalogue, preset, vector engine and who may ask are, in the settings, for the user's own
    products; the samples get the defaults, so that they stay on this machine.

    Args:
        settings: the limits of the service.
        folder: where the sample catalogue lies; made if absent.
        progress: called as `progress(done, total, row)` after each product.
        adapt_progress: called with (done, total) simulated rooms.

    Raises:
        InputError: this installation has no samples.
        FloorlensError: what `running_service` raises.
    """
    sample_catalogue(
        folder, threads=settings.threads, progress=progress, adapt_progress=adapt_progress
    )
    changes = {"catalogue": str(folder), "preset": None, "index": None, "state": None}
    # The page can measure the samples, and import them anew; nothing else of this machine.
    changes |= {"no_auth": "loopback", "origins": None, "import_folders": str(samples())}
    with running_service(settings.model_copy(update=changes)) as url:
        yield url


def run_page(url: str, host: str, port: int, settings: Settings) -> None:
    """Shows the page until Ctrl-C or SIGTERM. Must be called in the main thread.

    Args:
        url: the address of the service.
        host: the address to listen on.
        port: the port.
        settings: the page's key for the service, and the limits of photos.
    """
    from floorlens.ui.server import page_app

    # The script of the page takes its settings from there.
    os.environ["FLOORLENS_API_URL"] = url
    place = {"server.address": host, "server.port": port}
    page_app(url, settings).run(config=OPTIONS | theme_options() | place)
