"""The floor seen from straight above, as far as the photo shows it sharply enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.masks import mask_image
from floorlens.normalisation import check_view
from floorlens.normalisation.plane import FloorPlane
from floorlens.normalisation.squares import choose_squares

#: By how much the photo may be enlarged along its worst direction. At 3 far floor, blurred and
#: glossy, spoils colour and texture (real pairs: colour alone .161 instead of .205).
STRETCH = 1.5
#: Longer side of the view from above, in pixels.
LONGEST = 512
#: Share of the floor's pixels that are shown at full resolution; the nearest ones are reduced.
SHARP = 0.5


@dataclass(frozen=True)
class StraightFloor:
    """A floor seen from above; the lines of the floor run along rows and columns.

    Attributes:
        rgb: uint8 (h, w, 3) sRGB, the far floor on top.
        mask: bool (h, w), True where floor is seen, and sharply enough.
        metres_per_pixel: for a camera `plane.CAMERA_HEIGHT` high; one photo cannot tell.
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
    """
    check_view(pixels, mask)
    height, width = mask.shape
    to_photo = plane.homography((width, height))
    to_floor = np.linalg.inv(to_photo)
    rows, columns = np.nonzero(mask)
    step = max(1, len(rows) // 6000)
    seen = np.stack([columns[::step] + 0.5, rows[::step] + 0.5, np.ones(len(rows[::step]))])
    floor = to_floor @ seen
    # The homography's third coordinate is the depth along the camera's axis: the inverse has its
    # sign. Points at or above the horizon are nowhere on the floor.
    below = floor[2] > 1e-6 * np.abs(floor[2]).max()
    if not below.any():
        raise ValueError("the mask lies above the horizon of this plane")
    places = floor[:2, below] / floor[2, below]
    least, _ = _resolution(to_photo, places)
    scale = float(np.quantile(least, 1 - SHARP))
    near = places[:, least >= scale / stretch]
    # A stray speck of mask must not make the view large.
    low, high = np.quantile(near, 0.003, axis=1), np.quantile(near, 0.997, axis=1)
    extent = np.maximum(high - low, 1e-6)
    scale = min(scale, longest / float(extent.max()))
    size = (max(8, math.ceil(extent[0] * scale)), max(8, math.ceil(extent[1] * scale)))
    # From pixels of the view to metres on the floor: rows run towards the camera.
    to_metres = np.array([[1 / scale, 0, low[0]], [0, -1 / scale, high[1]], [0, 0, 1]])
    matrix = to_photo @ to_metres
    rgb = _warped(Image.fromarray(pixels), matrix, size, near, to_photo, scale)
    shown = mask_image(mask)
    cover = np.asarray(shown.transform(size, Image.Transform.PERSPECTIVE, _data(matrix)))
    sharp = _sharp(to_photo, to_metres, size, scale / stretch)
    return StraightFloor(rgb, (cover > 127) & sharp, 1 / scale)


def straight_squares(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    plane: FloorPlane,
    metres: tuple[tuple[float, int], ...] = ((1.2, 3), (0.6, 3)),
    side: int = 224,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Returns squares of floor from above: uint8 (n, side, side, 3) sRGB and coverage float32 (n,).

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor.
        plane: The floor's plane.
        metres: (side on the floor, how many) of every size; shrunk where the floor has no room.
        side: In pixels.

    Raises:
        ValueError: as `straight_floor`.
    """
    view = straight_floor(pixels, mask, plane)
    if not view.mask.any():
        raise ValueError("nothing of the floor is seen sharply enough")
    extent = math.sqrt(float(view.mask.sum())) * view.metres_per_pixel
    squares = choose_squares(view.mask, tuple((size / extent, count) for size, count in metres))
    patches = np.empty((len(squares), side, side, 3), np.uint8)
    coverage = np.empty(len(squares), np.float32)
    floor = np.rint(view.rgb[view.mask].mean(axis=0)).astype(np.uint8)
    for index, square in enumerate(squares):
        box = (square.left, square.top, square.left + square.side, square.top + square.side)
        patch, shown = _crop(view, box, side)
        patches[index] = np.where(shown[..., None], patch, floor)
        coverage[index] = shown.mean()
    return patches, coverage


def _crop(
    view: StraightFloor, box: tuple[float, float, float, float], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns the box (left, top, right, bottom) of the view, scaled to `side`, and its mask."""
    height, width = view.mask.shape
    box = (max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(height, box[3]))
    rgb = Image.fromarray(view.rgb).resize((side, side), Image.Resampling.BICUBIC, box=box)
    shown = mask_image(view.mask)
    share = shown.resize((side, side), Image.Resampling.BOX, box=box)
    return np.asarray(rgb), np.asarray(share) > 127


def _resolution(
    to_photo: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns pixels of the photo a metre, along the worst and the best direction, at (2, n)."""
    x, y, w = to_photo[:, :2] @ places + to_photo[:, 2:]
    w = np.where(w > 1e-9, w, 1e9)
    # The derivative of (x / w, y / w) by the place on the floor.
    a = (to_photo[0, 0] - x / w * to_photo[2, 0]) / w
    b = (to_photo[0, 1] - x / w * to_photo[2, 1]) / w
    c = (to_photo[1, 0] - y / w * to_photo[2, 0]) / w
    d = (to_photo[1, 1] - y / w * to_photo[2, 1]) / w
    mean = (a * a + b * b + c * c + d * d) / 2
    half = np.sqrt(np.maximum(mean * mean - (a * d - b * c) ** 2, 0))
    return np.sqrt(np.maximum(mean - half, 0)), np.sqrt(mean + half)


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
    ratio = _resolution(to_photo, places)[0].reshape(rows, columns) / least
    fine = Image.fromarray(ratio.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(fine) >= 1.0


def _warped(
    photo: Image.Image,
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    near: NDArray[np.float64],
    to_photo: NDArray[np.float64],
    scale: float,
) -> NDArray[np.uint8]:
    """Returns the photo seen through `matrix`, averaged beforehand where it would be reduced."""
    least, most = _resolution(to_photo, near)
    factor = max(1, int(np.median(np.sqrt(least * most)) / scale))
    if factor > 1:
        photo = photo.reduce(factor)
        matrix = np.diag([1 / factor, 1 / factor, 1]) @ matrix
    # Perspective sampling does not average: at twice the size and halved, near floor stays smooth.
    double = (size[0] * 2, size[1] * 2)
    fine = photo.transform(
        double,
        Image.Transform.PERSPECTIVE,
        _data(matrix @ np.diag([0.5, 0.5, 1])),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(fine.reduce(2))


def _data(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """Returns Pillow's eight coefficients of a matrix (3, 3)."""
    return tuple(float(value) for value in (matrix / matrix[2, 2]).ravel()[:8])
