"""Product pictures: where the product is in them, and whether they show anything else.

A picture is a swatch, floor from edge to edge, until the opposite is plain: cutting a swatch down
loses a part of the product, while a frame that stays costs a little accuracy. What counts as plain
was tried on composed pictures (tests/products/test_pictures.py), not fitted.

Everything is decided on cells: squares of pixels, at most `CELLS` along the longer side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.shapes import (
    components,
    grown,
    large_parts,
    margins,
    outline,
    rim,
    shrunk,
    sides_reached,
    solidity,
    turned_alike,
)
from floorlens.segmentation import FloorProbability

Kind = Literal["swatch", "boards", "framed", "room"]
KINDS: tuple[Kind, ...] = ("swatch", "boards", "framed", "room")

CELLS = 160
#: A cell is flat if its green values differ by no more; a photographed white table comes to 10.
FLAT = 10
#: A ground from a drawing program, after JPEG. Real floors, however pale, differ by more.
CLEAN = 4
#: Largest step between neighbouring cells of one ground, in code values: light falls off slowly.
STEP = 6
#: What is of one colour, in code values.
SAME = 14
#: The ground must fill at least this share of the picture's rim.
RIM = 0.6
#: Narrower frames than this share of the shorter side may be a joint, and cost little.
NARROWEST = 0.02
#: A convex shape fills at least this share of its hull; a fan of boards and a star do not.
CONVEX = 0.9
#: A room's parts differ in how busy they are by more than this (standard deviation of the log of
#: the mean step), and after rows and columns are accounted for by more than `UNEVEN_REST`. Boards
#: of different looks lie in rows or columns. One in fifty swatches passes, and nearly every room.
UNEVEN, UNEVEN_REST = 0.3, 0.15
#: A room scene's floor: least and largest share of the picture.
LEAST_FLOOR, MOST_FLOOR = 0.1, 0.85

Cells = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ProductPicture:
    """What a product picture shows.

    Attributes:
        kind: "swatch" (floor from edge to edge), "boards" (boards, tiles or a fan of them on a
            plain ground), "framed" (a swatch with a frame, round corners or a label) or "room".
        mask: bool (h, w), where the product is; all True for a swatch. Never empty.
        confidence: how plainly it is of this kind, 0..1; .5 for a swatch that has something of
            another kind.
    """

    kind: Kind
    mask: Mask
    confidence: float


def examine(pixels: NDArray[np.uint8], opaque: Mask | None = None) -> ProductPicture:
    """Returns what a product picture shows: "swatch", "boards" or "framed", and where.

    A room scene comes back as a swatch: `may_be_room` says cheaply whether to ask the segmenter,
    and `room_scene` what its answer means.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        opaque: bool (h, w), where the picture is not transparent; None: everywhere.

    Raises:
        ValueError: the shapes do not fit together.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"a product picture is (height, width, 3), not {pixels.shape}")
    if opaque is not None and opaque.shape != pixels.shape[:2]:
        raise ValueError(f"picture {pixels.shape} and transparency {opaque.shape} do not fit")
    whole = ProductPicture("swatch", np.ones(pixels.shape[:2], bool), 1.0)
    if opaque is not None and 0 < opaque.mean() < 0.98:
        # Who made parts of the picture transparent has said what it shows.
        return ProductPicture(_kind_of(opaque), opaque, 1.0)
    size = max(1, -(-max(pixels.shape[:2]) // CELLS))
    cells, ranges = _cells(pixels, size)
    if min(cells.shape[:2]) < 24:
        return whole
    doubt = False
    for look in (_labelled, _round_corners, _on_ground):
        found = look(cells, ranges)
        if found is not None and found.kind != "swatch" and found.mask.any():
            mask = found.mask.repeat(size, axis=0).repeat(size, axis=1)
            mask = mask[: pixels.shape[0], : pixels.shape[1]]
            return ProductPicture(found.kind, mask, found.confidence)
        doubt |= found is not None
    return replace(whole, confidence=0.5) if doubt else whole


def may_be_room(pixels: NDArray[np.uint8]) -> bool:
    """Whether the parts of a uint8 (h, w, 3) sRGB picture are unlike enough for a room scene."""
    small = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.BOX))
    light = srgb_to_lab(small)[..., 0]
    steps = np.abs(np.diff(light, axis=0))[:, :-1] + np.abs(np.diff(light, axis=1))[:-1]
    steps = np.pad(steps, ((0, 1), (0, 1)), mode="edge").reshape(6, 16, 6, 16)
    busy = np.log(steps.mean(axis=(1, 3)) + 0.3)
    rest = busy - busy.mean(axis=0) - busy.mean(axis=1, keepdims=True) + busy.mean()
    return bool(busy.std() > UNEVEN and rest.std() > UNEVEN_REST)


def room_scene(found: FloorProbability, threshold: float) -> ProductPicture | None:
    """Returns the picture as a room scene if the segmenter is sure of one, otherwise None.

    That is: a floor on a part of the picture, low in it, sharply told from the rest. In a swatch
    the segmenter sees floor everywhere, and where it does not it wavers.
    """
    mask = found.pixels > threshold
    share = float(mask.mean())
    if not (found.visible > 0.8 and LEAST_FLOOR < share < MOST_FLOOR):
        return None
    inside, outside = float(found.pixels[mask].mean()), float(found.pixels[~mask].mean())
    rows = mask.mean(axis=1)
    third = max(1, len(rows) // 3)
    low = float((rows * np.arange(len(rows))).sum() / rows.sum()) / len(rows)
    if inside < 0.9 or outside > 0.07 or low < 0.55 or rows[:third].mean() > 0.3:
        return None
    return ProductPicture("room", mask, inside * found.visible)


def _cells(pixels: NDArray[np.uint8], size: int) -> tuple[Cells, Cells]:
    """Returns mean colours float32 (r, c, 3) and the range of green in each cell, (r, c)."""
    means = np.asarray(Image.fromarray(pixels).reduce(size), np.float32)
    rows, columns = means.shape[:2]
    # Four by four samples tell flat from grained.
    stride = max(1, size // 4)
    side = -(-size // stride)
    green = pixels[..., 1]
    high = np.zeros((rows, columns), np.uint8)
    low = np.full((rows, columns), 255, np.uint8)
    down, across = np.arange(rows) * size, np.arange(columns) * size
    for dy in range(side):
        ys = np.minimum(down + dy * stride, green.shape[0] - 1)
        line = green[ys]
        for dx in range(side):
            part = line[:, np.minimum(across + dx * stride, green.shape[1] - 1)]
            np.maximum(high, part, out=high)
            np.minimum(low, part, out=low)
    return means, np.subtract(high, low, dtype=np.float32)


def _on_ground(cells: Cells, ranges: Cells) -> ProductPicture | None:
    """Boards on a plain ground, or a frame on all four sides; None without a sign of either."""
    flat = ranges <= FLAT
    edges, flat_edges = rim(cells), rim(flat)
    if not flat_edges.any():
        return None
    colour = _commonest(edges[flat_edges])
    if (flat_edges & _like(edges, colour, SAME)).mean() < RIM - 0.1:
        return None
    # Only white and grey tables are photographed; pale woods are nearly as flat.
    neutral = float(np.ptp(colour)) <= SAME and float(colour.mean()) > 150
    if not neutral and (rim(ranges)[flat_edges] <= CLEAN).mean() < 0.8:
        return None
    ground = _ground(cells, flat, colour)
    on_rim = float(rim(ground).mean())
    if on_rim < RIM or ground.mean() > 0.95:
        return None
    product = large_parts(~ground)
    trimmed = large_parts(~_shaded(ground, cells, ranges, colour))
    # A grey board may pass for its own shadow; then it loses its straight edges.
    if trimmed.sum() > 0.7 * product.sum() and outline(trimmed) < 1.1 * outline(product):
        product = trimmed
    inner = shrunk(product)
    share, doubt = float(product.mean()), ProductPicture("swatch", product, 0.5)
    if share < 0.08 or not inner.any():
        return doubt
    # A tile of the ground's own colour inside lines is a tile with joints.
    if (_like(cells[inner], colour, SAME) & flat[inner]).mean() > 0.25:
        return doubt
    labels, areas = components(product)
    count = len(areas) - 1
    # Where one board covers others there are few; the tiles of a floor leave no wide ground.
    if count > 8 or (count > 1 and float(ground.mean()) < 0.3):
        return doubt
    # Four alike, in two rows that look the same upside down, are dots of a pattern.
    if count > 3 and areas[1:].max() < 1.3 * areas[1:].min() and turned_alike(product):
        rows, columns = product.shape
        if not (product[rows // 2].any() or product[:, columns // 2].any()):
            return doubt
    flanks = inner & ~shrunk(shrunk(inner))
    edge = float((~_like(cells[flanks], colour, SAME)).mean())
    if edge < 0.8:
        return doubt
    # What lies near the boards is blurred into the ground.
    clear = ground & shrunk(shrunk(ground))
    clean = bool(clear.any()) and float((ranges[clear] <= CLEAN).mean()) > 0.92
    white = clean and float(colour.min()) > 248
    # The median, because of a label on a plain floor: that has more paper than writing.
    grained = float(np.median(ranges[inner])) > (ranges[clear].mean() if clear.any() else 0) + 3
    sides = sides_reached(product)
    convex = all(solidity(labels == label) >= CONVEX for label in range(1, count + 1))
    if not (clean or (neutral and on_rim > 0.8)):
        return doubt
    # A floor with a dark board across it looks like a board that leaves the picture.
    if sides > 2 or (sides == 2 and not (white and grained)):
        return doubt
    if not convex and not (clean and grained and on_rim > 0.75 and not turned_alike(product)):
        return doubt
    if not grained and (count > 1 or sides or not white or share < 0.2):
        return doubt
    kind = _kind_of(product)
    if kind == "framed" and min(margins(product)) < NARROWEST * min(product.shape):
        return doubt
    return ProductPicture(kind, inner, edge)


def _round_corners(cells: Cells, ranges: Cells) -> ProductPicture | None:
    """A swatch with round corners: the ground is four cusps of one size."""
    flat = ranges <= FLAT
    places = ((0, 0), (0, -1), (-1, 0), (-1, -1))
    corners = np.stack([cells[place] for place in places])
    colour = np.median(corners, axis=0)
    if not (all(flat[place] for place in places) and _like(corners, colour, 6).all()):
        return None
    labels, areas = components(_like(cells, colour, SAME))
    mask, radii = np.ones(labels.shape, bool), []
    for row, column in places:
        cusp = labels == labels[row, column]
        # What is outside a quarter circle is .215 of its square.
        radius = round(float(np.sqrt(areas[labels[row, column]] / (1 - np.pi / 4))))
        if not 6 <= radius <= 0.25 * min(labels.shape):
            return None
        turned = cusp[:: 1 if row == 0 else -1, :: 1 if column == 0 else -1]
        if not _is_cusp(turned, radius):
            return None
        radii.append(radius)
        mask &= ~cusp
    if max(radii) > 1.3 * min(radii):
        return None
    return ProductPicture("framed", shrunk(mask), 0.9)


def _is_cusp(shape: Mask, radius: int) -> bool:
    """Whether a shape at the upper left is what a round corner leaves, of `radius` cells.

    Many patterned tiles have a triangle or a quarter disc there, of the same area.
    """
    ys, xs = np.ogrid[: shape.shape[0], : shape.shape[1]]
    ys, xs = ys + 0.5, xs + 0.5
    away = np.hypot(np.maximum(radius - ys, 0), np.maximum(radius - xs, 0))
    area = float(shape.sum())
    models = (away > radius, ys + xs < np.sqrt(2 * area), np.hypot(ys, xs) < np.sqrt(area * 1.273))
    overlaps = [float((m & shape).sum() / (m | shape).sum()) for m in models]
    return overlaps[0] > 0.75 and overlaps[0] > max(overlaps[1:]) + 0.03


def _labelled(cells: Cells, ranges: Cells) -> ProductPicture | None:
    """A swatch with a label: a plain rectangle at the rim, written on, of a colour of its own."""
    usual = np.median(cells.reshape(-1, 3), axis=0)
    plain = (ranges <= FLAT) & ~_like(cells, usual, 30)
    if plain.mean() < 0.01 or plain.mean() > 0.45:
        return None
    colour = _commonest(cells[plain])
    paper = _like(cells, colour, SAME) & (ranges <= FLAT)
    labels, areas = components(paper)
    if len(areas) < 2:
        return None
    largest = labels == 1 + int(np.argmax(areas[1:]))
    rows, columns = np.flatnonzero(largest.any(axis=1)), np.flatnonzero(largest.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = paper.shape
    box = (slice(top, bottom), slice(left, right))
    area = (bottom - top) * (right - left)
    near = min(top, left, height - bottom, width - right) <= 0.08 * min(height, width)
    if not near or min(bottom - top, right - left) < 5 or not 0.01 < area / paper.size < 0.35:
        return None
    like = _like(cells, colour, 2 * SAME)
    # In a floor that has a colour once, it comes again: in other tiles, in the joints.
    elsewhere = float(like.sum() - like[box].sum())
    written = ~like[box]
    letters = components(written)[1]
    if (
        rim(like[box]).mean() < 0.95
        or not 0.03 < written.mean() < 0.6
        or len(letters) < 4
        or elsewhere > 0.1 * area
        or (ranges[box][~written] <= FLAT).mean() < 0.6
    ):
        return None
    around = np.zeros(paper.shape, bool)
    around[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = True
    mask = ~around
    around[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    edge = 1.0 - float(like[around].mean()) if around.any() else 0.0
    if edge < 0.85:
        return ProductPicture("swatch", mask, 0.5)
    return ProductPicture("framed", mask, edge)


def _ground(cells: Cells, flat: Mask, colour: NDArray[np.float32]) -> Mask:
    """Returns the flat cells of about the colour that lead to the rim without a step."""
    smooth = flat & _like(cells, colour, 40)
    down = np.abs(np.diff(cells, axis=0)).max(axis=2) <= STEP
    across = np.abs(np.diff(cells, axis=1)).max(axis=2) <= STEP
    smooth[1:] &= down
    smooth[:, 1:] &= across
    labels = components(smooth)[0]
    ends = np.unique(rim(labels))
    ground: Mask = np.isin(labels, ends[ends > 0])
    # The cell at a step belongs to neither side for certain.
    return ground | (grown(ground) & _like(cells, colour, SAME))


def _shaded(ground: Mask, cells: Cells, ranges: Cells, colour: NDArray[np.float32]) -> Mask:
    """Returns the ground with the shadows on it: of its hue, darker, smooth, and on a slope."""
    light = cells.mean(axis=2)
    slope = np.hypot(*np.gradient(light))
    hue = cells / np.maximum(light, 1)[..., None] - colour / max(1.0, float(colour.mean()))
    shadow = (np.abs(hue).max(axis=2) < 0.03) & (slope > 1.5)
    shadow &= (light < colour.mean()) & (light > colour.mean() / 2) & (ranges < 2.5 * slope + 4)
    for _ in range(10):
        wider = ground | (grown(ground) & shadow)
        if np.array_equal(wider, ground):
            break
        ground = wider
    return ground


def _kind_of(product: Mask) -> Kind:
    """A frame leaves most of the picture to one upright rectangle; boards leave more ground."""
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    tall, wide = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    fills = product.sum() / (tall * wide) > 0.93
    spans = min(tall / product.shape[0], wide / product.shape[1]) >= 0.7
    return "framed" if fills and spans else "boards"


def _like(cells: Cells, colour: NDArray[np.floating], distance: float) -> Mask:
    """Whether each colour (..., 3) is within `distance` code values in every channel."""
    like: Mask = np.abs(cells - colour).max(axis=-1) <= distance
    return like


def _commonest(colours: Cells) -> NDArray[np.float32]:
    """Returns the median of the colours (n, 3) around the fullest of 16³ bins."""
    bins = (colours // 16).astype(np.intp) @ np.array([256, 16, 1])
    middle = np.median(colours[bins == np.bincount(bins).argmax()], axis=0)
    near = colours[_like(colours, middle, 16)]
    return np.asarray(np.median(near, axis=0), np.float32)
