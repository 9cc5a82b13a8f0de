"""A double of Pinecone: control plane and data plane on one port, for tests without a key.

>>> with running_double() as double:
...     engine = Engine(name="pinecone", url=double.url, api_key=double.api_key)

It answers the HTTP requests of SDK 10, has Pinecone's limits, shows writes late and fails where a
test wants it to. It proves how we use the SDK, not how Pinecone ranks. It needs the extra `api`;
data live in memory. By hand, in a checkout (it is not part of the wheel):
`python -m tests.doubles.pinecone.server --port 5080`.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from floorlens.errors import MissingDependency
from tests.doubles.pinecone.store import Refused
from tests.doubles.pinecone.wire import ANSWERS, Call, Double, error_body, parsed_body

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Call", "Double", "create_double", "main", "running_double"]

# Seconds that clients get to close their connections when the double ends.
_GRACE = 2


def create_double(double: Double | None = None) -> FastAPI:
    """Returns the double as an ASGI application; `app.state.double` is its `Double`.

    Raises:
        MissingDependency: the extra `api` is not installed.
    """
    try:
        from fastapi import FastAPI
    except ImportError as error:
        raise _missing() from error
    double = double or Double()
    app = FastAPI(title="Double of Pinecone", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.double = double
    for method, path, answer in ANSWERS:
        app.add_route(path, _endpoint(double, answer), methods=[method])
    return app


@contextmanager
def running_double(
    *,
    api_key: str = "test",
    visible_after: float = 0.0,
    ready_after: float = 0.0,
    absent_differs: bool = False,
    port: int = 0,
) -> Iterator[Double]:
    """Runs a double on 127.0.0.1 in a thread of its own; port 0 takes a free one.

    Raises:
        MissingDependency: the extra `api` is not installed.
    """
    double = Double("", api_key, visible_after, ready_after, absent_differs)
    app = create_double(double)
    try:
        import uvicorn
    except ImportError as error:
        raise _missing() from error
    config = uvicorn.Config(
        app,
        http=_protocol(double),
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    # With IPPROTO_TCP asyncio turns Nagle's algorithm off, which takes 40 ms a call.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        double.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield double
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    """Runs a double until Ctrl-C, and prints the variables for its address and key."""
    parser = argparse.ArgumentParser("python -m tests.doubles.pinecone.server", description=__doc__)
    parser.add_argument("--port", type=int, default=5080)
    parser.add_argument("--api-key", default="test")
    parser.add_argument("--visible-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--ready-after", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    with running_double(
        api_key=options.api_key,
        visible_after=options.visible_after,
        ready_after=options.ready_after,
        port=options.port,
    ) as double:
        print(f"PINECONE_CONTROLLER_HOST={double.url}")
        print(f"PINECONE_API_KEY={double.api_key}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _missing() -> MissingDependency:
    return MissingDependency("the double of Pinecone needs: pip install 'floorlens[api]'")


def _protocol(double: Double) -> type[H11Protocol]:
    # An application cannot reset a connection: the server must pass it on.
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Reachable(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            double.connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            double.connections.pop(self.client, None)
            super().connection_lost(exc)

    return Reachable


def _endpoint(
    double: Double, answer: Callable[[Double, Request, Any], Any]
) -> Callable[[Request], Awaitable[Response]]:
    from starlette.responses import JSONResponse

    async def endpoint(request: Request) -> Response:
        path, raw = request.url.path, await request.body()
        body: Any = {}
        status, content, headers = 200, {}, {}
        fault = double.next_fault(path)
        try:
            if fault is not None:
                if fault.kind == "slow":
                    await asyncio.sleep(fault.seconds)
                elif fault.kind == "reset":
                    raise Refused(0, "reset")
                else:
                    if fault.retry_after is not None:
                        headers["Retry-After"] = f"{fault.retry_after:g}"
                    raise Refused(int(fault.kind), "injected")
            if request.headers.get("Api-Key") != double.api_key:
                raise Refused(401, "Invalid API Key")
            body = parsed_body(raw) if raw else dict(request.query_params)
            result = answer(double, request, body)
            status, content = result if isinstance(result, tuple) else (200, result)
        except Refused as refusal:
            status, content = refusal.status, error_body(path, refusal)
        rest = {key: value for key, value in body.items() if key not in ("vectors", "vector")}
        items = body.get("vectors") or body.get("ids")
        if "/vectors/fetch" in path:
            items = request.query_params.getlist("ids")
        count = len(items) if isinstance(items, list) else 0
        double.calls.append(Call(request.method, path, status, len(raw), count, rest))
        if status == 0:
            connection = double.connections.get(tuple(request.client or ()))
            if connection is not None:
                connection.abort()
            status = 503
        return JSONResponse(content, status, headers)

    return endpoint


if __name__ == "__main__":
    main()
