"""The database behind a catalogue: the lock for work outside it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from floorlens.database import Database
from floorlens.errors import CatalogueError

# Takes the lock, says so, and keeps it until it is killed.
HOLDER = """
import sys, time
from floorlens.database import Database

with Database(sys.argv[1]).exclusive(sys.argv[2]):
    print("inside", flush=True)
    time.sleep(600)
"""


def test_one_is_inside_at_a_time(tmp_path: Path) -> None:
    """Also of two threads with one opened catalogue; other names and catalogues are free."""
    one, two = Database(tmp_path / "one"), Database(tmp_path / "one")
    other = Database(tmp_path / "other")
    with one.exclusive("push to pinecone"):
        for database in (one, two):
            with (
                pytest.raises(CatalogueError, match="another process is busy with 'push to pine"),
                database.exclusive("push to pinecone", timeout=0.2),
            ):
                pytest.fail("two are inside")
        with two.exclusive("push to milvus", timeout=0), other.exclusive("push to pinecone"):
            pass
    with two.exclusive("push to pinecone", timeout=0):
        pass


def test_threads_take_turns(tmp_path: Path) -> None:
    """All get in, one after the other, and what each does is whole."""
    database = Database(tmp_path)
    steps: list[tuple[int, str]] = []

    def work(number: int) -> None:
        with database.exclusive("push", timeout=120):
            steps.append((number, "in"))
            threading.Event().wait(0.02)
            steps.append((number, "out"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted({number for number, _ in steps}) == [0, 1, 2, 3]
    assert all(
        (first[0], first[1], second[1]) == (second[0], "in", "out")
        for first, second in zip(steps[::2], steps[1::2], strict=True)
    )


def test_an_error_inside_lets_the_next_one_in(tmp_path: Path) -> None:
    """And comes out as it is."""
    database = Database(tmp_path)
    for error in (ZeroDivisionError, sqlite3.OperationalError):
        with pytest.raises(error), database.exclusive("push"):
            raise error
    with database.exclusive("push", timeout=0):
        pass


def test_kill_9_lets_the_next_one_in(tmp_path: Path) -> None:
    """A push that crashed must not block the one that mends it."""
    database = Database(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path), "push"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "inside\n"
        with pytest.raises(CatalogueError), database.exclusive("push", timeout=0):
            pytest.fail("two are inside")
        child.send_signal(signal.SIGKILL)
        with database.exclusive("push", timeout=120):
            pass
    finally:
        child.kill()
        child.communicate(timeout=120)


def test_the_catalogue_is_free_meanwhile(tmp_path: Path) -> None:
    """It is no transaction: others read and write."""
    one, two = Database(tmp_path), Database(tmp_path)
    with ExitStack() as inside:
        inside.enter_context(one.exclusive("push"))
        with two.writing(), two.reading():
            pass
        with one.writing():
            pass


def test_a_lock_that_cannot_be_is_a_clear_error(tmp_path: Path) -> None:
    """Nobody is inside: waiting would not help."""
    database = Database(tmp_path)
    with database.exclusive("push"):
        pass
    (lock,) = tmp_path.glob("*.lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(CatalogueError, match="cannot be locked"), database.exclusive("push"):
        pytest.fail("there is no lock")
