"""The page as a web application: Streamlit, and what a browser fetches beside it.

Pictures and files of the service go through here with the page's key, since a browser may not
reach the service itself. They come by their own addresses, so that the browser caches them and
nothing of them stays in the memory of the page. Photos come in the same way.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import re
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.api.server import send_at_once
from floorlens.client.attempts import Attempts, Patience
from floorlens.client.calls import Answer
from floorlens.client.clients import connection_limits, silence_of
from floorlens.images.drawing import jpeg_bytes
from floorlens.ui import assets
from floorlens.ui.addresses import MARK, PREFIX
from floorlens.ui.assets import find_asset
from floorlens.ui.photos import PHOTOS, PhotosFull
from floorlens.ui.rooms import thumbnail
from floorlens.ui.tickets import TICKETS

if TYPE_CHECKING:
    import httpx
    import streamlit as st
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from floorlens.settings import Settings

APP = Path(__file__).with_name("app.py")
SECONDS = 120.0
PAGES = ("/", "/find", "/catalogue", "/evaluate", "/rooms")
"""Where the pages of `floorlens.ui.frame` are."""

# Of the service only this can be fetched: pictures and files, each by an id that is hard to guess
# or of a product that the page shows anyway.
_PASSED = re.compile(
    r"v1/(products/.+/image"
    r"|searches/[\w-]+/(photo\.jpg|patch\.png|floor\.png|matches\.csv|matches\.pdf)"
    r"|searches/[\w-]+/matches/.+/(picture\.png|floor\.jpg|product\.jpg)"
    r"|evaluations/[\w-]+/pictures/[\w-]+\.jpg)"
)
_ASKED = ("if-none-match", "accept")
_ANSWERED = ("content-type", "content-disposition", "cache-control", "etag", "last-modified")
# A browser fetches six at a time: what waits here keeps the next ones waiting.
_PATIENCE = Patience(retries=2, deadline=4.0)
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_GUARD = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


def page_app(url: str, settings: Settings) -> st.App:
    """Returns the page as an ASGI application.

    Args:
        url: the address of the service.
        settings: the page's key for it, and the limits of photos.
    """
    import httpx
    import streamlit as st

    service = httpx.AsyncClient(
        base_url=url,
        headers=_key_header(settings),
        timeout=SECONDS,
        limits=connection_limits(),
        trust_env=False,
    )

    @asynccontextmanager
    async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any] | None]:
        async with page_lifespan(service):
            yield None

    return st.App(APP, lifespan=lifespan, routes=page_routes(service, settings))


@asynccontextmanager
async def page_lifespan(service: httpx.AsyncClient) -> AsyncIterator[None]:
    """Prepares the process for the page, and closes what it needs at its end.

    Args:
        service: sends requests to the service.
    """
    # The first visitor need not wait for the modules of the page. And Streamlit collects garbage
    # after every run, before it sends the last parts of the page: 0.1 s later, if all that the
    # modules hold were looked through each time.
    _frame()
    send_all_at_once()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        await service.aclose()


def page_routes(service: httpx.AsyncClient, settings: Settings) -> list[Route]:
    """Returns what a browser finds on the page beside Streamlit.

    Args:
        service: sends requests to the service, with the page's key.
        settings: that key, and the limits of photos.
    """
    import httpx
    from starlette.background import BackgroundTask
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    limit = int(settings.max_upload_mb * 1e6)

    async def passed(request: Request) -> Response:
        path = request.path_params["path"]
        # As it was sent: ids of products may hold a "?" or a "%". A "#" that is not written as
        # "%23" would end it on the way to the service.
        sent = request.scope["raw_path"].decode("ascii").removeprefix(PREFIX)
        if not _PASSED.fullmatch(path) or ".." in path or "#" in sent:
            return Response(status_code=404, headers=_GUARD)
        # The page's own key may not see all that a visitor's key may.
        ticket = TICKETS.find(request.query_params.get("ticket", ""), "pictures")
        whose = {} if ticket is None else authorization(ticket.key)
        answer = await fetch(
            sent,
            httpx.QueryParams(
                [part for part in request.query_params.multi_items() if part[0] != "ticket"]
            ),
            whose | {name: request.headers[name] for name in _ASKED if name in request.headers},
        )
        if answer is None:
            return Response(status_code=503, headers=_GUARD)
        return StreamingResponse(
            answer.aiter_bytes(),
            status_code=answer.status_code,
            headers=_GUARD | _chosen(answer.headers),
            background=BackgroundTask(answer.aclose),
        )

    async def fetch(
        path: str, params: httpx.QueryParams, headers: Mapping[str, str]
    ) -> httpx.Response | None:
        """Returns the service's answer, its body not read yet; None if there is none.

        A browser doesn't ask again for a picture that it was refused: this does.
        """
        attempts = Attempts(_PATIENCE, repeatable=True)
        while True:
            # The service may close a connection just as the next request is sent on it.
            try:
                ask = service.build_request("GET", path, params=params, headers=dict(headers))
                answer = await service.send(ask, stream=True)
                wait = attempts.after(Answer(answer.status_code, dict(answer.headers), b"", path))
                if wait is None:
                    return answer
                # Read to its end, so that its connection can be used again.
                await answer.aread()
            except httpx.HTTPError as error:
                wait = attempts.after_silence(silence_of(error))
                if wait is None:
                    return None
            await asyncio.sleep(wait)

    async def take_photo(request: Request) -> Response:
        if MARK not in request.headers:
            return refusal("cross-site", 403)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            return refusal("upload-too-large", 413)
        data = bytearray()
        try:
            async with asyncio.timeout(settings.upload_seconds):
                async for part in request.stream():
                    data += part
                    if len(data) > limit:
                        return refusal("upload-too-large", 413)
        except (TimeoutError, ClientDisconnect):
            return refusal("request-timeout", 408)
        if not data:
            return refusal("empty", 400)
        photo = bytes(data)
        try:
            token = PHOTOS.put(photo)
        except PhotosFull:
            return refusal("busy", 503)
        if "search" in request.query_params:
            from floorlens.ui.asking import search_early

            search_early(token, photo)
        return JSONResponse({"token": token}, 201, _GUARD)

    async def show_photo(request: Request) -> Response:
        picture = await run_in_threadpool(
            PHOTOS.picture,
            request.path_params["token"],
            max_megapixels=settings.max_megapixels,
            seconds=settings.picture_seconds,
        )
        if picture is None:
            return Response(status_code=404, headers=_GUARD)
        # Browsers cannot show all that the service reads, such as HEIC.
        jpeg = jpeg_bytes(picture.pixels)
        caching = {"Cache-Control": "private, max-age=300"}
        return Response(jpeg, media_type="image/jpeg", headers=_GUARD | caching)

    async def show_asset(request: Request) -> Response:
        one = find_asset(request.path_params["file"])
        if one is None:
            return Response(status_code=404, headers=_GUARD)
        return Response(one.text, media_type=one.media_type, headers=_GUARD | _FOREVER)

    async def show_frame(request: Request) -> Response:
        return HTMLResponse(_frame(), headers={"Cache-Control": "no-cache"})

    async def show_room(request: Request) -> Response:
        jpeg = await run_in_threadpool(thumbnail, request.path_params["name"])
        if jpeg is None:
            return Response(status_code=404, headers=_GUARD)
        caching = {"Cache-Control": "public, max-age=86400"}
        return Response(jpeg, media_type="image/jpeg", headers=_GUARD | caching)

    def authorization(own: str | None) -> dict[str, str]:
        return {} if own is None else {"Authorization": f"Bearer {own}"}

    def refusal(code: str, status: int) -> Response:
        return JSONResponse({"code": code}, status, _GUARD)

    async def pass_import(request: Request) -> Response:
        ticket = TICKETS.find(request.headers.get(MARK, ""), "imports")
        if ticket is None:
            return refusal("cross-site", 403)
        boundary = secrets.token_hex(16)
        try:
            answer = await service.post(
                "/v1/imports",
                headers=authorization(ticket.key)
                | {"Content-Type": f"multipart/form-data; boundary={boundary}"},
                content=_form(request, boundary),
            )
        except (httpx.HTTPError, ClientDisconnect):
            return refusal("service-unreachable", 503)
        return Response(answer.content, answer.status_code, _GUARD | _chosen(answer.headers))

    return [
        *(Route(path, show_frame) for path in PAGES),
        Route(f"{assets.PREFIX}/{{file}}", show_asset),
        Route(f"{PREFIX}/rooms/{{name}}", show_room),
        Route(f"{PREFIX}/imports", pass_import, methods=["POST"]),
        Route(f"{PREFIX}/photos", take_photo, methods=["POST"]),
        Route(f"{PREFIX}/photos/{{token}}.jpg", show_photo),
        Route(f"{PREFIX}/{{path:path}}", passed),
    ]


def send_all_at_once() -> None:
    """Switches Nagle's algorithm off for all sockets that this process listens at.

    Why: `floorlens.api.server.send_at_once`. Streamlit makes a socket of its own, which it hands to
    nobody, before the page starts.

    Example:
        >>> send_all_at_once()
    """
    # Windows has no such folder: there each answer of the page stays late.
    descriptors: list[int] = []
    with suppress(OSError):
        descriptors = [int(one.name) for one in Path("/dev/fd").iterdir()]
    for descriptor in descriptors:
        try:
            one = socket.socket(fileno=descriptor)
        except OSError:
            # It is no socket, or what this folder was read with.
            continue
        try:
            with suppress(OSError):
                listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if listens and one.family in (socket.AF_INET, socket.AF_INET6):
                    send_at_once(one)
        finally:
            one.detach()


def _key_header(settings: Settings) -> dict[str, str]:
    key = settings.api_key
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}


@cache
def _frame() -> str:
    """Returns Streamlit's own document with the style of the page in it, so that it is there from
    the beginning; and the elements' files are fetched before the first of them is shown."""
    import streamlit

    frame = importlib.import_module("floorlens.ui.frame")
    style = assets.asset("page.css", frame.style())
    scripts = (path for path in assets.paths() if path.endswith(".js"))
    lines = [
        # Or the browser would look for Streamlit below the path of each page, and find nothing.
        "<script>window.__streamlit = { BACKEND_BASE_URL: location.origin + '/' };</script>",
        f'<link rel="stylesheet" href="{style}">',
        *(f'<link rel="modulepreload" href="{path}">' for path in scripts),
    ]
    document = Path(streamlit.__file__).with_name("static") / "index.html"
    text = document.read_text(encoding="utf-8")
    return text.replace("</head>", "\n".join(lines) + "\n</head>", 1)


def _chosen(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _ANSWERED if name in headers}


async def _form(request: Request, boundary: str) -> AsyncIterator[bytes]:
    """Yields a form with the file that a request brings, as it comes, and its other fields.

    The fields are parameters of the address; `name` is the file's name.
    """
    fields = dict(request.query_params)
    name = re.sub(r'[\r\n"\\]', "_", fields.pop("name", ""))
    for field, value in fields.items():
        field = re.sub(r"\W", "_", field)
        yield (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        ).encode()
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    async for part in request.stream():
        yield part
    yield f"\r\n--{boundary}--\r\n".encode()
