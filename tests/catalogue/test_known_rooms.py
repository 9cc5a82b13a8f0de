"""Stored rooms whose product is known: whole, found by their encoder, gone with their product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields

import numpy as np
import pytest

from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.known_rooms import KnownRoom, KnownRooms, RoomPhoto
from floorlens.embedding import Aspect
from floorlens.models.stamp import encoder_key
from tests.catalogue.test_simulated_views import STAMP, entry

ENCODER = encoder_key(STAMP)


def room(product: str, digest: str, seed: int = 0) -> KnownRoom:
    rng = np.random.default_rng(seed)
    shapes = ((3, 6), (3,), (5, 3), (2,), (0,))
    parts = [rng.normal(size=shape).astype(np.float16) for shape in shapes]
    return KnownRoom(RoomPhoto(product, f"/rooms/{digest}.jpg", digest), Aspect(*parts))


@pytest.fixture
def catalogue(location: str) -> Iterator[Catalogue]:
    """Products a and b."""
    with closing(Catalogue(location)) as opened:
        opened.put([entry("a", "x"), entry("b", "y")], opened.generations.live(STAMP))
        yield opened


def test_rooms_come_back_as_they_went_in(catalogue: Catalogue) -> None:
    rooms, revision = KnownRooms(catalogue, ENCODER), catalogue.revision()
    rooms.replace([room("b", "r2", 2), room("a", "r1", 1), room("gone", "r3")])
    assert catalogue.revision() == revision, "no search has to look for changes"
    first, second = rooms.load()
    assert [first.photo, second.photo] == [room("a", "r1").photo, room("b", "r2").photo]
    for field in fields(Aspect):
        np.testing.assert_array_equal(
            getattr(first.scene, field.name), getattr(room("a", "r1", 1).scene, field.name)
        )
    rooms.replace([room("a", "r4")])
    assert [one.photo.content_hash for one in rooms.load()] == ["r4"]


def test_other_pictures_of_a_product_leave_its_rooms_alone(catalogue: Catalogue) -> None:
    """The product is the same; with it they go."""
    rooms = KnownRooms(catalogue, ENCODER)
    rooms.replace([room("a", "r1"), room("b", "r2")])
    catalogue.put([entry("a", "z")], catalogue.generations.live(STAMP))
    assert len(rooms.load()) == 2
    catalogue.remove(["a"])
    assert [one.photo.product_id for one in rooms.load()] == ["b"]


def test_what_another_encoder_described_is_told(catalogue: Catalogue) -> None:
    """Until this one has described it, whatever it could not describe stays."""
    rooms, others = KnownRooms(catalogue, ENCODER), KnownRooms(catalogue, "0123456789abcdef")
    others.replace([room("a", "r1"), room("b", "r2")])
    assert rooms.load() == []
    assert rooms.of_others() == [room("a", "r1").photo, room("b", "r2").photo]
    rooms.add([room("a", "r1", 3)])
    assert rooms.of_others() == [room("b", "r2").photo]
    assert [one.photo.product_id for one in rooms.load()] == ["a"]
    assert [one.photo.product_id for one in others.load()] == ["b"]
