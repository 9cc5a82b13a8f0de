"""Prints: one picture is told from others, however it was encoded, cut, turned or coloured."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import CatalogueError
from floorlens.products.prints import NOTHING, Print, overlap, pack, print_of, unpack

Pixels = NDArray[np.uint8]


def floor(seed: int, height: int = 300, width: int = 300) -> Pixels:
    """A floor of boards with a grain: streaks, each board another piece."""
    rng = np.random.default_rng(seed)
    sheet = np.empty((height, width))
    for left in range(0, width, 50):
        grain = rng.normal(0, 1, (24, 16)).cumsum(axis=0)
        picture = Image.fromarray(grain.astype(np.float32)).resize((50, height))
        sheet[:, left : left + 50] = np.asarray(picture)[:, : width - left] * 6 + rng.normal(0, 8)
    grey = np.clip(130 + sheet, 0, 255)
    return np.stack([grey, grey * 0.85, grey * 0.6], axis=-1).astype(np.uint8)


def encoded(pixels: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def halved(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((150, 150)))


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_is_found_in_what_was_made_of_it(seed: int) -> None:
    one = floor(seed)
    original = print_of(one)
    for other in (encoded(one), halved(one), one[..., ::-1], (one * 0.6).astype(np.uint8)):
        assert overlap(original, print_of(np.ascontiguousarray(other))).likeness > 0.9
    part = overlap(original, print_of(np.ascontiguousarray(one[40:265, 20:245])))
    assert part.likeness > 0.8
    assert part.share == pytest.approx(0.75, abs=0.03)


def test_a_turned_picture_is_found_and_the_turn_is_told() -> None:
    one = floor(1)
    for turn in range(4):
        turned = print_of(np.ascontiguousarray(np.rot90(one, turn)))
        place = overlap(print_of(one), turned)
        assert (place.likeness > 0.95, place.turn) == (True, turn)


def test_other_boards_of_the_same_kind_are_not_the_same_picture() -> None:
    prints = [print_of(floor(seed)) for seed in range(8)]
    likeness = [overlap(a, b).likeness for i, a in enumerate(prints) for b in prints[:i]]
    assert max(likeness) < 0.7


def test_it_is_the_same_the_other_way_round() -> None:
    one, other = print_of(floor(1)), print_of(np.ascontiguousarray(floor(1)[:220, 60:280]))
    there, back = overlap(one, other), overlap(other, one)
    assert there.likeness == pytest.approx(back.likeness, abs=1e-6)
    assert (there.share, there.turn) == (back.share, back.turn)


def test_plain_pictures_and_rooms_are_like_nothing() -> None:
    """One grey is not a picture of another grey: nothing tells them apart, so nothing is said."""
    plain = print_of(np.full((80, 80, 3), 128, np.uint8))
    assert overlap(plain, plain).likeness < 0.1
    assert overlap(NOTHING, print_of(floor(1))).likeness == 0


@pytest.mark.parametrize("shape", [(300, 300), (60, 900), (900, 60), (5, 4000), (3, 3)])
def test_any_shape_is_stored_and_read_again(shape: tuple[int, int]) -> None:
    made = print_of(np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8))
    read = unpack(pack(made))
    assert np.array_equal(read.grey, made.grey)
    assert read.lab == pytest.approx(made.lab, abs=0.1)
    assert len(pack(made)) < 5000


@pytest.mark.parametrize("data", [b"", b"FLP1", b"FLP2" + pack(NOTHING)[4:], pack(NOTHING) + b"x"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CatalogueError, match="index --rebuild"):
        unpack(data)


def test_the_colour_is_the_mean_one() -> None:
    assert print_of(np.full((9, 9, 3), 255, np.uint8)).lab.tolist() == pytest.approx(
        [100, 0, 0], abs=0.1
    )
    assert isinstance(NOTHING, Print)
