"""Correcting a floor mask by clicks: "this is floor", "this is not".

The segmenter is asked again, with the clicks as hints. Where its answer agrees with a click, it
says how far the correction reaches. Elsewhere the colours around the click say that, unless the
segmenter contradicts most of what they would turn: then they have leaked into the floor, or out of
it, and only a disk is corrected. Regions are grown on a coarse grid, which takes milliseconds, and
then cut to the pixels.
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
from floorlens.segmentation import Click, ClickSource

Mask = NDArray[np.bool_]

GRID_SIDE = 320
"""The longer side of the grid that regions are grown on, in cells, at most."""
DISK_SHARE = 1 / 80
"""A click corrects at least a disk of this radius, as a share of the photo's longer side."""
CREDIBLE = 0.3
"""A region of one colour has leaked if the segmenter gives its pixels, in the mean, less than this
probability to be as the click says …"""
SMALL = 0.05
"""… and if it is larger than this share of the mask."""
LIGHTNESS = 0.6
"""The weight of L* beside a* and b*: one floor has light and shade on it."""
TOLERANCE = 6.0
TOLERANCE_MOST = 18.0
"""How far colours may be from the clicked one, in weighted Lab: at least, and on busy surfaces at
most."""
EDGE = 7.0
"""Growing stops at a step of so much over two cells, in weighted Lab; on busy surfaces at more."""
MOST_SHARE = 0.5
"""A region of one colour that is larger than this share of the photo has leaked into others."""
HOLE_SHARE = 0.002
"""A hole in a region smaller than this share of the photo is pattern: a knot, a tile's star."""

_KINDS = (
    "a click is floorlens.Click, (x, y) or (x, y, floor): two numbers in pixels of the photo, and "
    "True for floor or False for what is not; `clicks` is a list of them"
)


def parse_clicks(photo: Photo, clicks: Iterable[ClickSource]) -> tuple[Click, ...]:
    """Returns clicks in pixels of the working picture, `photo.pixels`, in the order given.

    Args:
        photo: the photo that they were made on.
        clicks: an iterable of `Click`, (x, y) or (x, y, floor), in pixels of the upright photo.

    Raises:
        RegionError: none of these, a number that is not finite, or a point outside the photo.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> parse_clicks(load_photo("room.jpg"), [(320, 400), (100, 460, False)])
        (Click(x=320.0, y=400.0, floor=True), Click(x=100.0, y=460.0, floor=False))
    """
    no_list = isinstance(clicks, str | bytes | dict | Click) or _is_scalar(clicks)
    if no_list or not isinstance(clicks, Iterable):
        raise RegionError(f"{_KINDS}; this is {_short(clicks)}", "clicks")
    width, height = photo.size
    rows, columns = photo.pixels.shape[:2]
    points = []
    for item in clicks:
        x, y, floor = _parts(item)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise RegionError(f"a click's numbers must be finite, not {x:g}, {y:g}", "clicks")
        if not (0 <= x < width and 0 <= y < height):
            raise RegionError(
                f"the click {x:g}, {y:g} lies outside the photo, which is {width} x {height} "
                f"pixels: give x from 0 to {width - 1} and y from 0 to {height - 1}, in pixels of "
                "the upright photo",
                "clicks",
            )
        points.append(Click(x * columns / width, y * rows / height, floor))
    return tuple(points)


def _parts(item: Any) -> tuple[float, float, bool]:
    """Returns x, y and floor of one click as a user hands it over."""
    if isinstance(item, Click):
        values: Sequence[Any] = (item.x, item.y, item.floor)
    elif (
        isinstance(item, list | tuple | np.ndarray) and not _is_scalar(item) and len(item) in (2, 3)
    ):
        values = (*item, True)[:3]
    else:
        raise RegionError(f"{_KINDS}; this is {_short(item)}", "clicks")
    x, y, floor = values
    numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in (x, y))
    if not numbers or not (isinstance(floor, bool | np.bool_) or _is_flag(floor)):
        raise RegionError(f"{_KINDS}; this is {_short(item)}", "clicks")
    try:
        return float(x), float(y), bool(floor)
    except OverflowError:
        return math.inf, math.inf, bool(floor)


def _is_scalar(value: Any) -> bool:
    """Whether a value is an array without a dimension, which `Iterable` takes for iterable."""
    return isinstance(value, np.ndarray) and value.ndim == 0


def _is_flag(value: Any) -> bool:
    """Whether a value is 0 or 1, which an array of x, y, floor holds for False and True."""
    return isinstance(value, Real) and value in (0, 1)


def _short(value: Any) -> str:
    """Returns how a value is written in Python, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def correct(
    pixels: NDArray[np.uint8],
    mask: Mask,
    suggestion: NDArray[np.float32] | None,
    clicks: Sequence[Click],
    threshold: float = 0.5,
) -> Mask:
    """Returns a mask with the correction of each click made, in their order; bool (h, w).

    A click on the wrong side of the mask turns over a part of it. Where `suggestion` agrees with
    the click, that is the part around the click on which `suggestion` and the mask differ; where it
    does not, the region of similar colour around the click, if that is credible, else a disk. It is
    at least a small disk. A click that agrees with the mask changes nothing. In the end every
    clicked pixel is as its last click says, and a later click leaves a small disk around an earlier
    one of the other kind alone.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), the mask to correct; it stays as it is.
        suggestion: float32 (h, w), the segmenter's floor probability with the clicks as hints; None
            if it takes none.
        clicks: inside the picture, in its pixels.
        threshold: a pixel is floor above this probability.

    Example:
        >>> pixels = np.full((240, 320, 3), 128, np.uint8)
        >>> half = np.zeros((240, 320), bool)
        >>> half[120:] = True
        >>> sure = np.ones((240, 320), np.float32)
        >>> bool(correct(pixels, half, sure, [Click(160, 60)]).all())
        True
    """
    result = mask.copy()
    radius = max(1.5, DISK_SHARE * max(mask.shape))
    places = [_place(click, mask.shape) for click in clicks]
    surface: _Surface | None = None
    for number, (click, place) in enumerate(zip(clicks, places, strict=True)):
        if result[place] == click.floor:
            continue
        # What could turn: all that is on the wrong side, were it like the click.
        wrong = result != click.floor
        if suggestion is not None and (suggestion[place] > threshold) == click.floor:
            part = _component(wrong & ((suggestion > threshold) == click.floor), place)
        else:
            surface = surface or _Surface(pixels)
            part = surface.region_around(place, wrong)
            # Where no floor was seen at all, colour is the only witness.
            large = np.count_nonzero(part) > SMALL * np.count_nonzero(result)
            if suggestion is not None and mask.any() and large:
                probability = float(suggestion[part].mean(dtype=np.float64))
                if (probability if click.floor else 1 - probability) < CREDIBLE:
                    part = wrong & _disk(mask.shape, place, 2 * radius)
        part |= _disk(mask.shape, place, radius)
        for other, earlier in zip(places[:number], clicks[:number], strict=True):
            if earlier.floor != click.floor and other != place:
                # Half the way between two clicks at most.
                gap = math.dist(other, place) / 2
                part &= ~_disk(mask.shape, other, min(radius, gap))
        result[part] = click.floor
    return result


def _place(click: Click, shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns row and column of the clicked pixel."""
    row, column = math.floor(click.y), math.floor(click.x)
    return min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)


def _disk(shape: tuple[int, ...], place: tuple[int, int], radius: float) -> Mask:
    """Returns a disk around a row and column, as a mask of the shape."""
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
    """Returns the side of a grid's cell, in pixels."""
    return max(1, -(-max(shape[:2]) // GRID_SIDE))


def _to_grid(mask: Mask, cell: int) -> Mask:
    """Returns bool (ceil(h / cell), ceil(w / cell)): the cells of which half is True."""
    if cell == 1:
        return mask
    return np.asarray(mask_image(mask).reduce(cell)) > 127


def _component(mask: Mask, place: tuple[int, int]) -> Mask:
    """Returns the part of a mask, bool (h, w), that is connected with a place in it.

    Strips thinner than half a cell connect nothing: two outlines of one floor leave such.
    """
    cell = _cell(mask.shape)
    grid = _to_grid(mask, cell).copy()
    seed = place[0] // cell, place[1] // cell
    grid[seed] = True
    # One cell wider, for the rim whose cells are less than half full.
    wide = _spread(_connected_part(grid, seed))
    large = np.repeat(np.repeat(wide, cell, axis=0), cell, axis=1)
    return mask & large[: mask.shape[0], : mask.shape[1]]


def _connected_part(mask: Mask, seed: tuple[int, int]) -> Mask:
    """Returns the 4-connected component of a small mask that holds the seed.

    In each pass the runs (of rows, then of columns) that touch the component join it.
    """
    flat = np.ascontiguousarray(mask)
    across = _runs(flat)
    down = np.ascontiguousarray(_runs(np.ascontiguousarray(flat.T)).T)
    component = np.zeros(mask.shape, bool)
    component[seed] = True
    before, area = 0, 1
    while area > before:
        for runs in (across, down):
            member = np.zeros(int(runs[-1, -1]) + 2, bool)
            member[runs[component]] = True
            component = member[runs] & mask
        before, area = area, int(np.count_nonzero(component))
    return component


def _runs(mask: Mask) -> NDArray[np.int64]:
    """Returns a number for each pixel of a mask: one number for each run of a row."""
    starts = np.ones(mask.shape, bool)
    starts[:, 1:] = mask[:, 1:] != mask[:, :-1]
    return np.cumsum(starts.ravel()).reshape(mask.shape)


def _spread(mask: Mask) -> Mask:
    """Returns the mask, one cell wider on all sides."""
    padded = np.pad(mask, 1)
    tall = padded[:-2] | padded[1:-1] | padded[2:]
    return tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]


class _Surface:
    """The colours of a photo on the grid, for growing regions in them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._shape = pixels.shape[:2]
        self._cell = _cell(self._shape)
        # The median removes grain and joints and keeps edges.
        small = Image.fromarray(pixels).reduce(self._cell).filter(ImageFilter.MedianFilter(3))
        weights = np.array([LIGHTNESS, 1, 1], np.float32)
        self._colours = srgb_to_lab(np.asarray(small)) * weights
        padded = np.pad(self._colours, ((1, 1), (1, 1), (0, 0)), mode="edge")
        across = delta_e76(padded[1:-1, 2:], padded[1:-1, :-2])
        down = delta_e76(padded[2:, 1:-1], padded[:-2, 1:-1])
        self._steps = np.maximum(across, down)

    def region_around(self, place: tuple[int, int], limits: Mask) -> Mask:
        """Returns the region of the colour at a place, bool (h, w), inside the limits.

        If it would be more than half of the photo, the tolerance shrinks. If that does not help,
        nothing differs in colour here, and a disk of a quarter of the shorter side has to do.
        """
        seed = place[0] // self._cell, place[1] // self._cell
        open_cells = _to_grid(limits, self._cell).copy()
        open_cells[seed] = True
        window = tuple(slice(max(0, at - 3), at + 4) for at in seed)
        near = self._colours[window][open_cells[window]]
        colour = np.median(near, axis=0)
        spread = float(np.median(delta_e76(near, colour)))
        tolerance = min(TOLERANCE_MOST, TOLERANCE + 2.5 * spread)
        edge = max(EDGE, 2.5 * float(np.median(self._steps[window])))
        distance = delta_e76(self._colours, colour)
        for _ in range(4):
            similar = (distance <= tolerance) & open_cells
            region = _grow(similar, self._steps <= edge, seed)
            if region.mean() <= MOST_SHARE:
                break
            tolerance /= 1.6
        else:
            region &= _disk(region.shape, seed, min(region.shape) / 4)
        size = region.shape[1] * self._cell, region.shape[0] * self._cell
        large = np.asarray(mask_image(region).resize(size, Image.Resampling.BILINEAR)) > 127
        return large[: self._shape[0], : self._shape[1]] & limits


def _grow(similar: Mask, calm: Mask, seed: tuple[int, int]) -> Mask:
    """Returns the similar, calm cells that are connected with the seed, and similar ones beside.

    Small holes are filled.
    """
    inner = _majority(similar & calm)
    inner[seed] = True
    region = _spread(_connected_part(inner, seed)) & (similar | inner)
    labels, areas = components(~region)
    small = areas < HOLE_SHARE * region.size
    small[0] = False
    return region | small[labels]


def _majority(mask: Mask) -> Mask:
    """Returns each cell as most of its 3 x 3 are: closes pinholes, cuts bridges one cell wide."""
    counts = np.pad(mask, 1, mode="edge").astype(np.uint8)
    tall = counts[:-2] + counts[1:-1] + counts[2:]
    return np.asarray(tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:] >= 5)
