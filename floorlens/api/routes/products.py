"""`/v1/products`: the catalogue's products and their pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from floorlens.api.pictures import product_picture
from floorlens.api.problems import problems_of
from floorlens.api.security import requires_image
from floorlens.api.service import ServiceOf
from floorlens.products.product import MAX_IMAGES

router = APIRouter(prefix="/v1", tags=["products"])


@router.get(
    "/products/{product_id:path}/image",
    dependencies=[Depends(requires_image)],
    response_class=Response,
    responses={
        200: {"content": {"image/*": {}}, "description": "the picture"},
        304: {"description": "the client has the picture already"},
        **problems_of(s404="no such product or picture"),
    },
)
async def product_image(
    request: Request,
    service: ServiceOf,
    product_id: str,
    index: Annotated[int, Query(ge=0, lt=MAX_IMAGES, description="which picture")] = 0,
    width: Annotated[
        int | None, Query(ge=32, le=1600, description="longer side in pixels, as JPEG")
    ] = None,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """Returns a product's picture: the file as it is, or with `width` a JPEG of that size."""

    def read_picture() -> Response:
        images = service.lens.product(product_id).images
        settings = service.settings
        picture = product_picture(
            images,
            index,
            width,
            if_none_match,
            max_megapixels=settings.max_megapixels,
            seconds=settings.picture_seconds,
        )
        headers = {
            "ETag": picture.tag,
            "Cache-Control": "public, max-age=300",
        }
        if picture.body is None:
            return Response(status_code=304, headers=headers)
        return Response(picture.body, media_type=picture.kind, headers=headers)

    return await service.run_with_files(request, read_picture)
