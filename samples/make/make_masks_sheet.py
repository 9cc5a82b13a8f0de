"""Draw the floors found in the sample rooms, for the segmenter's card.

python -m samples.make.make_masks_sheet --out docs/images/masks.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from floorlens.images.drawing import overlay
from floorlens.images.loading import load_photo
from floorlens.pipeline import floor_region
from floorlens.presets import BUILTIN, load_stages

ROOMS = Path(__file__).resolve().parents[1] / "rooms"
CELL = (420, 315)
COLUMNS = 3


def main() -> None:
    """Write one picture of all rooms."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    stages = load_stages(BUILTIN)
    paths = sorted(ROOMS.iterdir())
    rows = -(-len(paths) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * CELL[1]), (255, 255, 255))
    for number, path in enumerate(paths):
        photo = load_photo(path)
        drawn = overlay(photo.pixels, floor_region(photo, stages).working_mask)
        picture = Image.fromarray(np.ascontiguousarray(drawn))
        picture.thumbnail((CELL[0] - 6, CELL[1] - 6))
        sheet.paste(picture, (number % COLUMNS * CELL[0], number // COLUMNS * CELL[1]))
    sheet.save(args.out, quality=85, optimize=True)


if __name__ == "__main__":
    main()
