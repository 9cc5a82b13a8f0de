"""Drawing: a mask on a photo, and a small JPEG for a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens.images.drawing import overlay, picture_file


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
