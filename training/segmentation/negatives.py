"""Pictures that show no floor and no room: what people photograph, upload and scan by mistake.

Painted crudely and in endless variety. Texture that fills the picture looks like a product seen
from above; these teach the difference. None of the pictures of ``samples/floorless`` is among them,
nor is any painted by the same code, but some kinds are akin: handwriting to its pages, stalks to
its leaves, water to its cloth.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Rng = np.random.Generator
Size = tuple[int, int]


def painted(rng: Rng, size: Size) -> Picture:
    """A picture of any kind, float32 RGB [H, W, 3], 0..255; ``size`` is (height, width)."""
    paint = PAINTERS[int(rng.integers(len(PAINTERS)))]
    image = paint(rng, size)
    if rng.random() < 0.5:
        # Part of it, larger.
        height, width = size
        share = rng.uniform(0.4, 1.0)
        rows, columns = int(height * share), int(width * share)
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        part = image[top : top + rows, left : left + columns]
        image = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
    # The painters take any colour; photographs are mostly muted.
    grey = image.mean(axis=2, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.1, 1.0)
    return np.asarray(np.clip(image, 0, 255), np.float32)


def smooth(rng: Rng, size: Size, cells: int) -> Picture:
    """Noise of about unit variance, float32 [H, W, 1], with blobs of 1 / cells of the width."""
    grid = rng.standard_normal((max(2, cells * size[0] // size[1]), cells)).astype(np.float32)
    return np.asarray(cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC))[:, :, None]


def _flat(size: Size, colour: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.tile(np.clip(colour, 0, 255).astype(np.uint8), (*size, 1))


def _tone(colour: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.clip(colour, 0, 255))


def _point(rng: Rng, size: Size) -> tuple[int, int]:
    return int(rng.integers(size[1])), int(rng.integers(size[0]))


def strokes(rng: Rng, size: Size) -> Picture:
    """Grass, hay, needles or fur: thin strokes, more or less along one direction."""
    base = np.array([[70, 110, 45], [170, 150, 90], [90, 70, 50], [120, 120, 120]])[rng.integers(4)]
    canvas = _flat(size, base * rng.uniform(0.2, 0.5))
    lean, spread = rng.uniform(0, np.pi), rng.uniform(0.2, 1.2)
    long = rng.uniform(0.06, 0.3) * size[1]
    count = int(rng.integers(300, 900))
    for n in range(count):
        x, y = _point(rng, size)
        turn, reach = lean + rng.normal(0, spread), long * rng.uniform(0.4, 1)
        end = int(x + reach * np.cos(turn)), int(y - reach * np.sin(turn))
        tone = base * rng.uniform(0.5, 0.8 + 0.5 * n / count) + rng.normal(0, 10, 3)
        cv2.line(canvas, (x, y), end, _tone(tone), int(rng.integers(1, 3)), cv2.LINE_AA)
    return canvas.astype(np.float32)


def handwriting(rng: Rng, size: Size) -> Picture:
    """Lines of loops on ruled or blank paper."""
    canvas = _flat(size, rng.uniform(205, 252, 3))
    step = int(rng.integers(14, 34))
    ink = _tone(rng.uniform(0, 110, 3))
    ruled = rng.random() < 0.5
    for y in range(step, size[0], step):
        if ruled:
            cv2.line(canvas, (0, y), (size[1], y), (170, 190, 210), 1)
        if rng.random() < 0.1:
            continue
        xs = np.arange(8, rng.uniform(0.5, 0.97) * size[1], 1.5)
        wave = np.cumsum(rng.normal(0, 0.9, len(xs))) + xs * rng.uniform(0.3, 0.8)
        height = 0.3 * step * np.sin(wave) * (1 + 0.6 * np.sin(xs / rng.uniform(15, 40)))
        line = np.stack([xs + 0.2 * step * np.cos(wave), y - 0.3 * step + height], axis=1)
        for word in np.array_split(line, max(1, int(rng.integers(3, 8)))):
            points = [np.round(word[: max(2, len(word) - 4)]).astype(np.int32)]
            cv2.polylines(canvas, points, False, ink, 1, cv2.LINE_AA)
    return canvas + smooth(rng, size, 3) * 5


def spreadsheet(rng: Rng, size: Size) -> Picture:
    """Figures in a grid."""
    canvas = _flat(size, rng.uniform(235, 255, 3))
    high, wide = int(rng.integers(12, 26)), int(rng.integers(34, 80))
    shade = rng.uniform(180, 245, 3)
    scale = high / 40
    for row, top in enumerate(range(0, size[0], high)):
        if row == 0 or (row % 2 and rng.random() < 0.7):
            cv2.rectangle(canvas, (0, top), (size[1], top + high), _tone(shade), -1)
        for left in range(0, size[1], wide):
            if rng.random() < 0.85:
                text = f"{rng.uniform(0, 9999):.{int(rng.integers(3))}f}"
                spot = (left + 4, top + high - 4)
                cv2.putText(
                    canvas, text, spot, cv2.FONT_HERSHEY_SIMPLEX, scale, (30, 30, 40), 1,
                    cv2.LINE_AA,
                )  # fmt: skip
    canvas[::high] = (canvas[::high] * 0.8).astype(np.uint8)
    canvas[:, ::wide] = (canvas[:, ::wide] * 0.8).astype(np.uint8)
    return canvas.astype(np.float32)


def screen(rng: Rng, size: Size) -> Picture:
    """A screenshot: panels, buttons, bars of text."""
    dark = rng.random() < 0.4
    canvas = _flat(size, rng.uniform(15, 60, 3) if dark else rng.uniform(220, 255, 3))
    for _ in range(int(rng.integers(4, 14))):
        (x, y), wide, high = _point(rng, size), rng.integers(20, 140), rng.integers(8, 90)
        corner = int(x + wide), int(y + high)
        cv2.rectangle(canvas, (x, y), corner, _tone(rng.uniform(0, 255, 3)), -1)
        ink = _tone(rng.uniform(0, 255, 3))
        for line in range(int(y) + 5, int(y + high) - 4, 7):
            end = int(x + 6 + wide * rng.uniform(0.2, 0.85))
            cv2.line(canvas, (int(x) + 5, line), (end, line), ink, 2)
    return canvas.astype(np.float32)


def city_map(rng: Rng, size: Size) -> Picture:
    """Streets and blocks from above, in print."""
    canvas = _flat(size, rng.uniform(215, 245, 3))
    for _ in range(int(rng.integers(2, 9))):
        corners = np.array([_point(rng, size) for _ in range(5)], np.int32)
        cv2.fillPoly(canvas, [cv2.convexHull(corners)], _tone(rng.uniform(150, 240, 3)))
    for _ in range(int(rng.integers(15, 50))):
        width = int(rng.choice([1, 2, 3, 6]))
        tone = _tone(rng.uniform(200, 255, 3) if width > 2 else rng.uniform(90, 200, 3))
        cv2.line(canvas, _point(rng, size), _point(rng, size), tone, width, cv2.LINE_AA)
    return canvas.astype(np.float32)


def landscape(rng: Rng, size: Size) -> Picture:
    """Ridges behind ridges under an even sky."""
    rows = np.linspace(0, 1, size[0])[:, None, None]
    image = (rng.uniform(90, 230, 3) * (1 - rows) + rng.uniform(160, 245, 3) * rows).astype(
        np.float32
    ) * np.ones((*size, 1), np.float32)
    ys = np.arange(size[0])[:, None]
    top, tone = rng.uniform(0.2, 0.5), rng.uniform(90, 190, 3)
    for _ in range(int(rng.integers(2, 6))):
        ridge = (top + 0.05 * smooth(rng, size, int(rng.integers(4, 30)))[0, :, 0]) * size[0]
        ridge = ridge + 0.006 * size[0] * rng.standard_normal(size[1])
        below = ys > ridge[None]
        relief = 1 + 0.15 * smooth(rng, size, int(rng.integers(10, 60)))
        image = np.where(below[:, :, None], (tone * relief).astype(np.float32), image)
        top += rng.uniform(0.06, 0.2)
        tone = tone * rng.uniform(0.6, 0.9) + rng.normal(0, 8, 3)
    return image


def crowd(rng: Rng, size: Size) -> Picture:
    """People, head behind head; a few of them fill the picture too."""
    canvas = _flat(size, rng.uniform(20, 200, 3))
    radius = rng.uniform(0.03, 0.2) * size[0]
    skins = np.array([[236, 200, 175], [200, 150, 120], [140, 95, 70], [90, 60, 45]])
    for y in np.arange(radius, size[0] + 2 * radius, 1.1 * radius):
        for x in np.arange(-radius, size[1] + radius, 2.3 * radius):
            at = np.array([x, y]) + rng.normal(0, 0.4 * radius, 2)
            spot = int(at[0]), int(at[1])
            skin = skins[rng.integers(4)] * rng.uniform(0.7, 1.1)
            body = spot[0], int(at[1] + 2.1 * radius)
            axes = int(1.4 * radius) + 1, int(1.5 * radius) + 1
            cloth = _tone(rng.uniform(10, 240, 3))
            cv2.ellipse(canvas, body, axes, 0, 0, 360, cloth, -1, cv2.LINE_AA)
            head = int(0.72 * radius) + 1, int(radius) + 1
            hair = _tone(rng.uniform(10, 110) * np.array([1, 0.85, 0.7]))
            above = spot[0], int(at[1] - 0.25 * radius)
            cv2.ellipse(canvas, above, head, 0, 0, 360, hair, -1, cv2.LINE_AA)
            cv2.ellipse(
                canvas, spot, (head[0] * 5 // 6, head[1] * 5 // 6), 0, 0, 360, _tone(skin), -1,
                cv2.LINE_AA,
            )  # fmt: skip
    return canvas.astype(np.float32)


def water(rng: Rng, size: Size) -> Picture:
    """Ripples."""
    rows = np.linspace(0.2, 1, size[0])[:, None, None] ** rng.uniform(0, 1)
    columns = np.linspace(0, 1, size[1])[None, :, None]
    phase = smooth(rng, size, 5) * 2 + smooth(rng, size, 17) + columns * rng.uniform(0, 12)
    waves = np.sin(phase * 1.5 + rng.uniform(30, 120) * rows)
    base = np.array([60, 110, 140]) * rng.uniform(0.5, 1.4) + rng.normal(0, 15, 3)
    return np.asarray(base * (1 + rng.uniform(0.1, 0.4) * waves), np.float32)


def lights(rng: Rng, size: Size) -> Picture:
    """Lamps at night, out of focus."""
    image = np.tile(rng.uniform(0, 60, 3).astype(np.float32), (*size, 1))
    for _ in range(int(rng.integers(6, 60))):
        spot = np.zeros(size, np.uint8)
        cv2.circle(spot, _point(rng, size), int(rng.integers(3, 40)), 255, -1, cv2.LINE_AA)
        glow = rng.uniform(40, 255, 3) * rng.uniform(0.2, 0.8)
        image += (spot / 255)[:, :, None].astype(np.float32) * glow.astype(np.float32)
    return image


def thing(rng: Rng, size: Size) -> Picture:
    """One object, dish or face before a plain backdrop."""
    canvas = _flat(size, rng.uniform(30, 250, 3))
    centre = size[1] // 2 + int(rng.normal(0, 12)), size[0] // 2 + int(rng.normal(0, 12))
    tone = rng.uniform(20, 240, 3)
    for scale in np.sort(rng.uniform(0.06, 0.46, int(rng.integers(2, 9))))[::-1]:
        axes = int(size[1] * scale * rng.uniform(0.6, 1)), int(size[0] * scale)
        shift = centre[0] + int(rng.normal(0, 10)), centre[1] + int(rng.normal(0, 10))
        tone = tone * rng.uniform(0.7, 1.25) + rng.normal(0, 25, 3)
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(canvas, shift, axes, turn, 0, 360, _tone(tone), -1, cv2.LINE_AA)
    light = 1 + 0.25 * smooth(rng, size, 3)
    return np.asarray(canvas * light, np.float32)


PAINTERS: tuple[Callable[[Rng, Size], Picture], ...] = (
    strokes, handwriting, spreadsheet, screen, city_map, landscape, crowd, water, lights, thing,
)  # fmt: skip
