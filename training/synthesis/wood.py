"""Wood: growth rings cut by a board's plane, fibres, pores, knots, cracks and sapwood.

A board is a plane through a tree: the ring coordinate of a point is its distance to the pith,
which gives straight grain when the pith is far to one side (quarter-sawn) and cathedral arcs when
the plane passes near it (flat-sawn), without drawing either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthesis.layouts import Placement, piece_numbers
from training.synthesis.noise import FloatMap, cloud, gaussian, slot, smooth, step, table

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Wood:
    """How the wood of one product looks. Colours are 8-bit sRGB."""

    base: Colour
    grain: Colour  # latewood, the dark of the rings
    pore: Colour = (60, 42, 28)  # light for limed wood
    knot: Colour = (58, 38, 24)
    sap: Colour | None = None  # colour of sapwood, or of the second tone of a two-tone mix
    contrast: float = 0.35  # 0..1, strength of rings
    fibre: float = 0.5  # 0..1, strength of fine streaks
    pores: float = 0.4  # 0..1
    ring: float = 5.0  # mm between rings
    cathedral: float = 0.5  # share of flat-sawn boards
    knots: float = 0.15  # per 400 mm of board
    knot_size: float = 12.0  # mm
    cracks: float = 0.2  # share of knots with a crack
    tones: float = 0.25  # 0..1, spread of lightness from board to board
    hues: float = 0.2  # 0..1, spread of warmth from board to board
    streaks: float = 0.3  # 0..1, broad tone bands inside a board
    mottle: float = 0.15
    sapwood: float = 0.0  # 0..1, share of boards with a sapwood band
    two_tone: float = 0.0  # 0..1, share of boards wholly in the `sap` colour
    saw_marks: float = 0.0  # 0..1, fine scratches across the board


def _knots(
    wood: Wood, place: Placement, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap, FloatMap, FloatMap]:
    """Push of the ring coordinate (mm); knots, their halos and cracks (0..1), each (H, W)."""
    push, dark, halo, crack = (np.zeros(place.u.shape, dtype=np.float32) for _ in range(4))
    if wood.knots <= 0:
        return push, dark, halo, crack
    cell_length = np.float32(400.0)
    cell = np.floor(place.u / cell_length).astype(np.int32)
    numbers = table(rng, 7)
    numbers_at = slot(place.piece, cell + 1)
    present = np.flatnonzero(numbers[:, 0][numbers_at] < wood.knots)
    if present.size == 0:
        return push, dark, halo, crack
    row = numbers_at.ravel()[present]
    own = numbers[row]
    size = np.float32(wood.knot_size) * (0.25 + 1.3 * own[:, 1] ** 1.8)
    du = place.u.ravel()[present] - (cell.ravel()[present] + 0.2 + 0.6 * own[:, 2]) * cell_length
    dv = place.v.ravel()[present] - (0.12 + 0.76 * own[:, 3]) * np.float32(place.width)
    wobble = 1 + 0.22 * smooth(du, dv, 22.0, 12.0, 3, own[:, 4] * 900)
    wobble += 0.10 * smooth(du, dv, 7.0, 4.0, 1, own[:, 4] * 900)
    stretch = 1.15 + 0.9 * own[:, 5]
    radius = np.hypot(du / stretch, dv) / size * wobble
    # Fibres part before a knot and close behind it: the ring coordinate is pushed outward from
    # the knot's axis, and the push dies away a few knot lengths along the board.
    reach = np.exp(-((du / (size * 5.0)) ** 2) - (dv / (size * 2.4)) ** 2)
    push.ravel()[present] = np.sign(dv) * size * 1.1 * reach * (1 - np.exp(-np.abs(dv) / size * 2))
    core = 1 - step(0.45, 1.1, radius)
    rings = 0.72 + 0.28 * np.cos(radius * (7.0 + 9.0 * own[:, 6]))
    dark.ravel()[present] = np.clip(core * rings * (0.45 + 0.55 * own[:, 4]), 0, 1)
    halo.ravel()[present] = np.exp(-(np.abs(radius / 1.5) ** 1.5))
    split = own[:, 6] < wood.cracks
    jag = 1.8 * smooth(du, dv * 0, 34.0, 50.0, 5, own[:, 4] * 700)
    jag += 0.6 * smooth(du, dv * 0, 7.0, 50.0, 4, own[:, 4] * 700)
    line = np.abs(dv + jag)
    run = 1 - step(0.5, 1.0, np.abs(du) / (size * 3.5 + 14))
    width = (0.5 + size * 0.05) * run * (0.55 + 0.45 * own[:, 5])
    crack.ravel()[present] = np.where(split, np.clip(width - line + 0.4, 0, 1) * (run > 0.02), 0)
    return push, dark, halo, crack


def paint_wood(
    wood: Wood, place: Placement, mm_per_px: float, rng: np.random.Generator
) -> tuple[FloatMap, FloatMap]:
    """Colour (H, W, 3) float32 sRGB 0..255 and relief (H, W) float32 in mm of the boards."""
    tone, hue, shift, pith, slope, depth, chance, pick = piece_numbers(place, rng, 8)
    shift = shift * 1000
    u, v = place.u, place.v
    width = np.float32(place.width)
    push, knot, halo, crack = _knots(wood, place, rng)

    bend = smooth(u, v, 520.0, 240.0, 1, shift)
    wander = smooth(u, v, 230.0, 60.0, 2, shift)
    across = v + push + 1.5 * wander + width * 0.05 * bend
    flat_sawn = chance < wood.cathedral
    centre = np.where(
        flat_sawn, 0.2 + 0.6 * pith, np.where(pith < 0.5, -1.5 - 3 * pith, 1 + 3 * pith)
    )
    # Taper carries the board's plane through ring after ring, which draws the arcs' length.
    taper = np.sign(slope - 0.5) * (0.03 + 0.16 * np.abs(slope - 0.5))
    height = 10 + 50 * depth + taper * (u - place.length / 2)
    height = np.sqrt(height**2 + 36.0) + 3.5 * bend + 0.9 * wander
    radius = np.hypot(across - centre * width, height)
    ring = np.float32(wood.ring)
    uneven = smooth(radius, u, wood.ring * 6.0, 5000.0, 4, shift)
    phase = radius / ring * (0.75 + 0.5 * depth) + 0.6 * uneven
    phase += 0.07 * smooth(u, v, 45.0, 2.0, 0, shift)
    saw = phase - np.floor(phase)
    late = saw**1.7 * (1 - step(0.86, 1.0, saw))
    late *= 0.65 + 0.35 * np.clip(cloud(u, v, 500.0, 60.0, 3, shift), -1.5, 1.5)

    def visible(feature_mm: float) -> float:
        # Detail finer than a pixel averages out; without this it would alias into white noise.
        return float(np.clip(feature_mm / (1.6 * mm_per_px), 0.12, 1.0))

    fine = visible(1.2) * smooth(u, across, 110.0, 2.2, 1, shift)
    finer = visible(0.6) * smooth(u, across, 45.0, 1.0, 3, shift)
    broad = cloud(u, across, 1500.0, 90.0, 0, shift)
    patches = cloud(u, v, 260.0, 120.0, 2, shift)

    level = -wood.contrast * 1.15 * visible(wood.ring * 0.5) * (late - 0.27)
    level += wood.fibre * (0.075 * fine + 0.06 * finer)
    level += wood.streaks * 0.14 * np.clip(broad, -2, 2) + wood.mottle * 0.14 * patches
    level += wood.tones * 0.26 * gaussian(tone)
    level -= 0.34 * halo * (0.8 + 0.3 * patches)
    level += (place.turned - 0.5) * 0.035  # light falls along one direction's fibres
    if wood.saw_marks:
        marks = smooth(v, u, 90.0, 2.2, 2, shift)
        level += wood.saw_marks * 0.09 * visible(1.5) * marks * step(-0.3, 0.9, patches)

    base = np.asarray(wood.base, dtype=np.float32)
    grain = np.asarray(wood.grain, dtype=np.float32)
    # A tone of 0 is the base; negative tones go towards the latewood's colour and on beyond it,
    # positive ones towards a lighter base, which keeps hue shifts natural in both directions.
    ramp = np.linspace(-1.0, 1.0, 512, dtype=np.float32)[:, None]
    darker = base + (grain - base) * np.minimum(-ramp, 1.0) * 1.35
    lighter = base * (1 + 0.75 * ramp) + (255 - base) * ramp * 0.12
    colours = np.clip(np.where(ramp < 0, darker, lighter), 4, 250).astype(np.float32)
    index = np.clip((level + 1) * 255.5, 0, 511).astype(np.int32)
    rgb = colours[index]

    if wood.sap is not None and (wood.sapwood or wood.two_tone):
        sap = np.asarray(wood.sap, dtype=np.float32)
        side = np.where(hue < 0.5, v, width - v)
        border = width * (0.16 + 0.35 * pith) + width * 0.10 * smooth(
            u, v * 0, 800.0, 50.0, 3, shift
        )
        ragged = side - border + 1.6 * smooth(u, v, 70.0, 3.0, 2, shift)
        band = (1 - step(-4.0, 4.0, ragged)) * (pick < wood.sapwood)
        whole = (pick > 1 - wood.two_tone).astype(np.float32)
        share = np.maximum(band * 0.9, whole)[..., None]
        shade = sap * np.clip(1 + 0.7 * level[..., None], 0.3, 1.12)
        rgb = rgb * (1 - share) + shade * share

    pore_noise = smooth(u, across, 16.0, 0.9, 5, shift)
    pore = step(0.9, 1.7, pore_noise + 0.5 * (0.5 - saw)) * wood.pores * visible(0.7)
    rgb += (np.asarray(wood.pore, dtype=np.float32) - rgb) * (0.62 * pore)[..., None]
    rgb += (np.asarray(wood.knot, dtype=np.float32) - rgb) * (0.85 * knot)[..., None]
    rgb += (np.asarray(wood.knot, dtype=np.float32) * 0.35 - rgb) * (0.85 * crack)[..., None]
    warmth = wood.hues * gaussian(hue) * 0.04
    rgb[..., 0] *= 1 + 0.5 * warmth
    rgb[..., 2] *= 1 - 1.3 * warmth
    relief = -0.10 * pore - 0.35 * crack + 0.02 * fine
    return rgb.astype(np.float32), relief.astype(np.float32)
