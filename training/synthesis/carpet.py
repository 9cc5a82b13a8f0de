"""Carpet: loops, cut pile, heathered yarn, stripes and carpet tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.synthesis.layouts import Placement, piece_numbers
from training.synthesis.noise import FloatMap, cloud, gaussian, smooth, step
from training.synthesis.wood import Colour

Weave = Literal["pile", "loop", "rib", "stripe", "tweed", "sisal"]


@dataclass(frozen=True)
class Carpet:
    """Yarn and construction of one carpet. Colours are 8-bit sRGB."""

    yarns: tuple[Colour, ...]
    weave: Weave = "pile"
    pitch: float = 5.0  # mm between loops or ribs
    heather: float = 0.4  # 0..1, mix of the yarns
    shading: float = 0.4  # 0..1, brushed areas of a pile
    depth: float = 0.5  # 0..1, shadow between loops
    tones: float = 0.05


def paint_carpet(
    carpet: Carpet, place: Placement, mm_per_px: float, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap]:
    """Colour (H, W, 3) float32 sRGB 0..255 and relief (H, W) float32 in mm."""
    tone, shift = piece_numbers(place, rng, 2)
    shift = shift * 1000
    u, v = place.u, place.v
    pitch = np.float32(carpet.pitch)
    seen = float(np.clip(carpet.pitch / (2.2 * mm_per_px), 0.0, 1.0))
    tuft = smooth(u, v, carpet.pitch * 0.9, carpet.pitch * 0.9, 0, shift)
    fibre = smooth(u, v, 2.4, 2.4, 3, shift) * float(np.clip(1.6 / mm_per_px, 0.15, 1))
    wobble = 0.13 * smooth(u, v, 30.0, 30.0, 2, shift) + 0.10 * tuft
    if carpet.weave == "loop":
        row = np.floor(v / pitch + wobble)
        along = np.abs(np.sin(np.pi * (u / (pitch * 1.25) + 0.5 * (row % 2) + wobble)))
        over = np.abs(np.sin(np.pi * (v / pitch + wobble)))
        relief = (along * over) ** 0.6
    elif carpet.weave in ("rib", "stripe"):
        relief = np.abs(np.sin(np.pi * (v / pitch + wobble))) ** 0.7
        relief = relief * (0.8 + 0.2 * np.abs(np.sin(np.pi * u / (pitch * 0.9) + 6 * wobble)))
    elif carpet.weave == "sisal":
        over = np.sin(np.pi * (v / pitch + wobble)) * np.sin(np.pi * (u / (2 * pitch) + wobble))
        relief = 0.5 + 0.5 * over
    else:
        relief = 0.5 + 0.28 * tuft + 0.2 * fibre
    relief = np.clip(relief, 0, 1)

    number = len(carpet.yarns)
    mix = smooth(u, v, carpet.pitch * 2.2, carpet.pitch * 1.3, 4, shift)
    mix = mix + 0.5 * smooth(u, v, carpet.pitch * 9, carpet.pitch * 1.6, 5, shift)
    if carpet.weave == "stripe":
        choice = np.random.default_rng(number * 97 + round(carpet.pitch * 10))
        order = choice.integers(0, number, 64)
        stripe = order[(np.floor(v / (pitch * 3)) % 64).astype(np.int32)]
        blend = stripe + carpet.heather * 0.35 * mix
    elif carpet.weave == "tweed":
        blend = (number - 1) * step(-0.9, 0.9, mix) + 0.3 * fibre
    else:
        blend = (number - 1) * (0.5 + 0.36 * carpet.heather * mix)
    blend = np.clip(blend, 0, number - 1)
    below = np.floor(blend).astype(np.int32)
    share = (blend - below)[..., None]
    yarns = np.asarray(carpet.yarns, dtype=np.float32)
    rgb = yarns[below] * (1 - share) + yarns[np.minimum(below + 1, number - 1)] * share

    brushed = cloud(u, v, 420.0, 260.0, 1, shift)
    gain = 1 + carpet.shading * 0.06 * brushed + 0.045 * fibre
    gain += carpet.depth * seen * 0.55 * (relief - 0.62)
    gain += carpet.tones * 0.3 * gaussian(tone) + (place.turned - 0.5) * carpet.tones * 0.6
    return (rgb * gain[..., None]).astype(np.float32), (relief * 2.5).astype(np.float32)
