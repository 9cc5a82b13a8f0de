"""What alterations cost, and what leaving them out brings: features beside the unaltered picture's.

    python -m training.products.evaluate --floors 24

For each kind of alteration, on held-out floors (or, with ``--folder``, a folder's pictures): the
cosine similarity between the vector of the altered picture and that of the unaltered one, with the
alteration described and left out; the share in which something was found, and the IoU of its mask.
The first row is what it does to pictures that nobody altered.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.presets import PRESETS, Stages, load_stages
from floorlens.products.pictures import examine, without_overlays
from training.products.alterations import (
    ALTERED,
    FINE,
    FLOOR,
    KINDS,
    UNSURE,
    Altered,
    Canvas,
    as_published,
    compose,
)
from training.products.stock import load_stock

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Outcome:
    """One altered picture: cosine similarities to the unaltered one; found or not; IoU."""

    as_is: float
    left_out: float
    found: bool
    iou: float


def vector(pixels: Rgb, mask: NDArray[np.bool_], stages: Stages) -> NDArray[np.float32]:
    """Returns the vector of a floor, of length 1."""
    features = stages.embedder.features({"swatch": stages.normaliser.view(pixels, mask)})
    values = stages.embedder.describe(features).vector
    return np.asarray(values / np.linalg.norm(values), np.float32)


def outcome(floor: Rgb, picture: Altered, stages: Stages) -> Outcome:
    """Returns what became of an altered picture of the floor."""
    whole = np.ones(floor.shape[:2], bool)
    truth = vector(floor, whole, stages)
    shown = without_overlays(picture.rgb, examine(picture.rgb))
    altered = ~shown.mask if shown.strokes is None else ~shown.mask | shown.strokes
    real, known = picture.label == ALTERED, picture.label != UNSURE
    union = ((altered | real) & known).sum()
    return Outcome(
        float(truth @ vector(picture.rgb, whole, stages)),
        float(truth @ vector(*shown.product(picture.rgb), stages)),
        bool(shown.alterations),
        float((altered & real).sum() / union) if union else 1.0,
    )


def main() -> None:
    """Print a row for each kind."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--floors", type=int, default=24)
    parser.add_argument("--folder", type=Path, help="pictures to alter instead of held-out floors")
    parser.add_argument("--seed", type=int, default=9)
    args = parser.parse_args()
    stages = load_stages(PRESETS["builtin"], threads=1)
    stock = load_stock(Path(os.environ.get("FLOORLENS_DATA", "../shared/data")), 12, held_out=True)
    floors = [*stock.shops]
    if args.folder:
        floors = [
            np.asarray(Image.open(path, formats=["JPEG"]).convert("RGB").resize((640, 640)))
            for path in sorted(args.folder.glob("*.jpg"))
        ]
    order = np.random.default_rng(args.seed).permutation(len(floors))[: args.floors]
    print(f"{'':12} as is  left out (least)  found  IoU")
    for name, draw in [("unaltered", None), *((kind.__name__, kind) for kind, _ in KINDS)]:
        rows = []
        for number in order:
            floor, rng = floors[number], np.random.default_rng([args.seed, int(number)])
            size = (floor.shape[1] * FINE, floor.shape[0] * FINE)
            layer = Image.new("RGBA", size, (0, 0, 0, 0))
            if draw is not None:
                large = Image.fromarray(floor).resize(size)
                other = Image.fromarray(floors[number - 1])
                draw(Canvas(layer, large, other, Image.fromarray(stock.scene(rng, 480))), rng)
                picture = compose(floor, layer)
            else:
                picture = Altered(floor, np.full(floor.shape[:2], FLOOR, np.uint8))
            rows.append(
                outcome(floor, Altered(as_published(picture.rgb, rng), picture.label), stages)
            )
        left_out = [row.left_out for row in rows]
        print(
            f"{name:12} {np.mean([row.as_is for row in rows]):.3f}  {np.mean(left_out):.3f} "
            f"({np.min(left_out):.3f})  {np.mean([row.found for row in rows]):.2f}  "
            f"{np.mean([row.iou for row in rows]):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
