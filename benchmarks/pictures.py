"""Room photos and product pictures for benchmarks, made from the samples."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from machine import ROOT
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS

PHOTO_SIDE = 1280
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """Returns the pictures of a folder, sorted; none if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def room_photos() -> tuple[list[bytes], str]:
    """Returns JPEG files of 1280 px on the longer side and where they come from."""
    paths = pictures_in(ROOT / "samples" / "rooms")[:4]
    pictures = [Image.open(path, formats=PILLOW_FORMATS).convert("RGB") for path in paths] or [
        _generate_room()
    ]
    photos = []
    for picture in pictures:
        factor = PHOTO_SIDE / max(picture.size)
        size = round(picture.width * factor), round(picture.height * factor)
        stream = io.BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(stream, "JPEG", quality=90)
        photos.append(stream.getvalue())
    return photos, "samples/rooms" if paths else "a generated picture"


def write_products(folder: Path, count: int) -> tuple[list[Path], str]:
    """Writes different product pictures into a folder; returns them and where they come from.

    Beyond the samples' own they are cut out of these at random (at least four fifths of a side, and
    back to its size), turned by half or not, with each channel up to a sixth lighter or darker.
    """
    folder.mkdir(parents=True)
    paths = pictures_in(ROOT / "samples" / "products")
    pictures = [Image.open(path, formats=PILLOW_FORMATS).convert("RGB") for path in paths]
    source = "samples/products and cuts of them" if paths else "generated pictures"
    pictures = pictures or [Image.fromarray(_planks(number, 640, 640)) for number in range(20)]
    generator = np.random.default_rng(0)
    files = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        if number >= len(pictures):
            share, across, down = generator.uniform((0.8, 0, 0), 1)
            width, height = round(share * picture.width), round(share * picture.height)
            left, top = across * (picture.width - width), down * (picture.height - height)
            cut = (round(left), round(top), round(left) + width, round(top) + height)
            picture = picture.resize(picture.size, Image.Resampling.BICUBIC, cut)
            if generator.random() < 0.5:
                picture = picture.transpose(Image.Transpose.ROTATE_180)
            gains = np.repeat(generator.uniform(5 / 6, 7 / 6, 3), 256)
            table = np.clip(np.tile(np.arange(256), 3) * gains, 0, 255).astype(int)
            picture = picture.point(table.tolist())
        files.append(folder / f"product-{number:04d}.jpg")
        picture.save(files[-1], quality=90)
    return files, source


def _planks(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Returns boards of uneven tone: uint8 (height, width, 3) sRGB."""
    generator = np.random.default_rng(seed)
    tone = generator.uniform(70, 200) * np.array([1.0, 0.8, 0.6])
    boards = generator.normal(1.0, 0.08, 1 + width // 80)[np.arange(width) // 80]
    boards[::80] = 0.5
    grain = generator.normal(1.0, 0.03, (height, width))
    return np.clip(tone * (boards * grain)[..., None], 0, 255).astype(np.uint8)


def _generate_room() -> Image.Image:
    """Returns a pale wall above boards that run to a vanishing point."""
    wall = np.full((960, 1280, 3), (226, 222, 214), dtype=np.uint8)
    floor, texture = np.zeros((540, 1280, 3), dtype=np.uint8), _planks(3, 2048, 2048)
    depth = 420.0 / (np.arange(540) + 60.0)
    columns = (np.arange(1280) - 640) * depth[:, None] + 1024
    rows = np.broadcast_to((depth * 700)[:, None], columns.shape)
    floor[:] = texture[rows.astype(int) % 2048, columns.astype(int) % 2048]
    wall[420:] = floor
    return Image.fromarray(wall)
