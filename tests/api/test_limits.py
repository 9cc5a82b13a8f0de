"""Bytes are counted while they come; every request has an id."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from floorlens.api.limits import FRAME, RequestIds, UploadLimit
from floorlens.api.problems import Refused
from floorlens.settings import Settings

SETTINGS = Settings(max_upload_mb=0.1)
MOST = 100_000 + FRAME
PIECE = 10_000


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def asked(app: ASGIApp, *, pieces: int, headers: dict[str, str]) -> tuple[list[Message], int]:
    """Returns what an application sends for a body of so many pieces, and how many it took."""
    taken = 0
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        assert taken < 1000, "it never stops taking"
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": taken < pieces}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def serve() -> None:
        await app(scope, receive, send)

    asyncio.run(serve())
    return sent, taken


def test_a_body_within_the_limit_passes() -> None:
    sent, taken = asked(UploadLimit(reads_all, SETTINGS), pieces=10, headers={})
    assert (sent[0]["status"], sent[1]["body"], taken) == (200, b"100000", 10)


def test_a_body_that_grows_too_large_is_refused_where_it_does() -> None:
    """Of an endless one, twice what is allowed is taken; nothing beyond the limit goes on."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        assert taken < 1000, "it never stops taking"
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": True}

    async def send(_: Message) -> None:
        raise AssertionError("nothing is to be sent here")

    passed = 0

    async def counts(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal passed
        while True:
            passed += len((await receive())["body"])

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": []}
    with pytest.raises(Refused) as refused:
        asyncio.run(UploadLimit(counts, SETTINGS)(scope, receive, send))
    assert (refused.value.status_code, refused.value.code) == (413, "upload-too-large")
    assert refused.value.headers == {"Connection": "close"}
    assert MOST - PIECE < passed <= MOST
    assert taken <= 2 * (MOST // PIECE + 1)


@pytest.mark.parametrize(
    ("expect", "most"), [({}, MOST // PIECE + 1), ({"expect": "100-continue"}, 0)]
)
def test_a_declared_length_is_refused_before_the_application_sees_it(
    expect: dict[str, str], most: int
) -> None:
    """Who asks first need not send at all; of another's bytes a limited number is dropped."""

    async def never(*_: object) -> None:
        raise AssertionError("the application is not to be asked")

    headers = {"content-length": str(MOST + 1), **expect}
    sent, taken = asked(UploadLimit(never, SETTINGS), pieces=10**6, headers=headers)
    assert (sent[0]["status"], taken) == (413, most)
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["error"]["code"] == "upload-too-large"


@pytest.mark.parametrize("length", [str(MOST), "-1", "many", ""])
def test_other_lengths_decide_nothing(length: str) -> None:
    """What is counted counts; nonsense in the header is the server's to refuse."""
    headers = {"content-length": length}
    sent, _ = asked(UploadLimit(reads_all, SETTINGS), pieces=2, headers=headers)
    assert sent[0]["status"] == 200


def ids(sent: list[Message]) -> list[str]:
    return [value.decode() for name, value in sent[0]["headers"] if name == b"x-request-id"]


def test_a_usable_id_is_kept_and_others_are_replaced() -> None:
    """An id goes into the log: it must not bring lines of its own."""
    app = RequestIds(reads_all, SETTINGS)
    assert ids(asked(app, pieces=1, headers={"x-request-id": "a-1.b_2"})[0]) == ["a-1.b_2"]
    for bad in ("x" * 65, "a b", "a\\nb", ""):
        (made,) = ids(asked(app, pieces=1, headers={"x-request-id": bad})[0])
        assert made != bad
        assert len(made) == 32


def test_two_requests_have_two_ids() -> None:
    app = RequestIds(reads_all, SETTINGS)
    assert ids(asked(app, pieces=1, headers={})[0]) != ids(asked(app, pieces=1, headers={})[0])


def test_an_exception_after_the_answers_begin_breaks_the_connection() -> None:
    """A second answer in the middle of the first would pass for a part of it."""

    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        asked(RequestIds(breaks, SETTINGS), pieces=1, headers={})
