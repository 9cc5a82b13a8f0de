"""How the service is: `/healthz`, `/readyz`, `/v1/status`."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from floorlens.api.problems import problems_of
from floorlens.api.security import requires
from floorlens.api.service import Health, ServiceOf

router = APIRouter(tags=["state"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def health() -> dict[str, str]:
    """Returns that the process answers; whether it can search is `/readyz`."""
    return {"status": "ok"}


@router.get(
    "/v1/status",
    dependencies=[Depends(requires("read"))],
    responses=problems_of(s503="the catalogue cannot be read"),
)
async def status(service: ServiceOf) -> Health:
    """Returns what the service searches, and with which models."""
    return await service.health()
