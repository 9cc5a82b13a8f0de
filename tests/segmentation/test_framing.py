"""What is cut and turned comes back where it was."""

from __future__ import annotations

import numpy as np
import pytest

from floorlens.images.loading import Photo
from floorlens.segmentation import Click, FloorRegion
from floorlens.segmentation.framing import Framing, whole


def photo() -> Photo:
    """A picture of 80 x 60 pixels whose every pixel has a colour of its own, of a larger photo."""
    rows, columns = np.mgrid[0:60, 0:80]
    pixels = np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8)
    return Photo(pixels, (160, 120), "hash")


@pytest.mark.parametrize("turn", range(4))
def test_a_mask_comes_back_where_its_pixels_were(turn: int) -> None:
    framing = Framing(10, 5, 70, 45, turn)
    upright = framing.cut(photo())
    # What is dark in the upright photo, whichever way that faces.
    mask = upright.pixels[..., 0] < 20
    region = FloorRegion(mask, 0.5, 0.75, "automatic", upright.size, ("unsure: …",))
    restored = framing.restored(region, photo())
    expected = np.zeros((60, 80), bool)
    expected[5:20, 10:70] = True
    assert np.array_equal(restored.working_mask, expected)
    assert restored.photo_size == (160, 120)
    assert (restored.turn, restored.confidence, restored.visible) == (turn, 0.5, 0.75)
    # Whoever is shown a turned photo's floor is told.
    words = [reason.split(":")[0] for reason in restored.reasons]
    assert words == (["unsure", "sideways"] if turn else ["unsure"])


def test_a_quarter_turn_is_clockwise() -> None:
    upright = Framing(0, 0, 80, 60, 1).cut(photo())
    # What was at the lower left is now at the upper left.
    assert upright.pixels[0, 0].tolist() == [59, 0, 0]
    assert upright.size == (60, 80)


@pytest.mark.parametrize("turn", range(4))
def test_clicks_stay_on_their_pixels(turn: int) -> None:
    framing = Framing(10, 5, 70, 45, turn)
    pixels = framing.cut(photo()).pixels
    clicks = [Click(12.5, 40.5), Click(60.5, 6.5, False), Click(3, 40), Click(40, 45)]
    first, second = framing.clicks(clicks)
    assert pixels[int(first.y), int(first.x)].tolist() == [40, 12, 0]
    assert pixels[int(second.y), int(second.x)].tolist() == [6, 60, 0]
    assert (first.floor, second.floor) == (True, False)


def test_the_whole_picture() -> None:
    framing = whole(photo())
    assert np.array_equal(framing.cut(photo()).pixels, photo().pixels)
    assert framing.holds(Click(79.9, 59.9))
