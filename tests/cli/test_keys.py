"""`floorlens keys`: made, listed and revoked where the service of the settings reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from floorlens.service.keys import Keys
from floorlens.service.store import Store

Run = Callable[..., Result]


def test_from_making_to_revoking(run: Run, tmp_path: Path) -> None:
    """It needs no catalogue yet: a key may be there before the first product."""
    out = run("keys", "create", "my shop", "--scope", "search", "--scope", "read", "--rate", 60)
    secret = out.stdout.splitlines()[1]
    store = Store(tmp_path / "catalogue-service")
    key = Keys(store).check(secret)
    assert key is not None
    assert (key.name, key.rate, sorted(key.scopes)) == ("my shop", 60, ["read", "search"])
    listed = run("keys", "list").stdout
    assert key.id in listed
    assert "search, read" in listed
    assert secret not in listed
    assert f"key {key.id} for my shop is revoked" in run("keys", "revoke", key.id).stdout
    assert Keys(store).check(secret) is None
    store.close()
    facts = json.loads(run("keys", "list", "--json").stdout)
    assert facts[0]["revoked"] >= facts[0]["created"]
    assert facts[0]["scopes"] == ["search", "read"]


def test_json_has_the_secret_once(run: Run) -> None:
    made = json.loads(run("keys", "create", "x", "--scope", "admin", "--json").stdout)
    assert made.pop("secret").startswith(f"flk_{made['id']}_")
    assert json.loads(run("keys", "list", "--json").stdout) == [made]
    assert made["rate"] is None


def test_the_settings_say_where(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "create", "x", "--scope", "search", "--catalogue", "other")
    assert (tmp_path / "other-service" / "service.sqlite").is_file()
    monkeypatch.setenv("FLOORLENS_STATE", str(tmp_path / "state"))
    run("keys", "create", "x", "--scope", "search", "--catalogue", "other")
    assert (tmp_path / "state" / "service.sqlite").is_file()


def test_what_cannot_be_is_refused(run: Run) -> None:
    assert "Missing option '--scope'" in run("keys", "create", "x", code=2).output
    assert "write is no scope" in run("keys", "create", "x", "--scope", "write", code=2).stderr
    assert "no key" in run("keys", "revoke", "0123", code=3).stderr
