"""The floor as seen from above, where the photo shows it sharply enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from floorlens.images.masks import mask_image
from floorlens.normalisation import Cuts, check_view
from floorlens.normalisation.plane import FloorPlane
from floorlens.normalisation.squares import choose_squares, same_squares

#: The largest factor by which the photo is enlarged, along its worst direction. With 3, far floor,
#: which is blurred and glossy, spoils colour and texture (real pairs: colour alone .161 instead of
#: .205).
STRETCH = 1.5
#: Longer side of the view from above, in pixels.
LONGEST = 512
#: Pixels of floor by which the view is framed, about.
SAMPLE = 6000
#: Share of the floor's pixels that keep their full resolution; the nearest ones are reduced.
SHARP = 0.5


@dataclass(frozen=True)
class StraightFloor:
    """A floor seen from above; the lines of the floor run along rows and columns.

    Attributes:
        rgb: uint8 (h, w, 3) sRGB, the far floor on top.
        mask: bool (h, w), True where the photo shows floor, sharply enough.
        metres_per_pixel: if the camera was `plane.CAMERA_HEIGHT` high; one photo does not show it.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    metres_per_pixel: float


def straight_floor(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    plane: FloorPlane,
    stretch: float = STRETCH,
    longest: int = LONGEST,
) -> StraightFloor:
    """Returns the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo from above.

    Far floor that would have to be enlarged more than `stretch` times is left out. The view is at
    most `longest` pixels a side.

    Raises:
        ValueError: the shapes differ, the mask is empty, or nothing of it lies below the plane's
            horizon.

    Example:
        >>> plane = FloorPlane(0.4, 0.0, 0.8, turn=None, spread=0.02, confidence=0.9)
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[240:] = True
        >>> view = straight_floor(np.full((480, 640, 3), 120, np.uint8), mask, plane)
        >>> view.rgb.shape[:2] == view.mask.shape
        True
    """
    check_view(pixels, mask)
    frame = _frame(mask, plane, stretch, longest)
    whole = (0.0, 0.0, float(frame.size[0]), float(frame.size[1]))
    rgb = _warp(Image.fromarray(pixels), frame.matrix, whole, frame.size)
    return StraightFloor(np.asarray(rgb), frame.mask, 1 / frame.scale)


@dataclass(frozen=True)
class StraightSquares:
    """Squares of floor from above.

    Attributes:
        patches: uint8 (m, side, side, 3) sRGB, those that were cut.
        coverage: float32 (n,), the share of each that is floor, 0..1.
        places: float32 (n, 3), the centre x, y in the photo, and the side of a square of as many
            pixels there.
        earlier: intp (n,), which of the earlier squares each is, -1 for those that were cut.
    """

    patches: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    places: NDArray[np.float32]
    earlier: NDArray[np.intp]


def straight_squares(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    plane: FloorPlane,
    metres: tuple[tuple[float, int], ...] = ((1.2, 3), (0.6, 3)),
    side: int = 224,
    earlier: Cuts | None = None,
) -> StraightSquares:
    """Returns squares of floor from above.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor.
        plane: The floor's plane.
        metres: (side on the floor, how many) of every size; shrunk where the floor has no room.
        side: In pixels.
        earlier: Squares that were cut with the same plane, and need not be cut again.

    Raises:
        ValueError: as for `straight_floor`, or no floor is sharp enough.

    Example:
        >>> plane = FloorPlane(0.4, 0.0, 0.8, turn=None, spread=0.02, confidence=0.9)
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[240:] = True
        >>> squares = straight_squares(np.full((480, 640, 3), 120, np.uint8), mask, plane)
        >>> squares.patches.shape, squares.coverage.shape, squares.places.shape
        ((6, 224, 224, 3), (6,), (6, 3))
    """
    check_view(pixels, mask)
    frame = _frame(mask, plane, STRETCH, LONGEST)
    if not frame.mask.any():
        raise ValueError("nothing of the floor is seen sharply enough")
    extent = math.sqrt(float(frame.mask.sum())) / frame.scale
    squares = choose_squares(frame.mask, tuple((size / extent, count) for size, count in metres))
    boxes = [
        (square.left, square.top, square.left + square.side, square.top + square.side)
        for square in squares
    ]
    places = np.array([_place(frame, box) for box in boxes], np.float32)
    coverage = np.array([square.coverage for square in squares], np.float32)
    same = np.full(len(squares), -1, np.intp)
    if earlier is not None:
        same = same_squares(places, coverage, earlier)
        kept = same >= 0
        places[kept], coverage[kept] = earlier.places[same[kept]], earlier.coverage[same[kept]]
    fresh = np.flatnonzero(same < 0)
    photo = Image.fromarray(pixels)
    patches = np.empty((len(fresh), side, side, 3), np.uint8)
    for patch, index in zip(patches, fresh, strict=True):
        patch[:], coverage[index] = _patch(photo, frame, boxes[index], side)
    return StraightSquares(patches, coverage, places, same)


@dataclass(frozen=True)
class _Frame:
    """Which part of the floor a view from above shows, and how.

    Attributes:
        size: (width, height) of the view in pixels.
        scale: pixels of the view a metre.
        matrix: float64 (3, 3), from pixels of the view to those of the photo.
        mask: bool (h, w), where the photo shows floor, sharply enough.
    """

    size: tuple[int, int]
    scale: float
    matrix: NDArray[np.float64]
    mask: NDArray[np.bool_]


def _frame(mask: NDArray[np.bool_], plane: FloorPlane, stretch: float, longest: int) -> _Frame:
    """Returns the frame of the view; the arguments and the error are those of `straight_floor`."""
    height, width = mask.shape
    to_photo = plane.homography((width, height))
    # The homography's third coordinate is the depth along the camera's axis: the inverse has its
    # sign. Points at or above the horizon are nowhere on the floor.
    floor = np.linalg.inv(to_photo) @ _sample(mask)
    below = floor[2] > 1e-6 * np.abs(floor[2]).max()
    if not below.any():
        raise ValueError("the mask lies above the horizon of this plane")
    places = floor[:2, below] / floor[2, below]
    least = _resolution(to_photo, places)
    scale = float(np.quantile(least, 1 - SHARP))
    near = places[:, least >= scale / stretch]
    # A stray speck of mask must not make the view large.
    low, high = np.quantile(near, (0.003, 0.997), axis=1)
    extent = np.maximum(high - low, 1e-6)
    scale = min(scale, longest / float(extent.max()))
    size = (max(8, math.ceil(extent[0] * scale)), max(8, math.ceil(extent[1] * scale)))
    # From pixels of the view to metres on the floor: rows run towards the camera.
    to_metres = np.array([[1 / scale, 0, low[0]], [0, -1 / scale, high[1]], [0, 0, 1]])
    matrix = to_photo @ to_metres
    cover = np.asarray(mask_image(mask).transform(size, Image.Transform.PERSPECTIVE, _data(matrix)))
    return _Frame(
        size=size,
        scale=scale,
        matrix=matrix,
        mask=(cover > 127) & _sharp(to_photo, to_metres, size, scale / stretch),
    )


def _sample(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns some thousand pixels of floor, evenly spread: float64 (3, n), the last of them 1."""
    step = max(1, math.isqrt(int(np.count_nonzero(mask)) // SAMPLE))
    rows, columns = np.nonzero(mask[step // 2 :: step, step // 2 :: step])
    if not rows.size:
        # A floor of a few pixels, between those that were looked at.
        step = 1
        rows, columns = np.nonzero(mask)
    middle = step // 2 + 0.5
    return np.stack([columns * step + middle, rows * step + middle, np.ones(len(rows))])


def _patch(
    photo: Image.Image,
    frame: _Frame,
    box: tuple[float, float, float, float],
    side: int,
) -> tuple[NDArray[np.uint8], float]:
    """Returns the box (left, top, right, bottom) of the view, scaled to `side`, and its coverage.

    What is not floor has the mean colour of the rest.
    """
    width, height = frame.size
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(float(width), box[2]), min(float(height), box[3])
    patch = _warp(photo, frame.matrix, (left, top, right, bottom), (side, side))
    x, y = math.floor(left), math.floor(top)
    cover = frame.mask[y : math.ceil(bottom), x : math.ceil(right)]
    if cover.all():
        return np.asarray(patch), 1.0
    inner = (left - x, top - y, right - x, bottom - y)
    share = mask_image(cover).resize((side, side), Image.Resampling.BOX, box=inner)
    floor = share.point([0] * 128 + [255] * 128)
    coverage = floor.histogram()[255] / side**2
    if 0 < coverage < 1:
        fill = tuple(round(mean) for mean in ImageStat.Stat(patch, floor).mean)
        patch = Image.composite(patch, Image.new("RGB", patch.size, fill), floor)
    return np.asarray(patch), coverage


def _place(frame: _Frame, box: tuple[float, float, float, float]) -> tuple[float, float, float]:
    """Returns where a box of the view lies in the photo: centre x, y, and the root of its area."""
    left, top, right, bottom = box
    corners = np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]])
    middle = np.array([(left + right) / 2, (top + bottom) / 2, 1.0])
    x, y, w = frame.matrix @ np.column_stack([corners, middle])
    x, y = x / w, y / w
    area = np.abs(np.dot(x[:4], np.roll(y[:4], -1)) - np.dot(y[:4], np.roll(x[:4], -1))) / 2
    return float(x[4]), float(y[4]), float(np.sqrt(area))


def _derivative(
    to_photo: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """Returns how the photo's x, then its y, change along both axes at places (2, n): 4 of (n,)."""
    x, y, w = to_photo[:, :2] @ places + to_photo[:, 2:]
    w = np.where(w > 1e-9, w, 1e9)
    return (
        (to_photo[0, 0] - x / w * to_photo[2, 0]) / w,
        (to_photo[0, 1] - x / w * to_photo[2, 1]) / w,
        (to_photo[1, 0] - y / w * to_photo[2, 0]) / w,
        (to_photo[1, 1] - y / w * to_photo[2, 1]) / w,
    )


def _resolution(to_photo: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns pixels of the photo a metre along the worst direction, float64 (n,), at (2, n)."""
    a, b, c, d = _derivative(to_photo, places)
    mean = (a * a + b * b + c * c + d * d) / 2
    half = np.sqrt(np.maximum(mean * mean - (a * d - b * c) ** 2, 0))
    return np.asarray(np.sqrt(np.maximum(mean - half, 0)))


def _sharp(
    to_photo: NDArray[np.float64],
    to_metres: NDArray[np.float64],
    size: tuple[int, int],
    least: float,
) -> NDArray[np.bool_]:
    """Returns bool (h, w): where the view has `least` pixels of the photo a metre, or more."""
    columns, rows = (max(2, side // 8) for side in size)
    x = (np.arange(columns) + 0.5) * size[0] / columns
    y = (np.arange(rows) + 0.5) * size[1] / rows
    grid = np.stack([np.tile(x, rows), np.repeat(y, columns)])
    places = to_metres[:2, :2] @ grid + to_metres[:2, 2:]
    ratio = _resolution(to_photo, places).reshape(rows, columns) / least
    fine = Image.fromarray(ratio.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(fine) >= 1.0


def _warp(
    photo: Image.Image,
    matrix: NDArray[np.float64],
    box: tuple[float, float, float, float],
    size: tuple[int, int],
) -> Image.Image:
    """Returns a box of the view as a picture of `size` (width, height).

    Args:
        photo: the photo.
        matrix: from pixels of the view to those of the photo.
        box: left, top, right, bottom in the view.
        size: in pixels.
    """
    left, top, right, bottom = box
    steps = np.array([(right - left) / size[0], (bottom - top) / size[1]])
    matrix = matrix @ np.array([[steps[0], 0, left], [0, steps[1], top], [0, 0, 1]])
    x, y = np.outer(size, np.arange(5) / 4)
    places = np.stack([np.tile(x, 5), np.repeat(y, 5)])
    a, b, c, d = _derivative(matrix, places)
    # Perspective sampling does not average: what it would pass over is averaged beforehand, along
    # and across the photo by as much as floor is reduced there.
    factors = (_whole(np.hypot(a, b)), _whole(np.hypot(c, d)))
    if factors != (1, 1):
        u, v, w = matrix[:, :2] @ places + matrix[:, 2:]
        part = _around(u / w, v / w, photo.size) if w.min() > 0 else (0, 0, *photo.size)
        photo = photo.reduce(factors, part)
        shrink = np.diag([1 / factors[0], 1 / factors[1], 1])
        matrix = shrink @ np.array([[1, 0, -part[0]], [0, 1, -part[1]], [0, 0, 1]]) @ matrix
    return photo.transform(
        size, Image.Transform.PERSPECTIVE, _data(matrix), Image.Resampling.BILINEAR
    )


def _whole(steps: NDArray[np.float64]) -> int:
    """Returns the usual step in whole pixels, at least 1."""
    return max(1, round(float(np.median(steps))))


def _around(
    x: NDArray[np.float64], y: NDArray[np.float64], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Returns left, top, right, bottom of a part of a photo that has these places well inside."""
    margin = 8
    left, top = max(0, int(x.min()) - margin), max(0, int(y.min()) - margin)
    right, bottom = min(size[0], int(x.max()) + margin), min(size[1], int(y.max()) + margin)
    if right <= left or bottom <= top:
        return 0, 0, *size
    return left, top, right, bottom


def _data(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """Returns Pillow's eight coefficients of a matrix (3, 3)."""
    return tuple(float(value) for value in (matrix / matrix[2, 2]).ravel()[:8])
