"""Locks that all processes of a service share; whoever dies lets go of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from floorlens.errors import StateError

_EVERY = 0.02
"""Seconds between two tries."""


@contextmanager
def alone(path: Path, progress: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Waits until no other thread or process is inside such a block, and keeps others out.

    Args:
        path: of a file that stands for the lock; made if absent.
        progress: called now and then while it waits; what it raises ends that.

    Raises:
        StateError: the file cannot be made.

    Example:
        >>> with alone(Path("service.lock")):
        ...     print("alone")
        alone
    """
    # Not on Windows, where no service runs.
    import fcntl

    try:
        file = path.open("ab")
    except OSError as error:
        raise StateError(f"{path}: cannot be made ({error.strerror})") from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress()
                time.sleep(_EVERY)
        yield
