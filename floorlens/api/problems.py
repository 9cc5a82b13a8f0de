"""Errors as answers: each has a status, a stable code, and a text that is safe for strangers.

The message of an exception may name a path on the server, the catalogue's address or the inside of
a library. It goes to the log; the client gets the text of the error's code.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from floorlens.api.bodies import FieldProblem, Problem
from floorlens.api.field_errors import field_errors
from floorlens.errors import FloorlensError
from floorlens.images.formats import NAMES
from floorlens.settings import Settings

LOG = logging.getLogger("floorlens.api")

_LOGGED = "the cause is in the log of the service"
_CATALOGUE = f"The service's catalogue cannot be used now: {_LOGGED}."
_ENGINE = "The service's vector engine cannot be used now"
_LATER = "try again later"

# `{megapixels}`, `{megabytes}` and `{seconds}` are the service's limits.
TEXTS: Mapping[str, str] = {
    # of floorlens.errors
    "error": f"The request could not be served: {_LOGGED}.",
    "usage": "The request makes no sense: see the description at /openapi.json.",
    "filter-invalid": "The filter is not written in the filter language.",
    "region-invalid": "The region or a click cannot be used on this photo.",
    "settings-invalid": "A setting of the request is unknown or out of range.",
    "engine-unsupported": "The service's vector engine does not support this request.",
    "input": "The data of the request cannot be read.",
    "image-unreadable": (
        "The file is not a readable image, or it is damaged, a raw photo, or smaller than 16 "
        f"pixels a side: send a photo as {NAMES}."
    ),
    "image-too-large": (
        "The photo has more than {megapixels} megapixels, the limit of the service: scale it down."
    ),
    "image-timeout": (
        "The photo takes longer to decode than {seconds} s, the limit of the service: save it anew "
        "as JPEG, or scale it down."
    ),
    "decoder-unavailable": f"The service cannot decode pictures now: {_LATER}.",
    "product-source-invalid": "The product folder or table cannot be used at all.",
    "dataset-invalid": "The evaluation data lack a file or a column.",
    "no-floor-found": (
        "No floor was found in this photo: take it in daylight, with the floor in the lower part "
        "of the picture."
    ),
    "nothing-to-rank": (
        "There is nothing to rank: no product passes what is asked, or the catalogue is still "
        "empty."
    ),
    "catalogue": _CATALOGUE,
    "catalogue-not-found": _CATALOGUE,
    "catalogue-replaced": f"The service's catalogue is being replaced: {_LATER}.",
    "catalogue-busy": f"Another process is changing the service's catalogue: {_LATER}.",
    "stamp-mismatch": _CATALOGUE,
    "schema-mismatch": _CATALOGUE,
    "product-not-found": "No product has that id.",
    "engine": f"{_ENGINE}: {_LATER}.",
    "engine-unavailable": f"{_ENGINE}: it does not answer; {_LATER}.",
    "engine-denied": f"{_ENGINE}: {_LOGGED}.",
    "engine-quota": f"{_ENGINE}: its quota is used up; {_LATER}.",
    "engine-mismatch": f"{_ENGINE}: {_LOGGED}.",
    "engine-refused": f"{_ENGINE}: {_LOGGED}.",
    "collection-not-found": f"{_ENGINE}: {_LOGGED}.",
    "state": f"What the service keeps cannot be used now: {_LOGGED}.",
    "key-not-found": "No API key has that id.",
    "search-not-found": (
        "No search of that id is kept: it is too old, or another key made it. Search again."
    ),
    "feedback-not-found": "Nothing was said of a search of that id.",
    "feedback-full": (
        "The service keeps as much feedback as it may, {feedback_megabytes} MB, and has not kept "
        "this: its operator exports and deletes some, or raises FLOORLENS_FEEDBACK_MB."
    ),
    "job-not-found": "No job has that id.",
    "job-crashed": f"The process of the job died three times: {_LOGGED}.",
    "too-many-jobs": f"Too many jobs wait already: {_LATER}.",
    "product-exists": "There is a product of that id: change it, or send `replace`.",
    "import-too-large": (
        "The file is larger than {import_megabytes} MB, the limit of the service: divide it."
    ),
    "service": "Another service, which this one needs, gave no usable answer.",
    "service-unreachable": f"Another service, which this one needs, does not answer: {_LATER}.",
    "missing-dependency": (
        "The service lacks an optional part that this request needs; send a HEIC photo as JPEG."
    ),
    "model-unavailable": f"The service lacks a model that this request needs: {_LOGGED}.",
    # of the service itself
    "key-missing": (
        "This needs an API key: send it as the header `Authorization: Bearer <key>`. The service's "
        "operator makes one with `floorlens keys create`."
    ),
    "key-invalid": "The service has no such API key, or it was revoked: ask its operator for one.",
    "scope-missing": "The API key may not do this: ask the service's operator for one that may.",
    "rate-exceeded": (
        "That was asked too often: wait for as many seconds as the header Retry-After says."
    ),
    "signature-invalid": (
        "The signed address was changed, or has expired: ask for the product again."
    ),
    "cross-site": (
        "This came from a page of an origin that may not call the service: its operator allows "
        "origins with FLOORLENS_ORIGINS."
    ),
    "forwarded-refused": (
        "The service asks for no keys, so it serves no proxy: its operator starts it with keys, or "
        "with --no-auth=public for everybody."
    ),
    "address-refused": (
        "The service asks for no keys, so it serves its own machine only: its operator starts it "
        "with keys, or with --no-auth=public for everybody."
    ),
    "host-refused": (
        "The service asks for no keys, so it answers at 127.0.0.1, localhost and [::1] only."
    ),
    "upload-too-large": (
        "The file is larger than {megabytes} MB, the limit of the service: send a smaller one."
    ),
    "file-missing": "The photo is missing: send it as the file `file` of a multipart form.",
    "request-invalid": "The request cannot be read.",
    "image-not-found": "There is no such picture, or it cannot be read any more.",
    "not-found": "There is nothing at this address.",
    "floor-not-found": "The search has no such photo, or that one shows no floor.",
    "media-type-unsupported": (
        "The body is of another type than this route reads: see the description at /openapi.json."
    ),
    "method-not-allowed": "This address does not accept that method.",
    "client-gone": "The client closed the connection before the answer was there.",
    "busy": "The service has more requests than it can answer in time: try again later.",
    "deadline": "The request took longer than it may: try again later, with a smaller photo.",
    "request-timeout": "The request came too slowly: send it again, over a better connection.",
    "too-many-connections": "The service has too many open connections: try again later.",
    "internal": f"The service failed: {_LOGGED}, with the id of the header X-Request-ID.",
}
_TITLES = {499: "Client Closed Request"}
_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}


class Refusal(HTTPException):
    """The service itself refuses a request; `code` is one of `TEXTS`.

    `errors` says what is wrong field by field, in words that are safe for strangers: field ->
    cause and cure.
    """

    def __init__(
        self,
        status: int,
        code: str,
        headers: dict[str, str] | None = None,
        errors: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(status, code, headers)
        self.code = code
        self.errors = dict(errors)


def install(app: FastAPI) -> None:
    """Turns every error of the application's routes into an answer of the form `Problem`."""
    app.add_exception_handler(FloorlensError, _answer_floorlens_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(StarletteHTTPException, _answer_http_error)


def problem(
    status: int,
    code: str,
    settings: Settings,
    request_id: str,
    *,
    detail: str = "",
    errors: Mapping[str, str] = MappingProxyType({}),
) -> JSONResponse:
    """Returns the answer for a code: its public text, and after it `detail`, public as well."""
    body = _body(status, code, settings, request_id, detail, errors)
    return JSONResponse(body.model_dump(), status, media_type="application/problem+json")


def example(status: int, code: str) -> dict[str, Any]:
    """Returns the body of an answer with a code, as the description shows one."""
    return _body(status, code, Settings.model_construct(), "5f0c8ac6e2f64c0f", "", {}).model_dump()


def _body(
    status: int,
    code: str,
    settings: Settings,
    request_id: str,
    detail: str,
    errors: Mapping[str, str],
) -> Problem:
    if errors and not detail:
        detail = _summary(errors)
    text = TEXTS.get(code, TEXTS["error"]).format(
        megapixels=f"{settings.max_megapixels:g}",
        megabytes=f"{settings.max_upload_mb:g}",
        seconds=f"{settings.picture_seconds:g}",
        feedback_megabytes=f"{settings.feedback_mb:g}",
        import_megabytes=f"{settings.max_import_mb:g}",
    )
    return Problem(
        type=f"urn:floorlens:problem:{code}",
        title=_TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=f"{text} {detail}".strip(),
        request_id=request_id,
        errors=[
            FieldProblem(field=_sendable(field, 100), message=_sendable(why, 500))
            for field, why in errors.items()
        ],
    )


def _summary(errors: Mapping[str, str]) -> str:
    """Returns the first errors as sentences, for whoever shows nothing but the detail."""
    sentences = [f"{field}: {why}".removeprefix(": ") for field, why in errors.items()]
    more = f" … and {len(sentences) - 3} more" if len(sentences) > 3 else ""
    text = _sendable("; ".join(sentences[:3]) + more, 600)
    return text if text.endswith("?") else f"{text}."


def _sendable(text: str, most: int) -> str:
    """Returns a text that may hold what a client sent: short, and with nothing UTF-8 lacks."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def problems_of(**texts: str) -> dict[int | str, dict[str, Any]]:
    """Returns the description of errors for OpenAPI: s404="…" says when the answer is a 404."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        int(name[1:]): {
            "model": Problem,
            "content": {"application/problem+json": schema},
            "description": text,
        }
        for name, text in texts.items()
    }


async def answer_to(request: Request, error: FloorlensError | Refusal) -> JSONResponse:
    """Returns the answer for an error that a route did not raise, but caught."""
    if isinstance(error, FloorlensError):
        return await _answer_floorlens_error(request, error)
    return await _answer_http_error(request, error)


# Starlette types a handler for any Exception; each of these gets only the class of `install`.


async def _answer_floorlens_error(request: Request, error: Any) -> JSONResponse:
    if error.status >= 500:
        LOG.error("request %s: %s: %s", request.state.id, error.code, error)
    request.state.exchange.code = error.code
    settings = request.app.state.settings
    return problem(
        error.status, error.code, settings, request.state.id, errors=getattr(error, "fields", {})
    )


async def _answer_invalid_request(request: Request, error: Any) -> JSONResponse:
    places = [item["loc"] for item in error.errors()]
    settings = request.app.state.settings
    if ("body", "file") in places:
        request.state.exchange.code = "file-missing"
        return problem(422, "file-missing", settings, request.state.id)
    request.state.exchange.code = "request-invalid"
    errors = field_errors(error.errors())
    return problem(422, "request-invalid", settings, request.state.id, errors=errors)


async def _answer_http_error(request: Request, error: Any) -> JSONResponse:
    code = getattr(error, "code", None) or _OF_STATUS.get(error.status_code, "request-invalid")
    errors = getattr(error, "errors", {})
    settings = request.app.state.settings
    request.state.exchange.code = code
    answer = problem(error.status_code, code, settings, request.state.id, errors=errors)
    answer.headers.update(error.headers or {})
    if error.status_code == 405 and (methods := _methods_of(request)):
        answer.headers["Allow"] = ", ".join(methods)
    return answer


def _methods_of(request: Request) -> list[str]:
    """Returns the methods of an address: Starlette names those of its first route only."""
    routes = [
        route
        for route in request.app.state.addresses
        if route.matches(request.scope)[0] is not Match.NONE
    ]
    # A name in an address, such as `facets`, is no product's id, though that route would take it.
    own = [route for route in routes if not route.param_convertors] or routes
    return sorted({method for route in own for method in route.methods})
