"""Patches of made products and of real training rooms, in one array that training reads.

    python -m training.matching.patches --samples DIR --rooms DATA --out DIR

Writes `patches.npy`, uint8 (n, 160, 160, 3) sRGB, and `index.npz`: per patch its class (a product,
or a real room), whether a swatch or a room shows it, and the range that the product belongs to.
Squares are drawn at random sizes, for a swatch may show one board and a room a hundred.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS
from floorlens.normalisation.colours import images_of, sample_colours
from floorlens.normalisation.squares import choose_squares, cut_squares
from training.matching.samples import RANGE

SIDE = 160
#: Side of a square relative to the square root of the floor's area.
SHARES = (0.14, 0.8)
PER_SWATCH, PER_MADE_ROOM, PER_REAL_ROOM = 8, 8, 16
#: Sets of real rooms that may be trained on; of the first, the block split's training part.
REAL = ("nyuv2", "ade20k_val_pseudo", "uzair_interior", "bharat_visualizer")
SWATCH, ROOM, REAL_ROOM = 0, 1, 2


@dataclass(frozen=True)
class Picture:
    """One picture to cut: `pixels` uint8 (h, w, 3), `mask` bool (h, w), and what it belongs to."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    label: int
    kind: int
    group: int


def made_pictures(folder: Path) -> Iterator[Picture]:
    """Yields the pictures that `training.matching.samples` wrote, product by product."""
    for path in sorted(folder.glob("*-*.jpg")):
        number = int(path.stem[:5])
        pixels = np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
        beside = path.with_suffix(".png")
        if beside.exists():
            mask = np.asarray(Image.open(beside, formats=PILLOW_FORMATS).convert("L")) > 127
            yield Picture(pixels, mask, number, ROOM, number // RANGE)
        else:
            whole = np.ones(pixels.shape[:2], np.bool_)
            yield Picture(pixels, whole, number, SWATCH, number // RANGE)


def real_pictures(data: Path, first_label: int) -> Iterator[Picture]:
    """Yields real rooms with enough floor; each is a class and a group of its own."""
    label = first_label
    for source in REAL:
        train = _training_names(data / source)
        for path in sorted((data / source / "images").iterdir()):
            if train is not None and path.name not in train and path.stem not in train:
                continue
            mask_path = data / source / "masks" / f"{path.stem}.png"
            if not mask_path.exists():
                continue
            mask = np.asarray(Image.open(mask_path, formats=PILLOW_FORMATS).convert("L")) == 255
            # Neighbouring frames of NYUv2 show one room: every third is taken.
            label += 1
            if mask.mean() < 0.08 or (source == "nyuv2" and label % 3):
                continue
            pixels = np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
            if mask.shape == pixels.shape[:2]:
                yield Picture(pixels, mask, label, REAL_ROOM, label)


def _training_names(folder: Path) -> set[str] | None:
    split = folder / "split.csv"
    if not split.exists():
        return None
    rows = [line.split(",") for line in split.read_text().splitlines()[1:]]
    return {row[0] for row in rows if "train" in row[1:]}


def main() -> None:
    """Cut and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--rooms", type=Path, help="the folder of segmentation sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(arguments.seed)
    most = len(list(arguments.samples.glob("*-*.jpg"))) * max(PER_SWATCH, PER_MADE_ROOM)
    most += PER_REAL_ROOM * 1500 if arguments.rooms else 0
    draft = np.lib.format.open_memmap(
        arguments.out / "patches.draft.npy", "w+", np.uint8, (most, SIDE, SIDE, 3)
    )
    rows: list[tuple[int, int, int]] = []
    pictures = [made_pictures(arguments.samples)]
    if arguments.rooms:
        pictures.append(real_pictures(arguments.rooms, 1_000_000))
    for source in pictures:
        for picture in source:
            count = (PER_SWATCH, PER_MADE_ROOM, PER_REAL_ROOM)[picture.kind]
            cut = random_squares(picture.pixels, picture.mask, count, rng)
            draft[len(rows) : len(rows) + len(cut)] = cut
            rows += [(picture.label, picture.kind, picture.group)] * len(cut)
    whole = np.lib.format.open_memmap(
        arguments.out / "patches.npy", "w+", np.uint8, (len(rows), SIDE, SIDE, 3)
    )
    for start in range(0, len(rows), 4096):
        whole[start : start + 4096] = draft[: len(rows)][start : start + 4096]
    whole.flush()
    (arguments.out / "patches.draft.npy").unlink()
    label, kind, group = np.array(rows).T
    np.savez(arguments.out / "index.npz", label=label, kind=kind, group=group)
    print(f"{len(rows)} patches of {np.unique(label).size} classes")


def random_squares(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Returns `count` squares of random size, each at a place drawn from the cleanest ones."""
    low, high = np.log(SHARES)
    # Two sizes to a picture: the choice of places is what takes the time.
    sizes = np.exp(rng.uniform(low, high, 2))
    scales = tuple(
        (float(size), count - count // 2 if i == 0 else count // 2) for i, size in enumerate(sizes)
    )
    photo, floor = images_of(pixels, mask)
    _, fill = sample_colours(photo, floor)
    return cut_squares(photo, floor, choose_squares(mask, scales), fill, SIDE)


if __name__ == "__main__":
    main()
