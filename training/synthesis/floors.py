"""Procedural floors: a design is one product, a sheet is one look at it from above.

python -m training.synthesis.floors --out DIR --count 400 --size 512 --seed 0
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.synthesis.carpet import Carpet, paint_carpet
from training.synthesis.design import FAMILIES, FloorDesign
from training.synthesis.layouts import joint_cover, place
from training.synthesis.noise import FloatMap, cloud
from training.synthesis.sampling import draw_design
from training.synthesis.stone import (
    Motif,
    Stone,
    Terrazzo,
    paint_motif,
    paint_stone,
    paint_terrazzo,
)
from training.synthesis.wood import Wood, paint_wood

RgbImage = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """A top-down cut of a floor. `rgb` (H, W, 3) uint8 sRGB, `relief` (H, W) float32 mm."""

    rgb: RgbImage
    relief: FloatMap


def render_sheet(
    design: FloorDesign,
    size_mm: tuple[float, float] = (1600.0, 1600.0),
    mm_per_px: float = 2.0,
    layout_seed: int = 0,
) -> Sheet:
    """Colour and relief of a sheet of `size_mm` = (width, height); other seeds, other boards."""
    rng = np.random.default_rng([design.seed & 0xFFFFFFFF, layout_seed])
    size_px = (max(8, round(size_mm[0] / mm_per_px)), max(8, round(size_mm[1] / mm_per_px)))
    layout = design.layout
    placement = place(layout, size_px, mm_per_px, rng)
    surface = design.surface
    if isinstance(surface, Wood):
        rgb, relief = paint_wood(surface, placement, mm_per_px, rng)
    elif isinstance(surface, Stone):
        rgb, relief = paint_stone(surface, placement, mm_per_px, rng)
    elif isinstance(surface, Terrazzo):
        rgb, relief = paint_terrazzo(surface, placement, mm_per_px, rng)
    elif isinstance(surface, Motif):
        rgb, relief = paint_motif(surface, placement, mm_per_px, rng)
    else:
        rgb, relief = paint_carpet(surface, placement, mm_per_px, rng)
    if layout.pattern != "sheet" and layout.joint > 0:
        cover = joint_cover(placement.edge, layout.joint, mm_per_px) * design.joint_strength
        if layout.bevel > 0:
            near = np.clip(1 - (placement.edge - layout.joint / 2) / layout.bevel, 0, 1)
            seen = min(1.0, layout.bevel / mm_per_px)
            rgb *= (1 - 0.16 * seen * near**2)[..., None]
            relief = relief - 0.5 * near
        # Dirt settles unevenly, so a joint is never one flat line.
        dirt = 1 + 0.12 * cloud(placement.u, placement.v, 300.0, 300.0, 0)
        joint = np.asarray(design.joint_colour, dtype=np.float32) * dirt[..., None]
        rgb += (joint - rgb) * cover[..., None]
        relief = relief - 0.6 * cover
    image = np.clip(rgb + 0.5, 0, 255).astype(np.uint8)
    return Sheet(image, relief.astype(np.float32))


def render_floor(
    design: FloorDesign,
    size_mm: tuple[float, float] = (1600.0, 1600.0),
    mm_per_px: float = 2.0,
    layout_seed: int = 0,
) -> RgbImage:
    """The colour of `render_sheet` alone: (H, W, 3) uint8 sRGB."""
    return render_sheet(design, size_mm, mm_per_px, layout_seed).rgb


def sample_design(rng: np.random.Generator, family: str | None = None) -> FloorDesign:
    """Draw one product, of a random family unless one is named."""
    chosen = family or str(rng.choice(FAMILIES, p=FAMILY_SHARES))
    if chosen not in FAMILIES:
        raise ValueError(f"unknown floor family {chosen!r}; known: {', '.join(FAMILIES)}")
    return draw_design(rng, chosen)


# Woods dominate real catalogues and are the hardest to tell apart, so training sees more of them.
FAMILY_SHARES = (0.36, 0.08, 0.12, 0.07, 0.05, 0.08, 0.04, 0.08, 0.04, 0.08)


def make_floor(
    rng: np.random.Generator, family: str | None = None, size: tuple[int, int] = (640, 640)
) -> RgbImage:
    """A random product at a random but plausible scale, (size[1], size[0], 3) uint8 sRGB."""
    design = sample_design(rng, family)
    mm_per_px = viewing_scale(design, rng)
    extent = (size[0] * mm_per_px, size[1] * mm_per_px)
    return render_floor(design, extent, mm_per_px, int(rng.integers(1 << 31)))


def viewing_scale(design: FloorDesign, rng: np.random.Generator) -> float:
    """Millimetres a pixel, so that a 512-pixel sheet shows several pieces yet also their grain."""
    if isinstance(design.surface, Carpet):
        return float(rng.uniform(0.7, 1.8))
    if isinstance(design.surface, Terrazzo):
        return float(rng.uniform(0.8, 2.2))
    return float(np.exp(rng.uniform(np.log(1.2), np.log(3.6))))


def main() -> None:
    """Fill a folder with random textures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--size", type=int, default=512, help="pixels on each side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=FAMILIES, default=None)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        # One generator per image: the n-th texture does not depend on how many come before it.
        rng = np.random.default_rng([arguments.seed, number])
        family = arguments.family or str(rng.choice(FAMILIES, p=FAMILY_SHARES))
        image = make_floor(rng, family, (arguments.size, arguments.size))
        path = arguments.out / f"{family.replace(' ', '-')}-{number:05d}.jpg"
        Image.fromarray(image).save(path, quality=92)


if __name__ == "__main__":
    main()
