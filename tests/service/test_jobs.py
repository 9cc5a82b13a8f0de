"""Jobs as rows of the store: their order, what a crash does to them, who may write of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from floorlens.errors import JobNotFound
from floorlens.service import jobs as module
from floorlens.service.jobs import MAX_ATTEMPTS, Attempt, JobEnded, Jobs
from floorlens.service.schema import jobs as table
from floorlens.service.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store)


def row(product_id: str, status: str = "added") -> dict[str, Any]:
    return {"id": product_id, "status": status, "reason": None}


def test_jobs_are_taken_in_the_order_of_their_making(jobs: Jobs) -> None:
    names = [jobs.submit("adaptation", {"seed": number}).id for number in range(3)]
    # Ids of one millisecond have no order among themselves.
    assert [job.id for job in jobs.unfinished()] == sorted(names)
    first = jobs.claim()
    assert first is not None
    assert (first.id, first.status, first.attempts) == (min(names), "running", 1)
    page, more = jobs.page("adaptation", None, 2)
    assert ([job.id for job in page], more) == (sorted(names, reverse=True)[:2], True)
    page, more = jobs.page("adaptation", page[-1].id, 2)
    assert ([job.id for job in page], more) == ([min(names)], False)
    assert jobs.page("import", None, 2) == ([], False)


def test_clients_see_the_request_and_not_the_arguments(jobs: Jobs) -> None:
    job = jobs.submit("import", {"folder": "/srv/shop"}, request={"name": "shop"})
    assert (job.arguments, job.request) == ({"folder": "/srv/shop"}, {"name": "shop"})


def test_a_job_whose_process_dies_waits_again_three_times(jobs: Jobs) -> None:
    """Then it has failed: what kills its process would do so for ever."""
    job_id = jobs.submit("rebuild", {}).id
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = jobs.claim()
        assert job is not None
        assert job.attempts == attempt
        jobs.settle()
    ended = jobs.get(job_id)
    assert (ended.status, ended.code) == ("failed", "job-crashed")
    assert ended.ended is not None
    assert jobs.claim() is None


def test_an_attempt_that_the_service_ended_counts_for_nothing(jobs: Jobs) -> None:
    """A service that is restarted every night must not fail a long job."""
    job_id = jobs.submit("rebuild", {}).id
    for _ in range(2 * MAX_ATTEMPTS):
        assert jobs.claim() is not None
        jobs.settle(stopped=True)
    assert (jobs.get(job_id).status, jobs.get(job_id).attempts) == ("queued", 0)


def test_cancelling_ends_what_waits_at_once_and_what_runs_before_its_next_step(
    jobs: Jobs, store: Store
) -> None:
    first = jobs.submit("import", {}).id
    assert jobs.claim() is not None
    second = jobs.submit("import", {}).id
    jobs.uploads(second).mkdir(parents=True)
    assert jobs.cancel(second).status == "cancelled"
    assert not jobs.uploads(second).exists()
    assert jobs.cancel(first).status == "running"
    with pytest.raises(JobEnded):
        Attempt(store, first, 1).progress("importing", 1, 9, row("oak"))
    # What it had done is told.
    assert len(jobs.rows(first, None, -1, 10)[0]) == 1
    jobs.settle()
    assert jobs.get(first).status == "cancelled"
    assert jobs.cancel(first).status == "cancelled"
    with pytest.raises(JobNotFound):
        jobs.cancel("unknown")


def test_rows_are_paged_and_counted(jobs: Jobs, store: Store) -> None:
    job_id = jobs.submit("import", {}).id
    jobs.claim()
    attempt = Attempt(store, job_id, 1)
    for number in range(5):
        status = "failed" if number % 2 else "added"
        attempt.progress("importing", number + 1, 5, row(f"p{number}", status))
    assert dict(jobs.get(job_id).counts) == {"added": 3, "failed": 2}
    page, more = jobs.rows(job_id, "failed", -1, 1)
    assert ([(place, one["id"]) for place, one in page], more) == ([(1, "p1")], True)
    page, more = jobs.rows(job_id, "failed", 1, 1)
    assert ([(place, one["id"]) for place, one in page], more) == ([(3, "p3")], False)
    attempt.done({"seconds": 1})
    job = jobs.get(job_id)
    assert (job.status, job.report, job.done) == ("done", {"seconds": 1}, 5)


def test_what_an_earlier_attempt_added_stays_added(jobs: Jobs, store: Store) -> None:
    """To the next attempt it is unchanged; whoever reads the report asked for one import."""
    job_id = jobs.submit("import", {}).id
    jobs.claim()
    first = Attempt(store, job_id, 1, pause=0)
    first.progress("importing", 1, 3, row("ash"))
    first.progress("importing", 2, 3, row("elm"))
    jobs.settle()
    jobs.claim()
    second = Attempt(store, job_id, 2, pause=0)
    rows = row("ash", "unchanged"), row("oak", "unchanged"), row("yew", "failed")
    for number, one in enumerate(rows, 1):
        second.progress("importing", number, 3, one)
    pairs = [(one["id"], one["status"]) for _, one in jobs.rows(job_id, None, -1, 9)[0]]
    assert pairs == [("ash", "added"), ("oak", "unchanged"), ("yew", "failed")]


def test_an_attempt_that_was_followed_by_another_cannot_write(jobs: Jobs, store: Store) -> None:
    """Its service died, and it has not noticed yet."""
    job_id = jobs.submit("import", {}).id
    jobs.claim()
    orphan = Attempt(store, job_id, 1, pause=0)
    jobs.settle()
    jobs.claim()
    with pytest.raises(JobEnded):
        orphan.progress("importing", 1, 2, row("oak", "failed"))
    with pytest.raises(JobEnded):
        orphan.fail("internal")
    with pytest.raises(JobEnded):
        Attempt(store, job_id, 1).done({})
    job = jobs.get(job_id)
    assert (job.status, job.attempts, dict(job.counts)) == ("running", 2, {})
    assert jobs.rows(job_id, None, -1, 9)[0] == []


def test_a_cancelled_job_that_is_done_meanwhile_is_cancelled_or_done(
    jobs: Jobs, store: Store
) -> None:
    """It is never both: who reads `done` has a report."""
    job_id = jobs.submit("import", {}).id
    jobs.claim()
    jobs.cancel(job_id)
    Attempt(store, job_id, 1).done({"seconds": 1})
    jobs.settle()
    job = jobs.get(job_id)
    assert (job.status, job.report) == ("done", {"seconds": 1})


def test_old_jobs_and_what_was_sent_for_them_go(
    jobs: Jobs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that wait stay, however old they are, and an upload that is on its way."""
    monkeypatch.setattr(module, "KEEP_JOBS", 2)
    ended = []
    for _ in range(4):
        ended.append(jobs.submit("import", {}).id)
        jobs.cancel(ended[-1])
    waiting = jobs.submit("import", {}).id
    for name in (*ended, waiting, "coming", "left"):
        jobs.uploads(name).mkdir(parents=True)
    day = time.time() - 2 * 24 * 3600
    os.utime(jobs.uploads("left"), (day, day))
    os.utime(jobs.uploads(waiting), (day, day))
    jobs.sweep()
    present = {job.id for job in jobs.page(None, None, 99)[0]}
    assert present == {waiting, *sorted(ended)[-2:]}
    # Of a job that ended nothing is needed; of one that nobody knows it cannot be said yet.
    left = {path.name for path in jobs.uploads(waiting).parent.iterdir()}
    assert waiting in left
    assert "coming" in left
    assert not left & {"left", *sorted(ended)[-2:]}
    with store.writing() as connection:
        connection.execute(update(table).values(ended=0).where(table.c.id.in_(ended)))
    for name in (ended[-1], waiting):
        jobs.pictures(name).mkdir(parents=True)
    jobs.sweep()
    assert [job.id for job in jobs.page(None, None, 99)[0]] == [waiting]
    assert [path.name for path in jobs.pictures(waiting).parent.iterdir()] == [waiting]
