"""Alter floors as shops do it and keep the pictures as arrays, to train on.

    python -m training.products.make_pictures --out .cache/overlays --count 12000

Writes ``train-rgb.npy``, uint8 [count, SIDE, SIDE, 3], and ``train-label.npy``, uint8 [count, SIDE,
SIDE] (`training.products.alterations`), and the same for ``dev``, of floors that are held out.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from training.products.alterations import FLOOR, Altered, alter, as_published
from training.products.stock import Stock, load_stock

#: Longer side of a picture as the network sees it.
SIDE = 320
#: Share of the pictures that nobody altered.
UNALTERED = 0.5


def make_picture(stock: Stock, rng: np.random.Generator) -> Altered:
    """Returns one picture of SIDE x SIDE pixels, altered or not, as JPEG leaves it."""
    floor = stock.floor(rng, SIDE)
    if rng.random() < UNALTERED:
        return Altered(as_published(floor, rng), np.full((SIDE, SIDE), FLOOR, np.uint8))
    picture = alter(floor, stock.floor(rng, SIDE), stock.scene(rng, SIDE), rng)
    return Altered(as_published(picture.rgb, rng), picture.label)


def main() -> None:
    """Make the pictures to train on and those that are held out."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12000)
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--floors", type=int, default=900, help="procedural floors to alter")
    parser.add_argument("--seed", type=int, default=17)
    args = parser.parse_args()
    data = Path(os.environ.get("FLOORLENS_DATA", "../shared/data"))
    args.out.mkdir(parents=True, exist_ok=True)
    for part, count in (("dev", args.held_out), ("train", args.count)):
        held_out = part == "dev"
        stock = load_stock(data, args.floors // (8 if held_out else 1), held_out)
        shape = (count, SIDE, SIDE)
        rgb = np.lib.format.open_memmap(args.out / f"{part}-rgb.npy", "w+", np.uint8, (*shape, 3))
        label = np.lib.format.open_memmap(args.out / f"{part}-label.npy", "w+", np.uint8, shape)
        for number in range(count):
            rng = np.random.default_rng([args.seed, held_out, number])
            picture = make_picture(stock, rng)
            rgb[number], label[number] = picture.rgb, picture.label
        rgb.flush()
        label.flush()
        print(part, count, flush=True)


if __name__ == "__main__":
    main()
