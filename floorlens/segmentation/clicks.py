"""Correcting a floor mask by clicks: "this is floor", "this is not".

Where the segmenter, told of the clicks, agrees with one, it says how far the correction reaches;
elsewhere the colours around the click do. Everything is found on a coarse grid, which takes
milliseconds, and cut to the pixels afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from floorlens.errors import RegionError
from floorlens.images.colour import delta_e76, srgb_to_lab
from floorlens.images.loading import Photo
from floorlens.images.masks import mask_image
from floorlens.images.shapes import components
from floorlens.segmentation import Click

Mask = NDArray[np.bool_]

GRID_SIDE = 320
"""The longer side of the grid that regions are found on, in cells, at most."""
DISK_SHARE = 1 / 80
"""The radius of what a click corrects at least, as a share of the photo's longer side."""
LIGHTNESS = 0.6
"""The weight of L* beside a* and b*: light and shade lie on one floor."""
TOLERANCE = 6.0
TOLERANCE_MOST = 18.0
"""How far colours may lie from the one clicked, in weighted Lab; more on busy surfaces."""
EDGE = 7.0
"""The step over two cells, in weighted Lab, at which growing stops; more on busy surfaces."""
MOST_SHARE = 0.5
"""A region of one colour larger than this share of the photo has leaked."""
HOLE_SHARE = 0.002
"""A hole in a region smaller than this share of the photo is pattern: a knot, a tile's star."""

_KINDS = (
    "a click is floorlens.Click, (x, y) or (x, y, floor): two numbers in pixels of the photo, and "
    "True for floor or False for what is not; `clicks` is a list of them"
)


def parse_clicks(photo: Photo, clicks: Any) -> tuple[Click, ...]:
    """Returns clicks in pixels of the working picture, `photo.pixels`, in the order given.

    Args:
        photo: the photo that they were made on.
        clicks: an iterable of `Click`, (x, y) or (x, y, floor), in pixels of the upright photo.

    Raises:
        RegionError: none of these, a number that is not finite, or a point outside the photo.
    """
    loose = isinstance(clicks, str | bytes | dict | Click) or _is_single(clicks)
    if loose or not isinstance(clicks, Iterable):
        raise RegionError(f"{_KINDS}; this is {_shown(clicks)}")
    width, height = photo.size
    rows, columns = photo.pixels.shape[:2]
    parsed = []
    for item in clicks:
        x, y, floor = _parts(item)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise RegionError(f"a click's numbers must be finite, not {x:g}, {y:g}")
        if not (0 <= x < width and 0 <= y < height):
            raise RegionError(
                f"the click {x:g}, {y:g} lies outside the photo, which is {width} x {height} "
                f"pixels: give x from 0 to {width - 1} and y from 0 to {height - 1}, in pixels of "
                "the upright photo"
            )
        parsed.append(Click(x * columns / width, y * rows / height, floor))
    return tuple(parsed)


def _parts(item: Any) -> tuple[float, float, bool]:
    """One click as it was handed over -> x, y, floor."""
    if isinstance(item, Click):
        values: Sequence[Any] = (item.x, item.y, item.floor)
    elif (
        isinstance(item, list | tuple | np.ndarray) and not _is_single(item) and len(item) in (2, 3)
    ):
        values = (*item, True)[:3]
    else:
        raise RegionError(f"{_KINDS}; this is {_shown(item)}")
    x, y, floor = values
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in (x, y))
    if not numbers or not (isinstance(floor, bool | np.bool_) or _is_flag(floor)):
        raise RegionError(f"{_KINDS}; this is {_shown(item)}")
    try:
        return float(x), float(y), bool(floor)
    except OverflowError:
        return math.inf, math.inf, bool(floor)


def _is_single(value: Any) -> bool:
    """An array without a dimension: it calls itself iterable and is not."""
    return isinstance(value, np.ndarray) and value.ndim == 0


def _is_flag(value: Any) -> bool:
    """An array of x, y, floor holds 0 and 1 for False and True."""
    return isinstance(value, Real) and value in (0, 1)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def correct(
    pixels: NDArray[np.uint8], base: Mask, suggested: Mask | None, clicks: Sequence[Click]
) -> Mask:
    """Returns the mask with each click's correction made, in their order; bool (h, w).

    A click on the wrong side of the mask turns over the part on which `suggested` and the mask
    differ and that holds the click; where `suggested` does not side with the click, the region of
    similar colour around it. It turns at least a small disk. A click that the mask agrees with
    already changes nothing. In the end every clicked pixel is as its last click says, and later
    clicks leave a small disk around earlier ones of the other kind alone.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        base: bool (h, w), the mask to correct; it stays as it is.
        suggested: bool (h, w), the segmenter's mask when it was told the clicks; None if there is
            none.
        clicks: inside the picture, in its pixels.
    """
    mask = base.copy()
    radius = max(1.5, DISK_SHARE * max(mask.shape))
    places = [_place(click, mask.shape) for click in clicks]
    surface: _Surface | None = None
    for number, (click, place) in enumerate(zip(clicks, places, strict=True)):
        if mask[place] == click.floor:
            continue
        # What could turn: all that is on the wrong side, were it like the click.
        wrong = mask != click.floor
        if suggested is not None and suggested[place] == click.floor:
            part = _component(wrong & (suggested == click.floor), place)
        else:
            surface = surface or _Surface(pixels)
            part = surface.around(place, wrong)
        part |= _disk(mask.shape, place, radius)
        for other, earlier in zip(places[:number], clicks[:number], strict=True):
            if earlier.floor != click.floor and other != place:
                # Half the way between two clicks at most.
                gap = math.dist(other, place) / 2
                part &= ~_disk(mask.shape, other, min(radius, gap))
        mask[part] = click.floor
    return mask


def _place(click: Click, shape: tuple[int, ...]) -> tuple[int, int]:
    """Row and column of the clicked pixel."""
    row, column = math.floor(click.y), math.floor(click.x)
    return min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)


def _disk(shape: tuple[int, ...], place: tuple[int, int], radius: float) -> Mask:
    disk = np.zeros(shape, bool)
    reach = math.ceil(radius)
    top, left = max(0, place[0] - reach), max(0, place[1] - reach)
    rows, columns = np.ogrid[
        top : min(shape[0], place[0] + reach + 1), left : min(shape[1], place[1] + reach + 1)
    ]
    near = (rows - place[0]) ** 2 + (columns - place[1]) ** 2 <= radius**2
    disk[top : top + near.shape[0], left : left + near.shape[1]] = near
    return disk


def _cell(shape: tuple[int, ...]) -> int:
    """The side of a grid's cell, in pixels."""
    return max(1, -(-max(shape[:2]) // GRID_SIDE))


def _to_grid(mask: Mask, cell: int) -> Mask:
    """bool [h, w] -> bool [ceil(h / cell), ceil(w / cell)]: cells of which half is True."""
    if cell == 1:
        return mask
    return np.asarray(mask_image(mask).reduce(cell)) > 127


def _component(mask: Mask, place: tuple[int, int]) -> Mask:
    """The part of a bool [h, w] mask that is connected with a place in it.

    Strips thinner than half a cell, as two outlines of one floor leave them, connect nothing.
    """
    cell = _cell(mask.shape)
    grid = _to_grid(mask, cell).copy()
    seed = place[0] // cell, place[1] // cell
    grid[seed] = True
    # One cell wider, for the rim whose cells are less than half full.
    wide = _spread(_connected(grid, seed))
    large = np.repeat(np.repeat(wide, cell, axis=0), cell, axis=1)
    return mask & large[: mask.shape[0], : mask.shape[1]]


def _connected(mask: Mask, seed: tuple[int, int]) -> Mask:
    """The 4-connected component of a small mask that holds the seed, where it is True.

    In each pass the runs, of rows and then of columns, that touch what was reached join it.
    """
    flat = np.ascontiguousarray(mask)
    across = _runs(flat)
    down = np.ascontiguousarray(_runs(np.ascontiguousarray(flat.T)).T)
    reached = np.zeros(mask.shape, bool)
    reached[seed] = True
    area = 0
    while (found := int(reached.sum())) > area:
        area = found
        for runs in (across, down):
            touched = np.zeros(int(runs[-1, -1]) + 2, bool)
            touched[runs[reached]] = True
            reached = touched[runs] & mask
    return reached


def _runs(mask: Mask) -> NDArray[np.int64]:
    """bool [h, w] -> a number for each pixel, equal within the runs of each row alone."""
    starts = np.ones(mask.shape, bool)
    starts[:, 1:] = mask[:, 1:] != mask[:, :-1]
    return np.cumsum(starts.ravel()).reshape(mask.shape)


def _spread(mask: Mask) -> Mask:
    """The mask, one cell wider on all sides."""
    padded = np.pad(mask, 1)
    tall = padded[:-2] | padded[1:-1] | padded[2:]
    return tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]


class _Surface:
    """The colours of a photo on the grid, for growing regions in them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._shape = pixels.shape[:2]
        self._cell = _cell(self._shape)
        # The median takes away grain and joints and keeps edges.
        small = Image.fromarray(pixels).reduce(self._cell).filter(ImageFilter.MedianFilter(3))
        weights = np.array([LIGHTNESS, 1, 1], np.float32)
        self._colours = srgb_to_lab(np.asarray(small)) * weights
        padded = np.pad(self._colours, ((1, 1), (1, 1), (0, 0)), mode="edge")
        across = delta_e76(padded[1:-1, 2:], padded[1:-1, :-2])
        down = delta_e76(padded[2:, 1:-1], padded[:-2, 1:-1])
        self._steps = np.maximum(across, down)

    def around(self, place: tuple[int, int], allowed: Mask) -> Mask:
        """The region of the colour at a place, bool [h, w], within what is allowed.

        Where it would take more than half of the photo the tolerance shrinks; where that does not
        help either, colour tells nothing apart here, and a disk of a quarter of the shorter side
        has to do.
        """
        seed = place[0] // self._cell, place[1] // self._cell
        open_cells = _to_grid(allowed, self._cell).copy()
        open_cells[seed] = True
        window = tuple(slice(max(0, at - 3), at + 4) for at in seed)
        near = self._colours[window][open_cells[window]]
        wanted = np.median(near, axis=0)
        spread = float(np.median(delta_e76(near, wanted)))
        tolerance = min(TOLERANCE_MOST, TOLERANCE + 2.5 * spread)
        edge = max(EDGE, 2.5 * float(np.median(self._steps[window])))
        distance = delta_e76(self._colours, wanted)
        for _ in range(4):
            similar = (distance <= tolerance) & open_cells
            region = _grown(similar, self._steps <= edge, seed)
            if region.mean() <= MOST_SHARE:
                break
            tolerance /= 1.6
        else:
            region &= _disk(region.shape, seed, min(region.shape) / 4)
        size = region.shape[1] * self._cell, region.shape[0] * self._cell
        large = np.asarray(mask_image(region).resize(size, Image.Resampling.BILINEAR)) > 127
        return large[: self._shape[0], : self._shape[1]] & allowed


def _grown(similar: Mask, calm: Mask, seed: tuple[int, int]) -> Mask:
    """What is connected with the seed in similar, calm cells, and the similar cells beside it.

    Small holes are filled.
    """
    inner = _majority(similar & calm)
    inner[seed] = True
    region = _spread(_connected(inner, seed)) & (similar | inner)
    labels, areas = components(~region)
    small = areas < HOLE_SHARE * region.size
    small[0] = False
    return region | small[labels]


def _majority(mask: Mask) -> Mask:
    """Each cell as most of its 3 x 3 neighbourhood: closes pinholes, cuts bridges one cell wide."""
    counts = np.pad(mask, 1, mode="edge").astype(np.uint8)
    tall = counts[:-2] + counts[1:-1] + counts[2:]
    return np.asarray(tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:] >= 5)
