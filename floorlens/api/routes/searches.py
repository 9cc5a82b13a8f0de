"""`/v1/search` and `/v1/searches`: searches, asked anew with other wishes, and their pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from numpy.typing import NDArray

from floorlens.api.bodies import ProductId
from floorlens.api.events import MEDIA_TYPE as EVENTS
from floorlens.api.events import stream, wants_events
from floorlens.api.exchange import checkpoint, note_timings
from floorlens.api.problems import Refusal, problems_of
from floorlens.api.search_answers import comparison_body, search_answer
from floorlens.api.search_bodies import (
    MOST_MATCHES,
    PAGE,
    ComparisonBody,
    FieldError,
    RefineBody,
    SearchAnswer,
    SearchBody,
)
from floorlens.api.security import Caller, requires
from floorlens.api.service import Service, ServiceOf
from floorlens.api.uploads import json_body, read_body, read_json_body, request_body
from floorlens.errors import ImageError
from floorlens.explanation import Explanation
from floorlens.explanation.above import floor_patch
from floorlens.explanation.squares import SIDE as SQUARE
from floorlens.explanation.squares import ScaledViews
from floorlens.images.drawing import jpeg_bytes, overlay, picture_bytes
from floorlens.images.loading import Photo
from floorlens.images.masks import mask_png
from floorlens.search import MOST_PHOTOS, StageProgress
from floorlens.segmentation import FloorRegion
from floorlens.service.searches import KeptSearch

router = APIRouter(prefix="/v1", tags=["searches"])
T = TypeVar("T")

Asking = Annotated[Caller, Depends(requires("search"))]
SearchId = Annotated[str, Path(description="of the search", examples=["Jm0Sg1uVqYBv2kq4zr0d1w"])]
PhotoNumber = Annotated[
    int, Query(ge=0, lt=MOST_PHOTOS, description="which of the search's photos, from 0")
]
PageSize = Annotated[int, Query(ge=1, le=MOST_MATCHES, description="matches of a page")]

GONE = "no search of that id is kept, or another key made it"
BUSY = "the service is busy, or the catalogue or its engine cannot be used"
_UNUSABLE = "a field is unknown, out of range, or of no use; `errors` says it field by field"
_PRIVATE = {"Cache-Control": "private, max-age=300"}
_WISHES = {
    "where": {"material": "oak", "price": {"$lt": 50}},
    "weights": {"colour": 2},
    "limit": 20,
}


@router.post(
    "/search",
    response_model=SearchAnswer,
    responses={
        200: {
            "content": {EVENTS: {"schema": {"type": "string"}}},
            "description": "a page of the ranking",
        },
        **problems_of(
            s400="the form is broken",
            s404="there is nothing to rank, or no product of an id in `like` or `unlike`",
            s413="too many bytes or pixels",
            s415="a photo is no image, or the body neither a form nor JSON",
            s422=f"no floor was found; or {_UNUSABLE}",
            s503=BUSY,
        ),
    },
    openapi_extra={
        "requestBody": request_body(
            SearchBody, {"clicks": [{"x": 640, "y": 900, "floor": True}], **_WISHES}
        )
    },
)
async def search_floor(request: Request, service: ServiceOf, caller: Asking) -> Any:
    """Returns the products, the closest to the photos' floor first, a page at a time.

    Takes one photo, or up to eight of one floor. The search is kept for a while: by its id further
    pages are read, and it is asked anew without another upload.

    With `Accept: text/event-stream` the answer comes in parts: an event `stage` as each begins,
    then `result` with the body as it is described here, or `problem` with that of an error.
    """
    body = await read_body(request, SearchBody, service.settings)
    query = _readable(body.query)

    def search(progress: StageProgress) -> SearchAnswer:
        answer = service.searching.search(
            caller.key_id,
            body.photo,
            query,
            limit=body.limit,
            cursor=body.cursor,
            progress=progress,
        )
        note_timings(answer.result.timings)
        return search_answer(service, answer, query, [])

    if wants_events(request):
        return stream(request, service, search)
    return await service.run_with_models(request, lambda: search(checkpoint))


@router.post(
    "/searches/{search_id}/refine",
    responses=problems_of(
        s404=f"{GONE}; or there is nothing to rank",
        s415="the body is no JSON",
        s422=f"no floor is left; or {_UNUSABLE}",
        s503=BUSY,
    ),
    openapi_extra={
        "requestBody": json_body(
            RefineBody, {"region": [0, 520, 1024, 768], "like": ["oak-natural-plank"], **_WISHES}
        )
    },
)
async def refine_search(
    request: Request, service: ServiceOf, caller: Asking, search_id: SearchId
) -> SearchAnswer:
    """Returns the first page for the same photos with other wishes, as a search of its own.

    Fields that are left out stay as they were; `null`, or an empty list, takes one back. Nothing
    is embedded anew, unless the region or the clicks change. The search that it begins with stays
    as it is, and so do the links to it. What was said of its matches holds for this one too.
    """
    body = await read_json_body(request, RefineBody)
    kept = await kept_search(request, service, caller, search_id)
    changes = _readable(lambda: body.changes(len(kept.query.regions)))

    def refine() -> SearchAnswer:
        answer = service.searching.refine(
            kept, caller.key_id, changes, limit=body.limit, progress=checkpoint
        )
        note_timings(answer.result.timings)
        query = kept.query if answer.search is None else answer.search.query
        return search_answer(service, answer, query, service.feedback.of_search(kept))

    if changes.keys() & {"regions", "clicks"}:
        return await service.run_with_models(request, refine)
    return await service.run_with_rankings(request, refine)


@router.get(
    "/searches/{search_id}",
    responses=problems_of(
        s404=f"{GONE}; or there is nothing to rank any more",
        s422="a parameter is unknown or out of range, or the cursor is none of this search",
        s503=BUSY,
    ),
)
async def read_search(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    limit: PageSize = PAGE,
    cursor: Annotated[
        str | None, Query(max_length=100, description="`next_cursor` of the page before")
    ] = None,
) -> SearchAnswer:
    """Returns a page of a search that is kept, of the catalogue as it is now."""
    kept = await kept_search(request, service, caller, search_id)

    def page() -> SearchAnswer:
        answer = service.searching.page(kept, limit=limit, cursor=cursor, progress=checkpoint)
        note_timings(answer.result.timings)
        return search_answer(service, answer, kept.query, service.feedback.of_search(kept))

    return await service.run_with_rankings(request, page)


_FLOOR_PROBLEMS = problems_of(
    s404=f"{GONE}; or it has no such photo, or that shows no floor",
    s422="a parameter is unknown or out of range",
    s503="what the service keeps cannot be read",
)


def file_answer(
    kind: str, text: str, header: str = "Cache-Control", about: str = "for browsers"
) -> dict[int | str, dict[str, Any]]:
    """Returns how the description of the API says that an answer is a file.

    Args:
        kind: its media type.
        text: what it holds.
        header: that comes along.
        about: what that header says.
    """
    content = {kind: {"schema": {"type": "string", "contentMediaType": kind}}}
    headers = {header: {"schema": {"type": "string"}, "description": about}}
    return {200: {"content": content, "description": text, "headers": headers}}


@router.get(
    "/searches/{search_id}/photo.jpg",
    response_class=Response,
    responses={**file_answer("image/jpeg", "the photo, at working size"), **_FLOOR_PROBLEMS},
)
async def search_photo(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    photo: PhotoNumber = 0,
) -> Response:
    """Returns a photo of a search, upright and without what the camera wrote beside it.

    Its longer side has at most 1,280 pixels.
    """
    kept = await kept_search(request, service, caller, search_id)

    def read() -> Response:
        jpeg = service.searching.searches.jpeg(kept, photo)
        if jpeg is None:
            raise Refusal(404, "floor-not-found")
        return Response(jpeg, media_type="image/jpeg", headers=_PRIVATE)

    return await service.run_with_files(request, read)


@router.get(
    "/searches/{search_id}/floor.png",
    response_class=Response,
    responses={**file_answer("image/png", "the picture"), **_FLOOR_PROBLEMS},
)
async def floor_picture(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    photo: PhotoNumber = 0,
    kind: Annotated[
        Literal["overlay", "mask"],
        Query(description="the floor on the photo, or white on black at the photo's own size"),
    ] = "overlay",
) -> Response:
    """Returns where the floor is in a photo of a search, as a picture."""

    def draw(taken: Photo, floor: FloorRegion) -> bytes:
        if kind == "mask":
            return mask_png(floor.mask)
        return picture_bytes(overlay(taken.pixels, floor.working_mask))

    return await _floor_picture(request, service, caller, search_id, photo, draw)


@router.get(
    "/searches/{search_id}/patch.png",
    response_class=Response,
    responses={**file_answer("image/png", "the patch"), **_FLOOR_PROBLEMS},
)
async def patch_picture(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    photo: PhotoNumber = 0,
) -> Response:
    """Returns the largest clean square of a photo's floor, to be laid beside a product.

    It is seen from above where the photo says how it was taken, else as the camera saw it.
    """

    def draw(taken: Photo, floor: FloorRegion) -> bytes:
        return picture_bytes(floor_patch(taken, floor).pixels)

    return await _floor_picture(request, service, caller, search_id, photo, draw)


_COMPARISON_PROBLEMS = problems_of(
    s404=f"{GONE}; or no such product or photo, or one of its pictures cannot be read any more",
    s422="a parameter is unknown or out of range",
    s503=BUSY,
)


@router.get(
    "/searches/{search_id}/matches/{product_id:path}/picture.png",
    response_class=Response,
    responses={**file_answer("image/png", "the picture"), **_COMPARISON_PROBLEMS},
)
async def comparison_picture(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    product_id: ProductId,
    photo: PhotoNumber = 0,
    side: Annotated[int, Query(ge=16, le=800, description="of a patch, in pixels")] = 240,
    layout: Annotated[
        Literal["table", "patches"],
        Query(description="with words and colours; or patches alone, those of the floor above"),
    ] = "table",
) -> Response:
    """Returns patches of floor and product that correspond, and their colours, side by side."""
    kept = await kept_search(request, service, caller, search_id)

    def draw() -> Response:
        explanation = _explanation(service, kept, product_id, photo)
        draw_as = explanation.patches if layout == "patches" else explanation.picture
        png = picture_bytes(draw_as(side))
        return Response(png, media_type="image/png", headers=_PRIVATE)

    return await service.run_with_models(request, draw)


Light = Annotated[
    Literal["even", "photo"],
    Query(description="without the slow shading of the room, or as the photo has it"),
]
SquareSide = Annotated[int, Query(ge=64, le=1024, description="of the square, in pixels")]


@router.get(
    "/searches/{search_id}/matches/{product_id:path}/floor.jpg",
    response_class=Response,
    responses={**file_answer("image/jpeg", "a square"), **_COMPARISON_PROBLEMS},
)
async def scaled_floor(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    product_id: ProductId,
    photo: PhotoNumber = 0,
    side: SquareSide = SQUARE,
    light: Light = "even",
) -> Response:
    """Returns a square of a photo's floor, from above, at the scale of `product.jpg` beside it."""
    kept = await kept_search(request, service, caller, search_id)

    def draw() -> Response:
        return _jpeg(_scaled(service, kept, product_id, photo, side, light == "even").floor)

    return await service.run_with_models(request, draw)


@router.get(
    "/searches/{search_id}/matches/{product_id:path}/product.jpg",
    response_class=Response,
    responses={**file_answer("image/jpeg", "a square"), **_COMPARISON_PROBLEMS},
)
async def scaled_product(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    product_id: ProductId,
    photo: PhotoNumber = 0,
    side: SquareSide = SQUARE,
) -> Response:
    """Returns the product as it would lie in the square of `floor.jpg`.

    It is turned as the floor's boards lie, and mirrored where its picture ends. What the scale
    rests on is told by `scaled` of the comparison.
    """
    kept = await kept_search(request, service, caller, search_id)

    def draw() -> Response:
        return _jpeg(_scaled(service, kept, product_id, photo, side, True).product)

    return await service.run_with_models(request, draw)


@router.get(
    "/searches/{search_id}/matches/{product_id:path}",
    responses=_COMPARISON_PROBLEMS,
)
async def compare_match(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    product_id: ProductId,
    photo: PhotoNumber = 0,
) -> ComparisonBody:
    """Returns why one product is like the floor of a search: facts, palettes, patches.

    The product's pictures are opened again, so it takes about as long as a search.
    """
    kept = await kept_search(request, service, caller, search_id)

    def compare() -> ComparisonBody:
        explanation = _explanation(service, kept, product_id, photo)
        return comparison_body(service, explanation, kept.id, photo)

    return await service.run_with_models(request, compare)


def _scaled(
    service: Service, kept: KeptSearch, product_id: str, photo: int, side: int, even_light: bool
) -> ScaledViews:
    return _compared(
        lambda: service.searching.scaled_views(
            kept, product_id, photo, even_light=even_light, side=side
        )
    )


def _jpeg(pixels: NDArray[np.uint8]) -> Response:
    return Response(jpeg_bytes(pixels), media_type="image/jpeg", headers=_PRIVATE)


def _explanation(service: Service, kept: KeptSearch, product_id: str, photo: int) -> Explanation:
    return _compared(lambda: service.searching.compare(kept, product_id, photo))


def _compared(compare: Callable[[], T | None]) -> T:
    """Returns what a comparison of a floor and a product gives.

    Raises:
        Refusal: a picture of the product is not there, or the photo shows no floor.
    """
    try:
        result = compare()
    except ImageError as error:
        # The product's: the search's own photo was read before.
        raise Refusal(404, "image-not-found") from error
    if result is None:
        raise Refusal(404, "floor-not-found")
    return result


async def _floor_picture(
    request: Request,
    service: Service,
    caller: Caller,
    search_id: str,
    photo: int,
    draw: Callable[[Photo, FloorRegion], bytes],
) -> Response:
    kept = await kept_search(request, service, caller, search_id)

    def read() -> Response:
        place = service.searching.floor(kept, photo)
        if place is None:
            raise Refusal(404, "floor-not-found")
        return Response(draw(*place), media_type="image/png", headers=_PRIVATE)

    return await service.run_with_files(request, read)


async def kept_search(
    request: Request, service: Service, caller: Caller, search_id: str
) -> KeptSearch:
    """Returns a search of the caller's own; whoever has the scope admin may see all."""
    every = "admin" in caller.scopes
    return await service.run_with_files(
        request,
        lambda: service.searching.searches.get(search_id, caller.key_id, every=every),
    )


def _readable(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except FieldError as error:
        raise Refusal(422, "request-invalid", errors={error.field: error.message}) from error
