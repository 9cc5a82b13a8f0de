"""Product pictures: where the product is in them, and whether they show anything else.

A picture is a swatch, floor from edge to edge, until the opposite is plain: cutting a swatch down
loses a part of the product, while a frame that stays costs a little accuracy. What counts as plain
was tried on composed pictures (tests/products/made_pictures.py), not fitted.

`examine` decides by rules: even bars (`products.bars`), then on cells (`products.cells`) frames and
labels (`products.frames`) and boards on a ground (`products.ground`). `without_overlays` asks a
small network what was laid over the floor (`products.overlays`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.shapes import components, solidity
from floorlens.products.bars import Box, within_bars
from floorlens.products.cells import Cut, cell_size, cells_of
from floorlens.products.filling import fill
from floorlens.products.frames import label_on_swatch, round_corners
from floorlens.products.ground import CONVEX, kind_of, product_on_ground
from floorlens.products.overlays import find_overlays
from floorlens.segmentation import FloorProbability

Kind = Literal["swatch", "boards", "framed", "room", "drawing"]
KINDS: tuple[Kind, ...] = ("swatch", "boards", "framed", "room", "drawing")
Alteration = Literal["bars", "overlay", "writing"]
#: Alteration -> what an import says of it.
ALTERATIONS: dict[Alteration, str] = {
    "bars": "bars at the sides left out",
    "overlay": "what lies over the floor (a badge, caption or small picture) left out",
    "writing": "writing, a logo or lines on the floor filled",
}

#: More than this share of a picture is opaque where transparency says nothing of the product.
OPAQUE = 0.98
#: A picture with fewer cells along its shorter side is too small to be examined.
LEAST_CELLS = 24
#: Boards that fill so much of their bounding box are one, or lie edge to edge: a floor.
RECTANGLE = 0.97
#: A picture with a shorter side of fewer pixels is no room: the segmenter sees rooms in patterns
#: that are that small.
SMALLEST_ROOM = 160
#: A room's parts differ in how busy they are by more than this (standard deviation of the log of
#: the mean step), and after rows and columns are accounted for by more than `UNEVEN_REST`. Boards
#: of different looks lie in rows or columns. One in fifty swatches passes, and nearly every room.
UNEVEN, UNEVEN_REST = 0.3, 0.15
#: A room scene's floor: least and largest share of the picture, and the probability that there is
#: a floor at all.
LEAST_FLOOR, MOST_FLOOR, VISIBLE = 0.1, 0.9, 0.8
#: The last of these where the rules on cells take the picture for boards or a framed swatch.
SURELY_VISIBLE = 0.95
#: The mean probability on a room scene's floor is at least the first, beside it at most the second.
FLOOR_SURE, REST_SURE = 0.9, 0.1
#: The floor's mean height in a room scene, at least: 0 at the top and 1 at the bottom.
LOW = 0.5


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
        alterations: what else a shop put into the picture and is not described, of `ALTERATIONS`.
        strokes: bool (h, w), writing and lines across the product, which are filled before it is
            described; None without any.
    """

    kind: Kind
    mask: NDArray[np.bool_]
    confidence: float
    alterations: tuple[Alteration, ...] = ()
    strokes: NDArray[np.bool_] | None = None

    def product(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the part of the picture that shows the product, and the product's mask in it.

        A room and a drawing come back whole. What is left beside bars or a frame is floor from
        edge to edge again, so that the picture with them is described as the one without them.

        Args:
            pixels: the picture, uint8 (h, w, 3) sRGB.

        Example:
            >>> mask = np.zeros((60, 80), bool)
            >>> mask[10:50] = True
            >>> picture = ProductPicture("framed", mask, 1.0, ("bars",))
            >>> part, floor = picture.product(np.zeros((60, 80, 3), np.uint8))
            >>> part.shape, bool(floor.all())
            ((40, 80, 3), True)
        """
        if self.kind in ("room", "drawing") or (self.strokes is None and self.mask.all()):
            return pixels, self.mask
        filled = pixels if self.strokes is None else fill(pixels, self.strokes)
        box = _bounds(self.mask).slices
        return np.ascontiguousarray(filled[box]), np.ascontiguousarray(self.mask[box])


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
    cut, doubtful = _cut(pixels)
    box = within_bars(pixels)
    if box is None:
        if cut is not None:
            return ProductPicture(cut.kind, cut.mask, cut.confidence)
        return replace(whole, confidence=0.5) if doubtful else whole
    mask = np.zeros(pixels.shape[:2], bool)
    mask[box.slices] = True
    if cut is None:
        cut = _cut(np.ascontiguousarray(pixels[box.slices]))[0]
        if cut is not None:
            mask[box.slices] = cut.mask
    elif (mask & cut.mask).any() and not (cut.kind == "boards" and _ragged(cut.mask)):
        mask &= cut.mask
    return ProductPicture(kind_of(mask), mask, 0.95, ("bars",))


def _ragged(mask: NDArray[np.bool_]) -> bool:
    """Whether a part of a mask is not convex: a pale board of which some passed for its ground."""
    size = cell_size(mask.shape)
    labels, areas = components(mask[::size, ::size])
    return any(solidity(labels == label) < CONVEX for label in range(1, len(areas)))


@dataclass(frozen=True)
class _PixelCut:
    """A `Cut` in pixels."""

    kind: Literal["boards", "framed"]
    mask: NDArray[np.bool_]
    confidence: float


def _cut(pixels: NDArray[np.uint8]) -> tuple[_PixelCut | None, bool]:
    """Returns what the rules on cells cut out of a picture, if anything; and if in doubt."""
    size = cell_size(pixels.shape)
    cells, ranges = cells_of(pixels, size)
    if min(cells.shape[:2]) < LEAST_CELLS:
        return None, False
    doubtful = False
    for look in (label_on_swatch, round_corners, product_on_ground):
        cut: Cut | None = look(cells, ranges)
        if cut is None:
            continue
        if cut.kind == "doubtful" or not cut.mask.any():
            doubtful = True
            continue
        mask = cut.mask.repeat(size, axis=0).repeat(size, axis=1)
        mask = mask[: pixels.shape[0], : pixels.shape[1]]
        return _PixelCut(cut.kind, mask, cut.confidence), False
    return None, doubtful


def without_overlays(pixels: NDArray[np.uint8], picture: ProductPicture) -> ProductPicture:
    """Returns what a picture shows without what was laid over it, which a network finds.

    Only where floor fills the picture or its frame: boards here and there on a ground and rooms
    come back as they are. What is wide is no longer part of the mask, and the picture is "framed";
    strokes are to be filled.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        picture: what `examine` says of it.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> pixels = load_photo("products/oak-natural-plank.jpg").pixels
        >>> without_overlays(pixels, examine(pixels)).alterations
        ()
    """
    if picture.kind in ("room", "drawing"):
        return picture
    bounds = _bounds(picture.mask)
    inside = picture.mask[bounds.slices]
    if picture.kind == "boards" and inside.mean() < RECTANGLE:
        # Beside boards lies their ground, which is no floor either.
        return picture
    overlays = find_overlays(np.ascontiguousarray(pixels[bounds.slices]))
    if overlays is None:
        return picture
    mask, kind = picture.mask, picture.kind
    alterations = picture.alterations
    if overlays.wide.any() and (inside & ~overlays.wide).any():
        mask, kind = mask.copy(), "framed" if kind == "swatch" else kind
        mask[bounds.slices] &= ~overlays.wide
        alterations += ("overlay",)
    strokes = None
    if overlays.strokes.any():
        strokes = np.zeros(mask.shape, bool)
        strokes[bounds.slices] = overlays.strokes
        alterations += ("writing",)
    return ProductPicture(kind, mask, picture.confidence, alterations, strokes)


def _bounds(mask: NDArray[np.bool_]) -> Box:
    """Returns the bounding box of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def alteration_note(pictures: Sequence[ProductPicture]) -> str | None:
    """Returns what an import says of the alterations of a product's pictures; None without any.

    Example:
        >>> mask = np.ones((2, 2), bool)
        >>> alteration_note([ProductPicture("framed", mask, 1.0, ("bars",))])
        'bars at the sides left out'
    """
    kinds = {kind for picture in pictures for kind in picture.alterations}
    return "; ".join(text for kind, text in ALTERATIONS.items() if kind in kinds) or None


def may_be_room(pixels: NDArray[np.uint8]) -> bool:
    """Returns whether the parts of a uint8 (h, w, 3) sRGB picture are unlike enough for a room.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> may_be_room(load_photo("room.jpg").pixels)
        True
    """
    if min(pixels.shape[:2]) < SMALLEST_ROOM:
        return False
    small = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.BOX))
    light = srgb_to_lab(small)[..., 0]
    steps = np.abs(np.diff(light, axis=0))[:, :-1] + np.abs(np.diff(light, axis=1))[:-1]
    steps = np.pad(steps, ((0, 1), (0, 1)), mode="edge").reshape(6, 16, 6, 16)
    busy = np.log(steps.mean(axis=(1, 3)) + 0.3)
    rest = busy - busy.mean(axis=0) - busy.mean(axis=1, keepdims=True) + busy.mean()
    return bool(busy.std() > UNEVEN and rest.std() > UNEVEN_REST)


def room_scene(
    floor: FloorProbability, threshold: float, visible: float = VISIBLE
) -> ProductPicture | None:
    """Returns the picture as a room scene if the segmenter is sure of one, otherwise None.

    That is: a floor on a part of the picture, low in it, sharply told from the rest. In a swatch
    the segmenter sees floor everywhere; where it does not, its probabilities waver.

    Args:
        floor: the segmenter's answer for the picture.
        threshold: a pixel is floor above this probability.
        visible: the least probability that there is a floor at all.

    Example:
        >>> probability = np.full((60, 80), 0.01, np.float32)
        >>> probability[35:] = 0.98
        >>> room_scene(FloorProbability(probability, visible=0.99), 0.5).kind
        'room'
    """
    mask = floor.pixels > threshold
    share = float(mask.mean())
    if not (floor.visible > visible and LEAST_FLOOR < share < MOST_FLOOR):
        return None
    inside, outside = float(floor.pixels[mask].mean()), float(floor.pixels[~mask].mean())
    rows = mask.mean(axis=1)
    height = float((rows * np.arange(len(rows))).sum() / rows.sum()) / len(rows)
    sharp = inside >= FLOOR_SURE and outside <= REST_SURE
    if not sharp or height < LOW:
        return None
    return ProductPicture("room", mask, inside * floor.visible)
