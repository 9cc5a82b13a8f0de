"""What pymilvus raises, as our errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from floorlens.engines import Engine
from floorlens.engines.opening import not_found, shown_url
from floorlens.errors import EngineDenied, EngineError, EngineQuota, EngineUnavailable

_AT_WORK = threading.local()


def _is_foreign(_: logging.LogRecord) -> bool:
    return not getattr(_AT_WORK, "calls", 0)


@contextmanager
def unlogged() -> Iterator[None]:
    """Keeps pymilvus from logging the errors of this thread's calls, which become ours."""
    # It logs them as errors, with tracebacks and addresses, before it raises them.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pymilvus"):
            logging.getLogger(name).addFilter(_is_foreign)
    _AT_WORK.calls = getattr(_AT_WORK, "calls", 0) + 1
    try:
        yield
    finally:
        _AT_WORK.calls -= 1


def mapped(error: Any, engine: Engine, name: str, lite: bool) -> EngineError:
    """Returns our error for one of pymilvus, without its text."""
    at = f"milvus at {shown_url(engine.url)}"
    text = str(error).lower()
    if error.code == 100 or "collection not found" in text:
        return not_found(engine, name)
    if error.code in (8, 9) or "rate limit" in text or "quota" in text:
        return EngineQuota(f"{at} takes no more for now (rate or quota): try again later")
    if any(word in text for word in ("unauthenticated", "auth check", "permission deny")):
        return EngineDenied(f"{at} refuses the token, or it may not do this: check the api key")
    if lite:
        return EngineUnavailable(
            f"{at} cannot be opened or used: another process may have it open, which "
            "milvus-lite does not share, or it is no folder of milvus-lite 3"
        )
    return EngineUnavailable(f"{at} does not answer: see that it runs and the url is right")
