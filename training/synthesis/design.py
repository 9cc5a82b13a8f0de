"""Designs of procedural floors: a design is one product."""

from __future__ import annotations

from dataclasses import dataclass

from training.synthesis.carpet import Carpet
from training.synthesis.layouts import Layout
from training.synthesis.stone import Motif, Stone, Terrazzo
from training.synthesis.wood import Colour, Wood

Surface = Wood | Stone | Terrazzo | Motif | Carpet

FAMILIES = (
    "straight plank",
    "strip parquet",
    "herringbone",
    "chevron",
    "basket parquet",
    "ceramic tile",
    "patterned tile",
    "stone",
    "terrazzo",
    "carpet",
)


@dataclass(frozen=True)
class FloorDesign:
    """One product: what it is made of and how it is laid, fixed; boards vary by layout seed."""

    family: str
    name: str
    layout: Layout
    surface: Surface
    joint_colour: Colour = (40, 30, 24)
    joint_strength: float = 0.75  # 0..1
    gloss: float = 0.4  # 0 matt .. 1 polished, for renderers; the sheet itself has no light
    seed: int = 0
