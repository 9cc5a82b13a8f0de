"""Tables, shelves and cabinets; fronts look along -y."""

from __future__ import annotations

import math
from typing import TypeAlias

import bpy
import numpy as np

from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, lathe, rod, soft_box, surface, tube
from training.synthesis.wood import Colour, Wood

Frame: TypeAlias = bpy.types.Object


def dining_table(
    f: Frame, wood: Wood, size: tuple[float, float] = (1.8, 0.9), seed: int = 1
) -> None:
    """A table with a chamfered top on tapered legs."""
    top, legs = mat.timber(wood, seed), mat.timber(wood, seed + 1, along="z")
    w, d = size
    box(f, (w, d, 0.032), (0, 0, 0.734), top, 0.01)
    box(f, (w - 0.24, 0.022, 0.07), (0, -d / 2 + 0.12, 0.683), top, 0.004)
    box(f, (w - 0.24, 0.022, 0.07), (0, d / 2 - 0.12, 0.683), top, 0.004)
    for x in (-1, 1):
        for y in (-1, 1):
            foot = (x * (w / 2 - 0.06), y * (d / 2 - 0.06), 0.0)
            rod(f, foot, (x * (w / 2 - 0.11), y * (d / 2 - 0.11), 0.72), 0.018, legs, 0.032)


def round_table(
    f: Frame, top: Colour = (232, 230, 226), radius: float = 0.55, height: float = 0.74,
    base: Colour = (40, 40, 42),
) -> None:  # fmt: skip
    """A pedestal table, turned like a trumpet."""
    lathe(f, [(0.0, height), (radius - 0.01, height), (radius, height - 0.008),
              (radius - 0.02, height - 0.026), (0.0, height - 0.026)], (0, 0, 0),
          mat.plain(top, 0.25), steps=72)  # fmt: skip
    foot = radius * 0.55
    profile = [(0.0, 0.0), (foot, 0.0), (foot, 0.008)]
    for k in range(1, 9):
        t = k / 8
        profile.append((0.032 + (foot - 0.032) * (1 - t) ** 3.2, 0.008 + (height - 0.05) * t))
    lathe(f, profile, (0, 0, 0), mat.plain(base, 0.35))


def coffee_table(
    f: Frame, wood: Wood, size: tuple[float, float] = (1.1, 0.6), seed: int = 2
) -> None:
    """A low oval table with a shelf."""
    top = mat.timber(wood, seed)
    w, d = size

    def oval(scale: float, z: float, thick: float) -> None:
        def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            angle = s * 2 * np.pi
            rim = np.interp(
                t, [0, 0.3, 0.35, 0.5, 0.65, 0.7, 1], [0, 0.985, 0.996, 1, 0.996, 0.985, 0]
            )
            up = np.interp(t, [0, 0.3, 0.35, 0.65, 0.7, 1], [1, 1, 0.8, 0.2, 0, 0])
            c, q = np.cos(angle), np.sin(angle)
            x = w / 2 * scale * rim * np.sign(c) * np.abs(c) ** 0.7
            y = d / 2 * scale * rim * np.sign(q) * np.abs(q) ** 0.7
            return x, y, z + thick * up

        surface(f, shape, (96, 20), top, wrap=True)

    oval(1.0, 0.36, 0.028)
    oval(0.78, 0.15, 0.018)
    for x in (-1, 1):
        for y in (-1, 1):
            rod(f, (x * w * 0.36, y * d * 0.34, 0), (x * w * 0.33, y * d * 0.3, 0.37), 0.013, top,
                0.019)  # fmt: skip


def side_table(
    f: Frame, colour: Colour = (44, 44, 46), radius: float = 0.22, height: float = 0.5
) -> None:
    """A small drum: a metal tray on three bent legs."""
    metal = mat.plain(colour, 0.4, 0.6)
    lathe(f, [(0, height), (radius, height), (radius + 0.006, height + 0.022),
              (radius + 0.010, height + 0.02), (radius + 0.004, height - 0.012),
              (0, height - 0.012)],
          (0, 0, 0), metal)  # fmt: skip
    for k in range(3):
        a = k * 2 * math.pi / 3 + 0.5
        c, s = math.cos(a), math.sin(a)
        foot, head = radius * 0.95, radius * 0.6
        rod(f, (c * foot, s * foot, 0), (c * head, s * head, height), 0.008, metal)


def sideboard(
    f: Frame, wood: Wood, width: float = 1.8, height: float = 0.72, doors: int = 4,
    front: Colour | None = None, seed: int = 4, legs: Colour = (40, 38, 36),
) -> None:  # fmt: skip
    """A long cabinet with shadow gaps and small knobs."""
    body = mat.timber(wood, seed)
    face = mat.plain(front, 0.45) if front else mat.timber(wood, seed + 1)
    metal = mat.plain(legs, 0.45, 0.5)
    depth, foot = 0.42, 0.15
    tall = height - foot
    z = foot + tall / 2
    box(f, (width, depth, 0.022), (0, 0, height - 0.011), body, 0.004)
    box(f, (width, depth, 0.022), (0, 0, foot + 0.011), body, 0.004)
    for side in (-1, 1):
        box(f, (0.022, depth, tall - 0.044), (side * (width / 2 - 0.011), 0, z), body, 0.004)
    box(f, (width - 0.04, 0.01, tall - 0.04), (0, depth / 2 - 0.02, z), body, 0)
    inner = width - 0.05
    each = inner / doors
    for door in range(doors):
        x = -inner / 2 + each * (door + 0.5)
        box(f, (each - 0.006, 0.02, tall - 0.052), (x, -depth / 2 + 0.014, z), face, 0.003)
        knob = x + (each / 2 - 0.04) * (1 if door % 2 == 0 else -1)
        lathe(f, [(0, 0.022), (0.010, 0.020), (0.011, 0.012), (0.005, 0.008), (0.005, 0)],
              (knob, -depth / 2 + 0.004, z + 0.04), metal, (90, 0, 0), 24)  # fmt: skip
    for x in (-1, 1):
        for y in (-1, 1):
            rod(f, (x * (width / 2 - 0.1), y * (depth / 2 - 0.06), 0),
                (x * (width / 2 - 0.14), y * (depth / 2 - 0.07), foot), 0.010, metal,
                0.014)  # fmt: skip


def bookshelf(
    f: Frame, wood: Wood, width: float = 1.0, height: float = 1.9, levels: int = 5, seed: int = 6
) -> None:
    """An open shelf with books, boxes and vases, filled by `seed`."""
    board = mat.timber(wood, seed)
    depth, thick = 0.30, 0.024
    for side in (-1, 1):
        box(
            f, (thick, depth, height), (side * (width / 2 - thick / 2), 0, height / 2), board, 0.003
        )
    box(f, (width - 0.02, 0.008, height - 0.06), (0, depth / 2 - 0.006, height / 2), board, 0)
    rng = np.random.default_rng(seed)
    gap = (height - 0.08 - thick) / levels
    for level in range(levels + 1):
        z = 0.08 + gap * level
        box(f, (width - 2 * thick, depth - 0.01, thick), (0, 0, z), board, 0.003)
        if level < levels:
            fill = rng.uniform(0.35, 0.9)
            books(f, (-width / 2 + thick + 0.02, -0.02, z + thick / 2), (width - 0.1) * fill,
                  gap * 0.78, int(rng.integers(1 << 20)))  # fmt: skip
            if fill < 0.62:
                x = width / 2 - 0.17
                vase(f, (x, -0.02, z + thick / 2), gap * 0.55, int(rng.integers(1 << 20)))


_SPINES: tuple[Colour, ...] = (
    (186, 176, 158), (92, 104, 116), (150, 84, 62), (222, 214, 200), (66, 70, 66), (176, 148, 96),
    (120, 132, 122), (206, 190, 170), (58, 60, 72), (196, 196, 192),
)  # fmt: skip


def books(f: Frame, at: tuple[float, float, float], width: float, height: float, seed: int) -> None:
    """A row of upright books from `at` towards +x."""
    rng = np.random.default_rng(seed)
    x = 0.0
    covers = [mat.plain(c, 0.6) for c in _SPINES]
    while x < width:
        thick, tall = rng.uniform(0.014, 0.045), height * rng.uniform(0.66, 1.0)
        deep = rng.uniform(0.15, 0.21)
        lean = 9.0 if x + 0.08 > width and rng.random() < 0.6 else 0.0
        box(f, (thick, deep, tall), (at[0] + x + thick / 2 + lean * 0.003, at[1], at[2] + tall / 2),
            covers[rng.integers(len(covers))], 0.002, (0, -lean, 0), 2)  # fmt: skip
        x += thick + 0.0015


def book_stack(f: Frame, at: tuple[float, float, float], seed: int = 0, count: int = 3) -> None:
    """Lying books, each turned a little."""
    rng = np.random.default_rng(seed)
    z = at[2]
    for _ in range(count):
        thick = rng.uniform(0.018, 0.035)
        turn = rng.uniform(-14, 14)
        cover = mat.plain(_SPINES[rng.integers(len(_SPINES))], 0.55)
        size = (rng.uniform(0.2, 0.28), rng.uniform(0.15, 0.2))
        box(f, (*size, thick), (at[0], at[1], z + thick / 2), cover, 0.002, (0, 0, turn), 2)
        z += thick + 0.001


_GLAZES: tuple[Colour, ...] = (
    (226, 220, 208), (58, 60, 62), (168, 122, 94), (120, 132, 126), (196, 182, 160),
)  # fmt: skip


def vase(f: Frame, at: tuple[float, float, float], height: float, seed: int = 0) -> None:
    """A turned ceramic vessel; `seed` picks its outline and glaze."""
    rng = np.random.default_rng(seed)
    belly, neck = rng.uniform(0.24, 0.42) * height, rng.uniform(0.08, 0.18) * height
    mid = rng.uniform(0.3, 0.6)
    profile: list[tuple[float, float]] = [(0.0, 0.0), (belly * 0.55, 0.0)]
    for k in range(1, 12):
        t = k / 11
        swell = math.exp(-(((t - mid) / 0.34) ** 2))
        profile.append((neck + (belly - neck) * swell * (1 - 0.25 * t), height * t))
    profile += [(profile[-1][0] - 0.006, height), (profile[-1][0] - 0.008, height * 0.8)]
    lathe(f, profile, at, mat.plain(_GLAZES[rng.integers(len(_GLAZES))], rng.uniform(0.25, 0.7)))


def kitchen(
    f: Frame, front: Colour = (88, 100, 96), top: Colour = (226, 222, 214), width: float = 3.0,
    wood: Wood | None = None,
) -> None:  # fmt: skip
    """A run of base units with a worktop, a tap, a shelf and things in use."""
    face = mat.timber(wood, 8, along="z") if wood else mat.plain(front, 0.4)
    slab, dark = mat.plain(top, 0.22), mat.plain((46, 46, 46), 0.6)
    brass = mat.plain((176, 140, 84), 0.28, 1.0)
    units = max(2, round(width / 0.6))
    each = width / units
    box(f, (width, 0.54, 0.1), (0, 0.03, 0.05), dark, 0)
    box(f, (width, 0.58, 0.76), (0, 0.01, 0.48), dark, 0)
    for unit in range(units):
        x = -width / 2 + each * (unit + 0.5)
        if unit % 3 == 1:
            for z, tall in ((0.22, 0.24), (0.47, 0.24), (0.72, 0.24)):
                box(f, (each - 0.004, 0.02, tall), (x, -0.29, z), face, 0.003)
                rod(f, (x - 0.08, -0.318, z + 0.07), (x + 0.08, -0.318, z + 0.07), 0.005, brass)
        else:
            box(f, (each - 0.004, 0.02, 0.74), (x, -0.29, 0.47), face, 0.003)
            rod(f, (x - 0.08, -0.318, 0.79), (x + 0.08, -0.318, 0.79), 0.005, brass)
    box(f, (width + 0.02, 0.64, 0.03), (0, 0, 0.875), slab, 0.004)
    tube(f, [(0.3, 0.2, 0.88), (0.3, 0.2, 1.12), (0.3, 0.12, 1.2), (0.3, 0.03, 1.12)], 0.011, brass)
    shelf = mat.timber(wood, 9) if wood else slab
    box(f, (width * 0.7, 0.2, 0.028), (0, 0.2, 1.52), shelf, 0.004)
    for k in range(6):
        x = -width * 0.3 + k * width * 0.11
        vase(f, (x, 0.2, 1.534), 0.12 + 0.05 * (k * 7 % 4), 40 + k)
    for k, x in enumerate((-width * 0.38, -width * 0.3)):
        vase(f, (x, 0.12, 0.89), 0.2 + 0.06 * k, 60 + k)
    soft_box(f, (0.3, 0.2, 0.02), (-0.25, 0.05, 0.9), mat.plain((150, 108, 70), 0.5), 0.2)


def tub(f: Frame) -> None:
    """A free-standing bath."""

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        angle = s * 2 * np.pi
        knots = [0, 0.12, 0.5, 0.56, 0.6, 0.85, 1]
        rim = np.interp(t, knots, [0.0, 0.72, 0.98, 1.0, 0.95, 0.72, 0.0])
        up = np.interp(t, knots, [0.0, 0.0, 0.55, 0.57, 0.56, 0.16, 0.13])
        c, q = np.cos(angle), np.sin(angle)
        x = 0.84 * rim * np.sign(c) * np.abs(c) ** 0.8
        return x, 0.39 * rim * np.sign(q) * np.abs(q) ** 0.8, up + 0.05 * up * c**2

    bath = surface(f, shape, (72, 60), mat.plain((240, 239, 236), 0.12), wrap=True)
    bath.modifiers.new("smooth", "SUBSURF").render_levels = 1
    steel = mat.plain((60, 60, 62), 0.3, 0.9)
    tube(f, [(0.5, 0.5, 0), (0.5, 0.5, 0.8), (0.5, 0.42, 0.9), (0.5, 0.3, 0.84)], 0.014, steel)


def nightstand(f: Frame, wood: Wood, seed: int = 11) -> None:
    """A bedside cabinet with one drawer and an open shelf."""
    board = mat.timber(wood, seed)
    for side in (-1, 1):
        box(f, (0.02, 0.38, 0.46), (side * 0.22, 0, 0.29), board, 0.004)
    for z in (0.07, 0.3, 0.52):
        box(f, (0.42, 0.38, 0.02), (0, 0, z), board, 0.003)
    box(f, (0.41, 0.018, 0.19), (0, -0.18, 0.41), board, 0.004)
    rod(f, (-0.05, -0.205, 0.41), (0.05, -0.205, 0.41), 0.005, mat.plain((46, 44, 42), 0.4, 0.8))
    book_stack(f, (0, -0.02, 0.08), seed, 3)
