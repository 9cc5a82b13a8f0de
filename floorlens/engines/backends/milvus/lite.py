"""The milvus-lites of this process: one for each path, stopped when nothing uses it any more.

A milvus-lite runs in threads of this process and accepts writes from one caller at a time. No other
process can open its files meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from threading import RLock
from typing import Any


@dataclass
class _Lite:
    lock: Any = field(default_factory=RLock)
    users: int = 0


_LITES: dict[str, _Lite] = {}
# Reentrant: while a thread holds it, the garbage collector may call `leave`.
_TABLE_LOCK = RLock()


def enter(path: str) -> Any:
    """Adds a user to the milvus-lite at a path; returns the lock that its calls must hold.

    `leave` takes the user away again.

    Example:
        >>> with enter("floors.db"):  # doctest: +SKIP
        ...     client.flush("floors")
    """
    with _TABLE_LOCK:
        lite = _LITES.setdefault(path, _Lite())
        lite.users += 1
        return lite.lock


def leave(path: str) -> None:
    """Takes a user away from a milvus-lite; after the last one it stops and closes its files.

    Example:
        >>> lock = enter("floors.db")  # doctest: +SKIP
        >>> leave("floors.db")  # doctest: +SKIP
    """
    with _TABLE_LOCK:
        lite = _LITES[path]
        lite.users -= 1
        if lite.users == 0:
            del _LITES[path]
            import_module("milvus_lite.server_manager").server_manager_instance.release_server(path)
