"""Overlaps: one picture is told from others, however it was encoded, cut, turned or coloured."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.products.overlaps import STEP, overlap
from floorlens.products.prints import NOTHING, print_of
from tests.products.test_prints import floor

Pixels = NDArray[np.uint8]


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


@pytest.mark.parametrize("share", [0.6, 0.7, 0.85])
@pytest.mark.parametrize("turn", [0, 1])
def test_the_quick_refusals_keep_parts_of_any_size_and_shape(share: float, turn: int) -> None:
    one = floor(4, 300, 420)
    rows, columns = round(300 * share), round(420 * share)
    part = np.ascontiguousarray(np.rot90(one[5 : 5 + rows, 60 : 60 + columns], turn))
    place = overlap(print_of(one), print_of(part))
    assert place.likeness > 0.8
    assert place.share == pytest.approx(share, rel=STEP - 1)
    assert place.turn == turn


def test_slim_pictures_are_compared_too() -> None:
    """Of a board 4 pixels would be left at a quarter of the size: no glance is taken there."""
    board = floor(2, 1200, 90)
    for other in (encoded(board), np.ascontiguousarray(np.rot90(board))):
        assert overlap(print_of(board), print_of(other)).likeness > 0.9
    assert overlap(print_of(board), print_of(floor(3, 1200, 90))).likeness < 0.7
