"""What is said of matches, and its export: `/v1/searches/{id}/feedback`, `/v1/feedback`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from floorlens.api.bodies import ProductId
from floorlens.api.exchange import checkpoint
from floorlens.api.paging import CURE, Cursor, read_cursor, write_cursor
from floorlens.api.problems import Refusal, problems_of
from floorlens.api.routes.searches import GONE, Asking, SearchId
from floorlens.api.search_answers import moment
from floorlens.api.search_bodies import FeedbackBody, RemarkBody, RemarksBody
from floorlens.api.security import requires
from floorlens.api.service import ServiceOf
from floorlens.api.uploads import json_body, read_json_body
from floorlens.errors import SearchNotFound, StateError
from floorlens.service.evaluation_sets import write_archive
from floorlens.service.feedback import Remark

router = APIRouter(prefix="/v1", tags=["feedback"])

_PART = 1 << 20
_LOST = "what the service keeps cannot be read or written"


@router.post(
    "/searches/{search_id}/feedback",
    responses=problems_of(
        s404=f"{GONE}; or no product has that id",
        s415="the body is no JSON",
        s422="a field is unknown, missing, or of another kind",
        s503=_LOST,
        s507="feedback takes as much as it may: this was not kept",
    ),
    openapi_extra={
        "requestBody": json_body(
            FeedbackBody, {"product_id": "oak-natural-plank", "verdict": "right"}
        )
    },
)
async def give_feedback(
    request: Request, service: ServiceOf, caller: Asking, search_id: SearchId
) -> RemarkBody:
    """Keeps whether a match is the product on the floor; said again, it replaces what was said.

    It holds for the same product in all searches of the same photos: those that are refined from
    this one, now or later, and those that it was refined from. The photos of the search and their
    floors are kept with it, also when the search is gone.
    """
    body = await read_json_body(request, FeedbackBody)

    def say() -> RemarkBody:
        kept = service.searching.searches.get(
            search_id, caller.key_id, every="admin" in caller.scopes
        )
        service.lens.product(body.product_id)
        return _body(service.feedback.say(kept, body.product_id, body.verdict, caller.key_id))

    return await service.run_with_files(request, say)


@router.delete(
    "/searches/{search_id}/feedback/{product_id:path}",
    status_code=204,
    responses=problems_of(
        s404=f"{GONE}; and the key said nothing of it",
        s422="a parameter is unknown",
        s503=_LOST,
    ),
)
async def take_feedback_back(
    request: Request, service: ServiceOf, caller: Asking, search_id: SearchId, product_id: ProductId
) -> Response:
    """Forgets what was said of a match; it is no error if nothing was.

    Any search of the same photos will do. When they have gone, the key that said it may still take
    it back by the id of the search that it was said of last, and so may admin. The photos that were
    kept go with the last that was said of them.
    """
    every = "admin" in caller.scopes

    def take_back() -> Response:
        feedback = service.feedback
        try:
            kept = service.searching.searches.get(search_id, caller.key_id, every=every)
        except SearchNotFound:
            if not feedback.take_back(search_id, product_id, caller.key_id, every=every):
                raise
        else:
            feedback.take_back(kept, product_id, every=True)
        return Response(status_code=204)

    return await service.run_with_files(request, take_back)


@router.delete(
    "/feedback/{search_id}",
    status_code=204,
    dependencies=[Depends(requires("admin"))],
    responses=problems_of(
        s404="nothing was said of a search of that id", s422="a parameter is unknown", s503=_LOST
    ),
)
async def delete_feedback(request: Request, service: ServiceOf, search_id: SearchId) -> Response:
    """Deletes all that was said of a search, with its photos, whether it is still kept or not.

    What was said of the searches that were refined from it, or that it was refined from, goes too:
    their photos are the same.
    """

    def forget() -> Response:
        service.feedback.delete(search_id)
        return Response(status_code=204)

    return await service.run_with_files(request, forget)


@router.get(
    "/feedback",
    dependencies=[Depends(requires("read"))],
    responses=problems_of(
        s422="a parameter is unknown or out of range, or the cursor cannot be used", s503=_LOST
    ),
)
async def list_feedback(
    request: Request,
    service: ServiceOf,
    limit: Annotated[int, Query(ge=1, le=1000, description="at most so many")] = 100,
    cursor: Cursor = None,
) -> RemarksBody:
    """Returns what was said of matches, by all keys, the latest first, a page at a time.

    What is said meanwhile neither repeats nor skips others.
    """
    after = _place(cursor)

    def read() -> RemarksBody:
        remarks = service.feedback.remarks(after, limit + 1)
        page = remarks[:limit]
        following = None
        if len(remarks) > limit:
            last = page[-1]
            place = [last.created, last.search_id, last.product_id]
            following = write_cursor(json.dumps(place, ensure_ascii=False))
        return RemarksBody(
            total=service.feedback.count(),
            feedback=[_body(one) for one in page],
            next_cursor=following,
        )

    return await service.run_with_files(request, read)


def _place(cursor: str | None) -> tuple[float, str, str] | None:
    """Returns when the last one of the page before was said, of which search and product.

    Raises:
        Refusal: the cursor is none of ours.
    """
    last = read_cursor(cursor)
    if last is None:
        return None
    try:
        created, search_id, product_id = json.loads(last)
        # A text that cannot be sent cannot be asked for either.
        known = all(isinstance(text, str) and text.encode() for text in (search_id, product_id))
    except (ValueError, TypeError, RecursionError):
        known = False
    if not known or not isinstance(created, float):
        raise Refusal(422, "request-invalid", errors={"cursor": CURE})
    return created, search_id, product_id


@router.get(
    "/feedback/export.zip",
    dependencies=[Depends(requires("read"))],
    response_class=Response,
    responses={
        200: {
            "content": {
                "application/zip": {
                    "schema": {"type": "string", "contentMediaType": "application/zip"}
                }
            },
            "description": "a folder for `floorlens eval pairs` and `floorlens adapt --pairs`",
            "headers": {
                "Content-Disposition": {"schema": {"type": "string"}, "description": "a file name"}
            },
        },
        **problems_of(s422="a parameter is unknown", s503=_LOST),
    },
)
async def export_feedback(request: Request, service: ServiceOf) -> Response:
    """Returns all feedback as an evaluation set: rooms, products, pairs.csv.

    It holds the first picture of every product. Where that takes longer than a request may,
    `floorlens feedback export` writes the same folder on the server.
    """

    def export() -> Response:
        # Without a name: it is gone when nobody has it open, however this ends.
        with ExitStack() as stack:
            file = stack.enter_context(TemporaryFile(dir=service.store.folder))
            write_archive(service.feedback, service.lens.products(), file, checkpoint)
            size = file.tell()
            file.seek(0)
            stack.pop_all()
        return StreamingResponse(
            _parts(file),
            media_type="application/zip",
            headers={
                "Content-Disposition": 'attachment; filename="floorlens-feedback.zip"',
                "Content-Length": str(size),
            },
        )

    try:
        return await service.run_with_exports(request, export)
    except OSError as error:
        folder = service.store.folder
        raise StateError(
            f"{folder}: an export cannot be written there ({error.strerror})"
        ) from error


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part


def _body(remark: Remark) -> RemarkBody:
    return RemarkBody(
        search_id=remark.search_id,
        product_id=remark.product_id,
        verdict=remark.verdict,
        created=moment(remark.created),
    )
