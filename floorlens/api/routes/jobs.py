"""Work in the background: imports, adaptations, rebuilds, evaluations.

The kinds are data: each has a path, a body, and a function that makes the job's arguments of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from floorlens.api.bodies import Request as Body
from floorlens.api.forms import (
    FORM,
    JSON,
    check_media_type,
    media_type_of,
    of_fields,
    read_json,
    receive_file,
    validated,
)
from floorlens.api.paging import CURE, Cursor, Limit, read_cursor, write_cursor
from floorlens.api.problems import TEXTS, Refusal, problems_of
from floorlens.api.security import Caller, requires
from floorlens.api.service import Service, ServiceOf
from floorlens.errors import ImageError, JobNotFound, SettingsError, UsageError
from floorlens.images.addresses import is_address, shown_address
from floorlens.images.fetching import fetcher_of
from floorlens.importing import STATUSES
from floorlens.service.jobs import Job, Kind, new_job_id
from floorlens.service.sources import ENDINGS, allowed_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(prefix="/v1", tags=["jobs"])

MAX_WAITING = 100
"""Jobs that wait or run; more are refused."""
_RETRY = {"Retry-After": "60"}
_EXAMPLE_ID = "01a2281ed429390cced95e8c7302"

Admin = Annotated[Caller, Depends(requires("admin"))]


# -- bodies --------------------------------------------------------------------------------------


class ImportOptions(Body):
    """How products are read."""

    id_prefix: str = Field(default="", max_length=512, description="put before every id")
    layout: Literal["auto", "files", "folders"] = Field(
        default="auto",
        description="of a folder, whether each file is a product, or each sub-folder",
    )
    columns: dict[str, str | list[str]] = Field(
        default={},
        description='which column of a list is "id", "image" or "name"',
        examples=[{"id": "SKU", "image": ["Bild 1", "Bild 2"]}],
    )
    numbers: bool = Field(default=True, description="whether texts are read as numbers")
    strict: bool = Field(default=False, description="whether one bad row refuses the whole list")
    adapt: bool | None = Field(
        default=None, description="whether the catalogue is adapted afterwards; null: as it needs"
    )
    fetch: bool = Field(
        default=False, description="whether pictures at addresses of allowed hosts are fetched"
    )


class NewImport(ImportOptions):
    """An import from the server's side: a folder or an address, one of both."""

    folder: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="in one of the folders of FLOORLENS_IMPORT_FOLDERS",
        examples=["spring"],
    )
    address: str | None = Field(
        default=None,
        min_length=8,
        max_length=4000,
        description="of a list, a ZIP or a picture, at a host of FLOORLENS_FETCH_HOSTS",
    )


class NewAdaptation(Body):
    """How the search is fitted to the catalogue's products."""

    views: int | None = Field(
        default=None, ge=1, le=100, description="simulated rooms of each product; null: 6"
    )
    limit: int | None = Field(
        default=None, ge=8, le=100_000, description="products that are used; null: 2,000"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="decides which, and the rooms")


class NewRebuild(Body):
    """How the catalogue is embedded anew."""

    adapt: bool | None = Field(
        default=None, description="whether it is adapted afterwards; null: if it was before"
    )


class NewEvaluation(Body):
    """What is measured."""

    folder: str = Field(
        min_length=1,
        max_length=4000,
        description="in one of the folders of FLOORLENS_IMPORT_FOLDERS",
        examples=["rooms-2026"],
    )
    measure: Literal["pairs", "ranking", "masks"] = Field(
        description="rooms and their products, graded judgments, or floor masks"
    )


class JobError(BaseModel):
    """Why a job failed."""

    code: str = Field(description="stable, for programs")
    detail: str = Field(description="for people")


class JobState(BaseModel):
    """A job as it is now."""

    id: str = Field(examples=[_EXAMPLE_ID])
    kind: str = Field(examples=["import"])
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    cancelling: bool = Field(description="whether its end was asked for and is still to come")
    stage: str = Field(description="what it is doing, in a word", examples=["importing"])
    done: int = Field(description="steps of the stage that are done")
    total: int = Field(description="steps of the stage; 0 where it has none")
    counts: dict[str, int] = Field(
        description="of imports and rebuilds: status -> rows", examples=[{"added": 230}]
    )
    request: dict[str, Any] = Field(description="what was asked for")
    created: datetime
    started: datetime | None
    ended: datetime | None
    attempts: int = Field(description="how often it was begun: again after a crash")
    report: dict[str, Any] | None = Field(
        description="what it did: of imports counts, notes and adaptation; of evaluations the "
        "figures, `scores.bins` for their calibration, and `cases`, the worst ones with the names "
        "of their pictures; null before its end"
    )
    error: JobError | None


class JobPage(BaseModel):
    """Some of the jobs, the newest first."""

    jobs: list[JobState]
    next_cursor: str | None


class JobRow(BaseModel):
    """What became of one product."""

    id: str
    status: str = Field(description=", ".join(STATUSES))
    reason: str | None = Field(description="why it failed")
    pictures: list[str] = Field(description="the kind of each picture that was looked at")
    note: str | None
    place: str | None = Field(description="where a row that cannot be read stands in the list")


class JobRows(BaseModel):
    """Some of the rows of a job."""

    rows: list[JobRow]
    next_cursor: str | None


# -- what is sent --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Work:
    """What a request asks for.

    Attributes:
        arguments: of the job.
        request: what clients see of them.
        job_id: under which something was stored.
    """

    arguments: dict[str, Any]
    request: dict[str, Any]
    job_id: str | None = None


def _folder(name: str, service: Service) -> str:
    """Returns the whole path of a folder that may be read.

    Raises:
        Refusal: it may not, or is none.
    """
    try:
        return str(allowed_folder(name, service.settings.folders()))
    except UsageError as error:
        cure = "is no folder in FLOORLENS_IMPORT_FOLDERS"
        raise Refusal(422, error.code, errors={"folder": cure}) from error


def _check_address(address: str, service: Service) -> None:
    try:
        fetcher = fetcher_of(service.settings.hosts())
        fetcher.check(address)
    except (SettingsError, ImageError) as error:
        cure = "is no address of a host in FLOORLENS_FETCH_HOSTS"
        raise Refusal(422, "usage", errors={"address": cure}) from error


def _options(body: ImportOptions) -> dict[str, Any]:
    """Returns the options that differ from their defaults."""
    return body.model_dump(exclude_defaults=True, exclude={"folder", "address"})


async def _read_import(request: Request, service: Service) -> _Work:
    if check_media_type(request, FORM, JSON) == JSON:
        body = await read_json(request, NewImport)
        options = _options(body)
        if body.folder is not None and body.address is None:
            folder = _folder(body.folder, service)
            shown = {"source": "folder", "name": PurePosixPath(folder).name, **options}
            return _Work({"folder": folder, **options}, shown)
        if body.address is not None and body.folder is None:
            if not is_address(body.address):
                raise Refusal(422, "request-invalid", errors={"address": "begins with https://"})
            _check_address(body.address, service)
            shown = {"source": "address", "name": shown_address(body.address), **options}
            return _Work({"address": body.address, **options}, shown)
        cure = "give one of both, `folder` or `address`"
        raise Refusal(422, "request-invalid", errors={"folder": cure})
    job_id = new_job_id()
    upload = service.dispatcher.jobs.uploads(job_id)
    with _unless_refused(service, job_id):
        fields, name = await receive_file(request, upload)
        if name is None:
            raise Refusal(422, "file-missing")
        # What the client calls it is a word for people; its ending says what it is.
        name = PureWindowsPath(PurePosixPath(name).name).name
        ending = PurePosixPath(name).suffix.lower()
        if ending not in ENDINGS:
            cure = f"has none of the endings {', '.join(ENDINGS)}"
            raise Refusal(422, "request-invalid", errors={"file": cure})
        own = validated(ImportOptions, of_fields(fields, ("columns",)))
        options = _options(own)
        await to_thread.run_sync(lambda: (upload / "upload").rename(upload / f"list{ending}"))
    shown = {"source": "upload", "name": name[:200], **options}
    return _Work({"file": f"list{ending}", **options}, shown, job_id)


@contextmanager
def _unless_refused(service: Service, job_id: str) -> Iterator[None]:
    """Deletes what was stored for a job that does not come to be, as when the client leaves."""
    try:
        yield
    except BaseException:
        shutil.rmtree(service.dispatcher.jobs.uploads(job_id), ignore_errors=True)
        raise


def _reader(
    model: type[Body], arguments: Callable[[Any, Service], _Work]
) -> Callable[[Request, Service], Awaitable[_Work]]:
    async def read(request: Request, service: Service) -> _Work:
        # An empty body asks for what is usual.
        empty = request.headers.get("content-length") == "0" or media_type_of(request) == ""
        if not empty:
            check_media_type(request, JSON)
        body = validated(model, {}) if empty else await read_json(request, model)
        return arguments(body, service)

    return read


def _plainly(body: Body, _: Service) -> _Work:
    arguments = body.model_dump(exclude_none=True)
    return _Work(arguments, arguments)


def _evaluation(body: NewEvaluation, service: Service) -> _Work:
    folder = _folder(body.folder, service)
    shown = {"name": PurePosixPath(folder).name, "measure": body.measure}
    return _Work({"folder": folder, "measure": body.measure}, shown)


_IMPORT_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "a ZIP of pictures (perhaps with a list), or a list: "
            + ", ".join(ENDINGS),
        },
        **ImportOptions.model_json_schema()["properties"],
        "columns": {
            "type": "string",
            "description": 'a JSON object: which column of a list is "id", "image" or "name"',
        },
    },
    "additionalProperties": False,
}


@dataclass(frozen=True)
class _Family:
    """One kind of job.

    Attributes:
        kind: of the job.
        noun: in operation ids.
        path: of its routes.
        read: makes of a request what the job is to do.
        bodies: media type -> schema of the body.
        needed: whether there must be a body.
        starts: what the first line of the description of the route says.
        rows: whether it has a report by rows.
    """

    kind: Kind
    noun: str
    path: str
    read: Callable[[Request, Service], Awaitable[_Work]]
    bodies: dict[str, Any]
    needed: bool
    starts: str
    rows: bool = False


def _json(model: type[Body], *examples: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": model.model_json_schema()}
    if examples:
        body["examples"] = {
            f"example {number}": {"value": value} for number, value in enumerate(examples, 1)
        }
    return body


FAMILIES = (
    _Family(
        "import",
        "import",
        "/imports",
        _read_import,
        {
            "multipart/form-data": {"schema": _IMPORT_FORM},
            "application/json": _json(NewImport, {"folder": "spring"}),
        },
        needed=True,
        starts="Imports products from a ZIP or a list that is sent, or from a folder or an address "
        "that the service may read.",
        rows=True,
    ),
    _Family(
        "adaptation",
        "adaptation",
        "/adaptations",
        _reader(NewAdaptation, _plainly),
        {"application/json": _json(NewAdaptation, {"views": 6})},
        needed=False,
        starts="Fits the search to the differences between the catalogue's own products.",
    ),
    _Family(
        "rebuild",
        "rebuild",
        "/rebuilds",
        _reader(NewRebuild, _plainly),
        {"application/json": _json(NewRebuild, {})},
        needed=False,
        starts="Embeds the whole catalogue anew; searches go on with the old features meanwhile.",
        rows=True,
    ),
    _Family(
        "evaluation",
        "evaluation",
        "/evaluations",
        _reader(NewEvaluation, _evaluation),
        {"application/json": _json(NewEvaluation, {"folder": "rooms-2026", "measure": "pairs"})},
        needed=True,
        starts="Measures on a folder of the server how well rooms find their products, or how well "
        "floors are outlined.",
    ),
)


# -- routes --------------------------------------------------------------------------------------


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def job_state(job: Job) -> JobState:
    """Returns what clients see of a job."""
    error = None
    if job.code is not None:
        text = job.detail or TEXTS.get(job.code, TEXTS["error"])
        error = JobError(code=job.code, detail=text)
    return JobState(
        id=job.id,
        kind=job.kind,
        status=job.status,
        cancelling=job.cancel and job.status == "running",
        stage=job.stage,
        done=job.done,
        total=job.total,
        counts=dict(job.counts),
        request=dict(job.request),
        created=datetime.fromtimestamp(job.created, UTC),
        started=_time(job.started),
        ended=_time(job.ended),
        attempts=job.attempts,
        report=None if job.report is None else dict(job.report),
        error=error,
    )


def _job_of(service: Service, kind: Kind, job_id: str) -> Job:
    job = service.dispatcher.jobs.get(job_id)
    if job.kind != kind:
        raise JobNotFound(f"the job {job_id!r} is of another kind")
    return job


def _add_routes(family: _Family) -> None:
    kind, noun = family.kind, family.noun
    known = problems_of(s404="no such job", s503="what the service keeps cannot be read")

    async def start(
        request: Request, response: Response, service: ServiceOf, caller: Admin
    ) -> JobState:
        jobs = service.dispatcher.jobs
        if len(await service.run_with_files(request, jobs.unfinished)) >= MAX_WAITING:
            raise Refusal(503, "too-many-jobs", _RETRY)
        work = await family.read(request, service)

        def submit() -> Job:
            return jobs.submit(
                kind,
                work.arguments,
                request=work.request,
                key_id=caller.key_id,
                job_id=work.job_id,
            )

        if work.job_id is None:
            job = await service.run_with_files(request, submit)
        else:
            with _unless_refused(service, work.job_id):
                job = await service.run_with_files(request, submit)
        service.dispatcher.wake()
        response.headers["Location"] = f"/v1{family.path}/{job.id}"
        return job_state(job)

    async def list_jobs(
        request: Request, service: ServiceOf, limit: Limit = 50, cursor: Cursor = None
    ) -> JobPage:
        """Returns the jobs of this kind, the newest first."""
        after = read_cursor(cursor)

        def read() -> JobPage:
            jobs, more = service.dispatcher.jobs.page(kind, after, limit)
            following = write_cursor(jobs[-1].id) if more else None
            return JobPage(jobs=[job_state(job) for job in jobs], next_cursor=following)

        return await service.run_with_files(request, read)

    async def get_job(request: Request, service: ServiceOf, job_id: str) -> JobState:
        """Returns how far a job is, and its report when it has ended."""
        job = await service.run_with_files(request, lambda: _job_of(service, kind, job_id))
        return job_state(job)

    async def list_rows(
        request: Request,
        service: ServiceOf,
        job_id: str,
        status: Annotated[
            Literal["added", "updated", "unchanged", "failed"] | None,
            Query(description="only rows with this status"),
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> JobRows:
        """Returns what became of each product, also while the job runs."""
        last = read_cursor(cursor) or "-1"
        if last != "-1" and not (last.isascii() and last.isdecimal() and len(last) < 12):
            raise Refusal(422, "request-invalid", errors={"cursor": CURE})

        def read() -> JobRows:
            _job_of(service, kind, job_id)
            rows, more = service.dispatcher.jobs.rows(job_id, status, int(last), limit)
            following = write_cursor(str(rows[-1][0])) if more else None
            return JobRows(rows=[JobRow(**row) for _, row in rows], next_cursor=following)

        return await service.run_with_files(request, read)

    async def cancel(request: Request, service: ServiceOf, job_id: str) -> JobState:
        """Ends a job before its next step; what it has stored stays. One that has ended stays."""

        def end() -> Job:
            _job_of(service, kind, job_id)
            return service.dispatcher.jobs.cancel(job_id)

        job = await service.run_with_files(request, end)
        service.dispatcher.wake()
        return job_state(job)

    reading = [Depends(requires("read"))]
    router.add_api_route(
        family.path,
        start,
        methods=["POST"],
        name=f"start_{noun}",
        summary=f"Start {noun}",
        description=f"{family.starts} The answer comes at once: the job goes on in the background, "
        "also after a restart of the service.",
        status_code=202,
        response_model=JobState,
        responses={
            202: {
                "headers": {
                    "Location": {"schema": {"type": "string"}, "description": "of the job"}
                },
                "description": "the job, which waits or runs",
            },
            **problems_of(
                s413="too many bytes",
                s415="the body is of another kind",
                s422="a field cannot be used",
                s503="too many jobs wait, or what the service keeps cannot be written",
            ),
        },
        openapi_extra={"requestBody": {"required": family.needed, "content": family.bodies}},
    )
    router.add_api_route(
        family.path,
        list_jobs,
        methods=["GET"],
        name=f"list_{noun}s",
        summary=f"List {noun}s",
        dependencies=reading,
        responses=problems_of(
            s422="the cursor cannot be used", s503="what the service keeps cannot be read"
        ),
    )
    router.add_api_route(
        f"{family.path}/{{job_id}}",
        get_job,
        methods=["GET"],
        name=f"get_{noun}",
        summary=f"Get {noun}",
        dependencies=reading,
        responses=known,
    )
    if family.rows:
        router.add_api_route(
            f"{family.path}/{{job_id}}/rows",
            list_rows,
            methods=["GET"],
            name=f"list_{noun}_rows",
            summary=f"List {noun} rows",
            dependencies=reading,
            responses={**known, **problems_of(s422="the cursor cannot be used")},
        )
    router.add_api_route(
        f"{family.path}/{{job_id}}/cancel",
        cancel,
        methods=["POST"],
        name=f"cancel_{noun}",
        summary=f"Cancel {noun}",
        dependencies=[Depends(requires("admin"))],
        responses=known,
    )


for _family in FAMILIES:
    _add_routes(_family)


@router.get(
    "/evaluations/{job_id}/pictures/{name}",
    dependencies=[Depends(requires("read"))],
    response_class=Response,
    responses={
        200: {
            "content": {
                "image/jpeg": {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}
            },
            "description": "the picture",
            "headers": {
                "Cache-Control": {"schema": {"type": "string"}, "description": "for browsers"}
            },
        },
        **problems_of(
            s404="no such job, or it has no such picture",
            s422="the name is none of a picture",
            s503="what the service keeps cannot be read",
        ),
    },
)
async def evaluation_picture(
    request: Request,
    service: ServiceOf,
    job_id: str,
    name: Annotated[
        str,
        Path(
            pattern=r"^(room|product|mask)-[0-9]{3,4}(-(photo|true|predicted|difference))?\.jpg$",
            description="`file` of a picture in `cases` of the report",
            examples=["room-001.jpg"],
        ),
    ],
) -> Response:
    """Returns a picture of what came out worst in an evaluation, its longer side 720 pixels.

    The report's `cases` name them: a room with its floor drawn, its product, those that came before
    it; of masks the photo, the true floor, the predicted one and the difference.
    """

    def read() -> Response:
        jobs = service.dispatcher.jobs
        _job_of(service, "evaluation", job_id)
        try:
            jpeg = (jobs.pictures(job_id) / name).read_bytes()
        except OSError as error:
            raise Refusal(404, "image-not-found") from error
        headers = {"Cache-Control": "private, max-age=86400"}
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    return await service.run_with_files(request, read)
