"""Middleware before the routes: the bytes of a request, their time, and who has gone meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
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
SMALL = 1 << 20
"""Bytes of a body that is taken however many others there are."""
DROP_SECONDS = 10.0
IDLE_SECONDS = 10.0
"""A client that sends nothing for so long in the middle of its request is disconnected."""
_CLOSE = {"Connection": "close"}
_WITHOUT_BODY = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))


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
        # Without keys those of one address are one owner.
        owner = exchange.key_id or str((scope.get("client") or ("",))[0])
        body = _Body(receive, exchange, limit, self._drop, self._in_memory, owner)
        try:
            if scope["method"] in _WITHOUT_BODY or (
                length in ("", "0") and "transfer-encoding" not in headers
            ):
                # Its route will not read: what listens for a client that goes must begin here.
                await body.read_ahead()
            await self._app(scope, body.receive, send)
        except _TooEarly as early:
            refusal = early.refusal
            exchange.code = refusal.code
            answer = problem(refusal.status_code, refusal.code, self._settings, exchange.id)
            answer.headers.update(refusal.headers or {})
            await answer(scope, receive, send)
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


class _TooEarly(Exception):
    """A request is refused before the application, which would answer it, has it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class _InMemory:
    """How many bytes of bodies are held in memory now, by all requests of this process."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def add(self, owner: str, count: int) -> None:
        """Counts bytes of an owner; a negative number takes them back."""
        self._of[owner] += count
        if not self._of[owner]:
            del self._of[owner]

    def is_full(self, owner: str, own: int) -> bool:
        """Returns whether a request that holds so many bytes is one too many.

        One alone is always taken, and a small one as well. No key may fill more than half.
        """
        if own <= SMALL:
            return False
        held = self._of[owner]
        return held > max(MOST_IN_MEMORY // 2, own) or self._of.total() > max(MOST_IN_MEMORY, own)


class _Body:
    """The messages of one request."""

    def __init__(
        self,
        receive: Receive,
        exchange: Exchange,
        limit: Limit,
        drop: Callable[[Receive, int], Awaitable[None]],
        in_memory: _InMemory,
        owner: str,
    ) -> None:
        self._receive, self._exchange = receive, exchange
        self._limit, self._drop, self._in_memory = limit, drop, in_memory
        self._owner = owner
        self._until = exchange.arrived + limit.seconds
        self._total = self._held = 0
        self._first: Message | None = None
        self._listening: asyncio.Task[Message] | None = None

    async def read_ahead(self) -> None:
        """Reads a request of which nobody reads a body: mostly there is none.

        Raises:
            _TooEarly: there is one, and it is refused.
        """
        try:
            while (message := await self.receive()).get("more_body"):
                pass
        except Refusal as refusal:
            raise _TooEarly(refusal) from refusal
        self._first = {**message, "body": b""} if "body" in message else message

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
            await self._hold(message)
        if message["type"] == "http.disconnect":
            self._exchange.leave()
        elif not message.get("more_body"):
            self._exchange.begin()
            self._listening = asyncio.ensure_future(self._listen())
        return message

    async def _hold(self, message: Message) -> None:
        count = len(message.get("body", b""))
        self._held += count
        self._in_memory.add(self._owner, count)
        if count and self._in_memory.is_full(self._owner, self._held):
            if message.get("more_body"):
                await self._drop(self._receive, self._limit.most)
            raise Refusal(503, "busy", {**_CLOSE, "Retry-After": "2"})

    async def _listen(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._exchange.leave()
        return message

    def close(self) -> None:
        """Ends the listening: the answer is sent."""
        self._in_memory.add(self._owner, -self._held)
        if self._listening is not None:
            self._listening.cancel()
