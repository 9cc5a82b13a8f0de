"""Calls about work of the service in the background."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from floorlens.client.answers import Job, JobKind, JobPage, JobRow, JobRows
from floorlens.client.calls import Call, Page, Part, content_of, given, paged, reader
from floorlens.errors import InputError, ServiceError, UsageError

PATHS: Mapping[JobKind, str] = {
    "import": "/v1/imports",
    "adaptation": "/v1/adaptations",
    "rebuild": "/v1/rebuilds",
    "evaluation": "/v1/evaluations",
}


def start_import(
    file: str | Path | None = None,
    *,
    folder: str | None = None,
    address: str | None = None,
    id_prefix: str = "",
    layout: Literal["auto", "files", "folders"] = "auto",
    columns: Mapping[str, str | Sequence[str]] | None = None,
    numbers: bool = True,
    strict: bool = False,
    adapt: bool | None = None,
    fetch: bool = False,
) -> Call[Job]:
    """Starts an import of products; give one of `file`, `folder` and `address`.

    Args:
        file: a ZIP of pictures, perhaps with a list, or a list (CSV, JSONL, XLSX) of this machine;
            it is sent as it is read, whatever its size.
        folder: a folder of the service, below one of its FLOORLENS_IMPORT_FOLDERS.
        address: of a list, a ZIP or a picture at a host of its FLOORLENS_FETCH_HOSTS.
        id_prefix: put before every id.
        layout: of a folder, whether each file is a product, or each sub-folder.
        columns: which column of a list is "id", "image" or "name".
        numbers: whether texts are read as numbers.
        strict: whether one bad row refuses the whole list.
        adapt: whether the catalogue is adapted afterwards; None: as it needs.
        fetch: whether pictures at addresses of allowed hosts are fetched.

    Raises:
        UsageError: it is not one of the three.
        InputError: the file cannot be read here.
        ServiceError: the service refuses, such as "import-too-large".
        ServiceUnreachable: no service answers.

    Example:
        >>> from shutil import make_archive
        >>> job = client.start_import(make_archive("more", "zip", "products"))
        >>> client.wait(job).counts
        {'unchanged': 3}
    """
    if sum(one is not None for one in (file, folder, address)) != 1:
        raise UsageError("give one of file, folder and address")
    options: dict[str, Any] = given(
        {
            "id_prefix": id_prefix or None,
            "layout": None if layout == "auto" else layout,
            "columns": dict(columns) if columns else None,
            "numbers": None if numbers else False,
            "strict": strict or None,
            "adapt": adapt,
            "fetch": fetch or None,
            "folder": folder,
            "address": address,
        }
    )
    if file is None:
        return Call("POST", PATHS["import"], reader(Job), json=options, repeatable=False)
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{path} is no file: give a ZIP or a list of products")
    form = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }
    parts = (Part("file", path.name, path),)
    return Call("POST", PATHS["import"], reader(Job), form=form, parts=parts, repeatable=False)


def start_adaptation(
    *, views: int | None = None, limit: int | None = None, seed: int = 0
) -> Call[Job]:
    """Starts to fit the search to the differences between the catalogue's own products.

    Args:
        views: simulated rooms of each product; None: 6.
        limit: products that are used; None: 2,000.
        seed: decides which, and the rooms.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> job = client.start_adaptation(views=1)
        >>> client.cancel_job(job).kind
        'adaptation'
    """
    body = given({"views": views, "limit": limit, "seed": seed})
    return Call("POST", PATHS["adaptation"], reader(Job), json=body, repeatable=False)


def start_rebuild(*, adapt: bool | None = None) -> Call[Job]:
    """Starts to embed the whole catalogue anew; searches go on meanwhile.

    Args:
        adapt: whether it is adapted afterwards; None: if it was before.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.cancel_job(client.start_rebuild()).kind
        'rebuild'
    """
    body = {} if adapt is None else {"adapt": adapt}
    return Call("POST", PATHS["rebuild"], reader(Job), json=body, repeatable=False)


def start_evaluation(folder: str, measure: Literal["pairs", "ranking", "masks"]) -> Call[Job]:
    """Starts to measure how well rooms find their products, or how well floors are outlined.

    Args:
        folder: a folder of the service, below one of its FLOORLENS_IMPORT_FOLDERS.
        measure: rooms and their products, graded judgments, or floor masks.

    Raises:
        ServiceError: the service refuses, such as "usage": it may not read that folder.
        ServiceUnreachable: no service answers.

    Example:
        >>> client.start_evaluation("elsewhere", "pairs")
        Traceback (most recent call last):
        floorlens.errors.ServiceError: ...
    """
    body = {"folder": folder, "measure": measure}
    return Call("POST", PATHS["evaluation"], reader(Job), json=body, repeatable=False)


def evaluation_picture(job: Job, name: str) -> Call[bytes]:
    """Returns a JPEG of what came out worst in an evaluation, its longer side 720 pixels.

    Args:
        job: an evaluation that is done.
        name: `file` of a picture in `cases` of its report.

    Raises:
        ServiceError: the service refuses, such as "image-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> job = client.cancel_job(client.start_rebuild())
        >>> client.evaluation_picture(job, "room-001.jpg")
        Traceback (most recent call last):
        floorlens.errors.ServiceError: ...
    """
    path = f"{PATHS['evaluation']}/{quote(job.id, safe='')}/pictures/{quote(name, safe='')}"
    return Call("GET", path, content_of)


def list_jobs(kind: JobKind, *, limit: int = 50, cursor: str | None = None) -> Call[JobPage]:
    """Returns a page of the jobs of a kind, the newest first.

    Args:
        kind: import, adaptation, rebuild or evaluation.
        limit: at most so many, up to 200.
        cursor: `next_cursor` of the page before; None: the first page.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.list_jobs("evaluation").jobs
        ()
    """
    params = {"limit": str(limit), "cursor": cursor}
    return Call("GET", PATHS[kind], reader(JobPage), params=given(params))


def get_job(kind: JobKind, job_id: str) -> Call[Job]:
    """Returns how far a job is, and its report when it has ended.

    Args:
        kind: import, adaptation, rebuild or evaluation.
        job_id: of the job.

    Raises:
        ServiceError: the service refuses, such as "job-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> job = client.cancel_job(client.start_rebuild())
        >>> client.wait(client.get_job("rebuild", job.id)).has_ended
        True
    """
    return Call("GET", f"{PATHS[kind]}/{quote(job_id, safe='')}", reader(Job))


def job_rows(job: Job, *, status: str | None = None, limit: int = 200) -> Page[JobRow]:
    """Yields what became of each product of an import or rebuild, also while it runs.

    Args:
        job: the job.
        status: only rows with it: added, updated, unchanged or failed.
        limit: rows of a page, at most 200.

    Raises:
        ServiceError: the service refuses, such as "job-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> from shutil import make_archive
        >>> job = client.wait(client.start_import(make_archive("c", "zip", "products")))
        >>> [row.reason for row in client.job_rows(job, status="failed")]
        []
    """

    def ask(cursor: str | None) -> Call[JobRows]:
        params = {"limit": str(limit), "status": status, "cursor": cursor}
        return Call("GET", f"{_path(job)}/rows", reader(JobRows), params=given(params))

    return paged(ask, lambda page: page.rows)


def cancel_job(job: Job) -> Call[Job]:
    """Ends a job before its next step; what it has stored stays. One that has ended stays.

    Raises:
        ServiceError: the service refuses, such as "job-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> job = client.cancel_job(client.start_adaptation(views=1))
        >>> job.cancelling or job.status == "cancelled"
        True
    """
    return Call("POST", f"{_path(job)}/cancel", reader(Job))


def failure_of(job: Job) -> ServiceError | None:
    """Returns the error that ended a job; None if none did.

    Example:
        >>> failure_of(client.cancel_job(client.start_rebuild()))
    """
    if job.status != "failed":
        return None
    if job.error is None:
        return ServiceError(f"the {job.kind} failed")
    return ServiceError(job.error.detail, job.error.code)


def _path(job: Job) -> str:
    return f"{PATHS[job.kind]}/{quote(job.id, safe='')}"
