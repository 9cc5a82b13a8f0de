"""What is refused before a route is chosen and before a body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.responses import Response

from floorlens.api.exchange import exchange_of
from floorlens.api.loopback import is_loopback, name_of
from floorlens.api.origins import ACCEPTED, METHODS, PREFLIGHT_SECONDS, SAFE, Origins
from floorlens.api.problems import LOG, Refusal, problem
from floorlens.api.security import count, identify
from floorlens.errors import FloorlensError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from floorlens.settings import Settings

# Proxies add these, also those that do not know that they should not be there.
FORWARDED = frozenset(
    (
        *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip"),
        *("true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-original-host"),
    )
)


class Guard:
    """Looks at where a request comes from and at its key; answers preflights.

    A request that may change something, and has a body, is refused here if it has no valid key.
    Others may go to routes that need none.
    """

    def __init__(self, app: ASGIApp, settings: Settings, origins: Origins) -> None:
        self._app = app
        self._settings = settings
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer: Response | None
        try:
            answer = await self._answer(scope)
        except Refusal as refusal:
            answer = self._problem(scope, refusal.status_code, refusal.code)
            answer.headers.update(refusal.headers or {})
        except FloorlensError as error:
            # What the service keeps cannot be read, and with it the keys.
            LOG.error("request %s: %s: %s", scope["state"]["id"], error.code, error)
            answer = self._problem(scope, error.status, error.code)
        await (self._app if answer is None else answer)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        """Returns the answer to a preflight; None for what goes on to the routes."""
        headers = Headers(scope=scope)
        if self._settings.no_auth == "loopback":
            check_loopback(scope.get("client"), headers)
        method = scope["method"]
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return self._preflight(headers)
        self._origins.check(method, headers)
        service = scope["app"].state.service
        state = scope["state"]
        try:
            caller = await identify(scope, service)
        except (Refusal, FloorlensError) as error:
            if method not in SAFE:
                raise
            # The route knows whether it needs a key.
            state["caller"] = error
            return None
        state["caller"] = caller
        exchange_of(scope).key_id = caller.key_id
        if method not in SAFE:
            await count(state, caller, service)
        return None

    def _preflight(self, headers: Headers) -> Response:
        if not self._origins.allow(headers.get("origin", "")):
            raise Refusal(403, "cross-site")
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": ACCEPTED,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def _problem(self, scope: Scope, status: int, code: str) -> Response:
        scope["state"]["exchange"].code = code
        exchange = exchange_of(scope)
        exchange.code = code
        return problem(status, code, self._settings, exchange.id)


def check_loopback(client: Any, headers: Headers) -> None:
    """Checks that a request comes from a program of this machine, and from no page or proxy.

    A page can make its own name lead to 127.0.0.1 (DNS rebinding): then only the header Host tells.

    Args:
        client: (host, port) of the one who connected; None for a socket of this machine.
        headers: of the request.

    Raises:
        Refusal: 403, it does not.
    """
    if any(name in FORWARDED or name.startswith("x-forwarded-") for name in headers):
        raise Refusal(403, "forwarded-refused")
    if client and not is_loopback(client[0]):
        raise Refusal(403, "address-refused")
    if not is_loopback(name_of(headers.get("host", ""))):
        raise Refusal(403, "host-refused")
