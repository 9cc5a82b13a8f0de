"""The colours of a floor: highlights and what lies beside the floor are none of them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from floorlens.normalisation.colours import images_of, sample_colours


def test_clipped_highlights_are_no_colour_of_the_floor() -> None:
    pixels = np.full((200, 200, 3), (150, 110, 70), np.uint8)
    pixels[:60] = 255
    lab, _ = sample_colours(Image.fromarray(pixels), None)
    assert lab[:, 0].max() < 90


def test_a_white_floor_keeps_its_white() -> None:
    lab, fill = sample_colours(Image.fromarray(np.full((90, 90, 3), 255, np.uint8)), None)
    assert lab[:, 0].min() > 99
    assert fill.tolist() == [255, 255, 255]


def test_cells_across_the_masks_edge_are_left_out() -> None:
    """Their colours are mixed of floor and wall."""
    pixels = np.full((256, 256, 3), (20, 60, 200), np.uint8)
    mask = np.zeros((256, 256), np.bool_)
    mask[101:], pixels[101:] = True, (150, 110, 70)
    lab, mean = sample_colours(*images_of(pixels, mask))
    assert np.ptp(lab, axis=0).max() < 0.1
    np.testing.assert_allclose(mean, (150, 110, 70), atol=1)
