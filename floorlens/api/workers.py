"""Several processes that serve one port: started, watched, replaced where one dies."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from floorlens.api import create_app
from floorlens.errors import ServiceError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn.config import Config

    from floorlens.settings import Settings

START_SECONDS = 300.0


def application(settings: Settings, parent: int) -> FastAPI:
    """Returns the application of a process that ends when its parent does, however that ends.

    Args:
        settings: which catalogue, and the limits.
        parent: the process id of the one that watches over all of them. Without it nobody could
            stop them, and they would hold the port.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
    return create_app(settings)


class Workers(Multiprocess):
    """uvicorn's processes, with a line when all of them serve.

    SIGHUP replaces one after the other, SIGTTIN adds one and SIGTTOU takes one away.
    """

    def __init__(self, config: Config, listener: socket.socket, welcome: str) -> None:
        super().__init__(config, [listener])
        self._welcome = welcome

    def serve(self) -> None:
        """Serves until SIGTERM or Ctrl-C.

        Raises:
            ServiceError: a process did not start, or could not start anew.
        """
        self.run()
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            raise ServiceError("the service did not start: the lines above say why")

    def init_processes(self) -> None:
        """Starts the processes, and says so when all of them serve."""
        super().init_processes()
        until = time.monotonic() + START_SECONDS
        while not all(process.is_ready(timeout=1) for process in self.processes):
            self.handle_signals()
            alive = all(process.process.is_alive() for process in self.processes)
            if self.should_exit.is_set() or not alive or time.monotonic() > until:
                return
            time.sleep(0.1)
        print(self._welcome, flush=True)

    def keep_subprocess_alive(self) -> None:
        """Replaces those that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            if pid is not None:
                # What it had at work or waiting is no more.
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
