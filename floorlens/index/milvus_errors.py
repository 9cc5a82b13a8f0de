"""What pymilvus raises, as our errors."""

from __future__ import annotations

from typing import Any

from floorlens.errors import EngineDenied, EngineError, EngineQuota, EngineUnavailable
from floorlens.index import Engine
from floorlens.index.opening import not_found, shown


def mapped(error: Any, engine: Engine, name: str, lite: bool) -> EngineError:
    """Returns our error for one of pymilvus, without its text."""
    at = f"milvus at {shown(engine.url)}"
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
