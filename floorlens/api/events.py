"""Answers that come in parts: the stages of a search as server-sent events, then its result.

Source: the WHATWG's HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from floorlens.api.exchange import checkpoint
from floorlens.api.problems import Refusal, answer_to
from floorlens.errors import FloorlensError

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel

    from floorlens.api.service import Service
    from floorlens.search import StageProgress

MEDIA_TYPE = "text/event-stream"
Work = Callable[["StageProgress"], "BaseModel"]


def wants_events(request: Request) -> bool:
    """Returns whether a request asks for an answer in parts."""
    return MEDIA_TYPE in request.headers.get("accept", "")


def stream(request: Request, service: Service, work: Work) -> StreamingResponse:
    """Returns an answer that tells each stage of `work` as it begins, then what it returned.

    The events are `stage` with `{"stage", "seconds"}`; at the end `result` with the body that the
    answer would have been, or `problem` with that of an error.

    Args:
        request: the request.
        service: which runs the work.
        work: called with the `progress` that it shall call.
    """
    # An answer in parts has no status to tell later: it must not be stored on its way.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, service, work), headers=headers, media_type=MEDIA_TYPE
    )


async def _events(request: Request, service: Service, work: Work) -> AsyncIterator[str]:
    loop, started = asyncio.get_running_loop(), time.perf_counter()
    parts: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    last = ""

    def progress(stage: str) -> None:
        nonlocal last
        checkpoint(stage)
        if stage == last:
            # The same stage, with the next photo.
            return
        last = stage
        facts = {"stage": stage, "seconds": round(time.perf_counter() - started, 3)}
        loop.call_soon_threadsafe(parts.put_nowait, ("stage", json.dumps(facts)))

    async def run() -> None:
        try:
            body = await service.run_with_models(request, lambda: work(progress))
            parts.put_nowait(("result", body.model_dump_json()))
        except (FloorlensError, Refusal) as error:
            answer = await answer_to(request, error)
            parts.put_nowait(("problem", bytes(answer.body).decode()))

    task = asyncio.create_task(run())
    try:
        kind = ""
        while kind not in ("result", "problem"):
            part = asyncio.create_task(parts.get())
            done, _ = await asyncio.wait({part, task}, return_when=asyncio.FIRST_COMPLETED)
            if part not in done and parts.empty():
                part.cancel()
                # It ended without a word: its error is for the log, and ends the answer.
                task.result()
                return
            kind, data = await part
            yield f"event: {kind}\ndata: {data}\n\n"
    finally:
        task.cancel()
