"""The milvus-lites of this process: one for each path, stopped when nobody uses it any more.

A milvus-lite runs in threads of this process and takes writes from one caller at a time; no other
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
# Held again by the same thread where it forgets a handle while it holds it.
_CHANGING = RLock()


def enter(path: str) -> Any:
    """Returns the lock that calls to the milvus-lite at a path hold; `leave` when done with it."""
    with _CHANGING:
        lite = _LITES.setdefault(path, _Lite())
        lite.users += 1
        return lite.lock


def leave(path: str) -> None:
    """Stops the milvus-lite at a path, and so closes its files, after its last user."""
    with _CHANGING:
        lite = _LITES[path]
        lite.users -= 1
        if lite.users == 0:
            del _LITES[path]
            import_module("milvus_lite.server_manager").server_manager_instance.release_server(path)
