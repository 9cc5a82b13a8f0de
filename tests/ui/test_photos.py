"""Photos that only the page has."""

from __future__ import annotations

from pathlib import Path

import pytest

from floorlens.ui.photos import Photos, PhotosFull


def test_a_photo_stays_until_it_is_dropped(room: Path) -> None:
    photos = Photos()
    token = photos.put(room.read_bytes())
    assert photos.get(token) == room.read_bytes()
    assert photos.size(token, max_megapixels=1, seconds=60) == (160, 120)
    # Known by now: nothing is decoded again.
    assert photos.size(token, max_megapixels=1, seconds=0) == (160, 120)
    photos.drop(token)
    photos.drop(token)
    assert photos.get(token) is None
    assert photos.size(token, max_megapixels=1, seconds=60) is None
    assert photos.size_of_all() == 0


def test_what_cannot_be_read_has_no_size() -> None:
    photos = Photos()
    assert photos.size(photos.put(b"a text"), max_megapixels=1, seconds=60) is None


def test_there_is_an_end_to_the_room() -> None:
    photos = Photos(most_bytes=10)
    first = photos.put(b"123456")
    with pytest.raises(PhotosFull):
        photos.put(b"12345")
    photos.drop(first)
    photos.put(b"12345")


def test_a_photo_that_nobody_asked_for_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("floorlens.ui.photos.time.monotonic", lambda: now[0])
    photos = Photos(seconds=100, unasked_seconds=30)
    never, once = photos.put(b"never"), photos.put(b"once")
    now[0] = 20
    assert photos.get(once) is not None
    now[0] = 40
    assert photos.get(never) is None
    assert photos.get(once) == b"once"
    now[0] = 150
    assert photos.get(once) is None
