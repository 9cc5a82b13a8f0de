"""uvicorn around the application: in the foreground, or in a thread beside something else."""

from __future__ import annotations

import errno
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from floorlens.api import create_app, require_extra
from floorlens.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import uvicorn

    from floorlens.lens import Floorlens
    from floorlens.presets import Stages
    from floorlens.settings import Settings

GRACE = 10
"""Seconds that requests have to end when the service is stopped; then their answer is 500."""
START_SECONDS = 120.0


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; port 0 takes a free one.

    Raises:
        UsageError: the port is in use or may not be taken, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OverflowError as error:
        raise UsageError(f"{port} is no port: give one from 0 to 65535") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} of {host} is in use: stop what listens there, or name another one "
                "with --port"
            ) from error
        if error.errno == errno.EACCES:
            raise UsageError(
                f"port {port} of {host} may not be taken by this user: name one above 1023 with "
                "--port"
            ) from error
        raise UsageError(
            f"{host} is no address of this machine: give 127.0.0.1, or 0.0.0.0 for all of them"
        ) from error


def address(listener: socket.socket) -> str:
    """Returns the URL of what listens at a socket."""
    return url_of(*listener.getsockname()[:2])


def url_of(host: str, port: int) -> str:
    """Returns the URL of a host and port; an IPv6 address stands in brackets there."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serves the catalogue of the settings, created if absent, until SIGTERM or Ctrl-C.

    Requests that are being served then have 10 seconds to end. A model that is at work cannot be
    stopped: the process lives until it is done. To be called in the main thread.

    Raises:
        UsageError: the port is in use, or the address is none of this machine.
        MissingDependency: the extra `[api]` is not installed.
        FloorlensError: the catalogue cannot be opened, or a model cannot be loaded.
    """
    require_extra()
    from floorlens.lens import open_catalogue

    with listen(host, port) as listener, open_catalogue(settings) as lens:
        server = _server(settings, lens, quiet=False)

        def stop(*_: object) -> None:
            server.should_exit = True

        # uvicorn puts these back at its end and sends itself the signal once more: without them
        # a service that was asked to stop, and did, would die of it.
        before = {name: signal.signal(name, stop) for name in (signal.SIGTERM, signal.SIGINT)}
        try:
            # Not left to the application's start, of which uvicorn ends with a code of its own.
            lens.warm_up()
            print(f"Floorlens serves {lens.location} at {address(listener)}", flush=True)
            server.run(sockets=[listener])
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


@contextmanager
def running_service(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    stages: Stages | None = None,
) -> Iterator[str]:
    """Yields the URL of a service that runs in a thread of this process while the block lasts.

    It cannot outlive the process, however that ends.

    Args:
        settings: which catalogue, created if absent, and the limits.
        host: the address to listen at.
        port: the port; 0 takes a free one.
        stages: backends of your own, instead of a preset's.

    Raises:
        UsageError: the port is in use, or the address is none of this machine.
        MissingDependency: the extra `[api]` is not installed.
        ServiceError: it did not start within two minutes.
        FloorlensError: the catalogue cannot be opened, or a model cannot be loaded.
    """
    require_extra()
    from floorlens.lens import open_catalogue

    with (
        listen(host, port) as listener,
        open_catalogue(settings, stages=stages) as lens,
    ):
        lens.warm_up()
        server = _server(settings, lens, quiet=True)
        url = address(listener)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="floorlens-service", daemon=True
        )
        thread.start()
        try:
            _await_start(server, thread)
            yield url
        finally:
            server.should_exit = True
            thread.join()


def _server(settings: Settings, lens: Floorlens, *, quiet: bool) -> uvicorn.Server:
    import uvicorn

    app = create_app(settings, lens=lens)
    config = uvicorn.Config(
        app,
        log_level="warning" if quiet else "info",
        access_log=not quiet,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )
    return uvicorn.Server(config)


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    limit = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > limit:
            raise ServiceError("the service did not start: the lines above say why")
        time.sleep(0.02)
