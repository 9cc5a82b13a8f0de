"""Commands that run until they are stopped: the service, the page."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from floorlens.api import server
from floorlens.cli.output import CatalogueOption, PresetOption, read_settings
from floorlens.cli.progress import index_bars
from floorlens.errors import CatalogueNotFound
from floorlens.ui import page

HostOption = Annotated[
    str, typer.Option("--host", help="The address to listen on; 0.0.0.0 is all of them.")
]


class Access(StrEnum):
    """Whom a service serves that asks for no keys."""

    LOOPBACK = "loopback"
    PUBLIC = "public"


PORT = 8000
PAGE_PORT = 8501
SAMPLES = Path("demo/catalogue")
"""The folder of the page's sample catalogue, the same as that of `floorlens demo`."""


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command(cls=_Serve)(serve)
    app.command()(ui)


class _Serve(TyperCommand):
    """`serve`, whose option `--no-auth` may stand without a value."""

    # Any: the class of the context depends on Typer's version.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Typer passes no default for a missing value on to the parser.
        values = ["--no-auth=loopback" if word == "--no-auth" else word for word in args]
        return super().parse_args(ctx, values)


def serve(
    host: HostOption = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = PORT,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=256, help="Processes that serve, each with its own models."
        ),
    ] = 1,
    create: Annotated[
        bool,
        typer.Option("--create", help="Start with an empty catalogue if there is none."),
    ] = False,
    no_auth: Annotated[
        Access | None,
        typer.Option(
            "--no-auth",
            metavar="[=public]",
            help="Ask for no keys and answer programs of this machine only; =public: answer "
            "everybody (FLOORLENS_NO_AUTH).",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
) -> None:
    """Serve the catalogue over HTTP until Ctrl-C or SIGTERM."""
    settings = read_settings(
        catalogue=catalogue, preset=preset, no_auth=None if no_auth is None else no_auth.value
    )
    try:
        server.serve(settings, host, port, workers=workers, create=create)
    except CatalogueNotFound as error:
        raise CatalogueNotFound(f"{error}; or start with an empty one: --create") from error


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
            help="The service that the page uses (FLOORLENS_API_URL); without it, the page "
            "starts a service of its own for the sample catalogue. FLOORLENS_API_KEY is the key "
            "that it sends.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a page for the browser: a photo, the floor drawn on it, the products ranked for it."""
    settings = read_settings(api_url=api_url)
    page.check_page(host, port)
    with ExitStack() as stack:
        url = settings.api_url
        if url is None:
            with index_bars() as (progress, adapt_progress):
                service = page.sample_service(
                    settings, SAMPLES, progress=progress, adapt_progress=adapt_progress
                )
                url = stack.enter_context(service)
            print(f"Floorlens serves the sample catalogue at {url}")
            print(
                "for your own: `floorlens serve`, and `floorlens ui --api-url "
                f"http://127.0.0.1:{PORT}`"
            )
        print(f"The page: {server.url_of(host, port)} (Ctrl-C ends it)")
        sys.stdout.flush()
        page.run_page(url, host, port, settings)
