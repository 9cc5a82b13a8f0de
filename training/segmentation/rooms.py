"""Render furnished rooms with true masks, some of them without a floor in sight.

    python -m training.segmentation.rooms --out .cache/rooms --count 300

Needs Blender's module: ``pip install bpy==4.4.0``. Picture n depends on the seed and n alone. One
that is there already is not rendered again: several processes may share the work by ``--first``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from training.synthesis.floors import sample_design
from training.synthesis.rooms.arrange import draw_room
from training.synthesis.rooms.studio import Room, render_room

SIZES = ((448, 336), (400, 400), (336, 448), (512, 288))
#: So many look up: walls, pictures, shelves, lamps.
FLOORLESS_SHARE = 0.2


def look_up(room: Room, rng: np.random.Generator) -> Room:
    """The same room, photographed above the floor."""
    x, y, eye = room.camera.at
    to_x, to_y = x + rng.uniform(-2.0, 2.0), room.shell.depth
    to_z = eye + rng.uniform(0.5, 0.95) * np.hypot(to_x - x, to_y - y) * 0.45
    lens = float(rng.uniform(30, 50))
    camera = replace(room.camera, look=(float(to_x), float(to_y), float(to_z)), view=lens)
    return replace(room, camera=camera)


def render(number: int, seed: int, samples: int, out: Path) -> None:
    """Write picture and mask ``number``, unless they are there."""
    image_path, mask_path = (
        out / "images" / f"{number:05d}.jpg",
        out / "masks" / f"{number:05d}.png",
    )
    if image_path.exists() and mask_path.exists():
        return
    rng = np.random.default_rng([seed, number])
    design = sample_design(rng)
    room = draw_room(rng, SIZES[int(rng.integers(len(SIZES)))])
    if rng.random() < FLOORLESS_SHARE:
        room = look_up(room, rng)
    image, mask = render_room(room, design, number, samples, threads=1)
    cv2.imwrite(str(mask_path), mask)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 93]
    cv2.imwrite(str(image_path), np.ascontiguousarray(image[:, :, ::-1]), quality)


def main() -> None:
    """Fill a folder with images/ and masks/ (255 floor, 64 rug, 0 other)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--samples", type=int, default=8)
    args = parser.parse_args()
    for folder in ("images", "masks"):
        (args.out / folder).mkdir(parents=True, exist_ok=True)
    for number in range(args.first, args.first + args.count):
        render(number, args.seed, args.samples, args.out)


if __name__ == "__main__":
    main()
