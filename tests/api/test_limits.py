"""The bytes of a request are limited while they arrive; every request has an id."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from floorlens.api import limits
from floorlens.api.exchange import Exchange
from floorlens.api.limits import FRAME, UploadLimit
from floorlens.api.logs import Requests
from floorlens.api.metrics import Metrics
from floorlens.api.problems import Refusal
from floorlens.settings import Settings

SETTINGS = Settings(max_upload_mb=0.1)
MOST = 100_000 + FRAME
PIECE = 10_000
# Of a body whose length is not told: without it there is none.
CHUNKED = [(b"transfer-encoding", b"chunked")]


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def exchange(app: ASGIApp, *, pieces: int, headers: dict[str, str]) -> tuple[list[Message], int]:
    """Returns what an application sends for a body of so many pieces, and how many it reads."""
    reads = 0
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        assert reads < 1000, "it never stops reading"
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": reads < pieces}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "state": {"id": "id", "exchange": Exchange("id", 30.0)},
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def serve() -> None:
        await app(scope, receive, send)

    asyncio.run(serve())
    return sent, reads


def test_a_body_within_the_limit_passes() -> None:
    sent, reads = exchange(
        UploadLimit(reads_all, SETTINGS), pieces=10, headers={"transfer-encoding": "chunked"}
    )
    assert (sent[0]["status"], sent[1]["body"], reads) == (200, b"100000", 10)


def test_a_body_is_refused_as_soon_as_it_is_too_large() -> None:
    """Of an endless body twice the limit is read, and no more than the limit is passed on."""
    reads = 0

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        assert reads < 1000, "it never stops reading"
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": True}

    async def send(_: Message) -> None:
        raise AssertionError("nothing may be sent here")

    total = 0

    async def counts(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal total
        while True:
            total += len((await receive())["body"])

    state = {"exchange": Exchange("id", 30.0)}
    scope: dict[str, Any] = {
        **{"type": "http", "method": "POST", "path": "/", "headers": CHUNKED},
        "state": state,
    }
    with pytest.raises(Refusal) as refusal:
        asyncio.run(UploadLimit(counts, SETTINGS)(scope, receive, send))
    assert (refusal.value.status_code, refusal.value.code) == (413, "upload-too-large")
    assert refusal.value.headers == {"Connection": "close"}
    assert MOST - PIECE < total <= MOST
    assert reads <= 2 * (MOST // PIECE + 1)


@pytest.mark.parametrize(
    ("expect", "most"), [({}, 2 * MOST // PIECE + 1), ({"expect": "100-continue"}, 0)]
)
def test_a_declared_length_is_refused_before_the_application_sees_it(
    expect: dict[str, str], most: int
) -> None:
    """A client that asks first need not send; from others twice the limit is read.

    One that is cut off a little over the limit would see a broken connection instead of the answer.
    """

    async def never(*_: object) -> None:
        raise AssertionError("the application must not be called")

    headers = {"content-length": str(MOST + 1), **expect}
    sent, reads = exchange(UploadLimit(never, SETTINGS), pieces=10**6, headers=headers)
    assert (sent[0]["status"], reads) == (413, most)
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["code"] == "upload-too-large"


@pytest.mark.parametrize("length", [str(MOST), "-1", "many", ""])
def test_other_lengths_are_ignored(length: str) -> None:
    """The bytes themselves are counted; nonsense in the header is for the server to refuse."""
    headers = {"content-length": length}
    sent, _ = exchange(UploadLimit(reads_all, SETTINGS), pieces=2, headers=headers)
    assert sent[0]["status"] == 200


def ids(sent: list[Message]) -> list[str]:
    return [value.decode() for name, value in sent[0]["headers"] if name == b"x-request-id"]


def test_a_usable_id_stays_and_others_are_replaced() -> None:
    """An id goes into the log: it must not add lines there."""
    app = Requests(reads_all, SETTINGS, Metrics())
    assert ids(exchange(app, pieces=1, headers={"x-request-id": "a-1.b_2"})[0]) == ["a-1.b_2"]
    for bad in ("x" * 65, "a b", "a\\nb", ""):
        (new_id,) = ids(exchange(app, pieces=1, headers={"x-request-id": bad})[0])
        assert new_id != bad
        assert len(new_id) == 32


def test_two_requests_have_two_ids() -> None:
    app = Requests(reads_all, SETTINGS, Metrics())
    first, second = (ids(exchange(app, pieces=1, headers={})[0]) for _ in range(2))
    assert first != second


def test_an_exception_after_the_answers_begin_breaks_the_connection() -> None:
    """A second answer in the middle of the first would look like a part of it."""

    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        exchange(Requests(breaks, SETTINGS, Metrics()), pieces=1, headers={})


# -- time and those who have gone --------------------------------------------------------------


def serve_body(messages: list[Message | None], exchange: Exchange, app: ASGIApp) -> None:
    """Serves a request whose client sends these messages and then nothing; None is silence."""
    scope: dict[str, Any] = {
        **{"type": "http", "method": "POST", "path": "/", "headers": CHUNKED},
        "state": {"exchange": exchange},
    }

    async def receive() -> Message:
        message = messages.pop(0) if messages else None
        if message is None:
            await asyncio.Event().wait()
            raise AssertionError("it waits for ever")
        return message

    async def send(_: Message) -> None:
        pass

    async def serve() -> None:
        await UploadLimit(app, SETTINGS)(scope, receive, send)

    asyncio.run(asyncio.wait_for(serve(), 120))


PART: Message = {"type": "http.request", "body": b"x", "more_body": True}
END: Message = {"type": "http.request", "body": b"x", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


def test_a_client_that_stops_sending_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDLE_SECONDS", 0.05)
    with pytest.raises(Refusal) as refusal:
        serve_body([PART, PART, None], Exchange("id", 30.0), reads_all)
    assert (refusal.value.status_code, refusal.value.code) == (408, "request-timeout")
    assert refusal.value.headers == {"Connection": "close"}


def test_a_client_that_sends_for_too_long_is_refused() -> None:
    """However regularly it sends a byte."""
    exchange = Exchange("id", 30.0)
    exchange.arrived -= SETTINGS.upload_seconds
    with pytest.raises(Refusal) as refusal:
        serve_body([PART, None], exchange, reads_all)
    assert refusal.value.code == "request-timeout"


def test_the_time_for_an_answer_runs_from_the_end_of_the_body() -> None:
    exchange = Exchange("id", 30.0)
    exchange.until = 0.0
    serve_body([PART, END], exchange, reads_all)
    assert exchange.left > 0


def test_a_client_that_goes_after_its_body_is_noticed_at_once() -> None:
    """While the application does something else than to read."""
    seen: list[bool] = []

    async def works(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        left = asyncio.Event()
        scope["state"]["exchange"].on_leave(left.set)
        if not scope["state"]["exchange"].gone:
            await left.wait()
        seen.append(True)

    exchange = Exchange("id", 30.0)
    serve_body([PART, END, GONE], exchange, works)
    assert exchange.gone
    assert seen == [True]


class Bodies:
    """Requests that send their bodies piece by piece, and hold the last one back."""

    def __init__(self) -> None:
        self.app = UploadLimit(reads_all, SETTINGS)
        self.outcomes: dict[str, int | str] = {}
        self.gate = asyncio.Event()

    async def ask(
        self, name: str, size: int, *, key: str = "a", wait: bool = False, method: str = "POST"
    ) -> None:
        """Sends so many bytes; its outcome is a status, or the code of a refusal."""
        pieces = [b"x" * max(0, size - 1), b"x" * min(1, size)]

        async def receive() -> Message:
            piece = pieces.pop(0)
            if wait and not pieces:
                await self.gate.wait()
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.outcomes[name] = message["status"]

        exchange = Exchange("id", 30.0)
        exchange.key_id = key
        scope: dict[str, Any] = {
            **{"type": "http", "method": method, "path": "/"},
            "headers": [(b"transfer-encoding", b"chunked")],
            "state": {"id": "id", "exchange": exchange},
        }
        try:
            await self.app(scope, receive, send)
        except Refusal as refusal:
            self.outcomes[name] = refusal.code

    async def hold(self, name: str, size: int, key: str) -> asyncio.Task[None]:
        """Sends all but the last piece; the task goes on when the gate is opened."""
        task = asyncio.create_task(self.ask(name, size, key=key, wait=True))
        await asyncio.sleep(0.01)
        return task


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 40,000 bytes, and bodies of 5,000 are small."""
    monkeypatch.setattr(limits, "MOST_IN_MEMORY", 40_000)
    monkeypatch.setattr(limits, "SMALL", 5_000)


@pytest.mark.usefixtures("small_memory")
def test_bodies_in_memory_are_limited_by_key_and_in_all() -> None:
    """They are not put on the disk, where photos are only if they are to be kept."""

    async def scenario() -> dict[str, int | str]:
        bodies = Bodies()
        await bodies.ask("one alone", 90_000)
        held = [await bodies.hold("a", 30_000, "a")]
        await bodies.ask("more of a", 12_000, key="a")
        held.append(await bodies.hold("b", 10_000, "b"))
        await bodies.ask("of c", 15_000, key="c")
        await bodies.ask("small of c", 5_000, key="c")
        await bodies.ask("nothing of a", 0, key="a", method="GET")
        bodies.gate.set()
        await asyncio.gather(*held)
        # What was refused is not counted twice, nor not at all.
        for _ in range(10):
            await bodies.ask("too large", MOST + 2)
        await bodies.ask("after", 39_000)
        return bodies.outcomes

    assert asyncio.run(asyncio.wait_for(scenario(), 120)) == {
        "one alone": 200,
        "a": 200,
        "more of a": "busy",
        "b": 200,
        "of c": "busy",
        "small of c": 200,
        "nothing of a": 200,
        "too large": "upload-too-large",
        "after": 200,
    }


@pytest.mark.usefixtures("small_memory")
def test_a_body_that_nobody_reads_is_limited_too() -> None:
    """Before the application: the answer is a problem all the same, and no 500."""

    async def scenario() -> dict[str, int | str]:
        bodies = Bodies()
        await bodies.ask("small", 1_000, method="GET")
        await bodies.ask("large", MOST + 2, method="DELETE")
        return bodies.outcomes

    outcomes = asyncio.run(asyncio.wait_for(scenario(), 120))
    assert outcomes == {"small": 200, "large": 413}
