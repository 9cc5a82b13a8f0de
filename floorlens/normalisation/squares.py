"""Squares of floor: where a photo is cut into patches.

The sizes are shares of the floor's own extent, not pixels: a photo and its enlargement give the
same patches, and a product picture (all floor) is cut by the same rule as a room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.masks import mask_image
from floorlens.normalisation import Cuts

#: (side relative to the square root of the floor's area, number of squares), size by size.
Scales = tuple[tuple[float, int], ...]
#: A square is clean if at least this share of it is floor. Smaller squares are tried before an
#: unclean one is taken.
CLEAN = 0.92
#: Longer side of the grid on which squares are chosen, in cells.
GRID = 192
#: Two squares show about the same if their centres are at most this share of the side apart,
#: their sides differ by this factor at most, and the shares of them that are floor by this.
NEAR, SIMILAR, EQUALLY_CLEAN = 0.2, 1.15, 0.03
#: The smallest square worth enlarging, in photo pixels.
SMALLEST = 12.0


@dataclass(frozen=True)
class Square:
    """A square of the photo: left, top, side in photo pixels, and the share of it that is floor."""

    left: float
    top: float
    side: float
    coverage: float


def choose_squares(mask: NDArray[np.bool_], scales: Scales) -> list[Square]:
    """Returns the squares to cut, scale by scale in the order of `scales`.

    The squares of a scale are made smaller until one of them is clean. The first is the cleanest,
    and of equally clean ones the lowest, where a camera sees most; the others are spread by
    farthest-point sampling.

    Args:
        mask: bool (h, w), True on floor, not empty.
        scales: for each size, its share of the square root of the floor's area, and how many.

    Example:
        >>> square = choose_squares(np.ones((400, 400), bool), ((0.5, 1),))[0]
        >>> square.side, square.coverage
        (200.0, 1.0)
    """
    height, width = mask.shape
    cell = max(1.0, max(height, width) / GRID)
    rows, columns = max(1, round(height / cell)), max(1, round(width / cell))
    table = _summed_area_table(_coverage(mask, columns, rows))
    sy, sx = height / rows, width / columns
    extent = math.sqrt(float(table[-1, -1]) * sx * sy)
    squares: list[Square] = []
    for scale, count in scales:
        side = min(scale * extent, height, width)
        best: list[Square] = []
        while True:
            windows = _spread(table, side / sy, side / sx, count)
            choice = [Square(x * sx, y * sy, side, share) for x, y, share in windows]
            if not best or choice[0].coverage > best[0].coverage + 0.02:
                best = choice
            if best[0].coverage >= CLEAN or side * 0.8 < SMALLEST:
                break
            side *= 0.8
        squares += best
    return squares


def cleanest_square(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns a square of the picture that is as large as the mask lets it be, uint8 (s, s, 3).

    Example:
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[300:400, 100:200] = True
        >>> cleanest_square(np.zeros((480, 640, 3), np.uint8), mask).shape
        (100, 100, 3)
    """
    square = choose_squares(mask, ((1.0, 1),))[0]
    top, left, side = round(square.top), round(square.left), max(1, round(square.side))
    return pixels[top : top + side, left : left + side]


def are_untouched(cuts: Cuts) -> bool:
    """Returns whether all squares show as much floor as they did, by `Cuts.changed`.

    Example:
        >>> changed = np.zeros((100, 100), bool)
        >>> cuts = Cuts(np.array([[50, 50, 40]], np.float32), np.ones(1), changed=changed)
        >>> are_untouched(cuts)
        True
        >>> changed[40:60, 40:60] = True
        >>> are_untouched(cuts)
        False
    """
    if cuts.changed is None:
        return False
    height, width = cuts.changed.shape
    cell = max(1.0, max(height, width) / GRID)
    rows, columns = max(1, round(height / cell)), max(1, round(width / cell))
    table = _summed_area_table(_coverage(cuts.changed, columns, rows))
    for x, y, side in cuts.places.tolist():
        top, bottom = ((y + half) * rows / height for half in (-side / 2, side / 2))
        left, right = ((x + half) * columns / width for half in (-side / 2, side / 2))
        ys, xs = np.clip([top, bottom], 0, rows), np.clip([left, right], 0, columns)
        corners = _at(table, ys, xs)
        inside = corners[1, 1] - corners[0, 1] - corners[1, 0] + corners[0, 0]
        if inside > EQUALLY_CLEAN * (bottom - top) * (right - left):
            return False
    return True


def same_squares(
    places: NDArray[np.floating], coverage: NDArray[np.floating], earlier: Cuts
) -> NDArray[np.intp]:
    """Returns which earlier square shows about what a square shows, intp (n,); -1: none does.

    An earlier square stands for one other at most.

    Args:
        places: (n, 3), centre x, y and side.
        coverage: (n,), the share of each that is floor.
        earlier: the other squares.

    Example:
        >>> earlier = Cuts(np.array([[50, 50, 40], [80, 50, 40]], np.float32), np.ones(2))
        >>> same_squares(np.array([[52, 49, 41], [20, 20, 40]]), np.ones(2), earlier).tolist()
        [0, -1]
    """
    same = np.full(len(places), -1, np.intp)
    free = np.ones(len(earlier.places), np.bool_)
    for number, (x, y, side) in enumerate(places):
        away = np.hypot(earlier.places[:, 0] - x, earlier.places[:, 1] - y) / side
        times = np.abs(np.log(np.maximum(earlier.places[:, 2], 1e-6) / side))
        near = free & (away <= NEAR) & (times <= math.log(SIMILAR))
        near &= np.abs(earlier.coverage - coverage[number]) <= EQUALLY_CLEAN
        if near.any():
            best = int(np.argmin(np.where(near, away + times, np.inf)))
            same[number], free[best] = best, False
    return same


def largest_square(mask: NDArray[np.bool_], clean: float = 1.0) -> Square | None:
    """Returns the largest square of which at least the share `clean` is floor; None without one.

    Of equally large ones it is the lowest.

    Example:
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[300:400, 100:200] = True
        >>> square = largest_square(mask)
        >>> 90 <= square.side <= 100, square.left >= 100, square.top >= 300
        (True, True, True)
    """
    height, width = mask.shape
    cell = max(1.0, max(height, width) / GRID)
    rows, columns = max(1, int(height / cell)), max(1, int(width / cell))
    table = _summed_area_table(_coverage(mask, columns, rows))
    cell = min(height / rows, width / columns)
    least, most = 1, min(rows, columns)
    best: Square | None = None
    while least <= most:
        side = (least + most) // 2
        inside = (
            table[side:, side:]
            - table[side:, :-side]
            - table[:-side, side:]
            + table[:-side, :-side]
        )
        shares = inside / side**2
        if shares.max() < clean - 1e-9:
            most = side - 1
            continue
        tops, lefts = np.nonzero(shares >= clean - 1e-9)
        top, left = int(tops[-1]), int(lefts[-1])
        best = Square(
            left * width / columns, top * height / rows, side * cell, float(shares[top, left])
        )
        least = side + 1
    return best


def cut_squares(
    photo: Image.Image,
    floor: Image.Image | None,
    squares: list[Square],
    fill: NDArray[np.uint8],
    side: int,
) -> NDArray[np.uint8]:
    """Returns the squares as uint8 (n, side, side, 3) sRGB, with `fill` where there is no floor.

    Args:
        photo: RGB.
        floor: its mask, mode L, 255 on floor; None for all floor.
        squares: what to cut.
        fill: uint8 (3,), the floor's mean colour.
        side: of the patches, in pixels.

    Example:
        >>> photo = Image.new("RGB", (640, 480), (150, 110, 70))
        >>> fill = np.zeros(3, np.uint8)
        >>> cut_squares(photo, None, [Square(10, 10, 300, 1.0)], fill, 160).shape
        (1, 160, 160, 3)
    """
    patches = np.empty((len(squares), side, side, 3), np.uint8)
    # Averaging whole pixels first halves the time that a large photo takes.
    reduced: dict[int, Image.Image] = {1: photo}
    for patch, square in zip(patches, squares, strict=True):
        factor = max(1, int(square.side // side))
        if factor not in reduced:
            reduced[factor] = photo.reduce(factor)
        patch[:] = _cut(reduced[factor], floor, square, fill, factor, side)
    return patches


def _spread(
    table: NDArray[np.float64], tall: float, wide: float, count: int
) -> list[tuple[float, float, float]]:
    """Returns `count` windows (left, top, coverage) of `tall` x `wide` cells, best first."""
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    tops = _positions(rows - tall, tall / 6)
    lefts = _positions(columns - wide, wide / 6)
    inside = (
        _at(table, tops + tall, lefts + wide)
        - _at(table, tops, lefts + wide)
        - _at(table, tops + tall, lefts)
        + _at(table, tops, lefts)
    )
    share = np.clip(inside / (tall * wide), 0.0, 1.0)
    ys = np.repeat((tops + tall / 2) / tall, lefts.size)
    xs = np.tile((lefts + wide / 2) / wide, tops.size)
    shares = share.reshape(-1)
    clean = min(CLEAN, float(shares.max()))
    # A square that is not clean may still be taken, because it lies elsewhere, at a price.
    price = np.maximum(clean - shares, 0.0) * 4.0
    middle = columns / wide / 2
    places = [int(np.argmax(-price + 1e-2 * ys - 1e-4 * np.abs(xs - middle)))]
    distance = np.full(shares.size, np.inf)
    for _ in range(count - 1):
        last = places[-1]
        distance = np.minimum(distance, np.hypot(ys - ys[last], xs - xs[last]))
        # Beyond one side the squares share nothing: no gain in going farther.
        gain = np.minimum(distance, 2.0) - price + 1e-4 * ys
        places.append(int(np.argmax(gain)))
    lefts_all, tops_all = np.tile(lefts, tops.size), np.repeat(tops, lefts.size)
    return [(float(lefts_all[i]), float(tops_all[i]), float(shares[i])) for i in places]


def _cut(
    photo: Image.Image,
    floor: Image.Image | None,
    square: Square,
    fill: NDArray[np.uint8],
    factor: int,
    side: int,
) -> NDArray[np.uint8]:
    """Returns the square as uint8 (side, side, 3) sRGB, with `fill` where there is no floor.

    `photo` is the photo reduced by `factor`; `floor` is its mask at full size, None for all floor.
    """
    size = (side, side)
    box = _box(photo, square, factor)
    patch = np.asarray(photo.resize(size, Image.Resampling.BICUBIC, box=box))
    if floor is None or square.coverage >= 0.999:
        return patch
    share = np.asarray(floor.resize(size, Image.Resampling.BOX, box=_box(floor, square, 1)))
    return np.where((share >= 128)[..., None], patch, fill)


def _box(image: Image.Image, square: Square, factor: int) -> tuple[float, float, float, float]:
    """Returns left, top, right, bottom of the square in an image reduced by `factor`."""
    left, top = max(0.0, square.left / factor), max(0.0, square.top / factor)
    side = square.side / factor
    return left, top, min(float(image.width), left + side), min(float(image.height), top + side)


def _coverage(mask: NDArray[np.bool_], columns: int, rows: int) -> NDArray[np.float64]:
    """Returns the share of floor in each cell of a grid, float64 (rows, columns)."""
    image = mask_image(mask)
    return np.asarray(image.resize((columns, rows), Image.Resampling.BOX), np.float64) / 255.0


def _summed_area_table(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the summed-area table with a leading row and column of zeros."""
    table = np.zeros((share.shape[0] + 1, share.shape[1] + 1))
    table[1:, 1:] = share.cumsum(axis=0).cumsum(axis=1)
    return table


def _at(
    table: NDArray[np.float64], ys: NDArray[np.float64], xs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the table at the outer product of fractional rows and columns, bilinear."""
    y0 = np.clip(ys.astype(np.intp), 0, table.shape[0] - 2)
    x0 = np.clip(xs.astype(np.intp), 0, table.shape[1] - 2)
    fy, fx = (ys - y0)[:, None], (xs - x0)[None, :]
    upper = table[np.ix_(y0, x0)] * (1 - fx) + table[np.ix_(y0, x0 + 1)] * fx
    lower = table[np.ix_(y0 + 1, x0)] * (1 - fx) + table[np.ix_(y0 + 1, x0 + 1)] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


def _positions(room: float, step: float) -> NDArray[np.float64]:
    """Returns evenly spaced offsets 0..room, symmetric, at most `step` apart."""
    if room <= 0:
        return np.zeros(1)
    return np.linspace(0.0, room, math.ceil(room / max(step, 0.5)) + 1)
