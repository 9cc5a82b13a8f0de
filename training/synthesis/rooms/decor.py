"""Lamps, plants, pictures, rugs and curtains."""

from __future__ import annotations

import math
from typing import TypeAlias

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthesis.carpet import Carpet, Weave
from training.synthesis.design import FloorDesign
from training.synthesis.floors import render_floor
from training.synthesis.layouts import Layout
from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, lathe, rod, surface, tube
from training.synthesis.wood import Colour

Frame: TypeAlias = bpy.types.Object
WARM: Colour = (255, 218, 178)


def bulb(f: Frame, at: tuple[float, float, float], watts: float, colour: Colour = WARM) -> None:
    """A small round light source; nothing of it is seen."""
    if watts <= 0:
        return
    light = bpy.data.lights.new("bulb", "POINT")
    light.energy, light.shadow_soft_size = watts, 0.06
    light.color = mat.linear(colour)[:3]
    thing = bpy.data.objects.new("bulb", light)
    thing.location, thing.parent = at, f
    bpy.context.scene.collection.objects.link(thing)


def _shade(
    f: Frame, at: tuple[float, float, float], low: float, high: float, tall: float, watts: float,
    colour: Colour,
) -> None:  # fmt: skip
    skin = mat.glow(colour, 1.1) if watts > 0 else mat.cloth(colour)
    cover = lathe(f, [(low, 0.0), (high, tall)], at, skin)
    # The bulb stands inside: a shade that cast a shadow would turn a lamp into two cones of noise.
    cover.visible_shadow = watts <= 0
    bulb(f, (at[0], at[1], at[2] + tall * 0.5), watts)


def floor_lamp(
    f: Frame, watts: float = 0.0, shade: Colour = (238, 226, 204), stem: Colour = (38, 37, 36)
) -> None:
    """A lamp on three legs, or dark when `watts` is 0."""
    metal = mat.plain(stem, 0.4, 0.5)
    for k in range(3):
        a = k * 2 * math.pi / 3 + 0.3
        rod(f, (0.26 * math.cos(a), 0.26 * math.sin(a), 0), (0, 0, 1.22), 0.011, metal, 0.013)
    rod(f, (0, 0, 1.2), (0, 0, 1.36), 0.009, metal)
    _shade(f, (0, 0, 1.28), 0.23, 0.17, 0.28, watts, shade)


def arc_lamp(f: Frame, watts: float = 0.0) -> None:
    """A bow over the seat with a metal dome."""
    metal = mat.plain((44, 43, 42), 0.35, 0.7)
    lathe(f, [(0, 0), (0.17, 0), (0.17, 0.03), (0, 0.035)], (0, 0, 0), metal)
    tube(f, [(0, 0, 0.03), (0, 0, 1.3), (-0.45, 0, 1.95), (-1.1, 0, 1.72)], 0.011, metal)
    lathe(f, [(0.17, -0.02), (0.16, 0.03), (0.11, 0.1), (0.02, 0.14)], (-1.12, 0, 1.56), metal)
    bulb(f, (-1.12, 0, 1.55), watts)


def table_lamp(f: Frame, z: float, watts: float = 0.0, base: Colour = (176, 160, 140)) -> None:
    """A ceramic foot under a linen shade, standing at height `z`."""
    lathe(f, [(0, 0), (0.05, 0), (0.085, 0.06), (0.08, 0.13), (0.03, 0.2), (0.012, 0.24),
           (0, 0.26)],
          (0, 0, z), mat.plain(base, 0.4))  # fmt: skip
    _shade(f, (0, 0, z + 0.25), 0.15, 0.11, 0.19, watts, (240, 228, 206))


def pendant(
    f: Frame, z: float = 1.6, ceiling: float = 2.6, watts: float = 0.0,
    colour: Colour = (52, 52, 52), radius: float = 0.22,
) -> None:  # fmt: skip
    """A dome on a cord, its rim at height `z`."""
    metal = mat.plain(colour, 0.45)
    profile = [
        (radius * math.cos(a), 0.75 * radius * math.sin(a)) for a in np.linspace(0, 1.45, 10)
    ]
    dome = lathe(f, profile, (0, 0, z), metal)
    dome.modifiers.new("thick", "SOLIDIFY").thickness = 0.004
    rod(f, (0, 0, z + 0.7 * radius), (0, 0, ceiling), 0.004, mat.plain((30, 30, 30), 0.6))
    lathe(f, [(0.0, 0.0), (0.04, 0.02), (0.045, 0.05), (0.0, 0.09)], (0, 0, z + 0.02),
          mat.glow((255, 222, 180), 6.0 if watts > 0 else 0.2))  # fmt: skip
    bulb(f, (0, 0, z - 0.02), watts)


def plant(
    f: Frame, height: float = 1.3, pot: Colour = (206, 200, 190), seed: int = 0, broad: bool = True,
    z: float = 0.0,
) -> None:  # fmt: skip
    """A potted plant: arching broad leaves on stalks, or a tuft of blades."""
    rng = np.random.default_rng(seed)
    size = 0.11 + 0.05 * height
    lathe(f, [(0, 0), (size * 0.72, 0), (size, size * 1.6), (size * 0.94, size * 1.62),
              (size * 0.9, size * 1.4), (0, size * 1.4)], (0, 0, z),
          mat.plain(pot, 0.6))  # fmt: skip
    greens = [mat.leaf(c) for c in ((58, 88, 44), (74, 104, 54), (48, 76, 46))]
    stalk = mat.plain((84, 96, 52), 0.6)
    start = z + size * 1.4
    for number in range(18 if broad else 34):
        turn = number * 2.39996 + rng.uniform(-0.25, 0.25)
        rise = rng.uniform(0.45, 1.0) * (height - size * 1.4)
        spread = rng.uniform(0.16, 0.36) * height * (1.35 - rise / height)
        length = rng.uniform(0.24, 0.36) * height if broad else rise * 1.1
        wide = length * (rng.uniform(0.26, 0.34) if broad else 0.045)
        c, s = math.cos(turn), math.sin(turn)
        tip = (spread * c, spread * s, start + rise)
        if broad:
            knee = (spread * 0.45 * c, spread * 0.45 * s, start + rise * 0.7)
            tube(f, [(0.02 * c, 0.02 * s, start), knee, tip], 0.0045, stalk)
        droop, lift = rng.uniform(0.5, 1.2), rng.uniform(0.1, 0.5)
        root = tip if broad else (0.02 * c, 0.02 * s, start)

        def blade(
            a: np.ndarray, t: np.ndarray, c: float = c, s: float = s,
            root: tuple[float, ...] = root,
            length: float = length, wide: float = wide, droop: float = droop, lift: float = lift,
            rise: float = rise, spread: float = spread,
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
            x = (a - 0.5) * 2
            outline = np.sin(np.pi * np.clip(t, 0, 1) ** 0.75) ** 0.8
            if broad:
                out, up = length * t, length * (lift * t - droop * t**2 * 0.8)
            else:
                out, up = spread * 1.5 * t**1.8, rise * (1.25 * t - 0.3 * t**3)
            side = x * wide * outline
            fold = 0.22 * np.abs(x) * wide * outline
            return (
                root[0] + c * out - s * side, root[1] + s * out + c * side, root[2] + up + fold,
            )  # fmt: skip

        surface(f, blade, (6, 14), greens[number % 3])


def _art(seed: int) -> NDArray[np.uint8]:
    """An abstract print, (600, 420, 3) uint8 sRGB."""
    rng = np.random.default_rng(seed)
    palette = [(226, 216, 200), (186, 112, 80), (62, 78, 88), (214, 178, 120), (122, 134, 118),
               (40, 42, 44), (206, 160, 140)]  # fmt: skip
    canvas = np.full((600, 420, 3), palette[0], dtype=np.uint8)
    kind = seed % 3
    order = rng.permutation(6) + 1
    if kind == 0:
        for k in range(4):
            centre = (210, 470 - 20 * k)
            cv2.ellipse(canvas, centre, (170 - 40 * k, 250 - 55 * k), 0, 180, 360,
                        palette[order[k]], -1, cv2.LINE_AA)  # fmt: skip
        cv2.circle(
            canvas, (int(rng.integers(120, 300)), 110), 52, palette[order[4]], -1, cv2.LINE_AA
        )
    elif kind == 1:
        y = 180
        for k in range(5):
            xs = np.linspace(0, 420, 40)
            ys = y + 45 * np.sin(xs / rng.uniform(60, 120) + rng.uniform(0, 6))
            shape = np.concatenate([np.stack([xs, ys], 1), [[420, 600], [0, 600]]]).astype(np.int32)
            cv2.fillPoly(canvas, [shape], palette[order[k]], cv2.LINE_AA)
            y += 85
    else:
        for k in range(5):
            spot = (int(rng.integers(90, 330)), int(rng.integers(120, 480)))
            cv2.circle(canvas, spot, int(rng.uniform(40, 120)),
                       palette[order[k]], -1, cv2.LINE_AA)  # fmt: skip
    noise = rng.normal(0, 4, canvas.shape[:2])[..., None]
    return np.clip(canvas + noise, 0, 255).astype(np.uint8)


def framed(
    f: Frame, seed: int = 0, size: tuple[float, float] = (0.5, 0.7), z: float = 1.5,
    edge: Colour = (50, 44, 38),
) -> None:  # fmt: skip
    """A framed print with a mat board, hanging on the plane y = 0, centred at height `z`."""
    wood = mat.plain(edge, 0.45)
    w, h = size
    for x in (-1, 1):
        box(f, (0.022, 0.03, h + 0.022), (x * w / 2, -0.015, z), wood, 0.002)
    for y in (-1, 1):
        box(f, (w + 0.022, 0.034, 0.022), (0, -0.015, z + y * h / 2), wood, 0.002)
    box(f, (w, 0.006, h), (0, -0.005, z), mat.plain((240, 238, 232), 0.8), 0)

    def sheet(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return (s - 0.5) * w * 0.74, np.full_like(s, -0.0095), z + (t - 0.5) * h * 0.78

    surface(f, sheet, (1, 1), mat.picture(_art(seed)))


def mirror(f: Frame, radius: float = 0.4, z: float = 1.5) -> None:
    """A round mirror in a thin metal ring on the plane y = 0."""
    lathe(
        f,
        [(0, 0.012), (radius, 0.012)],
        (0, 0, z),
        mat.plain((250, 250, 250), 0.02, 1.0),
        (90, 0, 0),
    )
    ring = [
        (radius * math.cos(a), -0.012, z + radius * math.sin(a)) for a in np.linspace(0, 6.0, 22)
    ]
    tube(f, ring, 0.011, mat.plain((150, 118, 72), 0.3, 1.0), closed=True)


def rug(
    f: Frame, yarns: tuple[Colour, ...], size: tuple[float, float] = (2.4, 1.7),
    weave: Weave = "loop", rounded: bool = False, band: Colour | None = None,
) -> None:  # fmt: skip
    """A woven rug, 12 mm thick, rectangular or oval, with an optional border band."""
    carpet = Carpet(yarns, weave, 9.0, 0.7, 0.4, 0.6)
    design = FloorDesign("carpet", "rug", Layout("sheet"), carpet, seed=len(yarns))
    w, d = size
    pixels = render_floor(design, (w * 1000, d * 1000), 2.2, 3).copy()
    if band is not None:
        edge, wide = 40, 22
        inside = np.zeros(pixels.shape[:2], dtype=bool)
        inside[edge:-edge, edge:-edge] = True
        inside[edge + wide : -edge - wide, edge + wide : -edge - wide] = False
        shade = pixels[inside].mean(axis=1, keepdims=True) / pixels[inside].mean()
        pixels[inside] = np.clip(np.asarray(band) * shade, 0, 255).astype(np.uint8)
    cloth = mat.picture(pixels, 0.95)

    def top(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not rounded:
            fall = np.clip(
                np.minimum(np.minimum(s, 1 - s) * w, np.minimum(t, 1 - t) * d) / 0.012, 0, 1
            )
            return (s - 0.5) * w, (t - 0.5) * d, 0.001 + 0.012 * np.sqrt(fall)
        # Concentric mapping of the square keeps the weave even on an oval.
        a, b = 2 * s - 1, 2 * t - 1
        x, y = a * np.sqrt(1 - b**2 / 2), b * np.sqrt(1 - a**2 / 2)
        fall = np.clip((1 - np.hypot(x, y)) * w / 2 / 0.012, 0, 1)
        return x * w / 2, y * d / 2, 0.001 + 0.012 * np.sqrt(fall)

    surface(f, top, (160, 160), cloth)


def curtain(
    f: Frame, width: float, height: float, colour: Colour = (214, 206, 192), thin: bool = False,
    seed: int = 0,
) -> None:  # fmt: skip
    """A hanging length of cloth in the plane y = 0 from x = 0 to `width`, from the floor up."""
    rng = np.random.default_rng(seed)
    folds = max(3, round(width / 0.11))
    sway = rng.uniform(0, 6, 4)

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        drift = 0.35 * np.sin(3.1 * s + sway[0]) + 0.25 * (1 - t) * np.sin(7 * s + sway[1])
        phase = 2 * np.pi * folds * s + drift
        deep = 0.045 * (0.75 + 0.25 * np.sin(5 * s + sway[2]))
        return s * width + 0.012 * np.cos(phase), deep * np.sin(phase), 0.012 + t * height

    surface(f, shape, (folds * 18, 24), mat.sheer(colour) if thin else mat.cloth(colour))
