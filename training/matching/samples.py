"""Made products, each with swatches and simulated rooms: what the projection is fitted on.

    python -m training.matching.samples --out DIR --count 400

Writes for product n the pictures `n-0.jpg`, `n-1.jpg` (swatches: near, far), `n-2.jpg` ... (rooms)
and the floor masks of the rooms, `n-2.png` ... Every room shows other boards than the swatches, for
no room shows the boards that were photographed for the catalogue. Existing products are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from training.matching.views import RoomView, simulate_view
from training.synthesis.floors import render_floor, sample_design

#: Pixels across a swatch.
SWATCH = 448
#: What a swatch shows of the floor, in metres: one board, or a few square metres.
NEAR, FAR = (0.25, 0.9), (0.9, 2.4)
#: The floor that rooms are laid with: metres across, millimetres a pixel.
SHEET, SHEET_SCALE = 3.0, 3.0


def make_product(number: int, rooms: int, seed: int = 0) -> list[RoomView]:
    """Returns two swatches (mask all True) and `rooms` rooms of made product `number`."""
    rng = np.random.default_rng([seed, number])
    design = sample_design(rng)
    views: list[RoomView] = []
    for layout_seed, (low, high) in enumerate((NEAR, FAR)):
        millimetres = 1000.0 * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        size = (millimetres, millimetres)
        swatch = render_floor(design, size, millimetres / SWATCH, layout_seed)
        if rng.random() < 0.5:
            swatch = np.ascontiguousarray(swatch.swapaxes(0, 1))
        views.append(RoomView(swatch, np.ones(swatch.shape[:2], np.bool_)))
    sheet = render_floor(design, (1000 * SHEET, 1000 * SHEET), SHEET_SCALE, 2)
    views += [simulate_view(sheet, SHEET, rng) for _ in range(rooms)]
    return views


def main() -> None:
    """Fill a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.start, arguments.count):
        last = arguments.out / f"{number:05d}-{arguments.rooms + 1}.jpg"
        if last.exists():
            continue
        for index, view in enumerate(make_product(number, arguments.rooms, arguments.seed)):
            stem = f"{number:05d}-{index}"
            if not view.mask.all():
                Image.fromarray(view.mask).save(arguments.out / f"{stem}.png")
            # Renamed when complete: `training.matching.fit` may be reading already.
            draft = arguments.out / f"{stem}.draft"
            Image.fromarray(view.rgb).save(draft, "JPEG", quality=92)
            draft.replace(arguments.out / f"{stem}.jpg")


if __name__ == "__main__":
    main()
