"""A real service of two processes with the real models: kills, two workers, searches meanwhile."""

from __future__ import annotations

import io
import os
import signal
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("uvicorn", reason="needs the extra api")

import httpx

from floorlens import Floorlens
from floorlens.settings import Settings
from tests.api.test_workers import children, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc, as Linux has"),
]

LIMIT = 300.0
COUNT = 64


def archive() -> bytes:
    """Returns a ZIP of many small pictures that are all unlike."""
    chance = np.random.default_rng(3)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for number in range(COUNT):
            data = io.BytesIO()
            pixels = chance.integers(0, 255, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((96, 96)).save(data, "PNG")
            packed.writestr(f"new{number:03}.png", data.getvalue())
    return file.getvalue()


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail("it did not come to be")


def done(web: httpx.Client, location: str) -> dict[str, Any] | None:
    job: dict[str, Any] = web.get(location).json()
    return job if job["status"] == "done" else None


def runners(state: Path) -> list[int]:
    """Returns the process ids of jobs that have a service's store open."""
    own = []
    for process in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, or close one of its files.
        with suppress(OSError):
            if b"floorlens.service.runner" not in (process / "cmdline").read_bytes():
                continue
            for link in list((process / "fd").iterdir()):
                with suppress(OSError):
                    if str(link.readlink()) == str(state / "runner.lock"):
                        own.append(int(process.name))
                        break
    return own


@pytest.fixture
def settings(tmp_path: Path, rooms: Path) -> Settings:
    """An empty catalogue."""
    catalogue = tmp_path / "catalogue"
    with Floorlens.open(catalogue):
        pass
    return Settings(catalogue=str(catalogue))


def test_a_killed_service_goes_on_with_its_import(
    settings: Settings, tmp_path: Path, rooms: Path
) -> None:
    """kill -9 of all its processes in the middle: after a restart every product is there, once."""
    photo = next(rooms.glob("*.jpg")).read_bytes()
    state = tmp_path / "state"
    with serving(settings, tmp_path) as (url, pid):
        with httpx.Client(base_url=url, timeout=LIMIT, trust_env=False) as web:
            started = web.post(
                "/v1/imports", files={"file": ("new.zip", archive())}, data={"adapt": "false"}
            )
            assert started.status_code == 202, started.text
            location = started.headers["location"]
            until(lambda: web.get(location).json()["counts"].get("added", 0) > 16)
        assert len(runners(state)) == 1
        for process in (pid, *children(pid)):
            os.kill(process, signal.SIGKILL)
        # The job's process ends by itself.
        until(lambda: not runners(state))
    with Floorlens.open(settings.catalogue, threads=1) as lens:
        before = lens.count()
    assert 16 < before < COUNT
    with (
        serving(settings, tmp_path) as (url, _),
        httpx.Client(base_url=url, timeout=LIMIT, trust_env=False) as web,
    ):
        # Searches go on meanwhile, and find what is stored already.
        assert len(web.post("/search", files={"file": photo}).json()) >= before
        job = until(lambda: done(web, location))
        assert job["attempts"] == 2
        assert sum(job["counts"].values()) == COUNT
        # What was reported before the kill is not embedded again, and stays reported as added.
        assert job["counts"]["added"] >= COUNT - before + 16
        assert web.get("/v1/status").json()["searchable"] == COUNT
        ids: list[str] = []
        cursor = None
        while True:
            page = web.get("/v1/products", params={"limit": 50, "cursor": cursor} if cursor else {})
            ids += [product["id"] for product in page.json()["products"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        assert ids == [f"new{number:03}" for number in range(COUNT)]
        assert len(web.post("/search", files={"file": photo}).json()) == COUNT
        again = web.post("/v1/imports", files={"file": ("new.zip", archive())})
        job = until(lambda: done(web, again.headers["location"]))
        assert job["counts"] == {"unchanged": COUNT}
    assert not list((state / "uploads").iterdir())


def test_every_worker_finds_what_another_added_within_two_seconds(
    settings: Settings, tmp_path: Path, rooms: Path
) -> None:
    """Whether one product was sent to a worker, or a job's process imported many."""
    photo = next(rooms.glob("*.jpg")).read_bytes()

    def ids(url: str) -> set[str]:
        # A connection of its own: the workers take turns.
        with httpx.Client(base_url=url, timeout=LIMIT, trust_env=False) as web:
            answer = web.post("/search", files={"file": photo})
            return {hit["id"] for hit in answer.json()} if answer.status_code == 200 else set()

    with (
        serving(settings, tmp_path) as (url, pid),
        httpx.Client(base_url=url, timeout=LIMIT, trust_env=False) as web,
    ):
        assert len(children(pid)) == 2
        picture = io.BytesIO()
        Image.new("RGB", (96, 96), "tan").save(picture, "PNG")
        added = web.post(
            "/v1/products", files=[("images", ("a.png", picture.getvalue()))], data={"id": "cork"}
        )
        assert added.status_code == 201, added.text
        stored = time.monotonic()
        assert [ids(url) for _ in range(8)] == [{"cork"}] * 8, time.monotonic() - stored
        started = web.post("/v1/imports", files={"file": ("new.zip", archive())})
        location = started.headers["location"]
        until(lambda: done(web, location))
        assert [len(ids(url)) for _ in range(8)] == [COUNT + 1] * 8
        assert web.delete("/v1/products/cork").status_code == 204
        assert [len(ids(url)) for _ in range(8)] == [COUNT] * 8
