"""How the service is: `/healthz`, `/readyz`, `/metrics`, `/v1/status`, `/v1/key`."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from floorlens.api.metrics import CONTENT_TYPE
from floorlens.api.problems import problems_of
from floorlens.api.security import Caller, Scope, requires, requires_key
from floorlens.api.service import ServiceOf
from floorlens.api.status import Status, read_status

router = APIRouter(tags=["state"])


class Liveness(BaseModel):
    """That the process answers."""

    status: str = Field(description='"ok"', examples=["ok"])


class Readiness(BaseModel):
    """Whether searches can be answered, and what they need."""

    ready: bool
    parts: dict[str, bool] = Field(
        description="models, catalogue, stamp (it was made with these models), engine: whether "
        "each can be used",
        examples=[{"models": True, "catalogue": True, "stamp": True, "engine": True}],
    )


class KeyState(BaseModel):
    """What the key of a request may do."""

    required: bool = Field(description="whether the service asks for keys at all")
    scopes: list[Literal["search", "read", "admin"]] = Field(
        description="what the key may do, those included that others bring along; all of them "
        "where the service asks for no keys",
        examples=[["search"]],
    )
    rate: int = Field(description="requests a minute; 0: no limit", examples=[120])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def health() -> Liveness:
    """Returns that the process answers; whether it can search is `/readyz`."""
    return Liveness(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "searches cannot be answered now"}},
)
async def readiness(service: ServiceOf, response: Response) -> Readiness:
    """Returns whether searches can be answered; the status is 503 if they cannot."""
    parts = await service.readiness()
    ready = all(parts.values())
    if not ready:
        response.status_code = 503
    return Readiness(ready=ready, parts=parts)


@router.get(
    "/metrics",
    dependencies=[Depends(requires("read"))],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
async def metrics(request: Request, service: ServiceOf) -> Response:
    """Returns the figures of all processes of the service, for Prometheus."""
    text = await service.run_with_files(request, service.metrics.text)
    return Response(text, media_type=CONTENT_TYPE)


@router.get(
    "/v1/status",
    dependencies=[Depends(requires("read"))],
    responses=problems_of(s503="the catalogue cannot be read"),
)
async def status(request: Request, service: ServiceOf) -> Status:
    """Returns what the service serves, with which models, and which jobs are at work."""
    return await read_status(request, service)


@router.get("/v1/key")
async def read_key(
    service: ServiceOf, caller: Annotated[Caller, Depends(requires_key)]
) -> KeyState:
    """Returns what the key that asks may do, so that a page shows nothing that is refused."""
    return KeyState(
        required=service.settings.no_auth is None,
        scopes=[scope for scope in get_args(Scope) if scope in caller.scopes],
        rate=caller.rate,
    )
