"""The built-in normaliser: squares of floor at sizes that follow the floor, and its colours.

Sizes are relative to the floor's own extent, never to pixels, so a photo and its enlargement give
the same patches, and a product picture (all floor) is cut by the same rule as a room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.colour import srgb_to_lab
from floorlens.models import Stamp
from floorlens.normalisation import FloorView

#: Side of the patches in pixels: what the encoder was trained at.
SIDE = 224
#: (side relative to the square root of the floor's area, number of patches). Large squares hold the
#: layout of boards, small ones their grain; one size between served best (docs/matching-log.md).
SCALES: tuple[tuple[float, int], ...] = ((0.5, 6),)
#: A square counts as clean from this share of floor on; smaller squares are tried before unclean.
CLEAN = 0.92
#: Longer side of the grid on which squares are chosen, in cells.
GRID = 192
#: Cells across a square as large as the floor when its colours are sampled: 64² = 4,096 colours.
COLOUR_CELLS = 64
#: The smallest square worth enlarging, in photo pixels.
SMALLEST = 12.0


@dataclass(frozen=True)
class Square:
    """A square of the photo: left, top, side in photo pixels, and the share of it that is floor."""

    left: float
    top: float
    side: float
    coverage: float


class BuiltinNormaliser:
    """Cuts patches out of the floor as the camera saw it, and samples its colours."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""
        scales = ", ".join(f"{count} of {scale:g}" for scale, count in SCALES)
        return Stamp(
            model_id="floorlens-normaliser-builtin",
            version="0.1.0",
            dimension=0,
            licence="Apache-2.0",
            preprocessing=f"squares of sqrt(floor area) x ({scales}) resized to {SIDE} px",
        )

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns the view of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

        Deterministic; always sum of the counts in `SCALES` patches of `SIDE` px.

        Raises:
            ValueError: the shapes differ, or the mask is empty.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or mask.shape != pixels.shape[:2]:
            raise ValueError(f"photo {pixels.shape} and mask {mask.shape} do not belong together")
        if not mask.any():
            raise ValueError("the mask has no floor pixel")
        squares = choose_squares(mask)
        photo, floor = _images(pixels, mask)
        lab, fill = sample_colours(photo, floor)
        patches = _cut_all(photo, floor, squares, fill, SIDE)
        coverage = np.array([square.coverage for square in squares], np.float32)
        return FloorView(patches=patches, coverage=coverage, lab=lab)


def cut_squares(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    scales: tuple[tuple[float, int], ...],
    side: int,
) -> NDArray[np.uint8]:
    """Returns the squares of `choose_squares`, uint8 (n, side, side, 3) sRGB."""
    photo, floor = _images(pixels, mask)
    _, fill = sample_colours(photo, floor)
    return _cut_all(photo, floor, choose_squares(mask, scales), fill, side)


def cleanest_square(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns a square of the picture that is as large as the mask lets it be, uint8 (s, s, 3)."""
    square = choose_squares(mask, ((1.0, 1),))[0]
    top, left, side = round(square.top), round(square.left), max(1, round(square.side))
    return pixels[top : top + side, left : left + side]


def choose_squares(
    mask: NDArray[np.bool_], scales: tuple[tuple[float, int], ...] = SCALES
) -> list[Square]:
    """Returns the squares to cut, scale by scale in the order of `scales`.

    Per scale the squares are clean where the floor allows (shrunk until one is), spread by
    farthest-point sampling from the cleanest one that lies lowest, where a camera sees most.
    """
    height, width = mask.shape
    cell = max(1.0, max(height, width) / GRID)
    rows, columns = max(1, round(height / cell)), max(1, round(width / cell))
    table = _summed(_resize_mask(mask, columns, rows))
    sy, sx = height / rows, width / columns
    extent = math.sqrt(float(table[-1, -1]) * sx * sy)
    squares: list[Square] = []
    for scale, count in scales:
        side = min(scale * extent, height, width)
        best: list[Square] = []
        while True:
            windows = _spread(table, side / sy, side / sx, count)
            found = [Square(x * sx, y * sy, side, share) for x, y, share in windows]
            if not best or found[0].coverage > best[0].coverage + 0.02:
                best = found
            if best[0].coverage >= CLEAN or side * 0.8 < SMALLEST:
                break
            side *= 0.8
        squares += best
    return squares


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
    wanted = min(CLEAN, float(shares.max()))
    # A square that is not clean may still be taken for being elsewhere, at a price.
    price = np.maximum(wanted - shares, 0.0) * 4.0
    middle = columns / wide / 2
    chosen = [int(np.argmax(-price + 1e-2 * ys - 1e-4 * np.abs(xs - middle)))]
    distance = np.full(shares.size, np.inf)
    for _ in range(count - 1):
        last = chosen[-1]
        distance = np.minimum(distance, np.hypot(ys - ys[last], xs - xs[last]))
        # Beyond one side the squares share nothing: no gain in going farther.
        gain = np.minimum(distance, 2.0) - price + 1e-4 * ys
        chosen.append(int(np.argmax(gain)))
    lefts_all, tops_all = np.tile(lefts, tops.size), np.repeat(tops, lefts.size)
    return [(float(lefts_all[i]), float(tops_all[i]), float(shares[i])) for i in chosen]


def sample_colours(
    photo: Image.Image, floor: Image.Image | None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Returns Lab colours float32 (m, 3), 1 <= m <= 4,096, and the mean floor colour uint8 (3,).

    The photo is averaged to cells of 1/64 of the floor's extent, so that noise and grain finer than
    that count alike at every resolution. Cells that touch the mask's edge are left out, and so are
    clipped highlights, unless that leaves less than a quarter.
    """
    width, height = photo.size
    area = width * height if floor is None else float(np.count_nonzero(np.asarray(floor)))
    shrink = min(1.0, COLOUR_CELLS / math.sqrt(area))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(photo.resize(size, Image.Resampling.BOX))
    if floor is None:
        cells = small.reshape(-1, 3)
    else:
        share = np.asarray(floor.resize(size, Image.Resampling.BOX), np.float32) / 255.0
        cells = small[_inside(share)]
    clipped = (cells >= 250).all(axis=1)
    kept = cells[~clipped] if clipped.mean() < 0.75 else cells
    if len(kept) > 4096:
        kept = kept[np.linspace(0, len(kept) - 1, 4096).astype(np.intp)]
    fill = np.rint(cells.mean(axis=0)).astype(np.uint8)
    return srgb_to_lab(kept), fill


def _inside(share: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Returns the cells that are surely floor: the strictest choice that leaves a quarter of it."""
    clear = share >= 0.99
    for choice in (_eroded(clear), clear, share >= 0.5):
        if choice.sum() >= 0.25 * share.sum() and choice.any():
            return choice
    return np.asarray(share >= share.max())


def _images(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[Image.Image, Image.Image | None]:
    """Returns photo and mask as images; None for a mask that is all floor."""
    photo = Image.fromarray(pixels)
    return photo, None if mask.all() else Image.fromarray(mask.view(np.uint8) * np.uint8(255))


def _cut_all(
    photo: Image.Image,
    floor: Image.Image | None,
    squares: list[Square],
    fill: NDArray[np.uint8],
    side: int,
) -> NDArray[np.uint8]:
    patches = np.empty((len(squares), side, side, 3), np.uint8)
    # Averaging whole pixels first halves the time that a large photo takes.
    reduced: dict[int, Image.Image] = {1: photo}
    for patch, square in zip(patches, squares, strict=True):
        factor = max(1, int(square.side // side))
        if factor not in reduced:
            reduced[factor] = photo.reduce(factor)
        patch[:] = _cut(reduced[factor], floor, square, fill, factor, side)
    return patches


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


def _resize_mask(mask: NDArray[np.bool_], columns: int, rows: int) -> NDArray[np.float64]:
    image = Image.fromarray(mask.view(np.uint8) * np.uint8(255))
    return np.asarray(image.resize((columns, rows), Image.Resampling.BOX), np.float64) / 255.0


def _summed(share: NDArray[np.float64]) -> NDArray[np.float64]:
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


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask without cells that have a False neighbour; the photo's border stays."""
    padded = np.pad(mask, 1, constant_values=True)
    inner = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    return np.asarray(inner & padded[1:-1, :-2] & padded[1:-1, 2:])
