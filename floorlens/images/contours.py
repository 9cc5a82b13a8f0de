"""Masks as outlines and as run lengths: what a page draws, and what a program exchanges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

from floorlens.images.masks import mask_image

Ring = NDArray[np.float64]
"""A closed outline: float64 (n, 2), x and y of its corners, n >= 3; the first is not repeated."""

TOLERANCE = 1.5
"""How far a simplified outline may be from the mask's, in pixels of the mask."""
SMALL = 0.0005
"""Parts and holes below this share of the picture are left out."""
#: Masks with more pixels of outline are smoothed first: noise by hand, as a rule.
_MOST_EDGES = 60_000
# Right, down, left, up: the floor lies to the right of whoever walks along its edge.
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
# Bits of directions -> the direction, where it is only one.
_ONLY = {1 << direction: direction for direction in range(4)}


def polygons(mask: NDArray[np.bool_], tolerance: float = TOLERANCE) -> list[list[Ring]]:
    """Returns the parts of a mask, each as its outline and those of its holes, the largest first.

    Outlines run clockwise on the screen, holes anticlockwise. They are simplified after Douglas
    and Peucker (1973).

    Args:
        mask: bool (h, w).
        tolerance: how far an outline may be from the mask's, in pixels; 0 keeps every corner.

    Example:
        >>> mask = np.zeros((60, 80), bool)
        >>> mask[20:50, 10:70] = True
        >>> mask[30:40, 20:30] = False
        >>> [[ring.astype(int).tolist() for ring in part] for part in polygons(mask)]
        [[[[10, 20], [70, 20], [70, 50], [10, 50]], [[20, 30], [20, 40], [30, 40], [30, 30]]]]
    """
    outlines: list[tuple[float, Ring, list[Ring]]] = []
    holes: list[tuple[float, Ring, tuple[float, float]]] = []
    for ring, inside in _rings(_smoothed(mask)):
        area = _area(ring)
        if area > 0:
            outlines.append((area, ring, []))
        else:
            holes.append((area, ring, inside))
    least = SMALL * mask.size
    outlines.sort(key=lambda outline: outline[0])
    for area, ring, inside in holes:
        if -area >= least:
            # The smallest part that holds a pixel beside the hole.
            _, _, own = next(one for one in outlines if _holds(one[1], inside))
            own.append(ring)
    large = [outline for outline in outlines if outline[0] >= least] or outlines[-1:]
    return [
        [simplified for one in (ring, *own) if len(simplified := _simplified(one, tolerance)) >= 3]
        for _, ring, own in reversed(large)
    ]


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Returns the lengths of a mask's runs, down each column: COCO's uncompressed encoding.

    The first run is of what is False, and may be 0.

    Example:
        >>> run_lengths(np.array([[True, False], [True, True]]))
        [0, 2, 1, 1]
    """
    flat = np.ravel(mask, order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


def _smoothed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    radius = 1
    while True:
        edges = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
        if edges <= _MOST_EDGES:
            return mask
        blurred = mask_image(mask).filter(ImageFilter.BoxBlur(radius))
        smooth = np.asarray(blurred) > 127
        # Noise that is half floor everywhere may leave nothing.
        mask = smooth if smooth.any() else np.ones_like(mask)
        radius *= 2


def _rings(mask: NDArray[np.bool_]) -> list[tuple[Ring, tuple[float, float]]]:
    """Returns each closed edge of a mask, and the centre of a pixel of the mask beside it."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return []
    # Of a room the floor is half: nothing is to be found in the rest.
    left, top = int(columns[0]), int(rows[0])
    mask = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    padded = np.pad(mask, 1)
    core = padded[1:-1, 1:-1]
    height, width = mask.shape
    width += 1
    # Of each corner, a bit for each direction in which an edge leaves it.
    codes = np.zeros((height + 1, width), np.uint8)
    codes[:-1, :-1] += np.multiply(core & ~padded[:-2, 1:-1], np.uint8(1))
    codes[:-1, 1:] += np.multiply(core & ~padded[1:-1, 2:], np.uint8(2))
    codes[1:, 1:] += np.multiply(core & ~padded[2:, 1:-1], np.uint8(4))
    codes[1:, :-1] += np.multiply(core & ~padded[1:-1, :-2], np.uint8(8))
    ways = bytearray(codes.tobytes())
    steps = tuple(x + width * y for x, y in _STEPS)
    rings = []
    # Every ring has an edge that leads to the right.
    for start in np.flatnonzero(codes & 1).tolist():
        if not ways[start] & 1:
            continue
        corner, direction, points = start, 0, []
        while True:
            ways[corner] ^= 1 << direction
            corner += steps[direction]
            onward = ways[corner]
            if corner == start and not onward & 1:
                # Where two pixels touch at a corner only, another ring may begin here too.
                if direction:
                    points.append(corner)
                break
            # Two pixels that touch at a corner are two parts: it stays beside the same pixel.
            turn = _ONLY.get(onward, (direction + 1) % 4)
            if turn != direction:
                points.append(corner)
                direction = turn
        y, x = np.divmod(np.array(points), width)
        # To the right of the middle of the first edge.
        inside = (left + start % width + 0.5, top + start // width + 0.5)
        rings.append((np.stack([left + x, top + y], axis=1).astype(np.float64), inside))
    return rings


def _area(ring: Ring) -> float:
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _holds(ring: Ring, point: tuple[float, float]) -> bool:
    """Returns whether a point, on no edge of it, is inside a ring of horizontals and verticals."""
    x, y = ring.T
    next_y = np.roll(y, -1)
    crossed = ((y > point[1]) != (next_y > point[1])) & (x > point[0])
    return bool(np.count_nonzero(crossed) % 2)


def _simplified(ring: Ring, tolerance: float) -> Ring:
    # A ring has no ends: it is cut at its first corner and at the one farthest from that.
    ring = np.roll(ring, -int(np.lexsort((ring[:, 0], ring[:, 1]))[0]), axis=0)
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([ring, ring[:1]])
    stays = np.zeros(len(closed), bool)
    stays[[0, far]] = True
    pieces = [(0, far), (far, len(ring))]
    while pieces:
        first, last = pieces.pop()
        if last - first < 2:
            continue
        along = closed[last] - closed[first]
        offsets = closed[first + 1 : last] - closed[first]
        length = float(np.hypot(*along))
        distances = (
            np.abs(along[0] * offsets[:, 1] - along[1] * offsets[:, 0]) / length
            if length
            else np.hypot(*offsets.T)
        )
        farthest = int(np.argmax(distances))
        if distances[farthest] > tolerance:
            middle = first + 1 + farthest
            stays[middle] = True
            pieces += [(first, middle), (middle, last)]
    return np.asarray(ring[stays[:-1]])
