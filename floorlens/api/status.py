"""What `/v1/status` says: what is served, with which models, and what is at work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from floorlens.api.service import Health, Service


class RunningJob(BaseModel):
    """A job that waits or runs."""

    id: str
    kind: str
    status: str
    stage: str
    done: int
    total: int
    created: datetime


class EngineState(BaseModel):
    """A replica of the catalogue in a vector engine."""

    engine: str
    revision: int = Field(description="of the catalogue, which it follows")


class Status(Health):
    """What the service serves, with which models, and what is at work."""

    searchable: int = Field(description="products that searches can find")
    images: int = Field(description="pictures of all products")
    revision: int = Field(description="of the catalogue: grows with every change")
    adapted: bool = Field(description="whether the search was fitted to this catalogue")
    projection: dict[str, Any] | None = Field(
        description="version and, where it is adapted, what it was fitted on"
    )
    engines: list[EngineState]
    jobs: list[RunningJob] = Field(description="those that wait or run, the oldest first")
    keep_hours: float = Field(
        description="so long searches are kept with their photos; 0 = not at all"
    )
    max_upload_mb: float = Field(description="largest photo that is accepted, in megabytes")
    max_megapixels: float = Field(description="largest picture that is accepted")


async def read_status(request: Request, service: Service) -> Status:
    """Returns the state of a service.

    Raises:
        CatalogueError: the catalogue cannot be read within 5 seconds.
        StampMismatch: it was rebuilt with other models meanwhile, so that no search works.
    """
    health = await service.health()

    def read() -> Status:
        facts = service.lens.facts()
        return Status(
            **health.model_dump(),
            searchable=facts["searchable"],
            images=facts["images"],
            revision=facts["revision"],
            adapted=service.lens.adapted,
            projection=facts["projection"],
            engines=[EngineState(**replica) for replica in facts["engines"]],
            jobs=[
                RunningJob(
                    id=job.id,
                    kind=job.kind,
                    status=job.status,
                    stage=job.stage,
                    done=job.done,
                    total=job.total,
                    created=datetime.fromtimestamp(job.created, UTC),
                )
                for job in service.dispatcher.jobs.unfinished()
            ],
            keep_hours=service.settings.keep_hours,
            max_upload_mb=service.settings.max_upload_mb,
            max_megapixels=service.settings.max_megapixels,
        )

    return await service.run_with_files(request, read)
