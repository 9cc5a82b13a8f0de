"""The cross-validation of pairs: ranks as a search gives them, folds by product, honest figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.adaptation.pairs import describe_rooms
from floorlens.adaptation.validation import FOLDS, Ranker, validate
from floorlens.catalogue.known_rooms import KnownRoom, RoomPhoto
from floorlens.embedding.projection import Projection
from floorlens.images.loading import load_photo
from floorlens.testing import fake_projection, fake_stages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve products, of which the last two have the same picture, and a room of each."""
    rng = np.random.default_rng(0)
    (tmp_path / "products").mkdir()
    colours = rng.integers(60, 190, (12, 3))
    colours[11] = colours[10]
    for number, colour in enumerate(colours):
        swatch = np.full((40, 60, 3), colour, np.uint8)
        Image.fromarray(swatch).save(tmp_path / "products" / f"p{number:02}.png")
        room = (swatch + rng.integers(-60, 60, 3)).astype(np.uint8)
        room[:9] = number
        Image.fromarray(room).save(tmp_path / f"{number:02}.png")
    return tmp_path


def described(folder: Path) -> list[KnownRoom]:
    photos = [
        RoomPhoto(f"p{path.stem}", str(path), load_photo(path).content_hash)
        for path in sorted(folder.glob("*.png"))
    ]
    outcomes = describe_rooms(photos, fake_stages(), max_megapixels=1)
    return [outcome for outcome in outcomes if isinstance(outcome, KnownRoom)]


@pytest.mark.parametrize("depth", [1, 3, 200])
def test_ranks_are_those_of_a_search(folder: Path, depth: int) -> None:
    """However many are compared in detail; the two that look the same count as one."""
    stages = fake_stages(adaptable=True, rerank_depth=depth)
    with Floorlens.open(folder / "c", stages=stages) as lens:
        lens.add(folder / "products", adapt=False)
        ranker = Ranker(lens._catalogue, stages, lens._catalogue.embedded())
        rooms = described(folder)
        ranks = ranker.ranks(rooms, fake_projection("1"))
        twins = ("p10", "p11")
        for room, rank in zip(rooms, ranks.tolist(), strict=True):
            ids = [match.product.id for match in lens.search(room.photo.path).matches]
            wanted = twins if room.photo.product_id in twins else (room.photo.product_id,)
            before = ids[: min(ids.index(name) for name in wanted)]
            assert rank == 1 + len(before) - (set(twins) <= set(before))
    assert len(set(ranks.tolist())) > 2


def test_no_room_is_searched_with_what_its_own_product_taught(folder: Path) -> None:
    stages = fake_stages(adaptable=True)
    taught: list[set[str]] = []

    def project(rooms: Sequence[KnownRoom]) -> Projection:
        taught.append({room.photo.product_id for room in rooms})
        return fake_projection("1")

    with Floorlens.open(folder / "c", stages=stages) as lens:
        lens.add(folder / "products", adapt=False)
        ranker = Ranker(lens._catalogue, stages, lens._catalogue.embedded())
        rooms = described(folder)
        result = validate(rooms, ranker, fake_projection("1"), project)
        assert validate(rooms[::-1], ranker, fake_projection("1"), project) == result
    held = [{room.photo.product_id for room in rooms} - names for names in taught]
    assert len(held) == 2 * FOLDS
    assert sorted(held[:FOLDS], key=sorted) == sorted(held[FOLDS:], key=sorted)
    assert sorted(name for names in held[:FOLDS] for name in names) == [
        f"p{number:02}" for number in range(12)
    ]
    assert all(("p10" in names) == ("p11" in names) for names in held)
    assert (result.rooms, result.products) == (12, 11)
    # One projection before and after: nothing is gained, and that is no gain.
    assert (result.mrr.difference, result.mrr.low, result.mrr.high) == (0, 0, 0)
    assert not result.gain
