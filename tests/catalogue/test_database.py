"""The database behind a catalogue, of either kind: transactions, and the lock for work outside."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, update

from floorlens.catalogue.database import Database
from floorlens.catalogue.schema import SCHEMA_VERSION, generations, products, state
from floorlens.errors import (
    CatalogueBusy,
    CatalogueError,
    CatalogueNotFound,
    CatalogueReplaced,
    SchemaMismatch,
)

if TYPE_CHECKING:
    from tests.conftest import Place

pytestmark = pytest.mark.slow

# Takes the lock, says so, and keeps it until it is killed.
HOLDER = """
import sys, time
from floorlens.catalogue.database import Database

with Database(sys.argv[1]).exclusive(sys.argv[2]):
    print("inside", flush=True)
    time.sleep(600)
"""


def test_one_is_inside_at_a_time(place: Place) -> None:
    """Also of two threads with one opened catalogue; other names and catalogues are free."""
    one, two, other = Database(place("one")), Database(place("one")), Database(place("other"))
    with one.exclusive("push to pinecone"):
        for database in (one, two):
            with (
                pytest.raises(
                    CatalogueBusy, match="another process has been busy with 'push to pine"
                ),
                database.exclusive("push to pinecone", timeout=0.2),
            ):
                pytest.fail("two are inside")
        with two.exclusive("push to milvus", timeout=0), other.exclusive("push to pinecone"):
            pass
    with two.exclusive("push to pinecone", timeout=0):
        pass


def test_threads_take_turns(location: str) -> None:
    """All get in, one after the other, and what each does is whole."""
    database = Database(location)
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


def test_an_error_inside_lets_the_next_one_in(location: str) -> None:
    """And comes out as it is."""
    database = Database(location)
    for error in (ZeroDivisionError, sqlite3.OperationalError):
        with pytest.raises(error), database.exclusive("push"):
            raise error
    with database.exclusive("push", timeout=0):
        pass


def test_kill_9_lets_the_next_one_in(location: str) -> None:
    """A push that crashed must not block the one that mends it."""
    database = Database(location)
    command = [sys.executable, "-c", HOLDER, location, "push"]
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


def test_the_catalogue_is_free_meanwhile(location: str) -> None:
    """It is no transaction: others read and write."""
    one, two = Database(location), Database(location)
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


# Writes half of what belongs together, says so, and waits to be killed.
HALF = """
import sys, time
from sqlalchemy import insert
from floorlens.catalogue.database import Database
from floorlens.catalogue.schema import products

with Database(sys.argv[1]).writing(counted=False) as connection:
    connection.execute(insert(products).values(id="half", name="", metadata="{}", revision=0))
    print("inside", flush=True)
    time.sleep(600)
"""


def ids(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(products.c.id).order_by(products.c.id)).scalars())


def add(database: Database, product_id: str) -> int:
    """Stores a product; returns the revision that this is."""
    with database.writing() as connection:
        revision = int(connection.execute(select(state.c.revision)).scalar_one())
        row = {"id": product_id, "name": "", "metadata": "{}", "revision": revision}
        connection.execute(insert(products).values(row))
    return revision


def test_kill_9_while_writing_leaves_nothing_half(location: str) -> None:
    """And the next writer, who waits meanwhile, goes on."""
    with closing(Database(location)) as database:
        command = [sys.executable, "-c", HALF, location]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "inside\n"
            assert ids(database) == [], "readers do not wait, and do not see it"
            writer = threading.Thread(target=add, args=(database, "next"))
            writer.start()
            writer.join(timeout=0.3)
            assert writer.is_alive(), "two write at once"
            child.send_signal(signal.SIGKILL)
            writer.join(timeout=120)
        finally:
            child.kill()
            child.communicate(timeout=120)
        assert ids(database) == ["next"]


def test_what_is_read_is_of_one_moment(location: str) -> None:
    with closing(Database(location)) as one, closing(Database(location)) as two:
        add(one, "a")
        with one.reading() as connection:
            count = select(products.c.id)
            assert len(connection.execute(count).all()) == 1
            add(two, "b")
            assert len(connection.execute(count).all()) == 1
        assert ids(one) == ["a", "b"]


def test_revisions_grow_in_the_order_of_the_commits(location: str) -> None:
    """Else whoever follows revisions would pass over what commits late."""
    with closing(Database(location)) as database:

        def write(name: str) -> list[int]:
            return [add(database, f"{name}{number}") for number in range(10)]

        seen: set[str] = set()
        last = 0
        with ThreadPoolExecutor(4) as pool:
            tasks = [pool.submit(write, name) for name in "abcd"]
            working = True
            while working:
                # Once more after the last one has committed.
                working = not all(task.done() for task in tasks)
                with database.reading() as connection:
                    now = int(connection.execute(select(state.c.revision)).scalar_one())
                    later = select(products.c.id).where(products.c.revision > last)
                    seen.update(connection.execute(later).scalars())
                assert now >= last
                last = now
            made = [revision for task in tasks for revision in task.result()]
        assert sorted(made) == list(range(1, 41))
        assert seen == set(ids(database))
        assert len(seen) == 40


def test_a_generation_number_is_never_used_twice(location: str) -> None:
    """An index might still follow the first one of that number."""
    with closing(Database(location)) as database:
        numbers = []
        for _ in range(3):
            with database.writing() as connection:
                made = connection.execute(insert(generations).values(stamp="{}"))
                key = made.inserted_primary_key
                assert key is not None
                numbers.append(key[0])
                connection.execute(generations.delete())
        assert len(set(numbers)) == 3
        assert numbers == sorted(numbers)


def test_ids_are_sorted_as_python_sorts_them(location: str) -> None:
    """By code point, whatever language the database speaks; the longest id fits."""
    names = ["a", "B", "b", "Z", "z", "ä", "Ä", "_", "-", "a b", "a-b", "10", "9", "ß", "ss", "é"]
    names += ["日本", "\U0001f600" * 512, "\uffee", "e\u0301"]
    with closing(Database(location)) as database:
        for name in names:
            add(database, name)
        assert ids(database) == sorted(names)


def test_an_error_while_writing_undoes_all_of_it(location: str) -> None:
    with closing(Database(location)) as database:
        with pytest.raises(ZeroDivisionError), database.writing() as connection:
            connection.execute(update(state).values(revision=99))
            raise ZeroDivisionError
        assert add(database, "a") == 1


def test_a_newer_schema_is_refused(location: str) -> None:
    """An older Floorlens never writes into a newer catalogue."""
    with closing(Database(location)) as database, database.writing() as connection:
        connection.execute(update(state).values(schema_version=SCHEMA_VERSION + 1))
    with pytest.raises(SchemaMismatch, match="update"):
        Database(location)


# Opens what is not there yet, when told to; several at once.
OPENER = """
import sys
from floorlens.catalogue.database import Database

print("ready", flush=True)
sys.stdin.readline()
database = Database(sys.argv[1])
with database.writing():
    pass
"""


def test_several_processes_make_one_catalogue(location: str) -> None:
    """Each finds it made, or waits for whoever makes it; none fails."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, location],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        for child in children:
            _, errors = child.communicate(timeout=120)
            assert child.returncode == 0, errors
    finally:
        for child in children:
            child.kill()
            child.communicate(timeout=120)
    with closing(Database(location, create=False)) as database, database.reading() as connection:
        rows = connection.execute(select(state.c.revision)).scalars().all()
        assert rows == [4]


# -- a catalogue that is moved or replaced while it is open ----------------------------------------


def test_a_folder_that_is_gone_is_neither_read_nor_written(tmp_path: Path) -> None:
    """SQLite would go on with the file that was deleted, and lose all that is written to it."""
    folder = tmp_path / "shop"
    with closing(Database(folder)) as database:
        add(database, "a")
        folder.rename(tmp_path / "moved")
        for _ in range(2):
            with pytest.raises(CatalogueNotFound, match=r"is gone: .* Put it back"):
                ids(database)
            with pytest.raises(CatalogueNotFound):
                add(database, "b")
            assert not database.is_in_place()
        assert not folder.exists(), "nothing is made where it lay"
        folder.mkdir()
        with pytest.raises(CatalogueNotFound):
            ids(database)
        assert list(folder.iterdir()) == []
        folder.rmdir()
        (tmp_path / "moved").rename(folder)
        assert database.is_in_place()
        assert ids(database) == ["a"]
        shutil.rmtree(folder)
        with pytest.raises(CatalogueNotFound):
            ids(database)


def test_no_connection_is_left_when_the_folder_goes(tmp_path: Path) -> None:
    """Then connecting fails, which must not make an empty file, and has the same message."""
    folder = tmp_path / "shop"
    with closing(Database(folder)) as database:
        database._store.engine.dispose()
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        with pytest.raises(CatalogueNotFound, match="is gone"):
            ids(database)
        assert list(folder.iterdir()) == []


def test_another_catalogue_in_its_place_is_neither_read_nor_written(tmp_path: Path) -> None:
    """What belongs to the one must not get into the other, whatever lies there."""
    folder, other = tmp_path / "shop", tmp_path / "other"
    with closing(Database(folder)) as database, closing(Database(other)) as beside:
        add(database, "a")
        add(beside, "b")
        folder.rename(tmp_path / "yesterday")
        other.rename(folder)
        for _ in range(2):
            with pytest.raises(CatalogueReplaced, match="run the same command again"):
                ids(database)
            with pytest.raises(CatalogueReplaced):
                add(database, "c")
        with closing(Database(folder)) as opened:
            assert ids(opened) == ["b"]


def replace_tables(location: str, other: str) -> None:
    """Puts the content of another catalogue into one, as a restored dump does."""
    with closing(Database(other)) as source, source.reading() as connection:
        uid, revision = connection.execute(select(state.c.uid, state.c.revision)).one()
    with closing(Database(location)) as target, target.writing(counted=False) as connection:
        connection.execute(update(state).values(uid=uid, revision=revision))


def test_other_content_in_the_same_place_is_noticed(place: Place) -> None:
    """By the next search, which asks for the revision, and by whoever writes."""
    with closing(Database(place("one"))) as database:
        add(database, "a")
        Database(place("other")).close()
        replace_tables(place("one"), place("other"))
        with pytest.raises(CatalogueReplaced):
            add(database, "b")
        assert not database.is_in_place()


def test_an_older_state_of_the_same_catalogue_is_noticed(place: Place) -> None:
    """Whoever follows revisions has seen later ones: what he holds is not of this state."""
    with closing(Database(place("one"))) as database:
        for name in "abc":
            add(database, name)
        with database.reading() as connection:
            assert database.check_revision(connection) == 3
        with closing(Database(place("one"))) as other, other.writing(counted=False) as connection:
            connection.execute(update(state).values(revision=1))
        with database.reading() as connection, pytest.raises(CatalogueReplaced):
            database.check_revision(connection)
        assert not database.is_in_place()
