"""Floors laid of a picture of one board: planks, herringbone.

Many product pictures show one board without a joint. Mirrored again and again it would look like a
kaleidoscope; a real floor of it has joints, and each board shows another piece of the wood.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Width of a board, as a share of the sheet's.
WIDTHS = (1 / 8, 1 / 3)
#: Length of a board, in widths.
LENGTHS = (3.5, 7.0)
#: How much of the picture's width a board shows.
SHOWN = (0.5, 1.0)
#: The same two of a herringbone floor, whose boards are shorter.
NARROW, SHORT = (1 / 12, 1 / 6), (4, 7)


def lay_boards(texture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a floor of boards cut out of a picture of one board: uint8 (n, n, 3) sRGB.

    The sheet is as large as the picture's longer side; the boards run along the grain. Each shows
    another piece of the picture, at random mirrored, in a slightly different tone; the joints are
    thin and darker, the butt joints staggered.

    Args:
        texture: uint8 (h, w, 3) sRGB, the board from above.
        rng: Decides everything else.

    Example:
        >>> board = np.random.default_rng(0).integers(90, 150, (120, 40, 3), np.uint8)
        >>> lay_boards(board, np.random.default_rng(1)).shape
        (120, 120, 3)
    """
    upright = _grain_runs_down(texture)
    picture = texture if upright else texture.swapaxes(0, 1)
    side = max(picture.shape[:2])
    width = max(2, round(side * float(rng.uniform(*WIDTHS))))
    wood = _stretch(picture, width / float(rng.uniform(*SHOWN)))
    sheet = np.empty((side, side, 3), np.uint8)
    spread = float(rng.uniform(0.01, 0.06))
    gap = max(1, round(width * float(rng.uniform(0.005, 0.015))))
    shade = float(rng.uniform(0.4, 0.85))
    left = -int(rng.integers(0, width))
    while left < side:
        columns = slice(max(left, 0), min(left + width, side))
        top = -int(rng.uniform(0, LENGTHS[0]) * width)
        while top < side:
            bottom = top + round(width * float(rng.uniform(*LENGTHS)))
            rows = slice(max(top, 0), min(bottom, side))
            piece = _piece(wood, rows.stop - rows.start, columns.stop - columns.start, rng)
            tone = np.exp(rng.normal(0, spread) + rng.normal(0, spread / 4, 3))
            # Board by board, so that what is written stays in the cache.
            board: NDArray[np.float32] = np.multiply(piece, tone, dtype=np.float32)
            if bottom <= side:
                board[max(bottom - gap - rows.start, 0) :] *= shade
            board += 0.5
            sheet[rows, columns] = np.clip(board, 0, 255, out=board)
            top = bottom
        left += width
        if left <= side:
            joint = sheet[:, max(left - gap, 0) : left]
            joint[:] = joint * np.float32(shade)
    return sheet if upright else np.ascontiguousarray(sheet.swapaxes(0, 1))


def lay_herringbone(texture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a herringbone floor of a picture of one board: uint8 (n, n, 3) sRGB.

    As `lay_boards` makes it: the sheet is as large as the picture's longer side, each board shows
    another piece in a slightly different tone. The zigzag runs up and down.

    Args:
        texture: uint8 (h, w, 3) sRGB, the board from above.
        rng: Decides everything else.

    Example:
        >>> board = np.random.default_rng(0).integers(90, 150, (120, 40, 3), np.uint8)
        >>> lay_herringbone(board, np.random.default_rng(1)).shape
        (120, 120, 3)
    """
    picture = texture if _grain_runs_down(texture) else texture.swapaxes(0, 1)
    side = max(picture.shape[:2])
    width = max(2.0, side * float(rng.uniform(*NARROW)))
    length = int(rng.integers(*SHORT))
    wood = _stretch(picture, width / float(rng.uniform(*SHOWN)))
    # The floor's own axes, in widths of a board, lie aslant in the sheet.
    y, x = np.mgrid[:side, :side] / (width * np.sqrt(2))
    u, v = x + y + rng.uniform(0, length), y - x + rng.uniform(0, length)
    i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
    # In a row of cells come `length` of a board that lies in it, then the ends of as many others.
    step = (i - j) % (2 * length)
    lying = step < length
    along = np.where(lying, u - (i - step), v - (j - (2 * length - 1 - step)))
    across = np.where(lying, v - j, u - i)
    first = np.where(lying, i - step, i), np.where(lying, j, j - (2 * length - 1 - step))
    _, board = np.unique(first[0] * 2**20 + first[1] * 2 + lying, return_inverse=True)
    board = board.reshape(side, side)
    count = int(board.max()) + 1
    start = rng.integers(0, 2 * wood.shape[0], count)
    margin = rng.integers(0, max(1, round(wood.shape[1] - width) + 1), count)
    rows = (start[board] + (along * width).astype(np.int64)) % (2 * wood.shape[0])
    rows = np.minimum(rows, 2 * wood.shape[0] - 1 - rows)
    columns = np.minimum(margin[board] + (across * width).astype(np.int64), wood.shape[1] - 1)
    spread = float(rng.uniform(0.01, 0.06))
    tone = np.exp(rng.normal(0, spread, (count, 1)) + rng.normal(0, spread / 4, (count, 3)))
    sheet = wood[rows, columns] * tone[board].astype(np.float32)
    edge = np.minimum(np.minimum(across, 1 - across), np.minimum(along, length - along))
    sheet[edge * width < 0.5] *= float(rng.uniform(0.4, 0.85))
    return np.asarray(np.clip(sheet + 0.5, 0, 255), np.uint8)


def _grain_runs_down(texture: NDArray[np.uint8]) -> bool:
    """Returns whether the picture changes less from row to row than from column to column."""
    # Noise of single pixels has no direction; averaged, what is left is the figure.
    factor = max(1, min(texture.shape[:2]) // 96)
    grey = np.asarray(Image.fromarray(texture).convert("L").reduce(factor), np.float32)
    if min(grey.shape) < 2:
        return True
    return bool(np.abs(np.diff(grey, axis=0)).mean() <= np.abs(np.diff(grey, axis=1)).mean())


def _stretch(picture: NDArray[np.uint8], width: float) -> NDArray[np.uint8]:
    """Returns the picture at `width` columns, its rows shrunk by the root of that only.

    Grain drawn out along a board still looks like grain. A board whose length needs the picture
    many times over, end on end, would not.
    """
    height = picture.shape[0] * (width / picture.shape[1]) ** 0.5
    size = max(2, round(width)), max(2, round(height))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _piece(
    wood: NDArray[np.uint8], length: int, width: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Returns uint8 (length, width, 3) from a random place, at random mirrored."""
    rows = _mirror_positions(int(rng.integers(0, 2 * wood.shape[0])), length, wood.shape[0])
    first = int(rng.integers(0, max(1, wood.shape[1] - width + 1)))
    if first + width <= wood.shape[1]:
        # Whole rows are copied several times faster than pixels.
        piece = wood[:, first : first + width][rows]
    else:
        piece = wood[np.ix_(rows, _mirror_positions(first, width, wood.shape[1]))]
    return piece[:, ::-1] if rng.random() < 0.5 else piece


def _mirror_positions(first: int, count: int, length: int) -> NDArray[np.intp]:
    positions = (first + np.arange(count)) % (2 * length)
    return np.minimum(positions, 2 * length - 1 - positions)
