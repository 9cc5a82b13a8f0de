"""`POST /v1/mask`: where the floor is in a photo."""

from __future__ import annotations

import json

from fastapi import APIRouter, Depends, Request, Response

from floorlens.api.problems import problems_of
from floorlens.api.routes.reference import Photo, read_photo
from floorlens.api.security import requires
from floorlens.api.service import ServiceOf
from floorlens.images.masks import mask_png

router = APIRouter(prefix="/v1", tags=["photos"])


@router.post(
    "/mask",
    dependencies=[Depends(requires("search"))],
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "white is floor"},
        **problems_of(
            s413="too many bytes or pixels",
            s415="the file is no image",
            s422="no floor was found, the file is missing, or it takes too long to decode",
            s503="the service is busy",
        ),
    },
)
async def mask(request: Request, service: ServiceOf, file: Photo) -> Response:
    """Returns where the floor is, a grey PNG of the photo's size.

    The header X-Floor is JSON with the rest: source, confidence, visible, share, box, photo_size,
    reasons, which say why the floor is doubtful, and turn, the quarter turns clockwise that make
    the photo upright.
    """

    def find_floor() -> Response:
        floor = service.mask(read_photo(file, service))
        headers = {"X-Floor": json.dumps(floor.as_dict())}
        return Response(mask_png(floor.mask), media_type="image/png", headers=headers)

    return await service.run_with_models(request, find_floor)
