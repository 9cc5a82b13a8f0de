"""Make `floorless/`: pictures that show no floor, to measure that none is found in them.

    python -m samples.make.make_floorless

Walls, ceilings, shelves and lamps are rendered (needs `bpy`); pages, charts, skies, leaves and
cloth are painted. No model is trained on these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[1]
SIZE = (480, 360)
RENDERED = 12
#: Of each painted kind.
PAINTED = 3

Picture = NDArray[np.uint8]
Rng = np.random.Generator


def _smooth(rng: Rng, cells: int) -> NDArray[np.float32]:
    """Noise of about unit variance, float32 (h, w), with blobs of 1 / cells of the picture."""
    grid = rng.standard_normal((max(2, cells * 3 // 4), cells)).astype(np.float32)
    return np.asarray(cv2.resize(grid, SIZE, interpolation=cv2.INTER_CUBIC), np.float32)


def page(rng: Rng) -> Picture:
    """Lines of print on paper, a little askew."""
    canvas = np.full((SIZE[1], SIZE[0], 3), rng.uniform(225, 250), np.uint8)
    words = ("oak", "sample", "price", "width", "order", "delivery", "board", "tile", "colour")
    fonts = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX)
    for y in range(30, SIZE[1] - 10, int(rng.integers(16, 26))):
        line = " ".join(rng.choice(words, 7))
        cv2.putText(
            canvas, line, (24, y), int(rng.choice(fonts)), 0.45, (50, 50, 55), 1, cv2.LINE_AA
        )
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), float(rng.uniform(-6, 6)), 1.05)
    paper = cv2.warpAffine(canvas, turn, SIZE, borderMode=cv2.BORDER_REPLICATE)
    return _bytes(paper + _smooth(rng, 3)[..., None] * 6)


def chart(rng: Rng) -> Picture:
    """Bars and lines of a report."""
    canvas = np.full((SIZE[1], SIZE[0], 3), 252, np.uint8)
    for x in range(60, 440, 48):
        top = int(rng.integers(60, 290))
        cv2.rectangle(
            canvas, (x, top), (x + 30, 300), tuple(map(float, rng.uniform(40, 230, 3))), -1
        )
    cv2.line(canvas, (44, 300), (450, 300), (40, 40, 40), 2)
    cv2.line(canvas, (44, 40), (44, 300), (40, 40, 40), 2)
    cv2.putText(canvas, "Sales", (200, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 40), 2)
    return canvas


def sky(rng: Rng) -> Picture:
    """Clouds."""
    cloud = sum(_smooth(rng, cells) / cells**0.7 for cells in (4, 8, 16, 32, 64))
    cover = np.clip(np.asarray(cloud) * 1.6 + rng.uniform(-0.2, 0.5), 0, 1)[..., None]
    fall = np.linspace(0, 1, SIZE[1])[:, None, None]
    blue = np.array([70, 120, 190]) * (1 - fall) + np.array([170, 200, 225]) * fall
    return _bytes(blue * (1 - cover) + 240 * cover)


def leaves(rng: Rng) -> Picture:
    """Foliage, leaf upon leaf."""
    canvas = np.full((SIZE[1], SIZE[0], 3), (24, 40, 22), np.uint8)
    for n in range(500):
        at = int(rng.integers(SIZE[0])), int(rng.integers(SIZE[1]))
        long = int(rng.integers(10, 34))
        tone = np.array([60.0, 120.0, 46.0]) * rng.uniform(0.35, 0.6 + n / 700) + rng.normal(
            0, 8, 3
        )
        axes = (long, max(2, long // 3))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(
            canvas,
            at,
            axes,
            turn,
            0,
            360,
            tuple(map(float, np.clip(tone, 0, 255))),
            -1,
            cv2.LINE_AA,
        )
    return canvas


def cloth(rng: Rng) -> Picture:
    """Folds of one fabric."""
    folds = np.sin(_smooth(rng, 3) * 4 + np.linspace(0, 9, SIZE[0])[None]) + _smooth(rng, 6) * 0.3
    return _bytes(rng.uniform(60, 220, 3) * (1 + 0.22 * folds[..., None]))


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


PAINTERS: tuple[Callable[[Rng], Picture], ...] = (page, chart, sky, leaves, cloth)


def rendered(count: int) -> list[Picture]:
    """Rooms photographed above their floors."""
    from training.segmentation.rooms import look_up
    from training.synthesis.floors import sample_design
    from training.synthesis.rooms.arrange import draw_room
    from training.synthesis.rooms.studio import render_room

    found: list[Picture] = []
    number = 0
    while len(found) < count:
        # Another seed than that of the training rooms.
        rng = np.random.default_rng([9001, number])
        number += 1
        design = sample_design(rng)
        room = look_up(draw_room(rng, SIZE), rng)
        image, mask = render_room(room, design, number, samples=8, threads=1)
        # Blank walls are all alike; there should be something to see.
        if not mask.any() and float(image.std()) > 28:
            found.append(image)
    return found


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLES / "floorless")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    pictures = {
        f"{painter.__name__}-{n}": painter(np.random.default_rng([9002, n, k]))
        for k, painter in enumerate(PAINTERS)
        for n in range(PAINTED)
    }
    pictures |= {f"wall-{n:02d}": image for n, image in enumerate(rendered(RENDERED))}
    for name, image in pictures.items():
        Image.fromarray(image).save(out / f"{name}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
