"""`POST /v1/mask`: where the floor is in a photo."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from floorlens.api.problems import Refusal, problems_of
from floorlens.api.search_answers import floor_facts
from floorlens.api.search_bodies import (
    FieldError,
    MaskBody,
    PolygonMask,
    RunLengthMask,
    RunLengths,
)
from floorlens.api.security import requires
from floorlens.api.service import ServiceOf
from floorlens.api.uploads import read_body, request_body
from floorlens.images.contours import run_lengths
from floorlens.images.masks import mask_png
from floorlens.segmentation import FloorRegion

router = APIRouter(prefix="/v1", tags=["photos"])

Format = Literal["polygon", "rle", "png"]
_PNG = {"type": "string", "contentMediaType": "image/png"}


@router.post(
    "/mask",
    dependencies=[Depends(requires("search"))],
    response_model=PolygonMask | RunLengthMask,
    responses={
        200: {
            "content": {
                "image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}
            },
            "description": "the floor: JSON, or a grey PNG of the photo's size, white is floor",
            "headers": {
                "X-Floor": {
                    "schema": {"type": "string"},
                    "description": "beside a PNG: the other facts, as JSON",
                }
            },
        },
        **problems_of(
            s400="the form is broken",
            s413="too many bytes or pixels",
            s415="the photo is no image, or the body neither a form nor JSON",
            s422="no floor was found; or a field is unknown, or of no use on this photo",
            s503="the service is busy",
        ),
    },
    openapi_extra={
        "requestBody": request_body(MaskBody, {"clicks": [{"x": 640, "y": 900, "floor": True}]})
    },
)
async def mask(
    request: Request,
    service: ServiceOf,
    format: Annotated[  # noqa: A002 - the name of the parameter in the address
        Format | None,
        Query(description="of the answer; without it: png if the header Accept asks for that"),
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Any:
    """Returns where the floor is in a photo, found or drawn, and corrected by clicks.

    `polygon` answers its outlines; `rle` has COCO's uncompressed run lengths beside them: of each
    column in turn, from the upper edge down, first what is no floor. `png` is the mask itself, and
    the header X-Floor is JSON with source, confidence, visible, share, box, photo_size, reasons and
    turn.
    """
    body = await read_body(request, MaskBody, service.settings)
    kind = format or ("png" if "image/png" in accept else "polygon")
    try:
        (region,), (clicks,) = body.regions_of(1), body.clicks_of(1)
    except FieldError as error:
        raise Refusal(422, "request-invalid", errors={error.field: error.message}) from error

    def find_floor() -> Any:
        floor = service.mask(body.photo[0], region, clicks)
        if kind == "png":
            headers = {"X-Floor": json.dumps(floor.as_dict()), "Vary": "Accept"}
            return Response(mask_png(floor.mask), media_type="image/png", headers=headers)
        return _as_json(floor, kind)

    return await service.run_with_models(request, find_floor)


def _as_json(floor: FloorRegion, kind: Format) -> PolygonMask | RunLengthMask:
    facts = floor_facts(floor)
    if kind == "polygon":
        return PolygonMask(**facts)
    height, width = floor.mask.shape
    rle = RunLengths(size=(height, width), counts=run_lengths(floor.mask))
    return RunLengthMask(**facts, rle=rle)
