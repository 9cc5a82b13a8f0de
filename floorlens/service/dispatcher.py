"""Starts the jobs that wait, one at a time, each in a process of its own.

Each process of a service has a dispatcher, and the one that holds a lock does the work. If that
process dies, the lock is free, and another one (or the next start) goes on.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from floorlens.errors import FloorlensError
from floorlens.service.jobs import Attempt, Job, Jobs
from floorlens.service.runner import Order
from floorlens.service.store import Store

if TYPE_CHECKING:
    from floorlens.lens import Floorlens
    from floorlens.settings import Settings

LOG = logging.getLogger("floorlens.service.jobs")

LOCK, RUNNER_LOCK = "jobs.lock", "runner.lock"
GRACE = 10.0
"""Seconds that a job's process gets to end when it is asked to."""
SWEEP_SECONDS = 600.0
"""So often is deleted what was sent and nobody needs, if no job ends meanwhile."""
_POLL = 0.3
_PAUSE = 5.0
# Models and linear algebra in a job's process take one core: searches go on.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Dispatcher:
    """Starts jobs in the background, from `start` to `close`.

    Example:
        >>> from floorlens import Floorlens
        >>> from floorlens.settings import Settings
        >>> dispatcher = Dispatcher(Floorlens.open("catalogue/"), Settings(), Store("state/"))
        >>> dispatcher.start()
        >>> dispatcher.close()
    """

    def __init__(self, lens: Floorlens, settings: Settings, store: Store) -> None:
        """Takes the catalogue that jobs work on; the caller closes `lens` and `store`."""
        self.jobs = Jobs(store)
        self._lens = lens
        self._settings = settings
        self._store = store
        # As it is now: while Streamlit runs the page, folders of its scripts come before the
        # standard library, and what lies there would be taken for modules of that.
        self._path = os.pathsep.join(sys.path)
        self._stopping = threading.Event()
        self._waking = threading.Event()
        self._thread = threading.Thread(target=self._run, name="floorlens-jobs", daemon=True)

    def start(self) -> None:
        """Begins to look for jobs, where the system has the locks that they need."""
        # Windows has not.
        if find_spec("fcntl") is None:
            LOG.warning("jobs do not run on this system: they wait until one with fcntl serves")
            return
        self._thread.start()

    def wake(self) -> None:
        """Lets it look at once, as after a job was submitted."""
        self._waking.set()

    def close(self) -> None:
        """Asks a running job to end, which then waits for the next start; returns when it has."""
        self._stopping.set()
        self._waking.set()
        if self._thread.ident is not None:
            self._thread.join(2 * GRACE)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with _lock(self._store.folder / LOCK) as held:
                    if held:
                        self._work()
            except (FloorlensError, OSError) as error:
                LOG.error("jobs cannot be run now: %s", error)
                self._stopping.wait(_PAUSE)
            self._stopping.wait(1)

    def _work(self) -> None:
        self.jobs.settle()
        swept = -math.inf
        while not self._stopping.is_set():
            if time.monotonic() - swept > SWEEP_SECONDS:
                # Also where no job comes: what was sent for one that never began lies there.
                self.jobs.sweep()
                swept = time.monotonic()
            self._waking.clear()
            job = self.jobs.claim()
            if job is None:
                self._waking.wait(_POLL)
                continue
            self._run_job(job)
            self.jobs.settle(stopped=self._stopping.is_set())
            self.jobs.sweep()

    def _run_job(self, job: Job) -> None:
        LOG.info("job %s (%s) begins", job.id, job.kind)
        try:
            options = pickle.dumps(self._lens.options(threads=1))
        except (pickle.PicklingError, TypeError, AttributeError):
            LOG.exception("the stages of this service cannot be sent to another process")
            Attempt(self._store, job.id, job.attempts).fail("internal")
            return
        order = Order(
            self._store.folder,
            job.id,
            job.attempts,
            options,
            self._settings.folders(),
            self._settings.max_import_mb,
        )
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": self._path}
        child = subprocess.Popen(
            [sys.executable, "-m", "floorlens.service.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            # Ctrl-C in a terminal is for the service, which then asks the job to end.
            start_new_session=True,
        )
        orders, log = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stderr)
        relay = threading.Thread(target=_relay, args=(job.id, log), daemon=True)
        relay.start()
        try:
            try:
                orders.write(pickle.dumps(order))
                orders.flush()
            except BrokenPipeError:
                # It died at once: the log says why.
                pass
            self._await(job, child)
        finally:
            # While its input is open the process knows that the service lives.
            if child.poll() is None:
                child.kill()
                child.wait()
            relay.join(GRACE)
            with suppress(BrokenPipeError):
                orders.close()
        LOG.info("job %s (%s) ended with exit code %s", job.id, job.kind, child.returncode)

    def _await(self, job: Job, child: subprocess.Popen[bytes]) -> None:
        deadline: float | None = None
        while True:
            try:
                child.wait(_POLL)
                return
            except subprocess.TimeoutExpired:
                pass
            if deadline is None and (self._stopping.is_set() or self.jobs.get(job.id).cancel):
                child.terminate()
                deadline = time.monotonic() + GRACE
            if deadline is not None and time.monotonic() > deadline:
                # All that it has stored is whole, at whatever moment it dies.
                child.kill()


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Yields whether this process has the lock, which it then holds inside the block.

    If the holder crashes, the lock is released.
    """
    import fcntl

    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _relay(job_id: str, stream: IO[bytes]) -> None:
    with stream:
        for line in stream:
            LOG.warning("job %s: %s", job_id, line.decode("utf-8", "replace").rstrip())
