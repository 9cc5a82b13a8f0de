"""Render the sample rooms with their masks and write `pairs.csv`.

    python -m samples.make.make_rooms [--only NAME ...] [--samples 64] [--threads 2]

Runs where `bpy` is installed; two minutes of CPU time a room at 8 samples.
"""

from __future__ import annotations

import argparse
import csv
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from samples.make.camera import develop
from samples.make.catalogue import product
from samples.make.finish import finish_room
from samples.make.scenes import PICTURES
from training.synthesis.rooms.studio import FLOOR, trace_room

SAMPLES = Path(__file__).resolve().parents[1]


def main() -> None:
    """Render all rooms, or the ones named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="of the picture, for previews")
    parser.add_argument("--out", type=Path, default=SAMPLES)
    arguments = parser.parse_args()
    for folder in ("rooms", "masks"):
        (arguments.out / folder).mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        room = picture.room
        if arguments.only and room.name not in arguments.only:
            continue
        start = time.monotonic()
        size = (round(room.size[0] * arguments.scale), round(room.size[1] * arguments.scale))
        linear, mask = trace_room(
            room, product(picture.product).design, picture.layout_seed, arguments.samples,
            arguments.threads, size, partial(finish_room, room, picture.extras),
        )  # fmt: skip
        image = develop(linear, room.exposure, picture.layout_seed, picture.balance)
        Image.fromarray(image).save(
            arguments.out / "rooms" / f"{room.name}.jpg", quality=86, optimize=True
        )
        mask = np.where(mask == FLOOR, 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(arguments.out / "masks" / f"{room.name}.png", optimize=True)
        share = (mask > 0).mean()
        print(f"{room.name}: floor {share:.0%}, {time.monotonic() - start:.0f} s", flush=True)
    with (arguments.out / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("room", "product", "source"))
        for picture in PICTURES:
            writer.writerow((f"{picture.room.name}.jpg", f"{picture.product}.jpg", "sample"))


if __name__ == "__main__":
    main()
