"""Edges are the evidence for the floor's plane: where they are and how they run must be right."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from floorlens.normalisation.edgelets import find_edgelets


@pytest.mark.parametrize("degrees", [0, 7, 30, 45, 72, 90, 133])
def test_a_bar_gives_edgelets_along_it(degrees: int) -> None:
    """To half a degree: a vanishing point is found from such angles."""
    image = Image.new("RGB", (480, 480), (120, 110, 100))
    ImageDraw.Draw(image).rectangle((40, 225, 440, 255), fill=(60, 50, 40))
    # Pillow turns anticlockwise, and y points down here.
    pixels = np.asarray(image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=(120, 110, 100)))
    mask = np.zeros((480, 480), np.bool_)
    edgelets = find_edgelets(pixels, mask)
    angles = np.rad2deg(np.arctan2(edgelets.direction[:, 1], edgelets.direction[:, 0]))
    misses = (angles - degrees + 90) % 180 - 90
    assert len(edgelets) > 20
    assert np.mean(np.abs(misses) < 0.5) > 0.8
    assert not edgelets.floor.any()


def test_floor_and_rest_are_told_apart() -> None:
    """Upright edges may stand off the floor, never on it."""
    pixels = np.full((300, 400, 3), 200, np.uint8)
    pixels[:150, 100:120] = 30
    pixels[150:, 300:320] = 30
    mask = np.zeros((300, 400), np.bool_)
    mask[150:] = True
    edgelets = find_edgelets(pixels, mask)
    assert edgelets.floor.any()
    assert (edgelets.middle[edgelets.floor, 0] > 0).all()
    assert (edgelets.middle[edgelets.floor, 1] > 0).all()
    assert (~edgelets.floor).any()


def test_noise_and_plain_pictures_give_few() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(90, 130, (300, 400, 3)).astype(np.uint8)
    mask = np.ones((300, 400), np.bool_)
    assert len(find_edgelets(noise, mask)) < 10
    assert len(find_edgelets(np.full((300, 400, 3), 90, np.uint8), mask)) == 0
    assert len(find_edgelets(np.full((5, 4, 3), 90, np.uint8), np.ones((5, 4), np.bool_))) == 0
