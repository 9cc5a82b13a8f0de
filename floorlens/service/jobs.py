"""Long work that outlives its request and its process: imports, adaptations, rebuilds, evaluations.

A job is a row of the store. Whoever holds the lock of the dispatcher takes the oldest that waits
and starts a process for it (`runner.py`), which reports here. What a process that died had at work
is taken up again: every kind of work goes on where it was by itself.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Row, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from floorlens.errors import JobNotFound
from floorlens.service.schema import job_rows, jobs
from floorlens.service.store import Store

Kind = Literal["import", "adaptation", "rebuild", "evaluation"]
Status = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
MAX_ATTEMPTS = 3
"""How often a job is begun whose process dies."""
CRASHED = "job-crashed"
KEEP_JOBS = 500
"""Jobs that have ended, of all kinds together, that are kept."""
KEEP_SECONDS = 30 * 24 * 3600
"""For so long, at most."""
_ORPHAN_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Job:
    """A job as it was at one moment.

    Attributes:
        id: 28 hexadecimal digits; later jobs have greater ones.
        kind, status: what it does, and how far it is.
        key_id: whose key began it; None without keys.
        created, started, ended: seconds since 1970; None where that lies ahead. An attempt after a
            crash starts it anew.
        arguments: what it works on; it may name paths of the server.
        request: what clients see of the arguments.
        stage: what it is doing, in a word: "unpacking", "importing", "adapting", …
        done, total: how many steps of the stage; 0 where it has none.
        counts: status of rows -> how many, of imports and rebuilds.
        attempts: how often it was begun.
        cancel: whether somebody asked for its end.
        report: what it did, as plain JSON values; None before it is done.
        code: of the error that ended it; None without one.
        detail: what clients see of that error beside its code; "" for nothing.
    """

    id: str
    kind: Kind
    status: Status
    key_id: str | None
    created: float
    started: float | None
    ended: float | None
    arguments: Mapping[str, Any]
    request: Mapping[str, Any]
    stage: str
    done: int
    total: int
    counts: Mapping[str, int]
    attempts: int
    cancel: bool
    report: Mapping[str, Any] | None
    code: str | None
    detail: str


class JobEnded(Exception):
    """Raised inside a job's work: it was cancelled, or the service ends. Never shown."""


def new_job_id() -> str:
    """Returns an id that no job has.

    Example:
        >>> len(new_job_id())
        28
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


class Jobs:
    """The jobs of a store. Safe to use from several threads and processes.

    Example:
        >>> jobs = Jobs(Store("catalogue-service/"))
        >>> job = jobs.submit("adaptation", {"seed": 1})
        >>> jobs.get(job.id).status
        'queued'
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def uploads(self, job_id: str) -> Path:
        """Returns the folder of what was sent for a job; it goes when the job ends."""
        return self._store.folder / "uploads" / job_id

    def pictures(self, job_id: str) -> Path:
        """Returns the folder of the pictures that an evaluation made; it goes with the job."""
        return self._store.folder / "evaluations" / job_id

    # -- what clients ask ----------------------------------------------------------------------

    def submit(
        self,
        kind: Kind,
        arguments: Mapping[str, Any],
        *,
        request: Mapping[str, Any] | None = None,
        key_id: str | None = None,
        job_id: str | None = None,
    ) -> Job:
        """Puts a job at the end of the queue; returns it.

        Args:
            kind: of the work.
            arguments: plain JSON values, of which the work is made.
            request: what clients see of them; None: all.
            key_id: whose key begins it.
            job_id: of `new_job_id`, where something was stored under it already.
        """
        job_id = job_id or new_job_id()
        with self._store.writing() as connection:
            connection.execute(
                insert(jobs).values(
                    id=job_id,
                    kind=kind,
                    status="queued",
                    key_id=key_id,
                    created=time.time(),
                    arguments=json.dumps(arguments),
                    request=json.dumps(arguments if request is None else request),
                    stage="",
                    done=0,
                    total=0,
                    counts="{}",
                    attempts=0,
                    cancel=0,
                    detail="",
                )
            )
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """Returns a job.

        Raises:
            JobNotFound: none has that id.
        """
        with self._store.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            raise JobNotFound(f"no job has the id {job_id!r}: it never was, or is too old")
        return _job(row)

    def page(self, kind: Kind | None, after: str | None, limit: int) -> tuple[list[Job], bool]:
        """Returns jobs, the newest first, and whether there are more.

        Args:
            kind: only of this kind; None: of all.
            after: the last id of the page before.
            limit: at most so many.
        """
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit + 1)
        if kind is not None:
            query = query.where(jobs.c.kind == kind)
        if after is not None:
            query = query.where(jobs.c.id < after)
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return [_job(row) for row in rows[:limit]], len(rows) > limit

    def rows(
        self, job_id: str, status: str | None, after: int, limit: int
    ) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
        """Returns what became of the rows of an import, with their positions, and whether more are.

        Args:
            job_id: of the job.
            status: only rows with this status; None: all.
            after: the last position of the page before; -1 begins.
            limit: at most so many.

        Raises:
            JobNotFound: none has that id.
        """
        self.get(job_id)
        query = select(job_rows.c.position, job_rows.c.row).where(
            job_rows.c.job_id == job_id, job_rows.c.position > after
        )
        if status is not None:
            query = query.where(job_rows.c.status == status)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(job_rows.c.position).limit(limit + 1)).all()
        return [(row.position, json.loads(row.row)) for row in rows[:limit]], len(rows) > limit

    def cancel(self, job_id: str) -> Job:
        """Ends a job: one that waits at once, one that runs before its next step; returns it.

        What it has stored stays. A job that has ended stays as it is.

        Raises:
            JobNotFound: none has that id.
        """
        job = self.get(job_id)
        own = jobs.c.id == job_id
        with self._store.writing() as connection:
            connection.execute(
                update(jobs)
                .where(own, jobs.c.status == "queued")
                .values(status="cancelled", cancel=1, ended=time.time())
            )
            connection.execute(update(jobs).where(own, jobs.c.status == "running").values(cancel=1))
        if job.status == "queued":
            shutil.rmtree(self.uploads(job_id), ignore_errors=True)
        return self.get(job_id)

    def unfinished(self) -> list[Job]:
        """Returns the jobs that wait or run, the oldest first."""
        query = select(jobs).where(jobs.c.status.in_(("queued", "running"))).order_by(jobs.c.id)
        with self._store.reading() as connection:
            return [_job(row) for row in connection.execute(query)]

    # -- what the dispatcher does --------------------------------------------------------------

    def claim(self) -> Job | None:
        """Makes the oldest job that waits the one that runs, and returns it; None if none waits."""
        oldest = select(jobs.c.id).where(jobs.c.status == "queued").order_by(jobs.c.id).limit(1)
        with self._store.reading() as connection:
            if connection.execute(oldest).first() is None:
                return None
        with self._store.writing() as connection:
            job_id = connection.execute(oldest).scalar()
            if job_id is None:
                return None
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(
                    status="running",
                    started=time.time(),
                    attempts=jobs.c.attempts + 1,
                    stage="starting",
                    done=0,
                    total=0,
                )
            )
        return self.get(job_id)

    def settle(self, *, stopped: bool = False) -> None:
        """Decides on jobs that are at work and whose process is gone.

        A job that was to be cancelled is; another one waits again, or has failed if it was begun
        three times.

        Args:
            stopped: whether the service ended the process itself: then this attempt counts for
                nothing.
        """
        crashed = jobs.c.attempts >= MAX_ATTEMPTS
        with self._store.writing() as connection:
            running = jobs.c.status == "running"
            connection.execute(
                update(jobs)
                .where(running, jobs.c.cancel == 1)
                .values(status="cancelled", ended=time.time())
            )
            if stopped:
                connection.execute(
                    update(jobs)
                    .where(running)
                    .values(status="queued", attempts=jobs.c.attempts - 1)
                )
                return
            connection.execute(
                update(jobs)
                .where(running, crashed)
                .values(status="failed", code=CRASHED, ended=time.time())
            )
            connection.execute(update(jobs).where(running).values(status="queued"))

    def sweep(self) -> None:
        """Deletes jobs that ended long ago, the oldest of many, and the files of such."""
        now = time.time()
        ended = jobs.c.status.in_(ENDED)
        kept = select(jobs.c.id).where(ended).order_by(jobs.c.id.desc()).limit(KEEP_JOBS)
        with self._store.writing() as connection:
            connection.execute(delete(jobs).where(ended, jobs.c.ended < now - KEEP_SECONDS))
            connection.execute(delete(jobs).where(ended, jobs.c.id.not_in(kept)))
            waiting = set(connection.execute(select(jobs.c.id).where(~ended)).scalars())
            present = set(connection.execute(select(jobs.c.id)).scalars())
        folder = self._store.folder / "uploads"
        for upload in list(folder.iterdir()) if folder.is_dir() else []:
            try:
                old = now - upload.stat().st_mtime > _ORPHAN_SECONDS
            except FileNotFoundError:
                continue
            # One that no job knows may still be on its way.
            if upload.name not in waiting and (old or upload.name in present):
                shutil.rmtree(upload, ignore_errors=True)
        folder = self._store.folder / "evaluations"
        for pictures in list(folder.iterdir()) if folder.is_dir() else []:
            if pictures.name not in present:
                shutil.rmtree(pictures, ignore_errors=True)


class Attempt:
    """One attempt at a job, as its process sees it: it reports, and learns that it shall end.

    Reports are gathered for half a second: each costs a write to the disk.
    """

    def __init__(self, store: Store, job_id: str, number: int, *, pause: float = 0.5) -> None:
        """Names the job; `number` is its `attempts`: a later attempt makes this one's end."""
        self._store = store
        self._job_id = job_id
        self._own = (
            (jobs.c.id == job_id) & (jobs.c.status == "running") & (jobs.c.attempts == number)
        )
        self._pause = pause
        self._next = 0.0
        self._rows: list[dict[str, Any]] = []
        self.stopping = False

    def progress(
        self, stage: str, done: int = 0, total: int = 0, row: Mapping[str, Any] | None = None
    ) -> None:
        """Reports how far the work is.

        Args:
            stage: what it is doing.
            done, total: how many steps of that, and of how many.
            row: what became of the row that is the last of `done`.

        Raises:
            JobEnded: the job was cancelled, or the service ends.
        """
        if row is not None:
            self._rows.append(
                {
                    "job_id": self._job_id,
                    "position": done - 1,
                    "product_id": str(row["id"]),
                    "status": str(row["status"]),
                    "row": json.dumps(row),
                }
            )
        if self.stopping:
            self._write(stage=stage, done=done, total=total)
            raise JobEnded
        if time.monotonic() >= self._next or (done == total and row is not None):
            self._write(stage=stage, done=done, total=total)
            self._next = time.monotonic() + self._pause

    def done(self, report: Mapping[str, Any]) -> None:
        """Ends the job with its report.

        Raises:
            JobEnded: it was cancelled, or another attempt is at it.
        """
        self._write(
            status="done",
            report=json.dumps(report),
            ended=time.time(),
            stage="",
            done=jobs.c.total,
        )

    def fail(self, code: str, detail: str = "") -> None:
        """Ends the job with an error.

        Raises:
            JobEnded: another attempt is at it.
        """
        self._write(status="failed", code=code, detail=detail, ended=time.time())

    def _write(self, **values: Any) -> None:
        with self._store.writing() as connection:
            if self._rows:
                self._write_rows(connection, self._rows)
                count = select(job_rows.c.status, func.count()).where(
                    job_rows.c.job_id == self._job_id
                )
                groups = connection.execute(count.group_by(job_rows.c.status)).all()
                values["counts"] = json.dumps(dict(map(tuple, groups)))
                self._rows = []
            written = connection.execute(update(jobs).where(self._own).values(values))
            if not written.rowcount:
                # Another attempt is at it: nothing of this one is stored.
                raise JobEnded
            cancelled = connection.execute(
                select(jobs.c.cancel).where(jobs.c.id == self._job_id)
            ).scalar()
        if cancelled and "status" not in values:
            raise JobEnded

    @staticmethod
    def _write_rows(connection: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        statement = upsert(job_rows)
        new = statement.excluded
        # What an earlier attempt has added is unchanged to this one: the first word stays.
        same = (new.status == "unchanged") & (job_rows.c.product_id == new.product_id)
        statement = statement.on_conflict_do_update(
            index_elements=["job_id", "position"],
            set_={
                "product_id": new.product_id,
                "status": case((same, job_rows.c.status), else_=new.status),
                "row": case((same, job_rows.c.row), else_=new.row),
            },
        )
        connection.execute(statement, rows)


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
    for name in ("arguments", "request", "counts"):
        values[name] = json.loads(values[name])
    values["report"] = None if values["report"] is None else json.loads(values["report"])
    values["cancel"] = bool(values["cancel"])
    return Job(**values)
