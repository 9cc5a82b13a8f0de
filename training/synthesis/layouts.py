"""Where the pieces of a floor lie: planks, herringbone, chevron, basket weave, tiles, hexagons.

Every layout answers one question for every pixel: which piece is it on, where inside that piece,
and how far from the nearest joint. Surfaces are painted from those answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.synthesis.noise import FloatMap, IntMap, slot, table

Pattern = Literal["plank", "herringbone", "chevron", "basket", "grid", "brick", "hexagon", "sheet"]


@dataclass(frozen=True)
class Layout:
    """How the pieces of one product are cut and laid. Lengths in millimetres."""

    pattern: Pattern
    width: float = 120.0
    length: float = 1200.0
    joint: float = 0.8
    bevel: float = 1.5
    random_length: float = 0.0  # 0: all boards equal; 1: from a third to the full length
    width_mix: tuple[float, ...] = ()  # widths that alternate row by row, if several
    angle: float = 0.0  # degrees, turns the whole pattern
    offset: float = 0.5  # brick: shift of every other row; chevron: unused


@dataclass(frozen=True)
class Placement:
    """For every pixel of a sheet, its place on its piece. All maps have shape (H, W)."""

    piece: IntMap
    u: FloatMap  # mm along the piece (grain direction)
    v: FloatMap  # mm across the piece
    edge: FloatMap  # mm to the nearest joint's centre line
    turned: FloatMap  # 0 or 1: which of the two directions the piece lies in
    width: float  # mm, nominal extent of `v`
    length: float  # mm, nominal extent of `u`


def _planks(layout: Layout, x: FloatMap, y: FloatMap, rng: np.random.Generator) -> Placement:
    widths = np.asarray(layout.width_mix or (layout.width,), dtype=np.float64)
    low, high = float(x.min()), float(x.max())
    count = int((high - low) / widths.min()) + 3
    rows = rng.choice(widths, size=count) if len(widths) > 1 else np.full(count, widths[0])
    starts = low - rng.uniform(0, widths.max()) + np.concatenate([[0.0], np.cumsum(rows)])
    row = np.clip(np.searchsorted(starts, x, side="right") - 1, 0, count - 1).astype(np.int32)
    start, width = starts[row].astype(np.float32), rows[row].astype(np.float32)
    v = np.asarray(x - start, dtype=np.float32)

    y_low, y_high = float(y.min()), float(y.max())
    span = y_high - y_low
    per_row = int(span / (layout.length * (0.3 if layout.random_length else 1.0))) + 4
    lengths = layout.length * (1 - layout.random_length * 0.67 * rng.random((count, per_row)))
    offsets = rng.random(count)
    if not layout.random_length:
        # Installers keep end joints of neighbouring rows apart; purely random offsets would
        # sometimes line them up, which looks like a mistake.
        offsets = (np.arange(count) * 0.37 + rng.uniform(-0.08, 0.08, count)) % 1.0
    ends = y_low - offsets[:, None] * layout.length + np.cumsum(lengths, axis=1)
    begins = ends - lengths
    # One sorted axis for all rows: rows are kept apart by a stride longer than the sheet.
    stride = span + 4 * layout.length
    flat = (begins - y_low + np.arange(count)[:, None] * stride).ravel()
    position = (y - y_low).astype(np.float64) + row * stride
    cell = np.clip(np.searchsorted(flat, position, side="right") - 1, 0, flat.size - 1)
    u = np.asarray(position - flat[cell], dtype=np.float32)
    length = lengths.ravel()[cell].astype(np.float32)
    edge = np.minimum(np.minimum(v, width - v), np.minimum(u, length - u))
    piece = cell.astype(np.int32)
    return Placement(piece, u, v, edge, np.zeros_like(u), float(widths.max()), float(layout.length))


def _herringbone(layout: Layout, x: FloatMap, y: FloatMap) -> Placement:
    w = np.float32(layout.width)
    n = max(2, round(layout.length / layout.width))
    i, j = np.floor(x / w).astype(np.int32), np.floor(y / w).astype(np.int32)
    k = (i - j) % (2 * n)
    flat = k < n
    head_i = np.where(flat, i - k, i)
    head_j = np.where(flat, j, j - (2 * n - 1 - k))
    along, across = (
        np.where(flat, x - head_i * w, y - head_j * w),
        np.where(flat, y - j * w, x - i * w),
    )
    u, v = along.astype(np.float32), across.astype(np.float32)
    edge = np.minimum(np.minimum(v, w - v), np.minimum(u, n * w - u))
    piece = np.asarray(head_i * 4099 + head_j * 2 + flat, dtype=np.int32)
    return Placement(piece, u, v, edge, flat.astype(np.float32), float(w), float(n * w))


def _chevron(layout: Layout, x: FloatMap, y: FloatMap) -> Placement:
    slant = np.deg2rad(45.0)
    column_width = np.float32(layout.length * np.cos(slant))
    column = np.floor(x / column_width).astype(np.int32)
    inside = x - column * column_width
    odd = (column % 2).astype(np.float32)
    rise = np.where(odd > 0, column_width - inside, inside) * np.float32(np.tan(slant))
    across = (y - rise) * np.float32(np.cos(slant))
    row = np.floor(across / layout.width).astype(np.int32)
    v = np.asarray(across - row * np.float32(layout.width), dtype=np.float32)
    u = np.asarray(inside / np.float32(np.cos(slant)), dtype=np.float32)
    edge = np.minimum(np.minimum(v, layout.width - v), np.minimum(inside, column_width - inside))
    piece = np.asarray(column * 4099 + row, dtype=np.int32)
    return Placement(piece, u, v, edge.astype(np.float32), odd, layout.width, layout.length)


def _basket(layout: Layout, x: FloatMap, y: FloatMap) -> Placement:
    n = max(2, round(layout.length / layout.width))
    side = np.float32(n * layout.width)
    i, j = np.floor(x / side).astype(np.int32), np.floor(y / side).astype(np.int32)
    turned = (i + j) % 2 == 1
    px, py = x - i * side, y - j * side
    u = np.where(turned, px, py).astype(np.float32)
    across = np.where(turned, py, px)
    strip = np.clip(np.floor(across / layout.width), 0, n - 1)
    v = np.asarray(across - strip * np.float32(layout.width), dtype=np.float32)
    edge = np.minimum(np.minimum(v, layout.width - v), np.minimum(u, side - u))
    piece = np.asarray((i * 4099 + j) * n + strip, dtype=np.int32)
    return Placement(
        piece, u, v, edge.astype(np.float32), turned.astype(np.float32), layout.width, float(side)
    )


def _tiles(layout: Layout, x: FloatMap, y: FloatMap) -> Placement:
    row = np.floor(y / np.float32(layout.width)).astype(np.int32)
    shift = layout.offset * layout.length * (row % 2) if layout.pattern == "brick" else 0.0
    shifted = x + np.asarray(shift, dtype=np.float32)
    column = np.floor(shifted / np.float32(layout.length)).astype(np.int32)
    u = np.asarray(shifted - column * np.float32(layout.length), dtype=np.float32)
    v = np.asarray(y - row * np.float32(layout.width), dtype=np.float32)
    edge = np.minimum(np.minimum(v, layout.width - v), np.minimum(u, layout.length - u))
    piece = np.asarray(row * 4099 + column, dtype=np.int32)
    turned = ((row + column) % 2).astype(np.float32)
    return Placement(piece, u, v, edge.astype(np.float32), turned, layout.width, layout.length)


def _hexagons(layout: Layout, x: FloatMap, y: FloatMap) -> Placement:
    w = np.float32(layout.width)  # across flats
    h = np.float32(layout.width * np.sqrt(3.0))
    best = np.full(x.shape, np.inf, dtype=np.float32)
    second = np.full(x.shape, np.inf, dtype=np.float32)
    piece = np.zeros(x.shape, dtype=np.int32)
    u, v = np.zeros_like(x), np.zeros_like(x)
    # A hexagonal grid is two rectangular grids of centres; the two cells nearest in each grid
    # are enough to find both the owner and its closest neighbour.
    for half in (0.0, 0.5):
        base_i, base_j = np.floor(x / w - half), np.floor(y / h - half)
        for di in (0, 1):
            for dj in (0, 1):
                i, j = base_i + di, base_j + dj
                dx, dy = x - (i + half) * w, y - (j + half) * h
                distance = np.hypot(dx, dy).astype(np.float32)
                nearer = distance < best
                second = np.where(nearer, best, np.minimum(second, distance))
                best = np.where(nearer, distance, best)
                number = (i * 4099 + j) * 2 + (1 if half else 0)
                piece = np.where(nearer, number, piece).astype(np.int32)
                u, v = np.where(nearer, dx, u), np.where(nearer, dy, v)
    edge = (second**2 - best**2) / (2 * w)
    half_w = np.float32(w / 2)
    return Placement(
        piece, u + half_w, v + half_w, edge.astype(np.float32), np.zeros_like(x), float(w), float(w)
    )


def place(
    layout: Layout, size_px: tuple[int, int], mm_per_px: float, rng: np.random.Generator
) -> Placement:
    """Lay the pieces under a sheet of `size_px` = (width, height) pixels.

    `rng` decides where on an endless floor the sheet is cut, so two layouts of one product share
    its geometry but no piece.
    """
    width, height = size_px
    xs = (np.arange(width, dtype=np.float32) + 0.5) * np.float32(mm_per_px)
    ys = (np.arange(height, dtype=np.float32) + 0.5) * np.float32(mm_per_px)
    x, y = np.meshgrid(xs, ys)
    if layout.angle:
        turn = np.deg2rad(layout.angle)
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        x, y = c * x + s * y, c * y - s * x
    if layout.pattern == "plank":
        return _planks(layout, x, y, rng)
    period = 4 * max(layout.length, layout.width)
    x = x + np.float32(rng.uniform(0, period))
    y = y + np.float32(rng.uniform(0, period))
    if layout.pattern == "herringbone":
        return _herringbone(layout, x, y)
    if layout.pattern == "chevron":
        return _chevron(layout, x, y)
    if layout.pattern == "basket":
        return _basket(layout, x, y)
    if layout.pattern in ("grid", "brick"):
        return _tiles(layout, x, y)
    if layout.pattern == "hexagon":
        return _hexagons(layout, x, y)
    far = np.full(x.shape, 1e3, dtype=np.float32)
    zero = np.zeros(x.shape, dtype=np.float32)
    return Placement(zero.astype(np.int32), x, y, far, zero, 1e3, 1e3)


def joint_cover(edge: FloatMap, joint: float, mm_per_px: float) -> FloatMap:
    """Share of each pixel, 0..1, that a joint of total width `joint` mm covers."""
    half = joint / 2
    reach = np.clip((half + 0.5 * mm_per_px - edge) / mm_per_px, 0, 1)
    return np.asarray(reach * min(1.0, joint / mm_per_px), dtype=np.float32)


def piece_numbers(placement: Placement, rng: np.random.Generator, columns: int) -> list[FloatMap]:
    """`columns` maps of uniform numbers in [0, 1) that are constant on every piece."""
    rows = slot(placement.piece)
    numbers = table(rng, columns)
    return [numbers[:, column][rows] for column in range(columns)]
