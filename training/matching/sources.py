"""The pictures that training may see, as patches: real pairs, swatches, textures, made floors.

Nothing of `real_pairs` or `seed` is read here: they measure.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS
from training.matching.pack import ROOM, SIMULATED, SWATCH, Picture
from training.matching.pipeline import (
    STRONG_LIGHT,
    USUAL_LIGHT,
    Stages,
    cleanest_square,
    read_product,
    read_room,
    simulate_view,
)
from training.matching.samples import make_product
from training.matching.squares import draw_squares

#: Patches of each picture.
PER_SWATCH, PER_ROOM, PER_ROOM_ABOVE, PER_SIMULATED, PER_MADE = 6, 9, 3, 4, 4
#: Simulated rooms of each product.
ROOMS = 2
#: How wide a swatch is on a simulated floor, in metres, where nobody says it.
METRES = (0.4, 2.5)
#: Share of the simulated floors that are laid of boards cut from the picture, for what may show
#: one board; tiles, stone and carpet never are.
BOARDS = 0.4
BOARD_KINDS = ("plank", "laminate", "wood", "vinyl", "board", "strip", "deck", "parquet", "oak")
NEVER_BOARDS = ("carpet", "tile", "linoleum", "homogeneous", "heterogeneous")
#: Texture libraries' licence column where the origin of the picture itself is unsure.
UNSURE = "not stated"


def pair_pictures(data: Path, stages: Stages, rooms: int = ROOMS) -> Iterator[Picture]:
    """Yields swatches, real rooms and simulated rooms of `train_pairs`."""
    folder, seen = data / "train_pairs", set()
    for row in _rows(folder / "pairs.csv"):
        yield from _room(folder / "rooms" / row["room"], row["product"], row["source"], stages)
        if row["product"] not in seen:
            seen.add(row["product"])
            path = folder / "products" / row["product"]
            yield from _product(path, row["source"], row["kind"], stages, rooms)


def swatch_pictures(data: Path, stages: Stages, rooms: int = ROOMS) -> Iterator[Picture]:
    """Yields the further swatches of `train_pairs` and simulated rooms of them."""
    folder = data / "train_pairs"
    for row in _rows(folder / "swatches.csv"):
        path = folder / "swatches" / row["file"]
        yield from _product(path, row["source"], row["kind"], stages, rooms)


def texture_pictures(data: Path, rooms: int = ROOMS) -> Iterator[Picture]:
    """Yields the floor materials of `textures` and simulated rooms of them."""
    folder = data / "textures"
    for row in _rows(folder / "textures.csv"):
        pixels = np.asarray(
            Image.open(folder / "images" / row["file"], formats=PILLOW_FORMATS).convert("RGB")
        )
        rng = _generator(row["file"])
        source = f"textures/{row['library']}"
        known = UNSURE not in row["licence_how_known"]
        mask = np.ones(pixels.shape[:2], np.bool_)
        patches = draw_squares(pixels, mask, PER_SWATCH, rng)
        yield Picture(patches, row["file"], SWATCH, source, known)
        # "100.0x100.0": width and height in centimetres; empty where the library does not say.
        width = float(row["real_cm"].split("x")[0]) / 100 if row["real_cm"] else 0.0
        for patches in _simulated(pixels, row["class"], rng, rooms, width):
            yield Picture(patches, row["file"], SIMULATED, source, known)


def made_pictures(count: int, rooms: int = 1, seed: int = 11) -> Iterator[Picture]:
    """Yields `count` made products, in ranges of near twins: swatches and simulated rooms."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        for view in make_product(number, rooms, seed):
            side = SWATCH if view.mask.all() else SIMULATED
            patches = draw_squares(view.rgb, view.mask, PER_MADE, rng)
            yield Picture(patches, f"made-{number:05d}", side, "made", True)


def _room(path: Path, label: str, source: str, stages: Stages) -> Iterator[Picture]:
    photo, mask = read_room(path, stages)
    if mask is None:
        return
    rng = _generator(path.name)
    patches = draw_squares(photo.pixels, mask, PER_ROOM, rng)
    above = stages.normaliser.straightened(photo.pixels, mask)
    if above is not None:
        good = np.flatnonzero(above.coverage >= 0.75 * above.coverage.max())
        chosen = rng.permutation(good)[:PER_ROOM_ABOVE]
        patches += [above.patches[index] for index in sorted(chosen)]
    yield Picture(patches, label, ROOM, source, False)


def _product(path: Path, source: str, kind: str, stages: Stages, rooms: int) -> Iterator[Picture]:
    photo, shown = read_product(path, stages)
    rng = _generator(path.name)
    if shown.kind == "room":
        patches = draw_squares(photo.pixels, shown.mask, PER_ROOM, rng)
        yield Picture(patches, path.name, ROOM, source, False)
        return
    texture, mask = shown.product(photo.pixels)
    patches = draw_squares(texture, mask, PER_SWATCH, rng)
    yield Picture(patches, path.name, SWATCH, source, False)
    if not mask.all():
        texture = cleanest_square(texture, mask)
    for patches in _simulated(texture, kind, rng, rooms):
        yield Picture(patches, path.name, SIMULATED, source, False)


def _simulated(
    texture: NDArray[np.uint8],
    kind: str,
    rng: np.random.Generator,
    rooms: int,
    metres: float = 0.0,
) -> Iterator[list[NDArray[np.uint8]]]:
    """Yields the patches of each simulated room; `metres` is the texture's width, 0 if unknown."""
    for number in range(rooms):
        width = metres or float(np.exp(rng.uniform(*np.log(METRES))))
        boards = not metres and may_show_one_board(kind) and bool(rng.random() < BOARDS)
        light = STRONG_LIGHT if number % 2 else USUAL_LIGHT
        view = simulate_view(texture, width, rng, boards=boards, light=light)
        yield draw_squares(view.rgb, view.mask, PER_SIMULATED, rng)


def may_show_one_board(kind: str) -> bool:
    """Whether a product of this kind is laid of boards: by words of the retailer's own name."""
    words = kind.lower()
    return any(word in words for word in BOARD_KINDS) and not any(
        word in words for word in NEVER_BOARDS
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _generator(name: str) -> np.random.Generator:
    """Returns a generator of the picture's own: leaving one out changes no other."""
    return np.random.default_rng(zlib.crc32(name.encode()))
