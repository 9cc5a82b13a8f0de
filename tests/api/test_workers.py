"""Several processes at one port: one catalogue, one sum of figures, each replaced that dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens import Floorlens
from floorlens.api.server import listen
from floorlens.service.keys import Keys
from floorlens.service.rates import burst_of
from floorlens.service.store import Store
from floorlens.settings import Settings

pytestmark = pytest.mark.slow

PATIENCE = 120.0


def wait_for(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


@contextmanager
def serving(
    settings: Settings, folder: Path, *options: str, access: str = "loopback"
) -> Iterator[tuple[str, int]]:
    """Yields the URL of a service of two processes, and the process id of their parent."""
    environment = {**os.environ, "FLOORLENS_CATALOGUE": settings.catalogue}
    environment |= {"FLOORLENS_NO_AUTH": access, "FLOORLENS_THREADS": "1"}
    environment |= {"FLOORLENS_STATE": str(folder / "state")}
    log = folder / "log"
    command = [sys.executable, "-m", "floorlens", "serve", "--port", "0", "--workers", "2"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *options], cwd=folder, env=environment, stdout=file, stderr=file
        )
    try:

        def serves() -> re.Match[str] | None:
            assert process.poll() is None, log.read_text()
            return re.search(r"at (http://127\.0\.0\.1:\d+)", log.read_text())

        wait_for(serves)
        match = serves()
        assert match
        yield match[1], process.pid
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, log.read_text()


def children(pid: int) -> set[int]:
    """Returns the process ids of the workers: those children that serve."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    workers = set()
    for child in text.split():
        # One that ends just now is none.
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                workers.add(int(child))
    return workers


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc, as Linux has it")
def test_a_worker_that_is_killed_is_replaced_and_nothing_else_is_noticed(
    sample_settings: Settings, tmp_path: Path, rooms: Path
) -> None:
    photo = {"file": next(rooms.glob("*.jpg")).read_bytes()}
    with serving(sample_settings, tmp_path) as (url, pid):
        with Floorlens.open(sample_settings.catalogue) as lens:
            count = lens.count()
        workers = children(pid)
        assert len(workers) == 2
        for _ in range(4):
            # Each on a connection of its own, so that both processes get some.
            answer = httpx.post(f"{url}/search", files=photo, timeout=PATIENCE)
            assert len(answer.json()) == count
        assert 'status="200"} 4.0' in httpx.get(f"{url}/metrics", timeout=PATIENCE).text
        os.kill(min(workers), signal.SIGKILL)
        wait_for(lambda: len(children(pid) - {min(workers)}) == 2)
        for _ in range(4):
            answer = httpx.post(f"{url}/search", files=photo, timeout=PATIENCE)
            assert answer.status_code == 200
        # Counts of the dead stay; what it had at work does not.
        figures = httpx.get(f"{url}/metrics", timeout=PATIENCE).text
        assert 'route="/search",status="200"} 8.0' in figures
        assert "floorlens_at_work 0.0" in figures


def test_a_product_that_is_added_is_found_by_every_process(
    sample_settings: Settings, tmp_path: Path, rooms: Path
) -> None:
    """Within two seconds, says the issue: at the next search, to be exact."""
    import shutil

    shutil.copytree(Path(sample_settings.catalogue), tmp_path / "catalogue")
    settings = sample_settings.model_copy(update={"catalogue": str(tmp_path / "catalogue")})
    photo = {"file": next(rooms.glob("*.jpg")).read_bytes()}
    with serving(settings, tmp_path) as (url, _):
        for _ in range(4):
            httpx.post(f"{url}/search", files=photo, timeout=PATIENCE)
        with Floorlens.open(settings.catalogue) as lens:
            product = lens.products()[0]
            lens.add([{"id": "new", "image": Path(product.images[0])}], adapt=False)
            expected = lens.count()
        counts = {
            len(httpx.post(f"{url}/search", files=photo, timeout=PATIENCE).json()) for _ in range(6)
        }
        assert counts == {expected}


def test_keys_and_their_rates_are_those_of_all_processes(
    sample_settings: Settings, tmp_path: Path
) -> None:
    """Each request has a connection of its own, so that both processes get some."""
    store = Store(tmp_path / "state")
    keys = Keys(store)
    key, secret = keys.create("shop", ["read"], 0)
    _, slow = keys.create("slow", ["read"], 60)
    try:
        with serving(sample_settings, tmp_path, access="") as (url, _):

            def status(one: str) -> int:
                own = {"Authorization": f"Bearer {one}"}
                return httpx.get(f"{url}/v1/status", headers=own, timeout=PATIENCE).status_code

            assert {status(secret) for _ in range(20)} == {200}
            begin = time.monotonic()
            answers = [status(slow) for _ in range(60)]
            seconds = time.monotonic() - begin
            assert set(answers) == {200, 429}
            # One burst, one a second, and a token that each process may have left.
            assert burst_of(60) <= answers.count(200) <= burst_of(60) + seconds + 2
            keys.revoke(key.id)
            time.sleep(1.5)
            assert {status(secret) for _ in range(20)} == {401}
    finally:
        store.close()


def test_a_process_that_cannot_start_ends_the_service(tmp_path: Path) -> None:
    """With the exit code of the cause: here there is no catalogue."""
    done = subprocess.run(
        [sys.executable, "-m", "floorlens", "serve", "--port", "0", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "FLOORLENS_NO_AUTH": "loopback"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 6
    assert "there is no catalogue" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc, as Linux has it")
def test_the_workers_of_a_parent_that_is_killed_end_and_free_the_port(
    sample_settings: Settings, tmp_path: Path
) -> None:
    """As the kernel does when memory is short: nobody else would end them."""
    with serving(sample_settings, tmp_path) as (url, pid):
        workers = children(pid)
        assert len(workers) == 2
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{one}").exists() for one in workers))
        parsed = httpx.URL(url)
        listen(parsed.host, parsed.port or 0).close()
