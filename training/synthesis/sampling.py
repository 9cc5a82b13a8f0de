"""Random products: plausible colours and constructions for every family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np

from training.synthesis.carpet import Carpet, Weave
from training.synthesis.design import FloorDesign
from training.synthesis.layouts import Layout, Pattern
from training.synthesis.stone import Motif, Stone, Terrazzo
from training.synthesis.wood import Colour, Wood

T = TypeVar("T")

# Anchors of the usual wood finishes in sRGB; draws are jittered around them in Lab.
WOOD_TONES: dict[str, Colour] = {
    "whitewashed": (219, 208, 191),
    "pale ash": (209, 189, 160),
    "light oak": (200, 170, 130),
    "natural oak": (184, 146, 103),
    "beech": (205, 164, 128),
    "honey": (186, 131, 75),
    "amber": (166, 106, 56),
    "golden brown": (148, 102, 62),
    "red-brown": (128, 71, 45),
    "mahogany": (96, 48, 34),
    "walnut": (104, 74, 52),
    "smoked oak": (84, 63, 48),
    "nearly black": (48, 40, 35),
    "light grey": (180, 173, 163),
    "grey": (143, 136, 127),
    "greige": (165, 149, 130),
    "taupe": (132, 114, 98),
    "dark grey": (88, 84, 80),
}
_TONE_NAMES = tuple(WOOD_TONES)


def shift_lab(colour: Colour, lightness: float, red: float, yellow: float) -> Colour:
    """Move an sRGB colour by CIE L*, a*, b* units."""
    pixel = np.asarray(colour, dtype=np.float32).reshape(1, 1, 3) / 255
    lab = cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB)
    lab += np.asarray([lightness, red, yellow], dtype=np.float32)
    lab[..., 0] = np.clip(lab[..., 0], 4, 97)
    rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).round().astype(int)
    r, g, b = (int(channel) for channel in rgb.reshape(3))
    return r, g, b


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _jitter(rng: np.random.Generator, colour: Colour, spread: float = 1.0) -> Colour:
    return shift_lab(
        colour, rng.normal(0, 4 * spread), rng.normal(0, 1.0 * spread), rng.normal(0, 2.4 * spread)
    )


def _knot_colour(rng: np.random.Generator, grain: Colour) -> Colour:
    # Darkening at constant chroma would turn brown knots crimson; dead wood is nearly neutral.
    grey = sum(grain) / 3
    muted = tuple(round(0.45 * channel + 0.55 * grey) for channel in grain)
    return shift_lab((muted[0], muted[1], muted[2]), -rng.uniform(14, 34), 1, 4)


def _wood(rng: np.random.Generator) -> tuple[str, Wood]:
    name = _pick(rng, _TONE_NAMES)
    base = _jitter(rng, WOOD_TONES[name])
    light = sum(base) > 3 * 150
    drop = rng.uniform(10, 26) if light else rng.uniform(8, 18)
    grain = shift_lab(base, -drop, rng.uniform(0, 5), rng.uniform(-2, 7))
    limed = rng.random() < (0.25 if "grey" in name or light else 0.06)
    knot = _knot_colour(rng, grain)
    rustic = rng.random() < 0.5
    two_tone = rng.uniform(0.15, 0.5) if rng.random() < 0.12 else 0.0
    sap = shift_lab(base, rng.uniform(10, 26) * (-1 if sum(base) > 480 else 1), -2, -3)
    wood = Wood(
        base=base,
        grain=grain,
        pore=shift_lab(base, 14, -1, -4) if limed else shift_lab(grain, -14, 0, -4),
        knot=knot,
        sap=sap,
        contrast=float(0.12 + 0.75 * rng.beta(2.0, 2.2)),
        fibre=float(rng.uniform(0.15, 0.9)),
        pores=float(rng.uniform(0.4, 1.0)) if limed else float(rng.uniform(0.0, 0.8)),
        ring=float(np.exp(rng.uniform(np.log(2.6), np.log(11.0)))),
        cathedral=float(rng.uniform(0.1, 0.9)),
        knots=float(rng.uniform(0.08, 0.5)) if rustic else float(rng.uniform(0, 0.06)),
        knot_size=float(rng.uniform(5, 20)),
        cracks=float(rng.uniform(0, 0.6)),
        tones=float(rng.beta(1.6, 3.2)),
        hues=float(rng.beta(1.4, 3.0)),
        streaks=float(rng.beta(1.6, 2.4)),
        mottle=float(rng.beta(1.3, 3.5)),
        sapwood=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.25 else 0.0,
        two_tone=float(two_tone),
        saw_marks=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.12 else 0.0,
    )
    return name, wood


def _wood_design(rng: np.random.Generator, family: str) -> FloorDesign:
    name, wood = _wood(rng)
    angle = 0.0
    width = float(rng.uniform(60, 130))
    mix: tuple[float, ...] = ()
    random_length = 0.0
    pattern: Pattern = "plank"
    if family == "straight plank":
        width = float(rng.uniform(65, 260))
        length = float(rng.uniform(900, 2400))
        random_length = float(rng.uniform(0.4, 1.0)) if rng.random() < 0.4 else 0.0
        mix = (width, width * 0.72, width * 1.35) if rng.random() < 0.1 else ()
        angle = float(_pick(rng, (0.0, 0.0, 90.0)))
    elif family == "strip parquet":
        width, length = float(rng.uniform(50, 80)), float(rng.uniform(250, 600))
        random_length = float(rng.uniform(0.3, 1.0))
        angle = float(_pick(rng, (0.0, 0.0, 90.0)))
    elif family == "herringbone":
        pattern, length = "herringbone", width * float(rng.integers(4, 8))
        angle = float(_pick(rng, (45.0, 45.0, 45.0, 0.0, 135.0)))
    elif family == "chevron":
        pattern, length = "chevron", float(rng.uniform(380, 800))
        angle = float(_pick(rng, (0.0, 0.0, 90.0)))
    else:
        pattern, width = "basket", float(rng.uniform(25, 90))
        length = width * float(rng.integers(3, 7))
        angle = float(_pick(rng, (0.0, 45.0)))
    joint_colour = shift_lab(wood.grain, -rng.uniform(10, 34), 0, -4)
    layout = Layout(
        pattern,
        width,
        length,
        float(rng.uniform(0.5, 1.8)),
        float(rng.uniform(0, 4)),
        random_length,
        mix,
        angle,
    )
    strength, gloss = float(rng.uniform(0.35, 0.95)), float(rng.uniform(0.1, 0.8))
    return FloorDesign(family, f"{name} {family}", layout, wood, joint_colour, strength, gloss)


# name: (base, clouds, veins, strength of veins, strength of layers)
_STONES: dict[str, tuple[Colour, Colour, Colour, float, float]] = {
    "white marble": ((234, 232, 228), (206, 205, 204), (128, 130, 134), 0.9, 0.0),
    "cream marble": ((224, 208, 182), (202, 180, 148), (150, 112, 78), 0.7, 0.0),
    "black marble": ((36, 35, 37), (56, 55, 57), (206, 200, 190), 0.8, 0.0),
    "green marble": ((50, 72, 61), (74, 98, 82), (170, 186, 170), 0.8, 0.0),
    "limestone": ((208, 196, 174), (190, 176, 152), (168, 150, 124), 0.1, 0.1),
    "travertine": ((208, 188, 158), (186, 160, 126), (160, 130, 98), 0.1, 0.9),
    "slate": ((74, 78, 82), (58, 61, 66), (112, 112, 110), 0.15, 0.6),
    "concrete": ((160, 157, 152), (134, 131, 127), (110, 108, 104), 0.05, 0.0),
    "dark concrete": ((96, 94, 92), (74, 73, 72), (124, 122, 118), 0.05, 0.0),
    "sandstone": ((200, 172, 134), (180, 148, 108), (150, 118, 82), 0.05, 0.5),
    "terracotta": ((180, 108, 74), (152, 84, 54), (120, 66, 46), 0.0, 0.0),
    "grey stone": ((130, 128, 125), (108, 106, 104), (176, 174, 170), 0.4, 0.0),
}


def _stone_design(rng: np.random.Generator, family: str) -> FloorDesign:
    name = _pick(rng, tuple(_STONES))
    base, second, vein, veins, layers = _STONES[name]
    stone = Stone(
        base=_jitter(rng, base), second=_jitter(rng, second), vein=_jitter(rng, vein),
        clouds=float(rng.uniform(0.2, 1.0)), cloud_size=float(rng.uniform(150, 900)),
        veins=veins * float(rng.uniform(0.4, 1.1)), vein_size=float(rng.uniform(160, 700)),
        vein_width=float(rng.uniform(2, 14)), grit=float(rng.uniform(0, 0.6)),
        layers=layers * float(rng.uniform(0.4, 1.1)),
        pits=float(rng.uniform(0, 0.8)) if rng.random() < 0.2 else 0.0,
        tones=float(rng.beta(1.5, 4.0)),
        continuous=family == "stone" and "concrete" in name,
    )  # fmt: skip
    patterns: tuple[Pattern, ...] = ("grid", "brick", "sheet")
    if family == "ceramic tile":
        patterns = ("grid", "grid", "brick", "hexagon")
    pattern = _pick(rng, patterns)
    if stone.continuous and pattern == "brick":
        pattern = "sheet"
    width = float(rng.uniform(100, 620))
    length = width * float(_pick(rng, (1.0, 1.0, 2.0))) if pattern != "hexagon" else width
    joint_base = _pick(rng, ((214, 210, 202), (168, 164, 158), (96, 94, 92), (52, 51, 50)))
    layout = Layout(
        pattern,
        width,
        length,
        float(rng.uniform(1.5, 5.0)),
        float(rng.uniform(0, 2.5)),
        angle=float(_pick(rng, (0.0, 0.0, 0.0, 45.0))),
        offset=float(_pick(rng, (0.5, 0.5, 0.333))),
    )
    gloss = float(rng.uniform(0.3, 0.95))
    return FloorDesign(
        family, f"{name} {family}", layout, stone, _jitter(rng, joint_base), 0.9, gloss
    )


def _motif_design(rng: np.random.Generator) -> FloorDesign:
    ground = _pick(rng, ((226, 220, 206), (44, 46, 50), (96, 112, 124), (196, 176, 150)))
    accents: tuple[Colour, ...] = (
        (58, 74, 94), (150, 78, 56), (40, 42, 46), (214, 206, 190), (116, 132, 112), (190, 150, 84),
    )  # fmt: skip
    order = rng.permutation(len(accents))[:3]
    colours = (_jitter(rng, ground), *(_jitter(rng, accents[i]) for i in order))
    motif = Motif(
        colours,
        _pick(rng, ("star", "petals", "check", "rings", "diamond", "waves")),
        int(rng.integers(1 << 16)),
        float(rng.uniform(0, 0.8)),
        float(rng.uniform(0, 0.2)),
    )
    width = float(rng.uniform(140, 330))
    layout = Layout(
        "grid",
        width,
        width,
        float(rng.uniform(1, 3.5)),
        float(rng.uniform(0, 1.5)),
        angle=float(_pick(rng, (0.0, 0.0, 45.0))),
    )
    joint = _jitter(rng, (186, 180, 170))
    return FloorDesign("patterned tile", f"{motif.drawing} tile", layout, motif, joint, 0.7, 0.4)


def _terrazzo_design(rng: np.random.Generator) -> FloorDesign:
    base = _jitter(
        rng,
        _pick(
            rng,
            (
                (226, 222, 214),
                (198, 194, 188),
                (128, 126, 124),
                (62, 62, 64),
                (214, 188, 170),
            ),
        ),
        1.5,
    )
    pool: tuple[Colour, ...] = (
        (240, 236, 228),
        (54, 52, 50),
        (150, 146, 140),
        (186, 128, 96),
        (120, 84, 64),
        (104, 118, 104),
        (206, 180, 140),
        (92, 106, 124),
        (200, 150, 140),
    )
    chips = tuple(_jitter(rng, pool[i], 1.5) for i in rng.permutation(9)[: rng.integers(2, 6)])
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(2.6))))
    sizes = tuple(scale * s for s in _pick(rng, ((3.0, 7.0, 14.0), (2.5, 4.0), (4.0, 18.0))))
    terrazzo = Terrazzo(base, chips, sizes, float(rng.uniform(0.2, 0.8)))
    side = float(_pick(rng, (400.0, 600.0, 800.0)))
    layout = Layout(_pick(rng, ("sheet", "grid")), side, side, float(rng.uniform(1.5, 3.5)), 0.0)
    joint = shift_lab(base, -12, 0, 0)
    return FloorDesign("terrazzo", "terrazzo", layout, terrazzo, joint, 0.8, 0.7)


def _carpet_design(rng: np.random.Generator) -> FloorDesign:
    base = _jitter(
        rng,
        _pick(
            rng,
            (
                (206, 194, 176),
                (168, 158, 146),
                (120, 118, 116),
                (70, 72, 76),
                (84, 98, 116),
                (104, 112, 92),
                (142, 74, 66),
                (170, 132, 96),
                (52, 60, 78),
                (226, 220, 210),
            ),
        ),
        1.5,
    )
    weaves: tuple[Weave, ...] = ("pile", "pile", "loop", "rib", "stripe", "tweed", "sisal")
    weave = _pick(rng, weaves)
    spread = rng.uniform(3, 16) if weave != "stripe" else rng.uniform(12, 36)
    yarns = (
        shift_lab(base, -spread, rng.normal(0, 2), rng.normal(0, 3)),
        base,
        shift_lab(base, spread * 0.8, rng.normal(0, 2), rng.normal(0, 3)),
    )
    carpet = Carpet(
        yarns,
        weave,
        float(rng.uniform(3.0, 10.0)),
        float(rng.uniform(0.1, 1.0)),
        float(rng.uniform(0, 0.9)),
        float(rng.uniform(0.2, 1.0)),
        float(rng.uniform(0, 0.12)),
    )
    tiles = rng.random() < 0.25 and weave != "stripe"
    layout = Layout("grid" if tiles else "sheet", 500.0, 500.0, 1.0, 2.0)
    return FloorDesign("carpet", f"{weave} carpet", layout, carpet, yarns[0], 0.5, 0.0)


def draw_design(rng: np.random.Generator, family: str) -> FloorDesign:
    """One product of a known family; the seed is drawn last so that looks stay independent."""
    if family in ("ceramic tile", "stone"):
        design = _stone_design(rng, family)
    elif family == "patterned tile":
        design = _motif_design(rng)
    elif family == "terrazzo":
        design = _terrazzo_design(rng)
    elif family == "carpet":
        design = _carpet_design(rng)
    else:
        design = _wood_design(rng, family)
    return replace(design, seed=int(rng.integers(1 << 31)))
