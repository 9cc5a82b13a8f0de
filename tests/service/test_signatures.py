"""Signed addresses: who has one may fetch what it names, for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from floorlens.service.signatures import PERIOD, Signature, Signatures
from floorlens.service.store import Store

NOON = 1_800_000_000 // PERIOD * PERIOD + PERIOD / 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "service")
    yield store
    store.close()


def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr(time, "time", lambda: moment)


def test_it_is_the_same_for_hours_and_valid_for_a_day(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures = Signatures(store)
    at(monkeypatch, NOON)
    signature = signatures.sign("image", "oak", 0, 320)
    at(monkeypatch, NOON + PERIOD / 3)
    assert signatures.sign("image", "oak", 0, 320) == signature
    at(monkeypatch, NOON + PERIOD)
    assert signatures.check(signature, "image", "oak", 0, 320)
    assert signatures.sign("image", "oak", 0, 320) != signature
    at(monkeypatch, signature.expires - 1)
    assert signatures.check(signature, "image", "oak", 0, 320)
    at(monkeypatch, signature.expires)
    assert not signatures.check(signature, "image", "oak", 0, 320)


@pytest.mark.parametrize(
    "parts", [("image", "oak", 0, 640), ("image", "oak", 1, 320), ("image", "oak", 0, None), ()]
)
def test_it_is_of_its_parts_only(store: Store, parts: tuple[str | int | None, ...]) -> None:
    signatures = Signatures(store)
    assert not signatures.check(signatures.sign("image", "oak", 0, 320), *parts)


@pytest.mark.parametrize("text", ["", "x", "ä" * 43, "A" * 43])
def test_what_somebody_made_up_is_refused(store: Store, text: str) -> None:
    signatures = Signatures(store)
    expires = signatures.sign("image", "oak").expires
    assert not signatures.check(Signature(expires, text), "image", "oak")


def test_nobody_moves_the_end(store: Store) -> None:
    signatures = Signatures(store)
    signature = signatures.sign("image", "oak")
    later = Signature(signature.expires + PERIOD, signature.text)
    assert not signatures.check(later, "image", "oak")


def test_processes_share_the_secret_and_services_do_not(store: Store, tmp_path: Path) -> None:
    signature = Signatures(store).sign("image", "oak")
    again = Store(store.folder)
    assert Signatures(again).check(signature, "image", "oak")
    again.close()
    other = Store(tmp_path / "other")
    assert not Signatures(other).check(signature, "image", "oak")
    other.close()
