"""The pictures that the scene's head is trained on, each with what it shows.

Rooms of the labelled sources, of ``train_pairs`` and of coarse panoramas; floors from above; and
what is no floor: photographs and outdoor views of ``photographs``, floorless rooms, parts of rooms,
painted pictures, and views of panoramas that look up.
"""

from __future__ import annotations

from collections.abc import Iterator
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.segmentation.augment import AugmentConfig, floorless_part, no_room
from training.segmentation.data import (
    TRAIN_SOURCES,
    Sample,
    data_root,
    load_samples,
    read_rgb,
    train_and_dev,
)
from training.segmentation.evaluate import fit_side
from training.segmentation.photographs import view

Picture = NDArray[np.uint8]
Rng = np.random.Generator
SIDE = 640
LARGE = ("nyuv2", "ade20k_val_pseudo", "anurag_robot", "anurag_hypersim")
#: Of a source every so manieth room is turned: the first lot begins with 0, the second with this.
TURNED = {
    "nyuv2": (6, 3),
    "ade20k_val_pseudo": (3, 1),
    "anurag_robot": (4, 2),
    "anurag_hypersim": (2, 1),
}
#: Painted pictures, of which every sixth is held out.
PAINTED = 200
#: Views of each panorama that look up.
UPWARDS = 4


@dataclass(frozen=True)
class Scene:
    """A picture and what the head should say of it.

    Attributes:
        image: uint8 RGB [H, W, 3].
        floor: Whether it shows a floor.
        group: Where it comes from; pictures of a group are alike.
        held_out: Whether choices are made on it.
        turn: How many quarter turns clockwise make it upright.
    """

    image: Picture
    floor: bool
    group: str
    held_out: bool = False
    turn: int = 0


def floors(photographs: Path) -> Iterator[Scene]:
    """Rooms and floors from above; some shop's rooms as a poor camera shows them.

    The coarse views of ``photographs`` down at indoor floors tell that blur is no sign of the
    outdoors.
    """
    rng = np.random.default_rng(1)
    for number, (held_out, sample) in enumerate(_labelled()):
        # Every other one of the large sources, which the trunk has seen.
        if sample.floor_share < 0.01 or (number % 2 and not held_out and sample.source in LARGE):
            continue
        yield Scene(sample.image, True, sample.source, held_out)
    folder = data_root() / "train_pairs"
    for number, (row, image) in enumerate(_shop_rooms(folder)):
        if number % 3 and number % 8 and row["source"] not in ("nord", "argil"):
            continue
        kind = "" if row["view"] == "room" else f"_{row['view']}"
        yield Scene(image, True, f"shop_{row['source']}{kind}", number % 8 == 0)
    for number, path in enumerate(sorted((data_root() / "textures" / "images").iterdir())[::4]):
        yield Scene(_read(path), True, "textures", number % 4 == 0)
    for number, path in enumerate(sorted((folder / "products").iterdir())[::4]):
        yield Scene(_read(path), True, "products", number % 8 == 0)
    for path in sorted((photographs / "indoors").glob("*/*.jpg"))[::2]:
        yield Scene(_read(path), True, "indoors")
    for path in sorted((data_root() / "interiors").glob("*_y*.jpg"))[::2]:
        yield Scene(_read(path), True, "interiors")
    for number, (row, image) in enumerate(_shop_rooms(folder)):
        if number % 4 == 1:
            yield Scene(_spoilt(rng, image), True, f"shop_{row['source']}")


def no_floors(photographs: Path) -> Iterator[Scene]:
    """Pictures without an indoor floor; ``photographs`` is what that command made."""
    rng = np.random.default_rng(2)
    for path in sorted((photographs / "photographs").glob("*/*.jpg")):
        image = _read(path)
        yield Scene(image, False, path.parent.name)
        yield Scene(_spoilt(rng, _part(rng, image)), False, path.parent.name)
    for path in sorted((photographs / "outdoors").glob("*/*.jpg")):
        yield Scene(_read(path), False, path.parent.name)
    rng = np.random.default_rng(2)
    for held_out, sample in _labelled():
        if sample.floorless:
            yield Scene(sample.image, False, "floorless", held_out)
            spoilt = _spoilt(rng, _part(rng, sample.image))
            yield Scene(spoilt, False, "floorless", held_out)
        elif rng.random() < 0.25:
            part = floorless_part(rng, sample)
            if part is not None:
                yield Scene(part.image, False, "parts", held_out)
    for number in range(PAINTED):
        image = no_room(rng, (240, 320), AugmentConfig()).image
        yield Scene(image, False, "painted", number % 6 == 0)
    for path in sorted((data_root() / "interiors").glob("*.jpg")):
        panorama = read_rgb(path)
        if panorama.shape[1] != 2 * panorama.shape[0]:
            continue
        for _ in range(UPWARDS):
            yaw, pitch = rng.uniform(-3.1, 3.1), np.deg2rad(rng.uniform(30, 60))
            field = np.deg2rad(rng.uniform(50, 80))
            seen = view(panorama.astype(np.float32), yaw, pitch, field, (240, 320))
            yield Scene(np.clip(seen, 0, 255).astype(np.uint8), False, "looking_up")


def turned() -> Iterator[Scene]:
    """Rooms turned any way, each cut to another shape first: which way up a picture is must not be
    told by its being upright or wide.
    """
    for seed, rooms in ((6, _rooms_to_turn(0)), (7, _rooms_to_turn(1))):
        rng = np.random.default_rng(seed)
        for image, group, held_out in rooms:
            height, width = image.shape[:2]
            aspect = np.exp(rng.uniform(-0.45, 0.45))
            high, wide = height, int(height * aspect)
            if wide > width:
                high, wide = int(width / aspect), width
            # Mostly the lower part, where the floor is.
            low = rng.random() < 0.6
            top = height - high if low else int(rng.integers(height - high + 1))
            left = int(rng.integers(width - wide + 1))
            part = image[top : top + high, left : left + wide]
            for turn in range(4):
                yield Scene(np.rot90(part, turn), True, group, held_out, turn)


def _rooms_to_turn(lot: int) -> Iterator[tuple[Picture, str, bool]]:
    """Rooms with a good part of floor, in two lots; what is held out is in the first."""
    numbers = dict.fromkeys(TRAIN_SOURCES, 0)
    for held_out, sample in _labelled():
        numbers[sample.source] += 1
        if sample.floor_share < 0.05 or (held_out and lot):
            continue
        every, rest = TURNED.get(sample.source, (1, 0))
        if held_out or numbers[sample.source] % every == rest * lot:
            yield sample.image, sample.source, held_out
    for number, (row, image) in enumerate(_shop_rooms(data_root() / "train_pairs")):
        if row["view"] == "room" and number % 5 in ((1, 3) if lot else (0,)):
            held_out = number % 15 == 0
            if not lot or number % 15 != 1:
                yield image, f"shop_{row['source']}", held_out


def _labelled() -> Iterator[tuple[bool, Sample]]:
    for source in TRAIN_SOURCES:
        for held_out, stems in zip((False, True), train_and_dev(data_root(), source), strict=True):
            for sample in load_samples(data_root(), source, stems, side=SIDE):
                yield held_out, sample


def _shop_rooms(folder: Path) -> Iterator[tuple[dict[str, str], Picture]]:
    with (folder / "pairs.csv").open() as lines:
        rows = {row["room"]: row for row in DictReader(lines)}
    for room in sorted(rows):
        yield rows[room], _read(folder / "rooms" / room)


def _read(path: Path) -> Picture:
    image = read_rgb(path)
    return fit_side(image, SIDE) if max(image.shape) > SIDE else image


def _part(rng: Rng, image: Picture, least: float = 0.45) -> Picture:
    """A part of a picture, `least` to nearly all of its sides."""
    height, width = image.shape[:2]
    side, aspect = rng.uniform(least, 0.95), rng.uniform(0.75, 1.3)
    high = min(height, int(height * side * aspect**0.5))
    wide = min(width, int(width * side / aspect**0.5))
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    return image[top : top + high, left : left + wide]


def _spoilt(rng: Rng, image: Picture) -> Picture:
    """A picture as a poor camera shows it: small, wrongly exposed, tinted, noisy, compressed."""
    if rng.random() < 0.7:
        image = fit_side(image, int(rng.integers(130, 420)))
    light = image.astype(np.float32) * 2 ** rng.uniform(-1, 0.7)
    light = light * (1 + rng.uniform(-0.12, 0.12, 3))
    light = light + rng.normal(0, rng.uniform(0, 6), light.shape)
    pixels = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))]
        pixels = np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], 1), np.uint8)
    return pixels
