"""Edgelets: short straight pieces of edge, from which the camera is estimated.

The picture's strong gradients are sorted into cells and directions; where the pixels of one cell
and direction lie on a line, that line is an edgelet. Cells of two sizes see fine joints and long
edges alike. After the edgelets of Coughlan & Yuille's "Manhattan world" (1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.masks import mask_image
from floorlens.images.shapes import shrink

#: Longer side of the copy of the photo on which edges are sought, in pixels.
LONGER_SIDE = 400
#: Sides of the cells, in pixels of that copy.
CELLS = (14, 34)
#: Directions into which gradients are sorted, over a full turn.
DIRECTIONS = 12
#: Share of the ridges that count as edges, on the floor and off it.
STRONG = 0.4
#: A gradient (grey levels a pixel) below the first is noise; one above the second is an edge.
FAINTEST, PLAIN = 1.0, 8.0
#: The least length of an edgelet, as a share of its cell, and its largest thickness (std, pixels).
SHORTEST, THICKEST = 0.55, 1.1


@dataclass(frozen=True)
class Edgelets:
    """Pieces of edge; lengths in units of the picture's longer side, the origin in its middle.

    Attributes:
        middle: float32 (n, 2), x to the right and y down.
        direction: float32 (n, 2), unit vectors along the edge.
        sigma: float32 (n,), standard deviation of the direction in radians.
        floor: bool (n,), lies on the floor.
    """

    middle: NDArray[np.float32]
    direction: NDArray[np.float32]
    sigma: NDArray[np.float32]
    floor: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.middle)


def find_edgelets(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], most: int = 80) -> Edgelets:
    """Returns at most `most` edgelets on the floor and as many off it, the best first.

    The best are the straightest and longest, in as many directions as there are.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor. The floor's own outline counts as off the floor.
        most: How many of either kind.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> pixels = load_photo("room.jpg").pixels
        >>> mask = np.zeros(pixels.shape[:2], bool)
        >>> mask[400:] = True
        >>> edgelets = find_edgelets(pixels, mask)
        >>> int(edgelets.floor.sum()) <= 80
        True
    """
    height, width = mask.shape
    scale = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    grey = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BILINEAR)
    floor = mask_image(mask).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    gx, gy, strength = _gradients(np.asarray(grey, np.float32))
    inside = shrink(shrink(np.asarray(floor) > 250))
    outside = ~inside
    parts = []
    for region, on_floor in ((inside, True), (outside, False)):
        lines = _in_cells(gx, gy, strength, region)
        best = _best(lines, most)
        parts.append((*(array[best] for array in lines), np.full(len(best), on_floor)))
    middle, direction, sigma, _, on = (np.concatenate(group) for group in zip(*parts, strict=True))
    centred = (middle + 0.5 - np.array(size) / 2) / max(size)
    return Edgelets(
        middle=centred.astype(np.float32),
        direction=direction.astype(np.float32),
        sigma=sigma.astype(np.float32),
        floor=on,
    )


def _gradients(
    grey: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns Scharr's gradient along x and y, and its length.

    The length is negative where a neighbour across the edge has a steeper gradient.
    """
    # Softened first: hard steps would pull the edges onto whole pixels.
    padded = np.pad(grey, 1, mode="edge")
    soft = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    soft = (soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]) / 16
    padded = np.pad(soft, 1, mode="edge")
    across = padded[:, 2:] - padded[:, :-2]
    gx = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 32
    down = padded[2:] - padded[:-2]
    gy = (3 * down[:, :-2] + 10 * down[:, 1:-1] + 3 * down[:, 2:]) / 32
    length = np.sqrt(gx * gx + gy * gy)
    # A pixel counts when no neighbour across the edge is stronger.
    ring = np.pad(length, 1)
    level = np.maximum(ring[1:-1, 2:], ring[1:-1, :-2])
    upright = np.maximum(ring[2:, 1:-1], ring[:-2, 1:-1])
    ridge = np.where(np.abs(gx) > np.abs(gy), level, upright) <= length
    return gx, gy, np.where(ridge, length, -length)


Lines = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Middles and directions (n, 2) in pixels, sigmas and weights (n,)."""


def _in_cells(
    gx: NDArray[np.float32],
    gy: NDArray[np.float32],
    strength: NDArray[np.float32],
    region: NDArray[np.bool_],
) -> Lines:
    """Returns middles and directions (n, 2) in pixels, sigmas and weights (n,) of the edgelets."""
    values = strength[region]
    values = values[values > 0]
    empty = (np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    if values.size < 32:
        return empty
    least = float(np.clip(np.quantile(values, 1.0 - STRONG), FAINTEST, PLAIN))
    ys, xs = np.nonzero((strength >= least) & region)
    if ys.size < 16:
        return empty
    x, y = _between_pixels(gx, gy, strength, xs, ys)
    turn = np.arctan2(gy[ys, xs], gx[ys, xs]) / (2 * math.pi) * DIRECTIONS
    parts = []
    columns = strength.shape[1]
    for cell in CELLS:
        for shift in (0.0, 0.5):
            # Cells and directions shift together, so that no edge is cut by both borders.
            offset = round(shift * cell)
            sector = np.floor(turn + shift).astype(np.intp) % DIRECTIONS
            across = columns // cell + 2
            key = ((ys + offset) // cell * across + (xs + offset) // cell) * DIRECTIONS + sector
            parts.append(_lines(key, x, y, cell))
    middle, direction, sigma, weight = (np.concatenate(group) for group in zip(*parts, strict=True))
    return middle, direction, sigma, weight


def _between_pixels(
    gx: NDArray[np.float32],
    gy: NDArray[np.float32],
    strength: NDArray[np.float32],
    xs: NDArray[np.intp],
    ys: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns where the edge runs, to a fraction of a pixel: the top of a parabola across it."""
    level = np.abs(gx[ys, xs]) > np.abs(gy[ys, xs])
    right, down = level.astype(np.intp), (~level).astype(np.intp)
    height, width = strength.shape
    after = np.abs(strength[np.minimum(ys + down, height - 1), np.minimum(xs + right, width - 1)])
    before = np.abs(strength[np.maximum(ys - down, 0), np.maximum(xs - right, 0)])
    bend = 2 * strength[ys, xs] - after - before
    shift = np.clip((after - before) / np.maximum(2 * bend, 1e-3), -0.5, 0.5)
    return xs + shift * right, ys + shift * down


def _lines(
    key: NDArray[np.intp], x: NDArray[np.float64], y: NDArray[np.float64], cell: int
) -> Lines:
    """Returns a line for each key whose pixels lie on one: the principal axis of their places."""
    count = np.bincount(key)
    keys = np.flatnonzero(count >= SHORTEST * cell)
    n = count[keys].astype(np.float64)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(key, values)[keys] / n

    mx, my = total(x), total(y)
    sxx = total(x * x) - mx * mx
    syy = total(y * y) - my * my
    sxy = total(x * y) - mx * my
    middle, half = (sxx + syy) / 2, np.hypot((sxx - syy) / 2, sxy)
    major, minor = middle + half, np.maximum(middle - half, 0.0) + 0.02
    angle = 0.5 * np.arctan2(2 * sxy, sxx - syy)
    length = np.sqrt(12 * major)
    good = (length >= SHORTEST * cell) & (minor <= THICKEST**2)
    # The error of a fitted line's slope.
    sigma = np.sqrt(minor / (n * np.maximum(major, 1e-6)))
    centre = np.stack([mx, my], axis=1)
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    weight = length / (1.0 + minor)
    return centre[good], along[good], sigma[good], weight[good]


def _best(lines: Lines, most: int) -> NDArray[np.intp]:
    """Returns the indices of at most `most` edgelets, the heaviest, spread over directions."""
    _, direction, _, weight = lines
    if len(weight) <= most:
        return np.argsort(-weight, kind="stable")
    # Of many edgelets of one direction the last ones add little: each counts less than the last.
    sector = (np.arctan2(direction[:, 1], direction[:, 0]) / math.pi * 18).astype(np.intp) % 18
    order = np.argsort(-weight, kind="stable")
    rank = np.empty(len(weight))
    for one in range(18):
        members = order[sector[order] == one]
        rank[members] = np.arange(len(members))
    value = weight / (1.0 + rank / (most / 6))
    return np.argsort(-value, kind="stable")[:most]
