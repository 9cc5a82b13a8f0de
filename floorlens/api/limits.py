"""What stands before the routes: the limit of what may be sent, and an id for each request."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers, MutableHeaders

from floorlens.api.problems import LOG, Refused, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from floorlens.settings import Settings

FRAME = 64 * 1024
"""Bytes that a body may have beyond the file's limit: the multipart form around the file."""
DROP_SECONDS = 10.0
_CLOSE = {"Connection": "close"}
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class UploadLimit:
    """Refuses a body with more bytes than the settings allow, while it is being sent.

    One whose Content-Length says so is refused before it is. What is still on its way then is
    taken and dropped, as much again as is allowed: a client that is cut off while it sends sees a
    broken connection, and not the answer. Who sends still more is cut off.
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
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._most:
            # A client that asks before it sends has sent nothing yet.
            if "expect" not in headers:
                await self._drop(receive)
            answer = problem(413, "upload-too-large", self._settings)
            answer.headers.update(_CLOSE)
            await answer(scope, receive, send)
            return
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._most:
                if message.get("more_body"):
                    await self._drop(receive)
                raise Refused(413, "upload-too-large", _CLOSE)
            return message

        await self._app(scope, counted, send)

    async def _drop(self, receive: Receive) -> None:
        dropped = 0
        with anyio.move_on_after(DROP_SECONDS):
            while dropped <= self._most:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


class RequestIds:
    """Gives each request an id, and turns an exception that nobody expected into an answer.

    The id is the header X-Request-ID of the request where that is a usable one; it is in the
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
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["id"] = request_id
        started = False

        async def named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, named)
        except Exception:
            LOG.exception("request %s: %s %r failed", request_id, scope["method"], scope["path"])
            if started:
                # Half an answer is out; only a broken connection can say that the rest is missing.
                raise
            await problem(500, "internal", self._settings)(scope, receive, named)
