"""Middleware before the routes: the bytes of a request, their time, and who has gone meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from floorlens.api.exchange import Exchange, exchange_of
from floorlens.api.problems import Refusal, problem
from floorlens.products.product import MAX_IMAGES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from floorlens.settings import Settings

FRAME = 64 * 1024
"""Bytes that a body may have beyond the limit of a file: the multipart form around it."""
MOST_IN_MEMORY = 256 << 20
"""Bytes of bodies that are held at a time; more are refused. They are not put on the disk, where
photos are only if they are to be kept."""
DROP_SECONDS = 10.0
IDLE_SECONDS = 10.0
"""A client that sends nothing for so long in the middle of its request is disconnected."""
_CLOSE = {"Connection": "close"}


# So fast a file of products must come, at least on the whole: bytes a second.
_SLOWEST = 100_000


@dataclass(frozen=True)
class Limit:
    """What the body of a request may be.

    Attributes:
        most: bytes.
        seconds: so long it may take to come.
        code: of the refusal of more bytes.
        on_disk: whether its route writes it to the disk as it comes; others hold it in memory.
    """

    most: int
    seconds: float
    code: str = "upload-too-large"
    on_disk: bool = False


def limit_of(settings: Settings, method: str, path: str) -> Limit:
    """Returns what the body of a request to a path may be."""
    photo, seconds = settings.max_upload_mb * 1e6, settings.upload_seconds
    if (method, path) == ("POST", "/v1/imports"):
        most = settings.max_import_mb * 1e6
        return Limit(int(most) + FRAME, max(seconds, most / _SLOWEST), "import-too-large", True)
    if (method, path) == ("POST", "/v1/products"):
        # Several pictures, which base64 makes longer by a third.
        return Limit(int(photo * MAX_IMAGES * 4 / 3) + FRAME, seconds)
    return Limit(int(photo) + FRAME, seconds)


class UploadLimit:
    """Refuses a body with more bytes than the settings allow, or one that comes too slowly.

    It refuses as soon as the Content-Length or the bytes so far exceed the limit. Then it reads and
    drops the rest, up to twice the limit in all: a client whose connection closes while it sends
    sees a broken connection and not the answer. A client that sends more is disconnected.

    After the body it goes on listening, so that the exchange knows at once that its client has
    gone: uvicorn only reads on, and sees that, while somebody waits for the next message.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._in_memory = _InMemory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        headers = Headers(scope=scope)
        limit = limit_of(self._settings, scope["method"], scope["path"])
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit.most:
            # With "Expect: 100-continue" the client has not sent the body yet.
            if "expect" not in headers:
                await self._drop(receive, 2 * limit.most)
            exchange.code = limit.code
            answer = problem(413, exchange.code, self._settings, exchange.id)
            answer.headers.update(_CLOSE)
            await answer(scope, receive, send)
            return
        body = _Body(receive, exchange, limit, self._drop, self._in_memory)
        try:
            if length in ("", "0") and "transfer-encoding" not in headers:
                # Its route will not read: what listens for a client that goes must begin here.
                await body.read_ahead()
            await self._app(scope, body.receive, send)
        finally:
            body.close()

    async def _drop(self, receive: Receive, most: int) -> None:
        total = 0
        try:
            async with asyncio.timeout(DROP_SECONDS):
                while total <= most:
                    message = await receive()
                    total += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            return


class _InMemory:
    """How many bytes of bodies are held in memory now, by all requests of this process."""

    def __init__(self) -> None:
        self.total = 0


class _Body:
    """The messages of one request."""

    def __init__(
        self,
        receive: Receive,
        exchange: Exchange,
        limit: Limit,
        drop: Callable[[Receive, int], Awaitable[None]],
        in_memory: _InMemory,
    ) -> None:
        self._receive, self._exchange = receive, exchange
        self._limit, self._drop, self._in_memory = limit, drop, in_memory
        self._until = exchange.arrived + limit.seconds
        self._total = 0
        self._first: Message | None = None
        self._listening: asyncio.Task[Message] | None = None

    async def read_ahead(self) -> None:
        """Reads the first message of a request that has no body: it is there already."""
        self._first = await self.receive()

    async def receive(self) -> Message:
        """Returns the next message, as the application is to see it."""
        if self._first is not None:
            message, self._first = self._first, None
            return message
        if self._listening is not None:
            return await asyncio.shield(self._listening)
        wait = min(IDLE_SECONDS, self._until - time.monotonic())
        try:
            async with asyncio.timeout(max(0.0, wait)):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, "request-timeout", _CLOSE) from None
        self._total += len(message.get("body", b""))
        if self._total > self._limit.most:
            if message.get("more_body"):
                await self._drop(self._receive, self._limit.most)
            raise Refusal(413, self._limit.code, _CLOSE)
        if not self._limit.on_disk:
            self._in_memory.total += len(message.get("body", b""))
            # One alone is always taken: its own limit says how large it may be.
            if self._in_memory.total > max(MOST_IN_MEMORY, self._total):
                if message.get("more_body"):
                    await self._drop(self._receive, self._limit.most)
                raise Refusal(503, "busy", {**_CLOSE, "Retry-After": "2"})
        if message["type"] == "http.disconnect":
            self._exchange.leave()
        elif not message.get("more_body"):
            self._exchange.begin()
            self._listening = asyncio.ensure_future(self._listen())
        return message

    async def _listen(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._exchange.leave()
        return message

    def close(self) -> None:
        """Ends the listening: the answer is sent."""
        if not self._limit.on_disk:
            self._in_memory.total -= self._total
        if self._listening is not None:
            self._listening.cancel()
