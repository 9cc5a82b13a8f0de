"""Mineral surfaces: marble, slate, concrete, plain ceramic, terrazzo and printed tile motifs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from training.synthesis.layouts import Placement, piece_numbers
from training.synthesis.noise import FloatMap, cloud, gaussian, smooth, step
from training.synthesis.wood import Colour


@dataclass(frozen=True)
class Stone:
    """Clouds, veins and grit of one stone or ceramic. Colours are 8-bit sRGB."""

    base: Colour
    second: Colour  # colour of the clouds
    vein: Colour
    clouds: float = 0.4  # 0..1
    cloud_size: float = 500.0  # mm
    veins: float = 0.5  # 0..1
    vein_size: float = 420.0  # mm between veins
    vein_width: float = 5.0  # mm
    grit: float = 0.15  # 0..1, fine speckle
    layers: float = 0.0  # 0..1, stretched bands as in slate or travertine
    pits: float = 0.0  # 0..1, small dark holes
    tones: float = 0.15  # 0..1, spread of lightness from tile to tile
    continuous: bool = False  # cast on site: the cloud does not restart at every joint


@dataclass(frozen=True)
class Terrazzo:
    """Chips in a binder."""

    base: Colour
    chips: tuple[Colour, ...]
    sizes: tuple[float, ...] = (3.0, 7.0, 14.0)  # mm, radius classes
    cover: float = 0.45  # share of the surface taken by chips
    tones: float = 0.03


@dataclass(frozen=True)
class Motif:
    """A printed or encaustic tile: a drawing repeated with the tile's symmetry."""

    colours: tuple[Colour, ...]
    drawing: Literal["star", "petals", "check", "rings", "diamond", "waves"] = "star"
    fold: int = 0  # seed of the drawing's proportions
    wear: float = 0.25  # 0..1
    tones: float = 0.08


def paint_stone(
    stone: Stone, place: Placement, mm_per_px: float, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap]:
    """Colour (H, W, 3) float32 sRGB 0..255 and relief (H, W) float32 in mm."""
    tone, shift, turn = piece_numbers(place, rng, 3)
    shift = np.zeros_like(shift) + rng.uniform(0, 900) if stone.continuous else shift * 1000
    swap = turn > 0.5
    u = place.u if stone.continuous else np.where(swap, place.u, place.length - place.u)
    v = place.v if stone.continuous else np.where(swap, place.v, place.width - place.v)
    u, v = u.astype(np.float32), v.astype(np.float32)
    size = stone.cloud_size
    bend = size * 0.16 * (1 - 0.75 * min(1.0, stone.layers))
    warp_u = u + bend * smooth(u, v, size, size, 1, shift)
    warp_v = v + bend * smooth(u, v, size, size, 2, shift)
    body = cloud(warp_u, warp_v, size, size, 3, shift)
    share = step(-1.6, 1.9, body) * stone.clouds
    base = np.asarray(stone.base, dtype=np.float32)
    rgb = base + (np.asarray(stone.second, dtype=np.float32) - base) * share[..., None]
    relief = np.zeros_like(u)
    if stone.layers:
        band = cloud(warp_u, warp_v, 1400.0, 70.0, 0, shift)
        fine = smooth(warp_u, warp_v, 160.0, 6.0, 4, shift)
        rgb *= (1 + stone.layers * (0.11 * band + 0.035 * fine))[..., None]
        relief += stone.layers * 0.3 * band
    if stone.veins:
        # A vein is the zero line of a warped field: thin where the field is steep, wide where
        # it is flat, branching where two lines meet, as in crystallised cracks.
        # Two octaves of warp bend it at the scale of a hand and fray it at that of a finger.
        bent_u = warp_u + 0.045 * size * cloud(u, v, size * 0.6, size * 0.6, 5, shift)
        bent_v = warp_v + 0.045 * size * cloud(u, v, size * 0.6, size * 0.6, 4, shift)
        slant_u, slant_v = bent_u + 0.7 * bent_v, bent_v - 0.7 * bent_u
        for number, (scale, weight) in enumerate(((1.0, 1.0), (0.5, 0.55), (0.27, 0.35))):
            length = stone.vein_size * scale
            field = smooth(slant_u, slant_v, 3.2 * length, 1.5 * length, number + 1, shift)
            gate = step(-1.2, 0.7, smooth(u, v, size * 1.3, size * 1.3, 5 - number, shift))
            width = max(stone.vein_width * scale, 0.7 * mm_per_px) / length
            line = 0.85 * np.exp(-((field / (0.8 * width)) ** 2))
            line += 0.28 * np.exp(-np.abs(field) / (6 * width))
            amount = np.clip(stone.veins * weight * gate * line, 0, 0.95)[..., None]
            rgb += (np.asarray(stone.vein, dtype=np.float32) - rgb) * amount
    seen = float(np.clip(1.6 / mm_per_px, 0.15, 1.0))
    speckle = seen * smooth(u, v, 2.6, 2.6, 0, shift)
    rgb *= (1 + stone.grit * 0.10 * speckle + 0.025 * cloud(u, v, 60.0, 60.0, 2, shift))[..., None]
    if stone.pits:
        holes = step(1.7, 2.2, smooth(u, v, 14.0, 7.0, 1, shift)) * stone.pits * seen
        rgb *= (1 - 0.5 * holes)[..., None]
        relief -= 0.4 * holes
    rgb *= (1 + stone.tones * 0.16 * gaussian(tone))[..., None]
    return rgb.astype(np.float32), relief.astype(np.float32)


def paint_terrazzo(
    terrazzo: Terrazzo, place: Placement, mm_per_px: float, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap]:
    """Chips are drawn as convex polygons, big ones first; (H, W, 3) float32 and flat relief."""
    h, w = place.u.shape
    canvas = np.empty((h, w, 3), dtype=np.uint8)
    canvas[:] = terrazzo.base
    area = h * w * mm_per_px**2
    cover = terrazzo.cover / len(terrazzo.sizes)
    for radius in sorted(terrazzo.sizes, reverse=True):
        count = int(min(150_000, area * cover / (2.1 * radius**2)))
        centres = rng.uniform(0, 1, (count, 1, 2)) * (w, h)
        sizes = radius * rng.uniform(0.45, 1.35, (count, 1)) / mm_per_px
        angles = np.sort(rng.uniform(0, 2 * np.pi, (count, 7)), axis=1)
        spokes = (sizes * rng.uniform(0.65, 1.15, (count, 7)))[..., None]
        points = centres + np.stack([np.cos(angles), np.sin(angles)], axis=2) * spokes
        # Four fractional bits and anti-aliasing keep chips of two or three pixels shapely.
        fixed = np.round(points * 16).astype(np.int32)
        picks = np.asarray(terrazzo.chips)[rng.integers(0, len(terrazzo.chips), count)]
        colours = np.clip(picks * rng.normal(1.0, 0.07, (count, 1)), 0, 255).tolist()
        for polygon, colour in zip(fixed, colours, strict=True):
            cv2.fillConvexPoly(canvas, polygon, colour, cv2.LINE_AA, 4)
    tone, shift = piece_numbers(place, rng, 2)
    rgb = canvas.astype(np.float32)
    u, v = place.u, place.v
    rgb *= (1 + 0.02 * cloud(u, v, 40.0, 40.0, 1, shift * 1000) + terrazzo.tones * gaussian(tone))[
        ..., None
    ]
    return rgb.astype(np.float32), np.zeros_like(u)


def paint_motif(
    motif: Motif, place: Placement, mm_per_px: float, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap]:
    """A drawing folded with the tile's eight-fold symmetry; (H, W, 3) float32 and flat relief."""
    choice = np.random.default_rng(motif.fold)
    a = np.abs(place.u / place.length * 2 - 1)
    b = np.abs(place.v / place.width * 2 - 1)
    low, high = np.minimum(a, b), np.maximum(a, b)
    radius, angle = np.hypot(a, b), np.arctan2(low, high)
    p, q, r = choice.uniform(0.85, 1.15, 3)
    soft = float(np.clip(2.2 * mm_per_px / place.width, 0.004, 0.2))

    def inside(field: FloatMap) -> FloatMap:
        return step(-soft, soft, field)

    layers: list[FloatMap]
    if motif.drawing == "check":
        layers = [place.turned]
    elif motif.drawing == "star":
        layers = [
            inside(0.62 * p - radius * (1 + 0.55 * np.cos(4 * angle) * q)),
            inside(low * 2.2 - high + 0.28 * r) * inside(0.95 - high),
            inside(0.2 - radius) + inside(radius - 1.22 * p),
        ]
    elif motif.drawing == "petals":
        layers = [
            inside(0.36 * p - np.hypot(high - 0.52, low * 1.9)),
            inside(0.42 * q - np.hypot(1 - a, 1 - b)),
            inside(0.16 * r - radius) + inside(np.minimum(a, b) * 0 + high - 0.94),
        ]
    elif motif.drawing == "rings":
        corner = np.hypot(1 - a, 1 - b)
        layers = [
            inside(0.12 - np.abs(corner - 0.86 * p)),
            inside(0.06 - np.abs(corner - 0.55 * q)) + inside(0.10 - np.abs(radius - 0.40)),
            inside(0.2 * r - radius) + inside(0.22 - corner),
        ]
    elif motif.drawing == "diamond":
        layers = [inside(0.98 * p - a - b), inside(0.45 * q - a - b), inside(0.16 - a - b)]
    else:
        wave = 0.16 * np.sin(place.u / place.length * 2 * np.pi)
        lines = np.abs(((place.v / place.width + wave) * 4 * round(2 * p)) % 2 - 1)
        layers = [inside(lines.astype(np.float32) - 0.55 * q)]
    colours = [np.asarray(c, dtype=np.float32) for c in motif.colours]
    rgb = np.broadcast_to(colours[0], (*a.shape, 3)).copy()
    for colour, layer in zip(colours[1:], layers, strict=False):
        rgb += (colour - rgb) * np.clip(layer, 0, 1)[..., None]
    tone, shift = piece_numbers(place, rng, 2)
    u, v = place.u, place.v
    patina = cloud(u, v, 130.0, 130.0, 2, shift * 1000)
    grain = smooth(u, v, 3.0, 3.0, 1, shift * 1000) * float(np.clip(1.8 / mm_per_px, 0.15, 1))
    gain = (
        1 + motif.wear * (0.06 * patina + 0.07 * grain) + motif.tones * 0.5 * gaussian(tone) * 0.3
    )
    # Worn pigment pales towards the tile's mean colour, which dulls contrast in patches.
    faded = (motif.wear * 0.35 * step(0.2, 1.6, patina))[..., None]
    rgb += (rgb.mean(axis=(0, 1)) - rgb) * faded
    return (rgb * gain[..., None]).astype(np.float32), np.zeros_like(u)
