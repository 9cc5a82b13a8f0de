"""Connections that cost a stranger something: uvicorn's protocol with limits on time and number.

uvicorn waits without end for the head of a request, and for a client that does not read its answer.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from floorlens.api.problems import TEXTS

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEAD_SECONDS = 10.0
"""So long the head of a request may take, from the connection or the head's first byte on; and the
rest of a body after the answer."""
READ_SECONDS = 30.0
"""So long a client may leave what is sent to it unread."""


class Connection(H11Protocol):
    """One connection. `Config.limit_concurrency` is how many there may be in this process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # The base class would answer in plain text, and count requests as well as connections.
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request, or refuses the connection."""
        super().connection_made(transport)
        if self._most is not None and len(self.connections) > self._most:
            transport.write(_refusal(503, "too-many-connections", b"retry-after: 5\r\n"))
            transport.close()
            return
        self._await_bytes()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._stop(head=True, read=True)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what the client sent."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Goes on to the next request of the connection."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Begins to wait for a client that does not read."""
        super().pause_writing()
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Goes on sending."""
        self._stop(read=True)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP."""
        self.transport.write(_refusal(400, "request-invalid"))
        self.transport.close()

    def _watch(self) -> None:
        """Limits the time of bytes that no application waits for.

        They are those of a head, and the rest of a body whose request is answered already.
        """
        answered = self.cycle is not None and self.cycle.response_complete
        if self.conn.their_state is h11.IDLE:
            waits = bool(self.conn.trailing_data[0])
        else:
            waits = answered and self.conn.their_state is h11.SEND_BODY
        if not waits:
            self._stop(head=True)
        elif self._head_timer is None:
            self._await_bytes()

    def _await_bytes(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        # Browsers open connections in advance: to those nothing is said.
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_refusal(408, "request-timeout"))
        self.transport.close()

    def _stop(self, *, head: bool = False, read: bool = False) -> None:
        if head and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if read and self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None


def _refusal(status: int, code: str, headers: bytes = b"") -> bytes:
    """Returns a whole answer, for clients that have sent no whole request."""
    phrase = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}[status]
    body = json.dumps(
        {
            "type": f"urn:floorlens:problem:{code}",
            "title": phrase,
            "status": status,
            "code": code,
            "detail": TEXTS[code],
        }
    ).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n"
    )
    return head.encode() + headers + b"\r\n" + body
