"""The floors that are altered, and the rooms that insets show: made, licensed, and of shops.

Nothing of `real_pairs`, `seed` or the samples is read here: they measure.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.products.motifs import add_knots, draw_motif_floor
from training.synthesis.floors import make_floor

Rgb = NDArray[np.uint8]

#: Longer side of what is kept in memory.
SIDE = 480
#: Licences of textures that are trained on.
LICENCES = ("CC0 1.0", "Public domain", "CC BY 3.0", "CC BY 4.0", "MIT", "Apache 2.0")
#: Where the origin of a picture is unsure, its licence is not known either.
UNSURE = "not stated"
#: Shops' pictures with captions, logos, bars or a ground of their own, by a part of their names.
ALTERED_BY_SHOPS = ("decor-big", "tark-up", "terra-ch", "sgvp", "skype", "titan", "sunflora")
#: One of so many pictures is held out, whole products at a time.
HELD_OUT = 12


@dataclass(frozen=True)
class Stock:
    """Pictures, uint8 (h, w, 3) sRGB, by where they come from.

    Attributes:
        made: procedural floors.
        motifs: procedural floors with drawings of their own.
        textures: licensed floor materials.
        shops: product pictures of shops, without those that are known to be altered.
        scenes: rooms.
    """

    made: Sequence[Rgb]
    motifs: Sequence[Rgb]
    textures: Sequence[Rgb]
    shops: Sequence[Rgb]
    scenes: Sequence[Rgb]

    def floor(self, rng: np.random.Generator, side: int) -> Rgb:
        """Returns a random square of a random floor, resized to `side`."""
        sources = [self.made, self.motifs, self.textures, self.shops]
        chances = np.array([0.18, 0.27, 0.25, 0.3]) * [len(source) > 0 for source in sources]
        source = sources[int(rng.choice(4, p=chances / chances.sum()))]
        picture = source[int(rng.integers(len(source)))]
        if source is self.made and rng.random() < 0.25:
            picture = add_knots(picture, rng)
        return _square(picture, rng, side)

    def scene(self, rng: np.random.Generator, side: int) -> Rgb:
        """Returns a random square of a random room."""
        return _square(self.scenes[int(rng.integers(len(self.scenes)))], rng, side)


def _square(picture: Rgb, rng: np.random.Generator, side: int) -> Rgb:
    height, width = picture.shape[:2]
    share = rng.uniform(0.55, 1) if rng.random() < 0.6 else 1.0
    size = round(min(height, width) * share)
    top, left = int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))
    way = cv2.INTER_AREA if size > side else cv2.INTER_CUBIC
    window = picture[top : top + size, left : left + size]
    square = cv2.resize(window, (side, side), interpolation=way)
    if rng.random() < 0.5:
        square = square[:, ::-1]
    square = np.rot90(square, int(rng.integers(4)))
    if rng.random() < 0.5:
        cast = rng.normal(0, 0.05 if rng.random() < 0.7 else 0.12, 3)
        square = np.clip(square * np.exp(cast + rng.normal(0, 0.15)), 0, 255)
    return np.ascontiguousarray(square, dtype=np.uint8)


def load_stock(data: Path, made: int, held_out: bool = False, seed: int = 5) -> Stock:
    """Returns the stock to train on, or the one that is held out of it.

    Args:
        data: the folder that holds `train_pairs`, `textures` and `interiors`.
        made: how many procedural floors; half as many have drawings.
        held_out: the other part, of other products, textures and seeds.
        seed: of the procedural floors.
    """

    def part(paths: list[Path]) -> list[Rgb]:
        chosen = [p for i, p in enumerate(paths) if (i % HELD_OUT == 0) == held_out]
        return [_load(path) for path in chosen]

    def generators(count: int, kind: int) -> Iterator[np.random.Generator]:
        return (np.random.default_rng([seed, kind, held_out, n]) for n in range(count))

    pairs = data / "train_pairs"
    shops = [
        path
        for folder in ("products", "swatches")
        for path in sorted((pairs / folder).glob("*.jpg"))
        if not any(word in path.name for word in ALTERED_BY_SHOPS)
    ]
    rooms = sorted((pairs / "rooms").glob("*.jpg"))[::3]
    return Stock(
        made=[make_floor(rng, size=(SIDE, SIDE)) for rng in generators(made, 0)],
        motifs=[draw_motif_floor(rng, SIDE) for rng in generators(made // 2, 1)],
        textures=part(_textures(data / "textures")),
        shops=part(shops),
        scenes=part(rooms + sorted((data / "interiors").rglob("*.jpg"))),
    )


def _textures(folder: Path) -> list[Path]:
    paths = []
    for name, place in (("textures.csv", "images"), ("small.csv", "small")):
        with (folder / name).open(newline="") as file:
            rows = [
                row
                for row in csv.DictReader(file)
                if row["licence"] in LICENCES and UNSURE not in row.get("licence_how_known", "")
            ]
        paths += [folder / place / row["file"] for row in rows]
    return sorted(path for path in paths if path.exists())


def _load(path: Path) -> Rgb:
    with Image.open(path, formats=["JPEG", "PNG"]) as image:
        image.draft("RGB", (SIDE, SIDE))
        picture = image.convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)
