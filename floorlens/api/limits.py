"""Middleware before the routes: a limit on the bytes of a request, and an id for each request."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers, MutableHeaders

from floorlens.api.problems import LOG, Refusal, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from floorlens.settings import Settings

FRAME = 64 * 1024
"""Bytes that a body may have beyond the limit of a file: the multipart form around it."""
DROP_SECONDS = 10.0
_CLOSE = {"Connection": "close"}
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class UploadLimit:
    """Refuses a body with more bytes than the settings allow.

    It refuses as soon as the Content-Length or the bytes so far exceed the limit. Then it reads and
    drops the rest, up to twice the limit in all: a client whose connection closes while it sends
    sees a broken connection and not the answer. A client that sends more is disconnected.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._most = int(settings.max_upload_mb * 1e6) + FRAME

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            # With "Expect: 100-continue" the client has not sent the body yet.
            if "expect" not in headers:
                await self._drop(receive, 2 * self._most)
            answer = problem(413, "upload-too-large", self._settings, scope["state"]["id"])
            answer.headers.update(_CLOSE)
            await answer(scope, receive, send)
            return
        total = 0

        async def receive_within_limit() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._most:
                if message.get("more_body"):
                    await self._drop(receive, self._most)
                raise Refusal(413, "upload-too-large", _CLOSE)
            return message

        await self._app(scope, receive_within_limit, send)

    async def _drop(self, receive: Receive, most: int) -> None:
        total = 0
        with anyio.move_on_after(DROP_SECONDS):
            while total <= most:
                message = await receive()
                total += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


class RequestIds:
    """Gives each request an id, and answers with an error where an exception is unexpected.

    The id is the request's header X-Request-ID if that is usable, else a new one. It stands in the
    answer's header and in the log.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("x-request-id", "")
        request_id = header if _ID.fullmatch(header) else uuid.uuid4().hex
        scope.setdefault("state", {})["id"] = request_id
        answering = False

        async def send_with_id(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            LOG.exception("request %s: %s %r failed", request_id, scope["method"], scope["path"])
            if answering:
                # Half the answer is sent: only a broken connection shows that the rest is missing.
                raise
            answer = problem(500, "internal", self._settings, request_id)
            await answer(scope, receive, send_with_id)
