"""API keys: what is stored of them, and when they stop."""

from __future__ import annotations

import hmac
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from floorlens.errors import KeyNotFound, UsageError
from floorlens.service.keys import CURRENT_SECONDS, SCOPES, Keys
from floorlens.service.store import FILE_NAME, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "service")
    yield store
    store.close()


def test_a_secret_is_that_of_its_key(store: Store) -> None:
    keys = Keys(store)
    key, secret = keys.create(" shop ", ["search", "read"], 60)
    other, _ = keys.create("other", ["admin"])
    assert keys.check(secret) == key
    assert (key.name, key.rate, key.revoked) == ("shop", 60, None)
    assert secret.startswith(f"flk_{key.id}_")
    assert len(secret) == len("flk_") + 12 + 1 + 43
    assert [one.id for one in keys.all()] == [key.id, other.id]


def test_the_secret_is_stored_nowhere(store: Store) -> None:
    """Nor any part of it that is not the id."""
    _, secret = Keys(store).create("shop", ["search"])
    content = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert secret.encode() not in content
    assert secret[-43:][:12].encode() not in content


def test_admin_includes_the_others(store: Store) -> None:
    keys = Keys(store)
    admin, _ = keys.create("a", ["admin"])
    search, _ = keys.create("s", ["search"])
    assert all(admin.allows(scope) for scope in SCOPES)
    assert [scope for scope in SCOPES if search.allows(scope)] == ["search"]


@pytest.mark.parametrize(
    "change",
    [
        lambda secret: secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        lambda secret: secret + "A",
        lambda secret: secret.upper(),
        lambda secret: "flk_000000000000" + secret[16:],
        lambda secret: secret[:-43] + "ä" * 43,
        lambda secret: secret + "\udc80",
        lambda _: "",
        lambda _: "flk__",
    ],
)
def test_what_is_no_secret_is_compared_all_the_same(
    store: Store, change: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `compare_digest`, also for an id that nobody has."""
    keys = Keys(store)
    _, secret = keys.create("shop", ["search"])
    calls = []
    own = hmac.compare_digest

    def compare(a: str, b: str) -> bool:
        calls.append((len(a), len(b)))
        return own(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert callable(change)
    assert keys.check(change(secret)) is None
    assert calls == [(64, 64)]


def test_a_revoked_key_stops_in_other_processes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads the keys anew every second; meanwhile it does not read them again."""
    assert CURRENT_SECONDS <= 2
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    worker, command = Keys(store), Keys(Store(store.folder))
    key, secret = command.create("shop", ["search"])
    assert worker.check(secret) == key
    again = command.revoke(key.id)
    assert again.revoked is not None
    assert command.check(secret) is None
    assert worker.check(secret) == key
    assert worker.current
    now += CURRENT_SECONDS
    assert not worker.current
    assert worker.check(secret) is None
    assert command.revoke(key.id) == again


def test_an_id_that_nobody_has_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(KeyNotFound, match="nobody is the id of no key"):
        Keys(store).revoke("nobody")


@pytest.mark.parametrize(
    ("name", "scopes", "rate", "message"),
    [
        ("", ["search"], None, "name"),
        ("a\nb", ["search"], None, "name"),
        ("x" * 101, ["search"], None, "name"),
        ("shop", [], None, "needs a scope: search, read, admin"),
        ("shop", ["write"], None, "write is no scope"),
        ("shop", ["search"], -1, "rate"),
    ],
)
def test_what_cannot_be_a_key(
    store: Store, name: str, scopes: list[str], rate: int | None, message: str
) -> None:
    keys = Keys(store)
    with pytest.raises(UsageError, match=message):
        keys.create(name, scopes, rate)
    assert not keys.all()


def test_the_file_is_the_users_own(store: Store) -> None:
    """It holds photos, and the secret that signs addresses."""
    assert store.folder.stat().st_mode & 0o077 == 0
    with sqlite3.connect(store.folder / FILE_NAME) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
