"""Product pictures: where the product is in them, and whether they show anything else.

A picture is a swatch, floor from edge to edge, until the opposite is plain: cutting a swatch down
loses a part of the product, while a frame that stays costs a little accuracy. What counts as plain
was tried on composed pictures (tests/products/made_pictures.py), not fitted.

What is not a room is decided on cells (`products.cells`): frames with `products.frames`, boards on
a ground with `products.ground`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.products.cells import cell_size, cells_of
from floorlens.products.frames import label_on_swatch, round_corners
from floorlens.products.ground import kind_of, product_on_ground
from floorlens.segmentation import FloorProbability

Kind = Literal["swatch", "boards", "framed", "room", "drawing"]
KINDS: tuple[Kind, ...] = ("swatch", "boards", "framed", "room", "drawing")

#: More than this share of a picture is opaque where transparency says nothing of the product.
OPAQUE = 0.98
#: A picture with fewer cells along its shorter side is too small to be examined.
LEAST_CELLS = 24
#: A room's parts differ in how busy they are by more than this (standard deviation of the log of
#: the mean step), and after rows and columns are accounted for by more than `UNEVEN_REST`. Boards
#: of different looks lie in rows or columns. One in fifty swatches passes, and nearly every room.
UNEVEN, UNEVEN_REST = 0.3, 0.15
#: A room scene's floor: least and largest share of the picture, and the probability that there is
#: a floor at all.
LEAST_FLOOR, MOST_FLOOR, VISIBLE = 0.1, 0.85, 0.8
#: The mean probability on a room scene's floor is at least the first, beside it at most the second.
FLOOR_SURE, REST_SURE = 0.9, 0.07
#: The floor's mean height in a room scene, 0 at the top and 1 at the bottom, and the largest share
#: of the picture's upper third that is floor.
LOW, UPPER_FLOOR = 0.55, 0.3


@dataclass(frozen=True)
class ProductPicture:
    """What a product picture shows.

    Attributes:
        kind: "swatch" (floor from edge to edge), "boards" (boards, tiles or a fan of them on a
            plain ground), "framed" (a swatch with a frame, round corners or a label), "room" or
            "drawing" (writing, an icon or a logo, see `products.placeholders`).
        mask: bool (h, w), where the product is; all True for a swatch. Never empty.
        confidence: how plainly it is of this kind, 0..1; .5 for a swatch that has something of
            another kind.
    """

    kind: Kind
    mask: NDArray[np.bool_]
    confidence: float


def examine(pixels: NDArray[np.uint8], opaque: NDArray[np.bool_] | None = None) -> ProductPicture:
    """Returns what a product picture shows: "swatch", "boards" or "framed", and where.

    A room scene comes back as a swatch: `may_be_room` says cheaply whether to ask the segmenter,
    and `room_scene` what its answer means. So does a drawing: see `placeholders.is_drawing`.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        opaque: bool (h, w), where the picture is not transparent; None: everywhere.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> picture = examine(load_photo("products/oak-natural-plank.jpg").pixels)
        >>> picture.kind, bool(picture.mask.all()), picture.confidence
        ('swatch', True, 1.0)
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"a product picture is (height, width, 3), not {pixels.shape}")
    if opaque is not None and opaque.shape != pixels.shape[:2]:
        raise ValueError(f"picture {pixels.shape} and transparency {opaque.shape} do not fit")
    whole = ProductPicture("swatch", np.ones(pixels.shape[:2], bool), 1.0)
    if opaque is not None and 0 < opaque.mean() < OPAQUE:
        # Transparent parts were made so on purpose: the rest is the product.
        return ProductPicture(kind_of(opaque), opaque, 1.0)
    size = cell_size(pixels.shape)
    cells, ranges = cells_of(pixels, size)
    if min(cells.shape[:2]) < LEAST_CELLS:
        return whole
    doubtful = False
    for look in (label_on_swatch, round_corners, product_on_ground):
        cut = look(cells, ranges)
        if cut is None:
            continue
        if cut.kind == "doubtful" or not cut.mask.any():
            doubtful = True
            continue
        mask = cut.mask.repeat(size, axis=0).repeat(size, axis=1)
        mask = mask[: pixels.shape[0], : pixels.shape[1]]
        return ProductPicture(cut.kind, mask, cut.confidence)
    return replace(whole, confidence=0.5) if doubtful else whole


def may_be_room(pixels: NDArray[np.uint8]) -> bool:
    """Returns whether the parts of a uint8 (h, w, 3) sRGB picture are unlike enough for a room.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> may_be_room(load_photo("room.jpg").pixels)
        True
    """
    small = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.BOX))
    light = srgb_to_lab(small)[..., 0]
    steps = np.abs(np.diff(light, axis=0))[:, :-1] + np.abs(np.diff(light, axis=1))[:-1]
    steps = np.pad(steps, ((0, 1), (0, 1)), mode="edge").reshape(6, 16, 6, 16)
    busy = np.log(steps.mean(axis=(1, 3)) + 0.3)
    rest = busy - busy.mean(axis=0) - busy.mean(axis=1, keepdims=True) + busy.mean()
    return bool(busy.std() > UNEVEN and rest.std() > UNEVEN_REST)


def room_scene(floor: FloorProbability, threshold: float) -> ProductPicture | None:
    """Returns the picture as a room scene if the segmenter is sure of one, otherwise None.

    That is: a floor on a part of the picture, low in it, sharply told from the rest. In a swatch
    the segmenter sees floor everywhere; where it does not, its probabilities waver.

    Args:
        floor: the segmenter's answer for the picture.
        threshold: a pixel is floor above this probability.

    Example:
        >>> probability = np.full((60, 80), 0.01, np.float32)
        >>> probability[35:] = 0.98
        >>> room_scene(FloorProbability(probability, visible=0.99), 0.5).kind
        'room'
    """
    mask = floor.pixels > threshold
    share = float(mask.mean())
    if not (floor.visible > VISIBLE and LEAST_FLOOR < share < MOST_FLOOR):
        return None
    inside, outside = float(floor.pixels[mask].mean()), float(floor.pixels[~mask].mean())
    rows = mask.mean(axis=1)
    third = max(1, len(rows) // 3)
    height = float((rows * np.arange(len(rows))).sum() / rows.sum()) / len(rows)
    sharp = inside >= FLOOR_SURE and outside <= REST_SURE
    if not sharp or height < LOW or rows[:third].mean() > UPPER_FLOOR:
        return None
    return ProductPicture("room", mask, inside * floor.visible)
