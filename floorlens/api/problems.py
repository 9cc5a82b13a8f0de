"""Errors as answers: each has a status, a stable code, and a text that is fit for strangers.

What an exception says of itself may name a path of the server, the catalogue's address or a
library's inside. It goes to the log; the text of its code goes to the client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse

from floorlens.errors import FloorlensError

if TYPE_CHECKING:
    from floorlens.settings import Settings

LOG = logging.getLogger("floorlens.api")

_LOGGED = "whoever runs the service finds the cause in its log"
_CATALOGUE = f"The service's catalogue cannot be used now: {_LOGGED}."
_ENGINE = "The service's vector engine cannot be used now"
_LATER = "try again later"

# `{megapixels}` and `{megabytes}` are the service's limits.
TEXTS: Mapping[str, str] = {
    # of floorlens.errors
    "error": f"The request could not be served: {_LOGGED}.",
    "usage": "The request has no meaning: see the description at /openapi.json.",
    "filter-invalid": "The filter is not of the filter language.",
    "region-invalid": "The region or a click is not usable on this photo.",
    "settings-invalid": "A setting of the request is unknown or out of range.",
    "engine-unsupported": "The service's vector engine cannot do what was asked of it.",
    "input": "What was sent cannot be read.",
    "image-unreadable": (
        "The file is not an image that can be read, or is damaged or under 16 pixels a side: send "
        "a JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC photo."
    ),
    "image-too-large": (
        "The photo has more pixels than the {megapixels} megapixels that are accepted: scale it "
        "down."
    ),
    "product-source-invalid": "The product folder or table is not usable as a whole.",
    "dataset-invalid": "The evaluation data lack a file or a column.",
    "no-floor-found": (
        "No floor was found in this photo: take it so that the floor fills the lower part of the "
        "picture, in daylight."
    ),
    "nothing-to-rank": (
        "There is nothing to rank: the catalogue is empty, or no product matches. Add products "
        "with `floorlens index`."
    ),
    "catalogue": _CATALOGUE,
    "catalogue-not-found": _CATALOGUE,
    "catalogue-busy": f"The service's catalogue is being worked on: {_LATER}.",
    "stamp-mismatch": _CATALOGUE,
    "schema-mismatch": _CATALOGUE,
    "product-not-found": "No product has that id.",
    "engine": f"{_ENGINE}: {_LATER}.",
    "engine-unavailable": f"{_ENGINE}, since it does not answer: {_LATER}.",
    "engine-denied": f"{_ENGINE}: {_LOGGED}.",
    "engine-quota": f"{_ENGINE}, since its quota is used up: {_LATER}.",
    "engine-mismatch": f"{_ENGINE}: {_LOGGED}.",
    "engine-refused": f"{_ENGINE}: {_LOGGED}.",
    "collection-not-found": f"{_ENGINE}: {_LOGGED}.",
    "service": "Another service that this one needs gave no usable answer.",
    "service-unreachable": f"Another service that this one needs does not answer: {_LATER}.",
    "missing-dependency": (
        "The service lacks an optional part that this needs; HEIC photos can be sent as JPEG."
    ),
    "model-unavailable": f"The service lacks a model that this needs: {_LOGGED}.",
    # of the service itself
    "upload-too-large": "The file is larger than the {megabytes} MB that are accepted.",
    "file-missing": "The photo is missing: send it as the file `file` of a multipart form.",
    "request-invalid": "The request cannot be read.",
    "image-not-found": "The product has no such picture, or it cannot be read any more.",
    "not-found": "There is nothing at this address.",
    "method-not-allowed": "This address does not take that method.",
    "client-gone": "The client left before its turn came.",
    "internal": f"The service failed: {_LOGGED}, under the id of the header X-Request-ID.",
}
_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}


class Refused(HTTPException):
    """The service refuses a request itself; `code` is one of `TEXTS`."""

    def __init__(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, code, headers)
        self.code = code


def install(app: FastAPI) -> None:
    """Makes every error of the application's routes an answer of the form `Problem`."""
    app.add_exception_handler(FloorlensError, _on_purpose)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _refused)


def problem(status: int, code: str, settings: Settings, detail: str = "") -> JSONResponse:
    """Returns the answer for a code: its public text, after it `detail`, which must be public."""
    text = TEXTS.get(code, TEXTS["error"]).format(
        megapixels=f"{settings.max_megapixels:g}", megabytes=f"{settings.max_upload_mb:g}"
    )
    body = {"error": {"code": code, "message": f"{text} {detail}".strip()}}
    return JSONResponse(body, status)


# Starlette's type of a handler takes any Exception; each of these gets what it is installed for.


async def _on_purpose(request: Request, error: Any) -> JSONResponse:
    if error.status >= 500:
        LOG.error("request %s: %s: %s", request.state.id, error.code, error)
    return problem(error.status, error.code, request.app.state.settings)


async def _invalid(request: Request, error: Any) -> JSONResponse:
    places = [item["loc"] for item in error.errors()]
    settings = request.app.state.settings
    if ("body", "file") in places:
        return problem(422, "file-missing", settings)
    # Names of our own parameters; what was sent is not repeated.
    names = ", ".join(sorted({str(place[-1]) for place in places}))
    return problem(422, "request-invalid", settings, f"Not usable: {names}.")


async def _refused(request: Request, error: Any) -> JSONResponse:
    code = getattr(error, "code", None) or _OF_STATUS.get(error.status_code, "request-invalid")
    answer = problem(error.status_code, code, request.app.state.settings)
    answer.headers.update(error.headers or {})
    return answer
