"""Commands that stay: the service, the page."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from floorlens.cli.output import CatalogueOption, PresetOption, index_bars, settings

HostOption = Annotated[
    str, typer.Option("--host", help="The address to listen at; 0.0.0.0 is all of them.")
]
PORT = 8000
PAGE_PORT = 8501
SAMPLES = Path("demo/catalogue")
"""Where the page keeps the sample catalogue: that of `floorlens demo`."""


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(serve)
    app.command()(ui)


def serve(
    host: HostOption = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = PORT,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
) -> None:
    """Serve the catalogue over HTTP, creating it if there is none, until Ctrl-C or SIGTERM."""
    from floorlens.api.server import serve

    serve(settings(catalogue=catalogue, preset=preset), host, port)


def ui(
    host: HostOption = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="The page's port.")
    ] = PAGE_PORT,
    api_url: Annotated[
        str | None,
        typer.Option(
            "--api-url",
            metavar="URL",
            help="The service that the page asks (FLOORLENS_API_URL); without one, the page "
            "starts its own for the sample catalogue.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Open a page in the browser: a photo, the floor drawn on it, the products ranked for it."""
    from floorlens.api.server import url_of
    from floorlens.ui.page import check_page, run_page

    chosen = settings(api_url=api_url)
    check_page(host, port)
    with ExitStack() as stack:
        url = chosen.api_url
        if url is None:
            from floorlens.api.server import running_service
            from floorlens.demo.samples import sample_catalogue

            with index_bars() as (importing, adapting):
                folder = sample_catalogue(
                    SAMPLES, threads=chosen.threads, progress=importing, adapt_progress=adapting
                )
            # The samples stay on this machine, whatever engine is set for one's own products.
            plain = {"catalogue": str(folder), "preset": None, "index": None}
            served = chosen.model_copy(update=plain)
            url = stack.enter_context(running_service(served))
            print(f"Floorlens serves the sample catalogue at {url}")
            print(
                "for your own: `floorlens serve`, and `floorlens ui --api-url "
                f"http://127.0.0.1:{PORT}`"
            )
        print(f"The page: {url_of(host, port)} (Ctrl-C ends it)")
        sys.stdout.flush()
        run_page(url, host, port, max_upload_mb=chosen.max_upload_mb)
