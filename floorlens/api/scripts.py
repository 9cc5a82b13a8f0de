"""`/embed/…`: the JavaScript for pages of other sites, as files that browsers may keep."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

FOLDER = Path(__file__).with_name("embed")
_KEPT = "public, max-age=300"


def install(app: FastAPI) -> None:
    """Adds the files to an application; they need no key: a `<script>` sends none."""
    for path in sorted(FOLDER.glob("*.js")):
        app.add_route(f"/embed/{path.name}", _route(path.read_bytes()), include_in_schema=False)


def _route(content: bytes) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'

    async def show(request: Request) -> Response:
        headers = {
            "ETag": tag,
            "Cache-Control": _KEPT,
            # Whoever may not ask the service can then say so on his page: the code is no secret.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)

    return show
