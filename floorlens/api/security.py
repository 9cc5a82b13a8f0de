"""Who may ask what: API keys and their scopes, signed addresses of pictures, rates.

A key comes in the header `Authorization: Bearer …` or `X-API-Key`. `Guard` (guard.py) looks at it
before a route reads anything, and `requires` lets only those pass who may do what the route does.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import Query, Request, Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer
from starlette.datastructures import Headers

from floorlens.api.problems import Refusal
from floorlens.api.service import Service, ServiceOf
from floorlens.service.keys import SCOPES
from floorlens.service.signatures import Signature

if TYPE_CHECKING:
    from floorlens.service.rates import Allowance

Scope = Literal["search", "read", "admin"]
_ALL = frozenset(SCOPES)
_ASKS = {"WWW-Authenticate": 'Bearer realm="floorlens"'}
_ASKS_AGAIN = {"WWW-Authenticate": 'Bearer realm="floorlens", error="invalid_token"'}
_BEARER = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="flk_…",
    description="an API key: `floorlens keys create NAME --scope search`",
    auto_error=False,
)
_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="header",
    description="the same key, for programs that cannot set Authorization",
    auto_error=False,
)
_SIGNATURE = APIKeyQuery(
    name="signature",
    scheme_name="signature",
    description="of a signed address, as the service gave it out: stands for a key",
    auto_error=False,
)


@dataclass(frozen=True)
class Caller:
    """Who makes a request; `key_id` is None where no keys are asked for."""

    key_id: str | None
    scopes: frozenset[str]
    # Whose bucket a request is taken of, and requests a minute; 0: no limit.
    owner: str = ""
    rate: int = 0


async def identify(scope: Any, service: Service) -> Caller:
    """Returns who makes a request.

    Args:
        scope: ASGI's, of the request.
        service: whose keys count.

    Raises:
        Refusal: 401, there is no key, or it is none of ours.
    """
    settings = service.settings
    if settings.no_auth is not None:
        client = scope.get("client")
        public = settings.no_auth == "public" and client
        owner = _owner_of(client[0]) if public else ""
        return Caller(None, _ALL, owner, settings.rate if owner else 0)
    secret = _secret(Headers(scope=scope))
    if secret is None:
        raise Refusal(401, "key-missing", _ASKS)
    keys = service.keys
    # Mostly without the disk, and then not worth a thread.
    key = keys.check(secret) if keys.current else await to_thread.run_sync(keys.check, secret)
    if key is None:
        raise Refusal(401, "key-invalid", _ASKS_AGAIN)
    scopes = _ALL if key.allows("admin") else key.scopes
    rate = settings.rate if key.rate is None else key.rate
    return Caller(key.id, scopes, f"key:{key.id}", rate)


async def count(state: dict[str, Any], caller: Caller, service: Service) -> None:
    """Takes a token of the caller's bucket, once for a request.

    Raises:
        Refusal: 429, none is left.
    """
    if not caller.rate or "allowance" in state:
        return
    rates = service.rates
    allowance = rates.take_local(caller.owner, caller.rate)
    if allowance is None:
        allowance = await to_thread.run_sync(rates.take, caller.owner, caller.rate)
    state["allowance"] = allowance
    if not allowance.granted:
        wait = {"Retry-After": str(math.ceil(allowance.wait))}
        raise Refusal(429, "rate-exceeded", wait)


def rate_headers(allowance: Allowance) -> dict[str, str]:
    """Returns what tells a client how often it may ask.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    return {
        "RateLimit-Policy": f'"minute";q={allowance.rate};w=60',
        "RateLimit": f'"minute";r={allowance.remaining};t={math.ceil(allowance.wait)}',
    }


def requires(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Returns a dependency that lets only callers with a scope pass, and returns the caller.

    It raises Refusal if there is no valid key, it lacks the scope, or its rate is used up.
    """

    async def caller(
        request: Request,
        service: ServiceOf,
        # They are for OpenAPI; the guard has looked at the headers already.
        _bearer: Any = Security(_BEARER, scopes=[scope]),
        _header: Any = Security(_HEADER, scopes=[scope]),
    ) -> Caller:
        who = _caller_of(request, scope)
        await count(request.scope["state"], who, service)
        return who

    _SCOPE_OF[caller] = scope
    return caller


async def requires_key(
    request: Request,
    service: ServiceOf,
    _bearer: Any = Security(_BEARER),
    _header: Any = Security(_HEADER),
) -> Caller:
    """Lets those pass who have a key, of whatever scope, and returns the caller.

    Raises:
        Refusal: there is no valid key, or its rate is used up.
    """
    who = _caller_of(request)
    await count(request.scope["state"], who, service)
    return who


async def requires_image(
    request: Request,
    service: ServiceOf,
    expires: Annotated[
        int | None,
        Query(ge=0, lt=1 << 53, description="of a signed address, as the service gave it out"),
    ] = None,
    signature: str | None = Security(_SIGNATURE),
    _bearer: Any = Security(_BEARER, scopes=["search"]),
    _header: Any = Security(_HEADER, scopes=["search"]),
) -> Caller:
    """Lets those pass who have a key, or an address that `Service.image_url` gave out.

    Pictures are not counted: a page shows many for each search. Returns the caller; for a signed
    address one without a key.

    Raises:
        Refusal: there is neither, or the address was changed or has expired.
    """
    if service.settings.no_auth is not None or signature is None:
        return _caller_of(request, "search")
    width, index = (request.query_params.get(name, "") for name in ("width", "index"))
    # A wrong signature is refused also where there is a key: the address was changed.
    # FastAPI reads more as a number, such as "+1": what was signed is written in digits.
    plain = all(text == "" or text.isdecimal() for text in (width, index))
    if (
        expires is None
        or not plain
        or not service.is_image_url(
            request.path_params["product_id"],
            int(width) if width else None,
            int(index) if index else 0,
            Signature(expires, signature),
        )
    ):
        raise Refusal(403, "signature-invalid")
    request.state.signed = True
    return Caller(None, frozenset(("search",)))


_SCOPE_OF: dict[Any, Scope] = {requires_image: "search"}


def lets_pass(dependency: Any, caller: Any) -> bool:
    """Returns whether a dependency of a route lets a caller pass, or asks for nothing."""
    if dependency is requires_key:
        return isinstance(caller, Caller)
    scope = _SCOPE_OF.get(dependency)
    return scope is None or (isinstance(caller, Caller) and scope in caller.scopes)


def _caller_of(request: Request, scope: Scope | None = None) -> Caller:
    """Returns who the guard says makes a request, if that may do what needs a scope."""
    caller: Caller | Exception = request.scope["state"]["caller"]
    if isinstance(caller, Exception):
        raise caller
    if scope is not None and scope not in caller.scopes:
        errors = {"authorization": f"this needs a key with the scope {scope!r}"}
        raise Refusal(403, "scope-missing", errors=errors)
    return caller


def _secret(headers: Headers) -> str | None:
    """Returns the secret that a request brings; None if it brings none."""
    scheme, _, secret = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key", "").strip() or None


def _owner_of(host: str) -> str:
    """Returns whose bucket the requests of an address are taken of: of IPv6, a network's."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.version == 6:
        address = address.ipv4_mapped or ipaddress.ip_network((address, 64), False)[0]
    return f"address:{address}"
