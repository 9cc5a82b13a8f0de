"""Runs the application with uvicorn: in the foreground, or in a thread of another program."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from floorlens.api import create_app, require_extra
from floorlens.api.loopback import is_loopback
from floorlens.errors import ServiceError, UsageError
from floorlens.lens import open_catalogue

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from floorlens.lens import Floorlens
    from floorlens.presets import Stages
    from floorlens.settings import Settings

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
GRACE = 10
"""Seconds that running requests get when the service stops; after that their answer is 500."""
START_SECONDS = 120.0


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; port 0 takes a free one.

    Raises:
        UsageError: the port is in use or forbidden, or this machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OverflowError as error:
        raise UsageError(f"{port} is not a port: choose one from 0 to 65535") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} of {host} is in use: stop the program that uses it, or choose "
                "another one with --port"
            ) from error
        if error.errno == errno.EACCES:
            raise UsageError(
                f"this user may not use port {port} of {host}: choose one above 1023 with --port"
            ) from error
        raise UsageError(
            f"{host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all of them"
        ) from error
    send_at_once(listener)
    return listener


def send_at_once(listener: socket.socket) -> None:
    """Switches Nagle's algorithm off for the connections that a socket accepts.

    The head of an answer and its body are sent one after the other. With that algorithm the second
    waits until the client has acknowledged the first, which clients put off. asyncio switches it
    off too, but not for sockets that don't say that their protocol is TCP.

    Example:
        >>> with socket.create_server(("127.0.0.1", 0)) as listener:
        ...     send_at_once(listener)
        ...     listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) > 0
        True
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def address(listener: socket.socket) -> str:
    """Returns the URL of a listening socket."""
    return url_of(*listener.getsockname()[:2])


def url_of(host: str, port: int) -> str:
    """Returns the URL of a host and port; an IPv6 address gets brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_access(settings: Settings, host: str) -> None:
    """Checks that a service without keys is not put where others reach it.

    Raises:
        UsageError: no keys are asked for, and the address is not of this machine alone.
    """
    if settings.no_auth == "loopback" and not is_loopback(host):
        raise UsageError(
            f"{host} is an address that other machines reach, where a service must ask for keys: "
            "leave out --no-auth (FLOORLENS_NO_AUTH), listen at 127.0.0.1, or let everybody in "
            "with --no-auth=public"
        )


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int = 1,
    create: bool = False,
) -> None:
    """Serves the catalogue of the settings until SIGTERM or Ctrl-C.

    Running requests then have 10 seconds to end. A running model cannot be stopped: the process
    ends when the model has. Must be called in the main thread.

    Args:
        settings: which catalogue, and the limits.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        workers: how many processes serve, each with its own models. One that dies is replaced.
        create: whether to make an empty catalogue where there is none.

    Raises:
        UsageError: the port is in use, this machine does not have the address, or others reach it
            and no keys are asked for.
        CatalogueNotFound: there is no catalogue, and `create` is False.
        MissingDependency: the extra `[api]` is not installed.
        ServiceError: a process of several did not start.
        FloorlensError: the catalogue cannot be opened, or a model cannot be loaded.
    """
    require_extra()
    check_access(settings, host)
    with listen(host, port) as listener, open_catalogue(settings, create=create) as lens:
        welcome = f"Floorlens serves {lens.location} at {address(listener)}\n{_access(settings)}"
        if workers > 1:
            # Each process opens it for itself; that it can be opened is known now.
            lens.close()
            _serve_in_processes(settings, listener, workers, welcome)
        else:
            _serve_here(settings, listener, lens, welcome)


def _serve_here(settings: Settings, listener: socket.socket, lens: Floorlens, welcome: str) -> None:
    server = _server(settings, lens, quiet=False)

    def stop(*_: object) -> None:
        server.should_exit = True

    # At its end uvicorn restores these handlers and raises the signal once more. Without them
    # that would kill a service that has stopped in good order.
    handlers = {name: signal.signal(name, stop) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        # Not left to the application's start: if that fails, uvicorn has its own exit code.
        lens.warm_up()
        print(welcome, flush=True)
        server.run(sockets=[listener])
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)


def _serve_in_processes(
    settings: Settings, listener: socket.socket, workers: int, welcome: str
) -> None:
    from floorlens.api.workers import Workers, application

    # Before the processes import Prometheus's client, which then writes its figures there.
    with TemporaryDirectory(prefix="floorlens-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            config = _config(
                partial(application, settings, os.getpid()), settings, quiet=False, workers=workers
            )
            Workers(config, listener, welcome).serve()
        finally:
            del os.environ[FOLDER]


def _access(settings: Settings) -> str:
    """Returns who may use the service, as a line for its start."""
    from floorlens.service.keys import Keys
    from floorlens.service.store import Store

    if settings.no_auth == "public":
        return "it asks for no keys: whoever reaches the port may use it and change the catalogue"
    if settings.no_auth == "loopback":
        return "it asks for no keys, and answers programs of this machine only"
    store = Store(settings.state_folder())
    try:
        usable = sum(key.revoked is None for key in Keys(store).all())
    finally:
        store.close()
    if not usable:
        return "it asks for keys, and there are none yet: floorlens keys create NAME --scope search"
    return f"it asks for keys, of which there {'is one' if usable == 1 else f'are {usable}'}"


@contextmanager
def running_service(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    create: bool = False,
    stages: Stages | None = None,
) -> Iterator[str]:
    """Yields the URL of a service that runs in a thread of this process while the block lasts.

    The service ends with the process, even if that is killed. It asks for no keys and answers
    programs of this machine only, unless the settings say `no_auth` (None: it asks for keys), or
    the host is an address that others reach.

    Args:
        settings: which catalogue, and the limits.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        create: whether to make an empty catalogue where there is none.
        stages: backends of your own, instead of a preset's.

    Raises:
        UsageError: the port is in use, or this machine does not have the address.
        MissingDependency: the extra `[api]` is not installed.
        CatalogueNotFound: there is no catalogue, and `create` is False.
        ServiceError: it did not start within two minutes.
        FloorlensError: the catalogue cannot be opened, or a model cannot be loaded.
    """
    require_extra()
    if "no_auth" not in settings.model_fields_set and is_loopback(host):
        settings = settings.model_copy(update={"no_auth": "loopback"})
    check_access(settings, host)
    with (
        listen(host, port) as listener,
        open_catalogue(settings, create=create, stages=stages) as lens,
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
            thread.join(2 * GRACE)
            if thread.is_alive():
                # What never ends on its own must not keep the program from ending.
                server.force_exit = True
                thread.join(GRACE)


def _server(settings: Settings, lens: Floorlens, *, quiet: bool) -> uvicorn.Server:
    import uvicorn

    return uvicorn.Server(_config(partial(create_app, settings, lens=lens), settings, quiet=quiet))


def _config(
    app: Callable[[], FastAPI], settings: Settings, *, quiet: bool, workers: int = 1
) -> uvicorn.Config:
    import uvicorn

    from floorlens.api.connections import Connection
    from floorlens.api.logs import configuration

    level = "warning" if quiet else "info"
    return uvicorn.Config(
        app,
        factory=True,
        workers=workers,
        http=Connection,
        ws="none",
        # A service within another program leaves the logging to that.
        log_config=None if quiet else configuration(settings.log_format, level),
        log_level=level,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.connections,
        timeout_graceful_shutdown=GRACE,
        # A process that is busy may answer late, but it is alive.
        timeout_worker_healthcheck=60,
        lifespan="on",
    )


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    limit = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > limit:
            raise ServiceError("the service did not start: the lines above say why")
        time.sleep(0.02)
