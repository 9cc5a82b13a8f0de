"""Crops: what is cut, painted or made up carries the right label."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

from training.segmentation.augment import (
    AugmentConfig,
    above_floor,
    floor_part,
    floorless_part,
    no_room,
)
from training.segmentation.data import FLOOR, OTHER, Sample
from training.segmentation.negatives import PAINTERS, painted

pytestmark = pytest.mark.slow


def room(floor_rows: int) -> Sample:
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    mask = np.full((120, 160), OTHER, np.uint8)
    mask[120 - floor_rows :] = FLOOR
    return Sample("nyuv2", "1", image, mask)


def test_parts_hold_what_they_are_named_after() -> None:
    rng = np.random.default_rng(2)
    floors = [part for _ in range(30) if (part := floor_part(rng, room(70)))]
    others = [part for _ in range(30) if (part := floorless_part(rng, room(40)))]
    # Nearly always one is found, or drawing batches would take for ever.
    assert min(len(floors), len(others)) > 20
    assert all(float((part.mask == FLOOR).mean()) > 0.97 for part in floors)
    assert not any((part.mask == FLOOR).any() for part in others)
    assert floor_part(rng, room(0)) is None
    assert floorless_part(rng, room(120)) is None
    upper = above_floor(room(40))
    assert upper is not None and not (upper.mask == FLOOR).any()
    assert above_floor(room(110)) is None


@pytest.mark.parametrize("size", [(192, 256), (256, 192), (200, 70)])
def test_what_is_no_room_shows_no_floor(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        crop = no_room(rng, size, AugmentConfig())
        assert crop.image.shape == (*size, 3) and crop.image.dtype == np.uint8
        assert crop.visible == 0 and not crop.mask.any()


@pytest.mark.parametrize("paint", PAINTERS, ids=lambda paint: paint.__name__)
def test_painted_pictures_show_something_and_vary(paint: object) -> None:
    """A painter that draws one flat colour, or always the same, would teach nothing."""
    assert callable(paint)
    pictures = [np.clip(paint(np.random.default_rng(seed), (96, 128)), 0, 255) for seed in range(4)]
    assert all(picture.shape == (96, 128, 3) for picture in pictures)
    assert all(float(picture.std()) > 4 for picture in pictures)
    assert len({round(float(picture.mean()), 3) for picture in pictures}) == 4


def test_painted_pictures_are_within_range_and_repeatable() -> None:
    for seed in range(20):
        first = painted(np.random.default_rng(seed), (80, 60))
        assert first.dtype == np.float32 and first.shape == (80, 60, 3)
        assert first.min() >= 0 and first.max() <= 255
        assert np.array_equal(first, painted(np.random.default_rng(seed), (80, 60)))
