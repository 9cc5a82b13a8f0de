"""Bars are cut off photos, and nothing else is: least of all a floor."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from floorlens.demo.samples import samples
from floorlens.images.loading import load_photo
from floorlens.segmentation.bars import inside_bars

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def box(pixels: Picture) -> Box:
    framing = inside_bars(pixels)
    return framing.left, framing.top, framing.right, framing.bottom


def scene(height: int = 480, width: int = 640) -> Picture:
    """A wall with a slope of light over a busy floor, both with a camera's noise."""
    rng = np.random.default_rng(3)
    wall = np.linspace(235, 190, width)[None, :, None] + np.zeros((height, 1, 3))
    wall[height * 5 // 9 :] = (120, 90, 60)
    wall[height * 5 // 9 :] += rng.normal(0, 25, (height - height * 5 // 9, width, 1))
    return np.clip(wall + rng.normal(0, 2, wall.shape), 0, 255).astype(np.uint8)


def padded(
    pixels: Picture, left: int, top: int, right: int, bottom: int, colour: object
) -> Picture:
    height, width = pixels.shape[:2]
    canvas = np.zeros((height + top + bottom, width + left + right, 3), np.uint8)
    canvas[:] = colour
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def as_jpeg(pixels: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return load_photo(file.getvalue(), working_side=2000).pixels


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (222, 222, 222), (30, 60, 130)])
@pytest.mark.parametrize(
    "sides", [(0, 90, 0, 90), (120, 0, 120, 0), (40, 60, 50, 70), (0, 33, 0, 150)]
)
def test_bars_of_any_colour_are_cut(colour: tuple[int, int, int], sides: Box) -> None:
    left, top, right, bottom = sides
    picture = as_jpeg(padded(scene(), left, top, right, bottom, colour), 80)
    assert box(picture) == pytest.approx((left, top, left + 640, top + 480), abs=8)
    # Not one row too few: what is left of a bar is taken for floor.
    assert box(picture)[1] >= top
    assert box(picture)[3] <= top + 480


def test_a_telephones_screenshot() -> None:
    screen = Image.fromarray(padded(scene(540, 720), 0, 400, 0, 620, (0, 0, 0)))
    draw = ImageDraw.Draw(screen)
    draw.text((40, 20), "09:41", fill="white", font_size=30)
    draw.text((280, 110), "Today 18:20, living room", fill=(210, 210, 210), font_size=26)
    draw.rectangle((620, 22, 680, 44), fill="white")
    for x in range(60, 660, 120):
        draw.ellipse((x, 1440, x + 50, 1490), outline="white", width=5)
    picture = as_jpeg(np.asarray(screen), 85)
    assert box(picture) == pytest.approx((0, 400, 720, 940), abs=8)


def test_a_bar_below_alone_is_cut_unless_it_is_white() -> None:
    assert box(padded(scene(), 0, 0, 0, 120, (0, 0, 0))) == (0, 0, 640, 480)
    # An overexposed floor looks like this.
    assert box(padded(scene(), 0, 0, 0, 120, (255, 255, 255))) == (0, 0, 640, 600)


def test_photos_stay_whole() -> None:
    height, width = scene().shape[:2]
    assert box(scene()) == (0, 0, width, height)
    assert box(scene()[::-1]) == (0, 0, width, height)
    dark = (scene() // 9).astype(np.uint8)
    assert box(dark) == (0, 0, width, height)
    for grey in (0, 128, 255):
        assert box(np.full((height, width, 3), grey, np.uint8)) == (0, 0, width, height)
    for path in sorted((samples() / "rooms").iterdir()):
        pixels = load_photo(path).pixels
        assert box(pixels) == (0, 0, pixels.shape[1], pixels.shape[0]), path


def test_a_drawing_on_a_plain_ground_is_no_photo() -> None:
    picture = padded(scene(120, 160), 240, 180, 240, 180, (255, 255, 255))
    assert box(picture) == (0, 0, 640, 480)


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 900, 3), (900, 16, 3)])
def test_small_pictures(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    assert box(rng.integers(0, 255, shape, dtype=np.uint8)) == (0, 0, shape[1], shape[0])
