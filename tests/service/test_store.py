"""The file of what a service keeps: for its own user, and without what was deleted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from floorlens.service.schema import secrets
from floorlens.service.store import FILE_NAME, Store


def contents(folder: Path) -> bytes:
    """Returns the bytes of the file and of the journal beside it."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob(f"{FILE_NAME}*")))


@pytest.mark.skipif(sys.platform == "win32", reason="files have other rights there")
def test_nobody_else_may_read_it_also_where_the_folder_was_there_already(tmp_path: Path) -> None:
    """As that of a container's volume. It holds photos, and the secret that signs addresses."""
    tmp_path.chmod(0o755)
    store = Store(tmp_path)
    with store.writing() as connection:
        connection.execute(insert(secrets).values(name="a", value=b"secret"))
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob(f"{FILE_NAME}*")}
    store.close()
    assert FILE_NAME in modes
    assert set(modes.values()) == {0}


def test_what_was_deleted_is_overwritten(tmp_path: Path) -> None:
    """In the journal as well, which keeps what was written until it is folded into the file."""
    store = Store(tmp_path)
    photo = b"a photo of a room" * 10_000
    with store.writing() as connection:
        connection.execute(insert(secrets).values(name="photo", value=photo))
    assert photo[:1000] in contents(tmp_path)
    with store.writing() as connection:
        connection.execute(delete(secrets))
    size = len(contents(tmp_path))
    store.forget()
    assert b"a photo of a room" not in contents(tmp_path)
    assert len(contents(tmp_path)) < size - len(photo)
    store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="shows the locks by /proc")
def test_a_second_store_of_a_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """They are the process's: to open and close the file beside SQLite would end them all."""
    first = Store(tmp_path)
    inode = f":{(tmp_path / FILE_NAME).stat().st_ino} "

    def locks() -> int:
        text = Path("/proc/locks").read_text(encoding="utf-8")
        return sum(inode in line and f" {os.getpid()} " in line for line in text.splitlines())

    with first.reading() as connection:
        connection.execute(select(secrets)).all()
        before = locks()
        Store(tmp_path).close()
        assert locks() >= before > 0
    first.close()
