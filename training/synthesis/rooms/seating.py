"""Things to sit and lie on. Each builder works in a local frame whose front looks along -y."""

from __future__ import annotations

import math
from typing import TypeAlias

import bpy
import numpy as np

from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, pillow, rod, soft_box, surface, tube
from training.synthesis.wood import Colour, Wood

Frame: TypeAlias = bpy.types.Object


def sofa(
    f: Frame, colour: Colour = (150, 146, 138), width: float = 2.1, seats: int = 2,
    legs: Colour = (92, 66, 46), cushions: tuple[Colour, ...] = ((178, 120, 84), (214, 206, 190)),
    throw: Colour | None = None,
) -> None:  # fmt: skip
    """A low sofa with loose seat and back cushions on tapered legs."""
    fabric, wood = mat.cloth(colour), mat.plain(legs, 0.4)
    depth, arm = 0.92, 0.16
    soft_box(f, (width, depth, 0.22), (0, 0, 0.25), fabric, 0.12)
    for side in (-1, 1):
        soft_box(f, (arm, depth, 0.42), (side * (width - arm) / 2, 0, 0.39), fabric, 0.22)
    soft_box(f, (width - 0.04, 0.2, 0.52), (0, depth / 2 - 0.11, 0.5), fabric, 0.2, (-8, 0, 0))
    inner = width - 2 * arm
    each = inner / seats
    for seat in range(seats):
        x = -inner / 2 + each * (seat + 0.5)
        soft_box(f, (each - 0.008, 0.7, 0.17), (x, -0.1, 0.43), fabric, 0.24)
        soft_box(f, (each - 0.02, 0.2, 0.44), (x, 0.2, 0.69), fabric, 0.36, (-14, 0, 0))
    for number, tone in enumerate(cushions):
        side = -1 if number % 2 == 0 else 1
        inward = 0.26 + 0.3 * (number // 2)
        pillow(f, (0.46, 0.46, 0.17), (side * (inner / 2 - inward), 0.03, 0.72), mat.cloth(tone),
               (66, side * 9, side * -14))  # fmt: skip
    if throw is not None:
        _throw(f, throw, (width - arm) / 2, depth)
    for x in (-1, 1):
        for y in (-1, 1):
            foot = (x * (width / 2 - 0.1), y * (depth / 2 - 0.1), 0.0)
            rod(f, foot, (foot[0] * 0.97, foot[1] * 0.94, 0.16), 0.014, wood, 0.024)


def _throw(f: Frame, colour: Colour, x_arm: float, depth: float) -> None:
    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        along = (s - 0.5) * 1.15
        flat = 0.09
        over = np.clip(np.abs(along) - flat, 0, None)
        x = x_arm + np.clip(along, -flat, flat) + 0.015 * np.sin(21 * t)
        z = 0.618 - over - 0.03 * np.exp(-(((np.abs(along) - flat) / 0.04) ** 2)) * (over > 0)
        y = -0.16 + (t - 0.5) * 0.5 + 0.02 * np.sin(9 * along + 4 * t)
        return x, y, z + 0.006 * np.sin(30 * t)

    cloth = surface(f, shape, (60, 40), mat.cloth(colour, 2.5))
    cloth.modifiers.new("thick", "SOLIDIFY").thickness = 0.008


def armchair(
    f: Frame, colour: Colour = (176, 120, 78), wood: Wood | None = None, hide: bool = False
) -> None:
    """A lounge chair: an upholstered shell on a slender wooden frame."""
    fabric = mat.leather(colour) if hide else mat.cloth(colour)
    timber = mat.timber(wood, 5, along="z") if wood else mat.plain((104, 72, 48), 0.4)
    soft_box(f, (0.60, 0.62, 0.16), (0, -0.02, 0.40), fabric, 0.26, (4, 0, 0))
    soft_box(f, (0.60, 0.16, 0.60), (0, 0.30, 0.70), fabric, 0.3, (-16, 0, 0))
    for side in (-1, 1):
        x = side * 0.345
        rod(f, (x, -0.33, 0.0), (x, -0.27, 0.58), 0.015, timber, 0.019)
        rod(f, (x, 0.36, 0.0), (x, 0.27, 0.62), 0.015, timber, 0.019)
        box(f, (0.055, 0.66, 0.026), (x, -0.02, 0.595), timber, 0.011, (3, 0, 0))
        rod(f, (x, -0.30, 0.31), (x, 0.32, 0.29), 0.013, timber)
    for y in (-0.29, 0.31):
        rod(f, (-0.345, y, 0.30), (0.345, y, 0.30), 0.013, timber)


def chair(f: Frame, wood: Wood, seat: Colour | None = (58, 58, 58), seed: int = 0) -> None:
    """A dining chair with a bent back rail."""
    timber = mat.timber(wood, seed, along="z")
    for side in (-1, 1):
        rod(f, (side * 0.21, -0.21, 0), (side * 0.18, -0.18, 0.44), 0.012, timber, 0.018)
        rod(f, (side * 0.20, 0.24, 0), (side * 0.18, 0.18, 0.46), 0.012, timber, 0.017)
        rod(f, (side * 0.18, 0.18, 0.46), (side * 0.20, 0.255, 0.80), 0.017, timber, 0.013)
    soft_box(f, (0.45, 0.43, 0.045), (0, 0, 0.46), mat.cloth(seat) if seat else timber, 0.35)
    box(f, (0.36, 0.02, 0.05), (0, -0.18, 0.425), timber, 0.005)
    box(f, (0.36, 0.02, 0.05), (0, 0.18, 0.425), timber, 0.005)

    def rail(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = (s - 0.5) * 0.46
        return x, 0.262 - 0.16 * x**2 * 4 + 0.03 * (t - 0.5) + 0.03, 0.70 + 0.12 * t

    back = surface(f, rail, (24, 6), timber)
    back.modifiers.new("thick", "SOLIDIFY").thickness = 0.016
    round_off = back.modifiers.new("bevel", "BEVEL")
    round_off.width = 0.005


def shell_chair(f: Frame, colour: Colour = (232, 230, 224), leg: Colour = (150, 112, 76)) -> None:
    """A moulded shell on splayed legs."""
    shell, wood = mat.plain(colour, 0.35), mat.plain(leg, 0.45)

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = (s - 0.5) * 2
        bend = 1 / (1 + np.exp(-(t - 0.55) * 18))
        y = -0.24 + 0.46 * np.clip(t / 0.55, 0, 1) + 0.12 * np.clip((t - 0.55) / 0.45, 0, 1)
        z = 0.43 + 0.40 * np.clip((t - 0.45) / 0.55, 0, 1) ** 1.25 + 0.05 * x**2 * (1 - bend)
        half = 0.235 * (1 - 0.25 * np.clip((t - 0.7) / 0.3, 0, 1) ** 2)
        return x * half, y - 0.09 * x**2 * bend, z - 0.02 * np.exp(-(((t - 0.02) / 0.05) ** 2))

    seat = surface(f, shape, (32, 40), shell)
    seat.modifiers.new("thick", "SOLIDIFY").thickness = 0.009
    seat.modifiers.new("smooth", "SUBSURF").render_levels = 1
    for x in (-1, 1):
        for y in (-1, 1):
            rod(f, (x * 0.24, y * 0.24, 0), (x * 0.12, y * 0.12 - 0.02, 0.43), 0.011, wood, 0.016)


def stool(f: Frame, wood: Wood, height: float = 0.66, seed: int = 3) -> None:
    """A bar stool with a dished seat and a foot ring."""
    timber = mat.timber(wood, seed, along="z")
    soft_box(f, (0.36, 0.36, 0.045), (0, 0, height), timber, 0.55)
    for x in (-1, 1):
        for y in (-1, 1):
            rod(f, (x * 0.18, y * 0.18, 0), (x * 0.11, y * 0.11, height), 0.013, timber, 0.017)
    ring = [(0.155 * math.cos(a), 0.155 * math.sin(a), 0.22) for a in np.linspace(0, 5.5, 8)]
    tube(f, ring, 0.008, mat.plain((40, 40, 40), 0.4, 0.9), closed=True)


def bed(
    f: Frame, wood: Wood | None, cover: Colour = (222, 216, 206), blanket: Colour = (134, 142, 130),
    width: float = 1.6, head: Colour = (168, 158, 146),
) -> None:  # fmt: skip
    """A double bed with an upholstered head, a rumpled duvet, a blanket and four pillows."""
    frame_material = mat.timber(wood, 7, along="y") if wood else mat.cloth(head)
    linen = mat.cloth(cover, 0.6)
    box(f, (width + 0.08, 2.06, 0.16), (0, 0, 0.20), frame_material, 0.012)
    for x in (-1, 1):
        for y in (-0.95, 0.95):
            box(f, (0.07, 0.07, 0.14), (x * (width / 2 - 0.08), y, 0.07), frame_material, 0.008)
    soft_box(f, (width, 2.0, 0.24), (0, 0, 0.38), mat.cloth((236, 233, 226), 0.6), 0.12)
    columns = 4
    for column in range(columns):
        middle = -width / 2 + width / columns * (column + 0.5)
        soft_box(
            f, (width / columns - 0.003, 0.09, 0.72), (middle, 1.06, 0.74), mat.cloth(head), 0.2
        )

    def duvet(low: float, high: float, thick: float, drop: float, seed: int) -> None:
        # Both layers share their waves, or the lower one would poke through the upper one.
        waves = np.random.default_rng(1).uniform(-1, 1, (14, 4))

        def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            across = (s - 0.5) * (width + 0.06 + 2 * drop)
            half = width / 2 + 0.035 + (thick - 0.05) * 0.8
            hang = np.clip(np.abs(across) - half, 0, None)
            y = low + (high - low) * t
            puff = np.zeros_like(s)
            for a, b, c, phase in waves:
                puff += 0.0034 * np.sin(7 * (a * across * 2 + b * y * 2) + 9 * c + 6 * phase)
            edge = np.clip((1 - np.abs(2 * t - 1)) * 9, 0, 1) ** 0.5
            x = np.clip(across, -half, half) + np.sign(across) * (
                0.03 * np.sin(y * 17) * np.clip(hang * 4, 0, 1) + puff * 2
            )
            sag = 0.03 * np.exp(-(((np.abs(across) - half) / 0.06) ** 2))
            return x, y, 0.51 + thick * edge + puff * 2.4 - hang - sag

        sheet = surface(f, shape, (110, 90), linen if seed == 1 else mat.cloth(blanket, 2.0))
        sheet.modifiers.new("thick", "SOLIDIFY").thickness = 0.012

    duvet(-1.03, 0.55, 0.05, 0.30, 1)
    duvet(-0.95, -0.32, 0.074, 0.34, 2)
    for x in (-1, 1):
        pillow(f, (0.68, 0.46, 0.2), (x * width / 4, 0.82, 0.70), linen, (58, 0, x * 2))
        pillow(f, (0.62, 0.42, 0.18), (x * width / 4, 0.62, 0.66), mat.cloth(blanket),
               (50, 0, x * -4))  # fmt: skip
