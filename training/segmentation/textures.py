"""Top-down floor textures to paint onto training rooms.

Quick procedural ones made here (:func:`quick_texture`), joined by the better ones that
``python -m training.synthesis.floors`` renders into a folder (:func:`load_stock`).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 512
#: RGB of wood from nearly black to whitewashed, cold to warm.
_WOODS = (
    (38, 28, 24),
    (60, 40, 30),
    (84, 54, 36),
    (112, 70, 42),
    (140, 88, 52),
    (168, 116, 70),
    (188, 142, 96),
    (208, 172, 128),
    (222, 196, 160),
    (206, 196, 182),
    (150, 142, 134),
    (104, 98, 94),
    (70, 66, 66),
    (150, 70, 44),
)


def _noise(rng: np.random.Generator, rows: int, cols: int, side: int = SIDE) -> NDArray[np.float32]:
    """Smooth noise float32 [side, side], about unit variance, from a rows x cols grid."""
    grid = rng.standard_normal((rows, cols)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _planks(rng: np.random.Generator) -> NDArray[np.float32]:
    base = np.array(_WOODS[rng.integers(len(_WOODS))], np.float32) * rng.uniform(0.8, 1.2)
    canvas = np.empty((SIDE, SIDE, 3), np.float32)
    spread = rng.choice([0.03, 0.08, 0.2], p=[0.35, 0.35, 0.3])
    grain = _noise(rng, SIDE // 2, 12) * 0.6 + _noise(rng, 96, 5) * 0.6
    width = int(rng.integers(28, 100))
    length = int(rng.integers(160, 500))
    seam = rng.uniform(0.35, 0.95)
    for top in range(0, SIDE, width):
        offset = int(rng.integers(length))
        for left in range(-offset, SIDE, length):
            tone = base * (1 + spread * rng.standard_normal()) + rng.normal(0, 4, 3)
            x0, x1 = max(left, 0), min(left + length, SIDE)
            canvas[top : top + width, x0:x1] = tone
            if x0 > 0:
                canvas[top : top + width, x0 : x0 + 2] *= seam
        canvas[top : top + int(rng.integers(1, 4))] *= seam
    strength = base.mean() * rng.uniform(0.02, 0.14) + 2
    return canvas + (grain * strength)[:, :, None]


def _tiles(rng: np.random.Generator) -> NDArray[np.float32]:
    base = rng.uniform(40, 235) + rng.normal(0, 9, 3)
    tone = _noise(rng, 8, 8) * rng.uniform(1, 9) + _noise(rng, 64, 64) * rng.uniform(0, 6)
    canvas = np.tile(base.astype(np.float32), (SIDE, SIDE, 1)) + tone[:, :, None]
    high, wide = int(rng.integers(48, 200)), int(rng.integers(48, 200))
    if rng.random() < 0.6:
        wide = high
    checker = rng.normal(0, 40) if rng.random() < 0.25 else 0.0
    grout = rng.uniform(0.5, 1.3)
    line = int(rng.integers(2, 6))
    for row, top in enumerate(range(0, SIDE, high)):
        for col, left in enumerate(range(0, SIDE, wide)):
            canvas[top : top + high, left : left + wide] += rng.normal(0, 4) + checker * (
                (row + col) % 2
            )
    canvas[np.arange(SIDE) % high < line] *= grout
    canvas[:, np.arange(SIDE) % wide < line] *= grout
    return canvas


def _carpet(rng: np.random.Generator) -> NDArray[np.float32]:
    base = rng.uniform(25, 220) + rng.normal(0, 22, 3)
    noise = _noise(rng, SIDE, SIDE) * rng.uniform(3, 16) + _noise(rng, 10, 10) * rng.uniform(0, 8)
    return np.asarray(base, np.float32) + noise[:, :, None]


def _stone(rng: np.random.Generator) -> NDArray[np.float32]:
    base = rng.uniform(45, 225) + rng.normal(0, 8, 3)
    noise = sum(_noise(rng, cells, cells) * rng.uniform(1, 10) for cells in (4, 16, 64, 200))
    return np.asarray(base, np.float32) + np.asarray(noise, np.float32)[:, :, None]


def quick_texture(rng: np.random.Generator, only_wood: bool = False) -> NDArray[np.uint8]:
    """One crude top-down floor, uint8 RGB [512, 512, 3]."""
    if only_wood:
        return np.clip(_planks(rng), 0, 255).astype(np.uint8)
    make = rng.choice(np.array([_planks, _tiles, _carpet, _stone]), p=[0.6, 0.2, 0.1, 0.1])
    return np.clip(make(rng), 0, 255).astype(np.uint8)


def quick_rug(rng: np.random.Generator) -> NDArray[np.uint8]:
    """One crude rug, uint8 RGB [512, 512, 3], with a border."""
    canvas = _carpet(rng)
    cells = int(rng.integers(3, 14))
    pattern = cv2.resize(
        rng.normal(0, rng.uniform(0, 45), (cells, cells, 3)).astype(np.float32),
        (SIDE, SIDE),
        interpolation=cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_CUBIC,
    )
    canvas = canvas + pattern + pattern[:, ::-1]
    edge = int(rng.integers(0, 50))
    inner = canvas[edge : SIDE - edge, edge : SIDE - edge].copy()
    canvas = canvas + rng.normal(0, 40, 3)
    canvas[edge : SIDE - edge, edge : SIDE - edge] = inner
    return np.clip(canvas, 0, 255).astype(np.uint8)


def load_stock(folder: Path) -> list[NDArray[np.uint8]]:
    """The rendered floors, uint8 RGB; an empty list where none have been rendered."""
    stock = []
    for path in sorted(folder.glob("*.jpg")):
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is not None:
            stock.append(np.asarray(bgr[:, :, ::-1], np.uint8).copy())
    return stock
