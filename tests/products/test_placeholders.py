"""Drawings are told from floors, above all from plain ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from floorlens.images.loading import load_photo
from floorlens.products.placeholders import is_drawing
from tests.products import made_pictures

Pixels = NDArray[np.uint8]
SAMPLES = made_pictures.SAMPLES / "products"
TEXTS = ("Kein Bild", "NO IMAGE", "Image coming soon", "Pas d'image", "Bez obrazku", "Foto volgt")
GROUNDS = ((255, 255, 255), (238, 238, 238), (30, 60, 110), (0, 0, 0))


def saved(picture: Image.Image, kind: str) -> Pixels:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=75)
    return load_photo(buffer.getvalue()).pixels


def written(text: str, ground: tuple[int, ...], side: int, share: float = 0.6) -> Image.Image:
    picture = Image.new("RGB", (side, side * 3 // 4), ground)
    font = ImageFont.load_default(max(8, int(share * side / len(text) * 1.8)))
    ink = (102, 102, 102) if sum(ground) > 380 else (240, 240, 240)
    at = (side / 2, side * 3 / 8)
    ImageDraw.Draw(picture).text(at, text, fill=ink, font=font, anchor="mm")
    return picture


@pytest.mark.parametrize("side", [120, 200, 400, 1000])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_writing_on_a_plain_ground(side: int, kind: str) -> None:
    """In any words, sizes and colours: most of it is seen, and all that is saved without loss."""
    pictures = [written(text, ground, side) for text in TEXTS for ground in GROUNDS]
    seen = [is_drawing(saved(picture, kind)) for picture in pictures]
    assert sum(seen) >= (0.75 if kind == "JPEG" else 0.95) * len(seen)


def camera(side: int, ground: tuple[int, ...] = (245, 245, 245)) -> Image.Image:
    picture = Image.new("RGB", (side, side), ground)
    draw, ink = ImageDraw.Draw(picture), (150, 150, 150)
    x, s = side / 2, side / 5
    draw.rounded_rectangle((x - s, x - 0.6 * s, x + s, x + 0.7 * s), 0.15 * s, fill=ink)
    draw.rectangle((x - 0.35 * s, x - 0.85 * s, x + 0.35 * s, x - 0.5 * s), fill=ink)
    draw.ellipse((x - 0.42 * s, x - 0.4 * s, x + 0.42 * s, x + 0.44 * s), fill=ground)
    draw.ellipse((x - 0.25 * s, x - 0.23 * s, x + 0.25 * s, x + 0.27 * s), fill=ink)
    return picture


def framed_camera(side: int) -> Image.Image:
    picture = camera(side)
    ImageDraw.Draw(picture).rectangle((0, 0, side - 1, side - 1), outline="grey", width=2)
    return picture


def logo(side: int) -> Image.Image:
    picture = written("NORDIC", (255, 255, 255), side)
    box = (side * 0.4, side * 0.05, side * 0.6, side * 0.25)
    ImageDraw.Draw(picture).ellipse(box, outline=(200, 30, 40), width=max(2, side // 50))
    return picture


@pytest.mark.parametrize("make", [camera, framed_camera, logo])
@pytest.mark.parametrize("side", [150, 300, 800])
def test_icons_and_logos(make: Callable[[int], Image.Image], side: int) -> None:
    assert is_drawing(saved(make(side), "PNG"))


def test_a_white_logo_on_a_transparent_ground() -> None:
    """Laid on white nothing of it is left but its transparency."""
    picture = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    font = ImageFont.load_default(60)
    ImageDraw.Draw(picture).text((200, 100), "parkett", fill="white", font=font, anchor="mm")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    photo = load_photo(buffer.getvalue())
    assert photo.opaque is not None
    assert is_drawing(photo.pixels, photo.opaque)
    board = np.zeros((200, 400), bool)
    board[70:130, 40:360] = True
    assert not is_drawing(photo.pixels, board)


@pytest.mark.parametrize("side", [16, 100, 640])
def test_a_plain_picture_is_none(side: int) -> None:
    """White tiles, cream epoxy and black slate have nothing drawn on them."""
    for ground in GROUNDS:
        assert not is_drawing(np.full((side, side, 3), ground, np.uint8))
    noise = np.random.default_rng(0).integers(238, 242, (side, side, 3), dtype=np.uint8)
    assert not is_drawing(noise)


def test_no_sample_is_a_drawing() -> None:
    files = sorted(SAMPLES.glob("*.jpg"))
    assert len(files) > 30
    assert [file.stem for file in files if is_drawing(load_photo(file).pixels)] == []


@pytest.mark.parametrize("name", sorted(made_pictures.ON_GROUND))
def test_floors_that_look_like_something_on_a_ground_are_none(name: str) -> None:
    assert not is_drawing(made_pictures.ON_GROUND[name]())


@pytest.mark.parametrize("name", sorted(made_pictures.BOARDS))
def test_boards_on_a_ground_are_none(name: str) -> None:
    for texture in ("oak-natural-plank", "marble-carrara", "wool-velvet-moss"):
        pixels, _ = made_pictures.BOARDS[name](made_pictures.floor(texture))
        assert not is_drawing(pixels)


def flat_floor(pattern: str, side: int = 400) -> Pixels:
    """A floor in flat colours, as programs draw it."""
    picture = Image.new("RGB", (side, side), (245, 240, 230))
    draw, ink = ImageDraw.Draw(picture), (90, 100, 110)
    cell = side // 5
    if pattern == "terrazzo":
        rng = np.random.default_rng(1)
        for x, y, size in zip(*rng.random((2, 200)) * side, rng.uniform(2, 12, 200), strict=True):
            draw.polygon([(x, y - size), (x + size, y), (x - size / 2, y + size)], fill=ink)
    elif pattern == "joints":
        for place in range(cell, side, cell):
            draw.line((place, 0, place, side), fill=ink, width=2)
            draw.line((0, place, side, place), fill=ink, width=2)
    elif pattern == "dots":
        for x in range(0, side + 1, cell):
            for y in range(0, side + 1, cell):
                draw.regular_polygon((x, y, cell // 6), 4, fill=ink)
    elif pattern == "star":
        draw.regular_polygon((side / 2, side / 2, side // 4), 4, fill=ink)
        draw.regular_polygon((side / 2, side / 2, side // 4), 4, rotation=45, fill=ink)
    else:
        for x in range(3):
            for y in range(3):
                left, top = 30 + x * 120, 20 + y * 120
                draw.rectangle((left, top, left + 100, top + 80), fill=(60 + 30 * x, 90, 40 * y))
                draw.text((left, top + 84), f"RAL 70{x}{y}", fill=ink, font_size=14)
    return np.asarray(picture)


@pytest.mark.parametrize("pattern", ["terrazzo", "joints", "dots", "star", "colour chart"])
def test_floors_in_flat_colours_are_none(pattern: str) -> None:
    assert not is_drawing(flat_floor(pattern))


def test_no_picture_of_a_real_shop_is_a_drawing(shared_data: Path) -> None:
    """A sample of the real product pictures: one in ten."""
    files = sorted((shared_data / "train_pairs" / "swatches").glob("*.jpg"))[::10]
    assert len(files) > 100
    assert [file.name for file in files if is_drawing(load_photo(file).pixels)] == []
