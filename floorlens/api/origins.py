"""Pages of other sites: which may call the service, and what a browser is told of its answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from floorlens.api.problems import Refusal
from floorlens.api.security import Caller, rate_headers
from floorlens.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from floorlens.settings import Settings

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
METHODS = "GET, POST, PUT, PATCH, DELETE"
ACCEPTED = "Authorization, Content-Type, If-None-Match, X-API-Key, X-Request-ID"
EXPOSED = (
    *("X-Request-ID", "X-Floor", "X-Index", "X-Degraded", "Retry-After", "RateLimit"),
    *("RateLimit-Policy", "ETag", "Location", "Content-Disposition"),
)
PREFLIGHT_SECONDS = 7200
"""The longest that Chromium remembers a preflight's answer."""
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,*?#@]+")
# Nothing of an answer is a page that may load or run anything, nor may a page frame it.
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Origins:
    """The origins whose pages may call the service."""

    def __init__(self, settings: Settings) -> None:
        """Reads them from the settings.

        Raises:
            SettingsError: one of them is no origin.
        """
        names = [name.rstrip("/").lower() for name in settings.allowed_origins()]
        for name in names:
            if name != "*" and not _ORIGIN.fullmatch(name):
                raise SettingsError(
                    f"FLOORLENS_ORIGINS: {name!r} is no origin: write https://shop.example, or * "
                    "for the pages of everybody"
                )
        self.any = "*" in names
        self.some = bool(names)
        self._names = frozenset(names)

    def allow(self, origin: str) -> bool:
        """Returns whether pages of an origin may call the service."""
        return self.any or origin.lower() in self._names

    def check(self, method: str, headers: Headers) -> None:
        """Checks that a request that may change something comes from a page that may send it.

        Browsers send forms and simple posts to any address without asking. They say from where.

        Raises:
            Refusal: 403, it comes from a page of another site.
        """
        if method in SAFE:
            return
        origin = headers.get("origin")
        if origin is not None and self.allow(origin):
            return
        site = headers.get("sec-fetch-site")
        if site in ("same-origin", "none"):
            return
        same = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if site == "cross-site" or not same:
            raise Refusal(403, "cross-site")


class AnswerHeaders:
    """Tells browsers, with each answer, what they may do with it.

    Answers preflights too. `Access-Control-Allow-Credentials` is never sent: keys come in headers,
    and there are no cookies.
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
        request = Headers(scope=scope)
        origin = request.get("origin")
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Of a 304 the client has the others from the answer that it keeps, but what this
                # one says of caches replaces what that said (RFC 9111, 3.2).
                if message["status"] != 304:
                    self._protect(headers, state)
                _limit_caches(headers, state)
                self._share(headers, origin)
                if "allowance" in state:
                    headers.update(rate_headers(state["allowance"]))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _protect(self, headers: MutableHeaders, state: dict[str, object]) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers.setdefault("Content-Security-Policy", _POLICY)
        image = headers.get("content-type", "").startswith("image/")
        if image:
            # Pages of other origins show pictures in <img>, which sends no Origin to decide by.
            signed = bool(state.get("signed"))
            open_ = signed or self._origins.some or self._settings.no_auth == "public"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin" if open_ else "same-site"
        else:
            headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")

    def _share(self, headers: MutableHeaders, origin: str | None) -> None:
        if not self._origins.some:
            return
        if self._origins.any:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add_vary_header("Origin")
            if origin is None or not self._origins.allow(origin):
                return
            headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)


def _limit_caches(headers: MutableHeaders, state: dict[str, object]) -> None:
    caller = state.get("caller")
    cache = headers.setdefault("Cache-Control", "no-store")
    if isinstance(caller, Caller) and caller.key_id is not None and not state.get("signed"):
        # What somebody got with a key is for nobody else.
        headers["Cache-Control"] = cache.replace("public", "private")
