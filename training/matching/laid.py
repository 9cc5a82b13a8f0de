"""Real swatches laid in a known layout: boards as herringbone, faces of stone as tiles.

Few shops photograph chevron or basket parquet, yet every shop has boards that are sold for it. The
layouts are those of the made floors (`training/synthesis/layouts.py`), the surfaces are real.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.synthesis.layouts import Layout, Pattern, joint_cover, place

Rgb = NDArray[np.uint8]

#: What boards are laid as, and what faces of stone, concrete or terrazzo are.
OF_BOARDS = ("plank", "strip", "herringbone", "chevron", "basket parquet")
OF_FACES = ("square tile", "hexagon tile", "mosaic")
#: How much of the picture's width a piece shows.
SHOWN = (0.4, 1.0)


@dataclass(frozen=True)
class Laying:
    """How a swatch is laid.

    Attributes:
        layout: of the pieces, in millimetres.
        tone: how far the pieces differ in lightness, a standard deviation of the logarithm.
        joint: colour of the joints, sRGB; None: darker than the picture.
        strength: of the joints, 0..1.
    """

    layout: Layout
    tone: float
    joint: tuple[float, float, float] | None
    strength: float


def draw_laying(pattern: str, rng: np.random.Generator) -> Laying:
    """Returns a plausible laying of a class of `OF_BOARDS` or `OF_FACES`."""
    if pattern in OF_FACES:
        grey = float(rng.uniform(60, 235))
        joint = (grey, grey * float(rng.uniform(0.94, 1)), grey * float(rng.uniform(0.88, 1)))
        tone = float(rng.uniform(0.0, 0.12 if pattern == "mosaic" else 0.04))
        return Laying(_tiles(pattern, rng), tone, joint, float(rng.uniform(0.5, 1)))
    strength = float(rng.uniform(0.2, 0.95))
    return Laying(_boards(pattern, rng), float(rng.uniform(0.02, 0.1)), None, strength)


def _tiles(pattern: str, rng: np.random.Generator) -> Layout:
    angle = float(rng.choice([0.0, 0.0, 45.0]))
    if pattern == "hexagon tile":
        width = float(rng.uniform(50, 350))
        joint = float(rng.uniform(1, 2 + width / 80))
        return Layout("hexagon", width, width, joint, float(rng.uniform(0, 2)), angle=angle)
    width = float(rng.uniform(15, 45) if pattern == "mosaic" else rng.uniform(150, 650))
    length = width * float(rng.choice([1.0, 1.0, 2.0]))
    kind: Pattern = "brick" if rng.random() < 0.35 else "grid"
    joint = float(rng.uniform(1.0, 1.5 + width / 100))
    return Layout(kind, width, length, joint, float(rng.uniform(0, 2.5)), angle=angle)


def _boards(pattern: str, rng: np.random.Generator) -> Layout:
    joint, bevel = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0, 4))
    if pattern == "plank":
        width = float(rng.uniform(110, 260))
        angle = float(rng.choice([0.0, 90.0]))
        return Layout("plank", width, float(rng.uniform(900, 2200)), joint, bevel, angle=angle)
    if pattern == "strip":
        width, length = float(rng.uniform(45, 85)), float(rng.uniform(250, 600))
        angle = float(rng.choice([0.0, 90.0]))
        return Layout("plank", width, length, joint, bevel, float(rng.uniform(0.3, 1)), angle=angle)
    width = float(rng.uniform(60, 140))
    if pattern == "herringbone":
        length, angle = width * float(rng.integers(3, 8)), float(rng.choice([45.0, 0.0, 135.0]))
        return Layout("herringbone", width, length, joint, bevel, angle=angle)
    if pattern == "chevron":
        angle = float(rng.choice([0.0, 90.0]))
        return Layout("chevron", width, float(rng.uniform(380, 800)), joint, bevel, angle=angle)
    width = float(rng.uniform(25, 90))
    angle = float(rng.choice([0.0, 0.0, 45.0]))
    return Layout("basket", width, width * float(rng.integers(3, 7)), joint, bevel, angle=angle)


def lay(
    texture: Rgb, laying: Laying, size: int, millimetres: float, rng: np.random.Generator
) -> Rgb:
    """Returns a floor from above, uint8 (size, size, 3) sRGB, `millimetres` wide.

    Args:
        texture: uint8 (h, w, 3), one board or one face; its grain runs along the pieces.
        laying: how it is laid.
        size: pixels a side.
        millimetres: width of the floor that is shown.
        rng: decides where each piece is cut from.
    """
    scale = millimetres / size
    placement = place(laying.layout, (size, size), scale, rng)
    upright = texture if _grain_runs_down(texture) else texture.swapaxes(0, 1)
    wide = placement.width / scale / float(rng.uniform(*SHOWN))
    # Grain drawn out along a board still looks like grain; a picture repeated ten times does not.
    tall = upright.shape[0] / upright.shape[1] * wide
    tall = max(tall, 0.35 * placement.length / scale)
    picture = np.asarray(
        Image.fromarray(np.ascontiguousarray(upright)).resize(
            (int(np.clip(wide, 2, 3000)), int(np.clip(tall, 2, 6000))), Image.Resampling.LANCZOS
        ),
        np.float32,
    )
    _, piece = np.unique(placement.piece, return_inverse=True)
    piece = piece.reshape(placement.piece.shape)
    count = int(piece.max()) + 1
    first = rng.uniform(0, 1, (count, 2)) * [2 * picture.shape[0], 2 * picture.shape[1]]
    # Within the picture as far as it goes, so that no piece shows a mirror's seam along its grain.
    first[:, 1] *= max(0.0, 1 - placement.width / scale / picture.shape[1]) / 2
    sign = np.where(rng.random((count, 2)) < 0.5, -1.0, 1.0)
    rows = _mirrored(first[piece, 0] + sign[piece, 0] * placement.u / scale, picture.shape[0])
    columns = _mirrored(first[piece, 1] + placement.v / scale, picture.shape[1])
    tones = np.exp(rng.normal(0, laying.tone, count))[:, None] * np.exp(
        rng.normal(0, laying.tone / 5, (count, 3))
    )
    floor = picture[rows, columns] * tones[piece].astype(np.float32)
    layout = laying.layout
    near = np.clip(1 - (placement.edge - layout.joint / 2) / max(layout.bevel, 1e-3), 0, 1)
    floor *= (1 - 0.14 * min(1.0, layout.bevel / scale) * near**2)[..., None]
    cover = (joint_cover(placement.edge, layout.joint, scale) * laying.strength)[..., None]
    mean = picture.mean(axis=(0, 1))
    joint = 0.35 * mean if laying.joint is None else np.asarray(laying.joint, np.float32)
    floor += (joint - floor) * cover
    return np.asarray(np.clip(floor + 0.5, 0, 255), np.uint8)


def _mirrored(positions: NDArray[np.floating], length: int) -> NDArray[np.intp]:
    whole = np.floor(positions).astype(np.intp) % (2 * length)
    return np.minimum(whole, 2 * length - 1 - whole)


def _grain_runs_down(texture: Rgb) -> bool:
    """Returns whether the picture changes less from row to row than from column to column."""
    factor = max(1, min(texture.shape[:2]) // 96)
    grey = np.asarray(Image.fromarray(texture).convert("L").reduce(factor), np.float32)
    if min(grey.shape) < 2:
        return True
    return bool(np.abs(np.diff(grey, axis=0)).mean() <= np.abs(np.diff(grey, axis=1)).mean())
