"""Drawing: a mask on a photo, and a small JPEG for a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import UsageError
from floorlens.images.drawing import overlay, picture_file, save_picture, side_by_side


def test_a_picture_is_shrunk_never_enlarged(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), dtype=np.uint8)
    for side, size in ((20, (20, 10)), (500, (80, 40))):
        path = picture_file(pixels, tmp_path / "new" / f"{side}.jpg", side)
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("JPEG", size)
    with pytest.raises(ValueError, match="max_side"):
        picture_file(pixels, tmp_path / "x.jpg", 0)


def test_an_overlay_keeps_the_floor_and_darkens_the_rest() -> None:
    pixels = np.full((40, 60, 3), 200, dtype=np.uint8)
    mask = np.zeros((40, 60), dtype=bool)
    mask[20:] = True
    picture = overlay(pixels, mask)
    assert (picture[22:] == 200).all()
    assert (picture[:20] < 100).all()
    # The mask's edge is drawn, the picture's frame is not.
    assert (picture[20] != 200).any()
    assert (pixels == 200).all()
    with pytest.raises(ValueError, match="differ in size"):
        overlay(pixels, mask[:10])


def test_overlays_of_all_and_nothing_have_no_outline() -> None:
    pixels = np.full((10, 10, 3), 200, dtype=np.uint8)
    assert np.array_equal(overlay(pixels, np.ones((10, 10), dtype=bool)), pixels)
    assert len(np.unique(overlay(pixels, np.zeros((10, 10), dtype=bool)))) == 1


def test_pictures_and_palettes_stand_side_by_side() -> None:
    red, blue = (np.full((16, 16, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    light, dark = np.array([[80.0, 0, 0]]), np.array([[20.0, 0, 0]])
    for rows in (1, 3):
        sheet = side_by_side(
            [(red, blue, "0.50")] * rows, ("floor", "a" * 200), (light, dark), ["60.0"], 100
        )
        halves = sheet[:, :110].reshape(-1, 3), sheet[:, 110:].reshape(-1, 3)
        for half, colour, grey in zip(
            halves, ((200, 0, 0), (0, 0, 200)), ((198,) * 3, (48,) * 3), strict=True
        ):
            assert (half == colour).all(axis=1).sum() == rows * 100 * 100
            assert (half == grey).all(axis=1).sum() >= 100 * 25
    assert side_by_side([], ("", ""), (light[:0], dark[:0]), []).shape[2] == 3


def test_a_picture_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "new" / "a.png")
    with pytest.raises(UsageError, match=r"name the picture \.jpg, \.jpeg, \.png"):
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.nothing")
