"""What is seen through the windows: a garden, its trees, a house; painted, and out of focus.

`paint_outlook(evening, sunny)` gives a panorama of all directions; the horizon is its middle row.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Colour = tuple[float, float, float]

WIDTH, HEIGHT = 2048, 1024
HORIZON = HEIGHT // 2


def _clouds(rng: Rng, height: int, octaves: tuple[int, ...]) -> NDArray[np.float32]:
    """Smooth noise around the whole circle, about 0 with a deviation of 1."""
    total = np.zeros((height, WIDTH), np.float32)
    for number, cells in enumerate(octaves):
        grid = rng.normal(0, 1, (max(2, cells // 3), cells)).astype(np.float32)
        grid = np.concatenate([grid, grid[:, :1]], axis=1)  # left and right edge meet
        total += cv2.resize(grid, (WIDTH, height), interpolation=cv2.INTER_CUBIC) * 0.62**number
    return total / max(float(total.std()), 1e-6)


def _sky(rng: Rng, sunny: bool) -> NDArray[np.float32]:
    up = np.linspace(1, 0, HORIZON, dtype=np.float32)[:, None, None] ** 0.7
    low, high = ((242, 244, 246), (150, 188, 232)) if sunny else ((236, 240, 244), (214, 222, 232))
    sky = np.asarray(low, np.float32) * (1 - up) + np.asarray(high, np.float32) * up
    cover = np.clip(
        _clouds(rng, HORIZON, (6, 13, 27, 55, 110)) * 0.5 + (0.1 if sunny else 0.5), 0, 1
    )
    return sky + (np.float32(248) - sky) * cover[..., None] * (0.85 if sunny else 0.5)


def _foliage(
    canvas: NDArray[np.float32], rng: Rng, centre: tuple[float, float], reach: float, tone: Colour,
    leaves: int,
) -> None:  # fmt: skip
    """A crown or a shrub: dabs that are light above and dark below."""
    order = np.sort(rng.uniform(-1, 1, leaves))[::-1]
    for height in order:
        wide = reach * np.sqrt(max(1 - height**2, 0.05)) * 1.15
        x = centre[0] + rng.uniform(-wide, wide)
        y = centre[1] - height * reach
        shine = 0.62 + 0.34 * height + rng.normal(0, 0.2)
        colour = [float(c * max(shine, 0.2)) for c in tone]
        size = reach * rng.uniform(0.05, 0.14)
        axes = (max(1, round(size * 1.3)), max(1, round(size)))
        at = (round(x), round(y))
        for turn in (-WIDTH, 0, WIDTH):  # around the circle
            where = (at[0] + turn, at[1])
            cv2.ellipse(canvas, where, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)


def _house(canvas: NDArray[np.float32], x: int, width: int, evening: bool) -> None:
    """A neighbour's house under a gable, with lit windows in the evening."""
    wall, roof = ((206, 196, 182), (128, 92, 78)) if not evening else ((24, 28, 40), (16, 18, 26))
    low, eaves, ridge = HORIZON + width // 9, HORIZON - width // 4, HORIZON - width // 2
    cv2.rectangle(canvas, (x, eaves), (x + width, low), wall, -1)
    outline = [[x - 8, eaves], [x + width + 8, eaves], [x + width * 2 // 3, ridge],
               [x + width // 3, ridge]]  # fmt: skip
    cv2.fillPoly(canvas, [np.asarray(outline, np.int32)], roof)
    for k in range(3):
        left = x + width // 10 + k * width * 3 // 10
        pane = (70, 80, 92) if not evening else ((250, 196, 120), (20, 26, 44), (255, 214, 150))[k]
        corners = (left, eaves + width // 12), (left + width // 6, eaves + width // 4)
        cv2.rectangle(canvas, *corners, pane, -1)


def paint_outlook(evening: bool = False, sunny: bool = False) -> NDArray[np.uint8]:
    """The panorama, (1024, 2048, 3) uint8 sRGB; its middle column lies towards +x."""
    rng = np.random.default_rng(20)
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    if evening:
        up = np.linspace(1, 0, HORIZON, dtype=np.float32)[:, None, None] ** 0.6
        canvas[:HORIZON] = np.asarray((126, 128, 150)) * (1 - up) + np.asarray((38, 56, 102)) * up
    else:
        canvas[:HORIZON] = _sky(rng, sunny)
    lawn = np.asarray((18, 24, 26) if evening else (132, 146, 92), np.float32)
    blades = _clouds(rng, HEIGHT - HORIZON, (20, 60, 180, 420)) * 0.09
    canvas[HORIZON:] = lawn * (1 + blades[..., None])
    canvas = np.ascontiguousarray(canvas)
    dim = 0.16 if evening else 1.0
    # Far woods, pale with haze, then a house on either side, trees and shrubs of the garden.
    for x in np.arange(0, WIDTH, 34):
        reach = float(rng.uniform(16, 34))
        far: Colour = (146 * dim, 158 * dim, 142 * dim)
        _foliage(canvas, rng, (float(x), HORIZON - reach * 0.7), reach, far, 60)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 2.0)
    for left in (120, 760, 1240, 1800):
        _house(canvas, left, int(rng.integers(70, 110)), evening)
    for x in np.arange(40, WIDTH, 100):
        at = float(x + rng.uniform(-45, 45))
        reach = float(rng.uniform(28, 64))
        foot, crown = HORIZON + 26, HORIZON - reach * 1.25
        bark = (74 * dim, 66 * dim, 56 * dim)
        cv2.line(
            canvas, (round(at), foot), (round(at), round(crown)), bark, max(3, round(reach / 14))
        )
        green = (112 * dim * float(rng.uniform(0.85, 1.1)), 134 * dim, 80 * dim)
        for _ in range(7):  # boughs, or every tree would be a ball
            bough = (at + reach * rng.uniform(-0.7, 0.7), crown + reach * rng.uniform(-0.75, 0.5))
            _foliage(canvas, rng, bough, reach * float(rng.uniform(0.3, 0.55)), green, 90)
    for x in np.arange(0, WIDTH, 30):
        reach = float(rng.uniform(15, 30))
        tone: Colour = (92 * dim, 118 * dim, 66 * dim)
        _foliage(canvas, rng, (float(x), HORIZON + 34 - reach * 0.5), reach, tone, 90)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 1.7)
    if not evening:  # haze
        canvas = canvas * 0.8 + canvas.mean(axis=2, keepdims=True) * 0.2
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
