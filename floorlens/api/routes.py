"""The routes. They hold no logic: each reads a request and passes it to the service."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile

from floorlens.api.answers import Health, Problem, SearchHit
from floorlens.api.pictures import product_picture
from floorlens.api.problems import Refusal
from floorlens.api.service import Service
from floorlens.images.masks import mask_png
from floorlens.products.product import MAX_IMAGES

router = APIRouter()


def service_of(request: Request) -> Service:
    """Returns the service that all requests share."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
Photo = Annotated[UploadFile, File(description="the photo of a room")]
Side = Annotated[int | None, Query(ge=32, le=1600, description="longer side in pixels, as JPEG")]


def _problems(**texts: str) -> dict[int | str, dict[str, Any]]:
    """Returns the description of errors for OpenAPI: s404="…" says when the answer is a 404."""
    return {int(name[1:]): {"model": Problem, "description": text} for name, text in texts.items()}


_PHOTO = _problems(
    s413="too many bytes or pixels",
    s415="the file is no image",
    s422="no floor was found, the file is missing, or it takes too long to decode",
    s503="the catalogue or its engine cannot be used",
)


def _read(file: UploadFile, service: Service) -> bytes:
    limit = service.settings.max_upload_mb * 1e6
    if file.size is not None and file.size > limit:
        raise Refusal(413, "upload-too-large")
    return file.file.read()


@router.post(
    "/search",
    response_model=list[SearchHit],
    responses={**_PHOTO, **_problems(s404="there is nothing to rank")},
)
async def search(
    request: Request,
    response: Response,
    service: ServiceOf,
    file: Photo,
    limit: Annotated[int | None, Query(ge=1, description="at most so many")] = None,
    limit_field: Annotated[int | None, Form(alias="limit", ge=1)] = None,
) -> list[SearchHit]:
    """Returns the products, the closest to the photo's floor first.

    The header X-Index names the vector engine that was searched. If that is the fallback, the
    header X-Degraded is the code of the error of the engine in the settings.
    """

    def rank() -> list[SearchHit]:
        result = service.search(_read(file, service), limit or limit_field)
        response.headers["X-Index"] = result.index
        if result.degraded is not None:
            response.headers["X-Degraded"] = result.degraded
        return [
            SearchHit(id=match.product.id, score=match.score, name=match.product.name)
            for match in result.matches
        ]

    return await service.run_with_models(request, rank)


@router.post(
    "/mask",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "white is floor"}, **_PHOTO},
)
async def mask(request: Request, service: ServiceOf, file: Photo) -> Response:
    """Returns where the floor is, a grey PNG of the photo's size.

    The header X-Floor is JSON with the rest: source, confidence, visible, share, box, photo_size,
    reasons, which say why the floor is doubtful, and turn, the quarter turns clockwise that make
    the photo upright.
    """

    def find_floor() -> Response:
        floor = service.mask(_read(file, service))
        headers = {"X-Floor": json.dumps(floor.as_dict())}
        return Response(mask_png(floor.mask), media_type="image/png", headers=headers)

    return await service.run_with_models(request, find_floor)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", responses=_problems(s503="the catalogue cannot be read"))
async def health(service: ServiceOf) -> Health:
    """Returns what the service searches, and with which models."""
    return await service.health()


@router.get(
    "/products/{product_id:path}/image",
    response_class=Response,
    responses={
        200: {"content": {"image/*": {}}, "description": "the picture"},
        304: {"description": "the client has the picture already"},
        **_problems(s404="no such product or picture"),
    },
)
async def product_image(
    service: ServiceOf,
    product_id: str,
    index: Annotated[int, Query(ge=0, lt=MAX_IMAGES, description="which picture")] = 0,
    side: Side = None,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """Returns a product's picture: the file as it is, or with `side` a JPEG of that size."""

    def read_picture() -> Response:
        images = service.lens.product(product_id).images
        settings = service.settings
        picture = product_picture(
            images,
            index,
            side,
            if_none_match,
            max_megapixels=settings.max_megapixels,
            seconds=settings.picture_seconds,
        )
        headers = {
            "ETag": picture.tag,
            "Cache-Control": "public, max-age=300",
            "X-Content-Type-Options": "nosniff",
        }
        if picture.body is None:
            return Response(status_code=304, headers=headers)
        return Response(picture.body, media_type=picture.kind, headers=headers)

    return await service.run_with_pictures(read_picture)
