"""`POST /search` as the reference design has it: a file in, a list of id, score and name out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile

from floorlens.api.bodies import SearchHit
from floorlens.api.problems import Refusal, problems_of
from floorlens.api.security import requires
from floorlens.api.service import Service, ServiceOf

router = APIRouter(tags=["reference design"])

Photo = Annotated[UploadFile, File(description="the photo of a room")]


def read_photo(file: UploadFile, service: Service) -> bytes:
    """Returns the bytes of a file that was sent.

    Raises:
        Refusal: they are more than the service accepts.
    """
    limit = service.settings.max_upload_mb * 1e6
    if file.size is not None and file.size > limit:
        raise Refusal(413, "upload-too-large")
    return file.file.read()


@router.post(
    "/search",
    dependencies=[Depends(requires("search"))],
    response_model=list[SearchHit],
    responses=problems_of(
        s404="there is nothing to rank",
        s413="too many bytes or pixels",
        s415="the file is no image",
        s422="no floor was found, the file is missing, or it takes too long to decode",
        s503="the service is busy, or the catalogue or its engine cannot be used",
    ),
)
async def reference_search(
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
        result = service.search(read_photo(file, service), limit or limit_field)
        response.headers["X-Index"] = result.index
        if result.degraded is not None:
            response.headers["X-Degraded"] = result.degraded
        return [
            SearchHit(id=match.product.id, score=match.score, name=match.product.name)
            for match in result.matches
        ]

    return await service.run_with_models(request, rank)
