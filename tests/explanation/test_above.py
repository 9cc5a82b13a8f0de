"""A floor's patch: from above where the photo says how it was taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from floorlens.explanation.above import clean_box, floor_from_above, floor_patch
from floorlens.images.loading import load_photo
from floorlens.segmentation.region import region_by_hand

ROOM = Path(__file__).resolve().parents[2] / "samples" / "rooms" / "living-oak-sun.jpg"


def test_a_turned_photo_shows_the_same_floor() -> None:
    photo = load_photo(ROOM)
    floor = region_by_hand(photo, (0, 500, 1024, 768))
    above = floor_from_above(photo, floor)
    turned = load_photo(np.ascontiguousarray(np.rot90(photo.pixels)))
    sideways = region_by_hand(turned, np.rot90(floor.working_mask))
    object.__setattr__(sideways, "turn", 1)
    other = floor_from_above(turned, sideways)
    assert above is not None
    assert other is not None
    assert np.array_equal(above.rgb, other.rgb)


def test_without_a_horizon_the_patch_is_as_the_camera_saw_it() -> None:
    """A wall of one colour has no lines that tell a plane."""
    pixels = np.full((120, 160, 3), 200, np.uint8)
    pixels[60:] = (180, 140, 90)
    photo = load_photo(pixels)
    patch = floor_patch(photo, region_by_hand(photo, (0, 60, 160, 120)))
    assert patch.pixels.shape[0] == patch.pixels.shape[1] or not patch.straight
    assert (patch.pixels == (180, 140, 90)).mean() > 0.9


def test_a_patch_shows_nothing_but_floor() -> None:
    """Where that leaves enough of it: a square with a corner of a rug is no picture of a floor."""
    mask = np.zeros((300, 400), bool)
    mask[100:300, 50:350] = True
    mask[100:130, 180:350] = False
    rows, columns = clean_box(mask)
    assert mask[rows, columns].all()
    assert rows.stop - rows.start >= 150
    narrow = np.zeros((300, 400), bool)
    narrow[::2] = True
    assert narrow[clean_box(narrow)].size > 100
