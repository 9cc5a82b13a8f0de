"""Jobs in real processes: they end, are cancelled, die, and go on."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import floorlens
from floorlens import Floorlens
from floorlens.service.dispatcher import RUNNER_LOCK, Dispatcher
from floorlens.service.jobs import ENDED, MAX_ATTEMPTS, Job, Jobs, Kind, new_job_id
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

LIMIT = 180.0


@contextmanager
def dispatching(lens: Floorlens, folder: Path) -> Iterator[Jobs]:
    """Runs what a process of a service has."""
    store = Store(folder / "state")
    dispatcher = Dispatcher(lens, Settings(import_folders=str(folder)), store)
    dispatcher.start()
    try:
        yield dispatcher.jobs
    finally:
        dispatcher.close()
        store.close()


def until(condition: Callable[[], Any]) -> Any:
    """Returns what a condition gives as soon as it gives something."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail("it did not come to be")


def ended(jobs: Jobs, job_id: str) -> Job:
    job = until(lambda: jobs.get(job_id) if jobs.get(job_id).status in ENDED else None)
    assert isinstance(job, Job)
    return job


def _is_at(jobs: Jobs, job_id: str, attempt: int) -> bool:
    return jobs.get(job_id).attempts == attempt


def _is_gone(path: Path) -> bool:
    return not path.exists()


def child_of_this_process() -> int | None:
    """Returns the process id of the job that runs; None if none does."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"floorlens.service.runner" in line.read_bytes():
                status = (line.parent / "status").read_text()
                if f"PPid:\t{os.getpid()}\n" in status:
                    return int(line.parent.name)
        except OSError:
            continue
    return None


def paint(folder: Path, count: int, *, camera: bool = False) -> Path:
    """Writes so many small pictures, and one that is none."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    exif = Image.Exif()
    if camera:
        exif[0x010F] = "a camera at home"
    for number in range(count):
        pixels = chance.integers(0, 255, (24, 24, 3), dtype=np.uint8)
        path = folder / f"p{number:03}.jpg"
        Image.fromarray(pixels).save(path, exif=exif)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    return folder


def send(jobs: Jobs, folder: Path) -> str:
    """Submits a folder as a ZIP, as an upload is; returns the job's id."""
    job_id = new_job_id()
    jobs.uploads(job_id).mkdir(parents=True)
    shutil.make_archive(str(jobs.uploads(job_id) / "list"), "zip", folder)
    return jobs.submit("import", {"file": "list.zip", "adapt": False}, job_id=job_id).id


@pytest.fixture
def lens(tmp_path: Path) -> Iterator[Floorlens]:
    """An empty catalogue; its stages travel to the jobs' processes."""
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages(adaptable=True)) as opened:
        yield opened


def test_what_was_sent_for_no_job_goes_also_where_none_comes(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold a shop's pictures, and take the disk."""
    monkeypatch.setattr("floorlens.service.dispatcher.SWEEP_SECONDS", 0.05)
    with dispatching(lens, tmp_path):
        # Of these at most the first was there at the start.
        for name in ("first", "second"):
            upload = tmp_path / "state" / "uploads" / name
            upload.mkdir(parents=True)
            os.utime(upload, (0, 0))
            until(partial(_is_gone, upload))


def test_a_zip_is_imported_and_a_second_time_left_alone(lens: Floorlens, tmp_path: Path) -> None:
    """Its pictures outlive it, without what the camera wrote; the reasons name what was sent."""
    folder = paint(tmp_path / "shop", 20, camera=True)
    with dispatching(lens, tmp_path) as jobs:
        first = ended(jobs, send(jobs, folder))
        assert (first.status, dict(first.counts)) == ("done", {"added": 20, "failed": 1})
        ((_, row),), _ = jobs.rows(first.id, "failed", -1, 9)
        assert row["reason"].startswith("broken.jpg: ")
        assert str(tmp_path) not in str(first.report) + str(row)
        # The products that another process added are found by the next search of this one.
        assert lens.count() == len(lens.similar("p000").matches) + 1 == 20
        second = ended(jobs, send(jobs, folder))
        assert dict(second.counts) == {"unchanged": 20, "failed": 1}
        until(lambda: not list(jobs.uploads("x").parent.iterdir()))
    pictures = [Path(product.images[0]) for product in lens.products()]
    assert all(path.parent == tmp_path / "catalogue" / "pictures" for path in pictures)
    assert not any(b"camera" in path.read_bytes() for path in pictures)


@pytest.mark.slow
def test_every_kind_of_work_is_done(lens: Floorlens, tmp_path: Path) -> None:
    folder = paint(tmp_path / "shop", 10)
    rooms = tmp_path / "rooms"
    (rooms / "rooms").mkdir(parents=True)
    shutil.copytree(folder, rooms / "products")
    (rooms / "products" / "broken.jpg").unlink()
    shutil.copy(folder / "p003.jpg", rooms / "rooms" / "a.jpg")
    (rooms / "pairs.csv").write_text("room,product,source\na.jpg,p003.jpg,shop\n")
    work: tuple[tuple[Kind, dict[str, Any]], ...] = (
        ("import", {"folder": "shop", "adapt": False}),
        ("adaptation", {"views": 1}),
        ("rebuild", {"adapt": False}),
        ("evaluation", {"folder": "rooms", "measure": "pairs"}),
    )
    with dispatching(lens, tmp_path) as jobs:
        ids = [jobs.submit(kind, arguments).id for kind, arguments in work]
        done = [ended(jobs, job_id) for job_id in ids]
        assert [(job.status, job.code) for job in done] == [("done", None)] * 4
        reports = [job.report or {} for job in done]
        assert reports[1]["products"] == 10
        assert dict(done[2].counts) == {"updated": 10}
        assert (reports[3]["n"], reports[3]["worst"][0]["file"]) == (1, "a.jpg")
        assert str(tmp_path) not in str(reports)
        shown = reports[3]["cases"][0]["pictures"]
        assert [one["shows"] for one in shown][:2] == ["room", "product"]
        drawn = {path.name for path in jobs.pictures(ids[3]).iterdir()}
        assert drawn == {one["file"] for one in shown}


def test_what_a_page_puts_before_the_library_meanwhile_is_not_for_jobs(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`floorlens/html.py` is not the `html` of the standard library."""
    with dispatching(lens, tmp_path) as jobs:
        monkeypatch.setattr(sys, "path", [str(Path(floorlens.__file__).parent), *sys.path])
        job = jobs.submit("evaluation", {"measure": "pairs", "folder": "/etc"})
        assert ended(jobs, job.id).code == "usage"


def test_a_failure_is_a_code_and_its_cause_a_matter_of_the_log(
    lens: Floorlens, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong with what was sent is said; all else is not."""
    paint(tmp_path / "shop", 3)
    with dispatching(lens, tmp_path) as jobs:
        outside = ended(jobs, jobs.submit("import", {"folder": "/etc"}).id)
        few = ended(jobs, jobs.submit("adaptation", {}).id)
        broken = ended(jobs, jobs.submit("evaluation", {"folder": "shop", "measure": "x"}).id)
    assert (outside.status, outside.code) == ("failed", "usage")
    assert "none of those that may be read" in outside.detail
    assert (few.status, few.code) == ("failed", "usage")
    assert "8" in few.detail
    assert (broken.status, broken.code, broken.detail) == ("failed", "internal", "")
    assert "KeyError: 'x'" in caplog.text


@pytest.mark.slow
def test_a_job_whose_process_is_killed_goes_on(lens: Floorlens, tmp_path: Path) -> None:
    """Nothing that was reported is lost or done twice; the report tells of one import."""
    folder = paint(tmp_path / "shop", 300)
    with dispatching(lens, tmp_path) as jobs:
        job_id = send(jobs, folder)
        until(lambda: jobs.get(job_id).counts.get("added", 0) > 16)
        os.kill(until(child_of_this_process), signal.SIGKILL)
        job = ended(jobs, job_id)
        assert (job.status, job.attempts) == ("done", 2)
        # What was stored and not yet reported when it died is unchanged to the second attempt.
        assert job.counts["added"] + job.counts.get("unchanged", 0) == 300
        assert job.counts.get("unchanged", 0) < 200
        rows = [row for start in (-1, 199) for _, row in jobs.rows(job_id, None, start, 200)[0]]
        assert len({row["id"] for row in rows}) == len(rows) == 301
    assert lens.count() == 300


@pytest.mark.slow
def test_a_service_that_ends_puts_its_job_back(lens: Floorlens, tmp_path: Path) -> None:
    """The next one takes it up, and no attempt is counted."""
    folder = paint(tmp_path / "shop", 200)
    with dispatching(lens, tmp_path) as jobs:
        job_id = send(jobs, folder)
        until(lambda: jobs.get(job_id).counts.get("added", 0) > 0)
    store = Store(tmp_path / "state")
    job = Jobs(store).get(job_id)
    assert (job.status, job.attempts) == ("queued", 0)
    assert child_of_this_process() is None
    store.close()
    with dispatching(lens, tmp_path) as jobs:
        assert ended(jobs, job_id).status == "done"
    assert lens.count() == 200


@pytest.mark.slow
def test_a_running_job_can_be_cancelled(lens: Floorlens, tmp_path: Path) -> None:
    """What it has stored stays; the next one begins."""
    folder = paint(tmp_path / "shop", 300)
    with dispatching(lens, tmp_path) as jobs:
        job_id = send(jobs, folder)
        until(lambda: jobs.get(job_id).counts.get("added", 0) > 0)
        jobs.cancel(job_id)
        job = ended(jobs, job_id)
        assert job.status == "cancelled"
        assert 0 < job.counts["added"] < 300
        until(lambda: not jobs.uploads(job_id).exists())
        assert ended(jobs, jobs.submit("rebuild", {"adapt": False}).id).status == "done"
    assert job.counts["added"] <= lens.count() < 300


@pytest.mark.slow
def test_what_kills_its_process_fails_in_the_end(lens: Floorlens, tmp_path: Path) -> None:
    folder = paint(tmp_path / "shop", 300)
    with dispatching(lens, tmp_path) as jobs:
        job_id = send(jobs, folder)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            until(partial(_is_at, jobs, job_id, attempt))
            os.kill(until(child_of_this_process), signal.SIGKILL)
        job = ended(jobs, job_id)
    assert (job.status, job.code) == ("failed", "job-crashed")


def test_of_several_dispatchers_one_works(lens: Floorlens, tmp_path: Path) -> None:
    """Another takes over when that one ends."""
    paint(tmp_path / "shop", 5)
    arguments = {"folder": "shop", "adapt": False}
    with dispatching(lens, tmp_path) as first:
        assert ended(first, first.submit("import", arguments).id).status == "done"
        with dispatching(lens, tmp_path) as second:
            ids = [second.submit("import", arguments).id for _ in range(3)]
            jobs = [ended(second, job_id) for job_id in ids]
    assert [job.attempts for job in jobs] == [1, 1, 1]
    moments = sorted((job.started or 0, job.ended or 0) for job in jobs)
    assert all(end <= start for (_, end), (start, _) in pairwise(moments))
    with dispatching(lens, tmp_path) as third:
        assert ended(third, third.submit("import", arguments).id).status == "done"
    assert (tmp_path / "state" / RUNNER_LOCK).exists()


def test_where_there_are_no_locks_jobs_wait_and_the_log_says_so_once(
    lens: Floorlens,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on Windows."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    # Services of other tests may run in this process.
    before = set(threading.enumerate())
    with dispatching(lens, tmp_path) as jobs:
        job = jobs.submit("rebuild", {})
        new = set(threading.enumerate()) - before
        assert not [one for one in new if one.name == "floorlens-jobs"]
        assert jobs.get(job.id).status == "queued"
    assert [one.message for one in caplog.records if one.name == "floorlens.service.jobs"] == [
        "jobs do not run on this system: they wait until one with fcntl serves"
    ]
