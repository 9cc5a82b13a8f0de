"""Boards on a plain ground, or a swatch in a frame: the ground, what lies on it, and the doubts.

A picture is taken apart into a ground and a product; then a table of rules looks for what speaks
against it. Each rule is for a floor that looks like a product on a ground and is none, and that
would be cut down without it; the tests hold each against its floor.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
from floorlens.products.cells import (
    FLAT,
    SAME,
    Cells,
    Cut,
    Mask,
    Rule,
    commonest,
    similar,
)

# Shares are of the picture's area and 0..1 where nothing else is said.

#: A ground from a drawing program, after JPEG: ranges of green in its cells. Real floors, however
#: pale, differ by more.
CLEAN = 4
#: The share of a ground's cells that are clean, where it comes from a drawing program.
CLEAN_GROUND, CLEAN_RIM = 0.92, 0.8
#: The darkest channel of the white of a drawing program.
WHITE = 248
#: The mean of the channels of the darkest grey table that products are photographed on.
GREY = 150
#: Largest step between neighbouring cells of one ground, in code values: light falls off slowly.
STEP = 6
#: How far the light on one ground may fall off altogether, in code values.
FALL = 40
#: Share of the picture's rim that is of the ground's colour, and that leads into the ground.
RIM_COLOUR, RIM = 0.5, 0.6
#: The same for a photographed ground, and for one under boards that lie every which way.
PHOTO_RIM, RAGGED_RIM = 0.8, 0.75
#: A ground of more than this share has nothing on it but a stain.
MOST_GROUND = 0.95
#: Several boards leave at least this share to the ground; the tiles of a floor leave less.
BETWEEN_PARTS = 0.3
#: The least share of a product, and of one that has no grain to tell it from an inlay.
SMALLEST, PLAIN_SMALLEST = 0.08, 0.2
#: The share of a product's cells that may look like the ground, as pale boards do.
GROUND_INSIDE = 0.25
#: Boards of one picture; where one covers others, they are fewer.
MOST_PARTS = 8
#: So many parts may be dots, if their areas are within this ratio.
DOTS, EQUAL = 4, 1.3
#: The share of a product's edge that is of another colour than the ground.
EDGE = 0.8
#: How much more the green of a grained product varies within a cell than that of its ground.
GRAIN = 3
#: Sides of the picture that a product may reach: it leaves the picture at both ends.
MOST_SIDES = 2
#: A convex shape fills at least this share of its hull; a fan of boards and a star do not.
CONVEX = 0.9
#: A narrower frame than this share of the shorter side may be a joint, and costs little.
NARROWEST = 0.02
#: A product without its shadow: the least share of it that is left, and how much longer its outline
#: may be.
TRIMMED, RAGGED = 0.7, 1.1
#: A shadow's hue differs by less than this from the ground's; light falls off on it by more than so
#: many code values a cell, and it is at least half as light as the ground.
SHADOW_HUE, SHADOW_SLOPE, SHADOW_LIGHT = 0.03, 1.5, 0.5
#: A shadow reaches so many cells.
SHADOW_CELLS = 10
#: A frame leaves to one upright rectangle so much of each side, and that rectangle is so full.
FRAME_SPAN, FRAME_FILL = 0.7, 0.93


def product_on_ground(cells: Cells, ranges: Cells) -> Cut | None:
    """Returns the boards on a plain ground or the swatch in a frame; None without a sign of either.

    Args:
        cells: float32 (r, c, 3), the mean colour of each cell.
        ranges: float32 (r, c), the range of green in each cell.

    Example:
        >>> cells, ranges = np.full((99, 99, 3), 255, np.float32), np.zeros((99, 99), np.float32)
        >>> cells[20:80, 10:90], ranges[20:80, 10:90] = (150, 110, 70), 20
        >>> product_on_ground(cells, ranges).kind
        'boards'
    """
    layout = Layout(cells, ranges)
    if any(rule.speaks(layout) for rule in NO_GROUND):
        return None
    if any(rule.speaks(layout) for rule in NO_PRODUCT):
        return Cut("doubtful", layout.product, 0.5)
    return Cut(layout.kind, layout.inner, layout.edge)


def kind_of(product: Mask) -> Literal["boards", "framed"]:
    """Returns whether a mask that is not empty is a framed swatch: boards leave more ground.

    Example:
        >>> mask = np.zeros((160, 160), bool)
        >>> mask[10:150, 10:150] = True
        >>> kind_of(mask)
        'framed'
    """
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    tall, wide = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    fills = product.sum() / (tall * wide) > FRAME_FILL
    spans = min(tall / product.shape[0], wide / product.shape[1]) >= FRAME_SPAN
    return "framed" if fills and spans else "boards"


class Layout:
    """A picture taken apart into a plain ground and a product on it.

    Each part is computed when it is first asked for; what follows from a ground has a meaning only
    where none of `NO_GROUND` speaks.

    Args:
        cells: float32 (r, c, 3), the mean colour of each cell.
        ranges: float32 (r, c), the range of green in each cell.
    """

    def __init__(self, cells: Cells, ranges: Cells) -> None:
        self.cells = cells
        self.ranges = ranges
        self.flat: Mask = ranges <= FLAT

    @cached_property
    def flat_rim(self) -> Mask:
        """Whether each cell of the rim is flat, bool (n,)."""
        return rim(self.flat)

    @cached_property
    def colour(self) -> NDArray[np.float32]:
        """The commonest colour of the rim's flat cells, float32 (3,); there must be some."""
        return commonest(rim(self.cells)[self.flat_rim])

    @cached_property
    def rim_of_colour(self) -> float:
        """The share of the rim that is flat and of the ground's colour."""
        if not self.flat_rim.any():
            return 0.0
        return float((self.flat_rim & similar(rim(self.cells), self.colour, SAME)).mean())

    @cached_property
    def clean_rim(self) -> float:
        """The share of the rim's flat cells that are clean."""
        return float((rim(self.ranges)[self.flat_rim] <= CLEAN).mean())

    @cached_property
    def neutral(self) -> bool:
        """Whether the ground is white or a light grey: no other tables are photographed."""
        return float(np.ptp(self.colour)) <= SAME and float(self.colour.mean()) > GREY

    @cached_property
    def ground(self) -> Mask:
        """The flat cells of about the ground's colour that lead to the rim without a step."""
        flat_alike = self.flat & similar(self.cells, self.colour, FALL)
        down = np.abs(np.diff(self.cells, axis=0)).max(axis=2) <= STEP
        across = np.abs(np.diff(self.cells, axis=1)).max(axis=2) <= STEP
        flat_alike[1:] &= down
        flat_alike[:, 1:] &= across
        labels = components(flat_alike)[0]
        ends = np.unique(rim(labels))
        ground: Mask = np.isin(labels, ends[ends > 0])
        # The cell at a step belongs to neither side for certain.
        return ground | (grown(ground) & similar(self.cells, self.colour, SAME))

    @cached_property
    def ground_share(self) -> float:
        """The share of the picture that is ground."""
        return float(self.ground.mean())

    @cached_property
    def ground_rim(self) -> float:
        """The share of the picture's rim that is ground."""
        return float(rim(self.ground).mean())

    @cached_property
    def clear_ranges(self) -> Cells:
        """The ranges of green, (n,), of the ground's cells that are not near the product.

        What lies near the product is blurred into the ground.
        """
        clear: Cells = self.ranges[self.ground & shrunk(shrunk(self.ground))]
        return clear

    @cached_property
    def clean(self) -> bool:
        """Whether the ground comes from a drawing program."""
        return bool(
            self.clear_ranges.size and float((self.clear_ranges <= CLEAN).mean()) > CLEAN_GROUND
        )

    @cached_property
    def white(self) -> bool:
        """Whether the ground is the white of a drawing program."""
        return self.clean and float(self.colour.min()) > WHITE

    @cached_property
    def product(self) -> Mask:
        """The cells of the product without its shadow; its small parts are left out."""
        product = large_parts(~self.ground)
        trimmed = large_parts(~self._shaded_ground())
        # A grey board may pass for its own shadow; then it loses its straight edges.
        straight = outline(trimmed) < RAGGED * outline(product)
        return trimmed if trimmed.sum() > TRIMMED * product.sum() and straight else product

    def _shaded_ground(self) -> Mask:
        """Returns the ground with the shadows on it: of its hue, darker, smooth, and on a slope."""
        light, full = self.cells.mean(axis=2), self.colour.mean()
        slope = np.hypot(*np.gradient(light))
        hue = self.cells / np.maximum(light, 1)[..., None] - self.colour / max(1.0, float(full))
        shadow = (np.abs(hue).max(axis=2) < SHADOW_HUE) & (slope > SHADOW_SLOPE)
        shadow &= (light < full) & (light > full * SHADOW_LIGHT) & (self.ranges < 2.5 * slope + 4)
        ground = self.ground
        for _ in range(SHADOW_CELLS):
            wider = ground | (grown(ground) & shadow)
            if np.array_equal(wider, ground):
                break
            ground = wider
        return ground

    @cached_property
    def share(self) -> float:
        """The share of the picture that is product."""
        return float(self.product.mean())

    @cached_property
    def inner(self) -> Mask:
        """The product without its outermost cells, which are partly ground."""
        return shrunk(self.product)

    @cached_property
    def ground_inside(self) -> float:
        """The share of the product's cells that look like the ground."""
        alike = similar(self.cells[self.inner], self.colour, SAME) & self.flat[self.inner]
        return float(alike.mean())

    @cached_property
    def parts(self) -> list[Mask]:
        """The connected parts of the product."""
        labels, areas = components(self.product)
        return [labels == label for label in range(1, len(areas))]

    @cached_property
    def dotted(self) -> bool:
        """Whether the product is four parts or more of one size, none in the picture's middle."""
        areas = [int(part.sum()) for part in self.parts]
        height, width = self.product.shape
        crossed = self.product[height // 2].any() or self.product[:, width // 2].any()
        return len(areas) >= DOTS and max(areas) < EQUAL * min(areas) and not crossed

    @cached_property
    def turned_alike(self) -> bool:
        """Whether the product looks the same upside down, as motifs do."""
        return turned_alike(self.product)

    @cached_property
    def edge(self) -> float:
        """The share of the product's edge that is of another colour than the ground."""
        flanks = self.inner & ~shrunk(shrunk(self.inner))
        return float((~similar(self.cells[flanks], self.colour, SAME)).mean())

    @cached_property
    def grained(self) -> bool:
        """Whether the product has a grain that its ground has not.

        The median, because of a label on a plain floor: that has more paper than writing.
        """
        plain = self.clear_ranges.mean() if self.clear_ranges.size else 0
        return bool(float(np.median(self.ranges[self.inner])) > plain + GRAIN)

    @cached_property
    def sides(self) -> int:
        """How many sides of the picture the product reaches."""
        return sides_reached(self.product)

    @cached_property
    def convex(self) -> bool:
        """Whether every part of the product is convex, as a board is."""
        return all(solidity(part) >= CONVEX for part in self.parts)

    @cached_property
    def kind(self) -> Literal["boards", "framed"]:
        """What the product is, if it is one."""
        return kind_of(self.product)

    @cached_property
    def narrow(self) -> bool:
        """Whether the margin beside the product is narrow on one side."""
        return bool(min(margins(self.product)) < NARROWEST * min(self.product.shape))


#: There is no ground: nothing in the picture hints at one.
NO_GROUND: tuple[Rule[Layout], ...] = (
    Rule(
        "a rim of many colours",
        "an inlay in falling light",
        lambda it: it.rim_of_colour < RIM_COLOUR,
    ),
    Rule(
        "a grained rim in a colour",
        "an inlay in a grained colour",
        lambda it: not it.neutral and it.clean_rim < CLEAN_RIM,
    ),
    Rule("a ground on half of the rim", "two tones", lambda it: it.ground_rim < RIM),
    Rule(
        "next to nothing on the ground",
        "a plain white floor",
        lambda it: it.ground_share > MOST_GROUND,
    ),
)

#: There is something like a ground, but what lies on it is no product.
NO_PRODUCT: tuple[Rule[Layout], ...] = (
    Rule("something small", "a small inlay", lambda it: it.share < SMALLEST),
    Rule("the ground inside lines", "a lined tile", lambda it: it.ground_inside > GROUND_INSIDE),
    Rule("many parts", "nine tiles and their joints", lambda it: len(it.parts) > MOST_PARTS),
    Rule(
        "parts close together",
        "three boards and their joints",
        lambda it: len(it.parts) > 1 and it.ground_share < BETWEEN_PARTS,
    ),
    Rule("dots of a pattern", "four dots", lambda it: it.dotted and it.turned_alike),
    Rule("no edge", "a marble inlay", lambda it: it.edge < EDGE),
    Rule(
        "a grained ground in a colour",
        "an inlay in a hardly grained colour",
        lambda it: not it.clean and not it.neutral,
    ),
    Rule(
        "a grained ground on a part of the rim",
        "a dark board along a grained edge",
        lambda it: not it.clean and it.ground_rim <= PHOTO_RIM,
    ),
    Rule("three sides reached", "a dark board below", lambda it: it.sides > MOST_SIDES),
    Rule(
        "two sides reached",
        "a dark board across the floor",
        lambda it: it.sides == MOST_SIDES and not it.white,
    ),
    Rule(
        "ragged, grained ground",
        "a corner on a grained floor",
        lambda it: not it.convex and not it.clean,
    ),
    Rule("ragged, no grain", "a plain corner", lambda it: not it.convex and not it.grained),
    Rule(
        "ragged, at the rim",
        "boards along a corner",
        lambda it: not it.convex and it.ground_rim <= RAGGED_RIM,
    ),
    Rule("ragged, the same upside down", "a star", lambda it: not it.convex and it.turned_alike),
    Rule(
        "no grain, several parts",
        "two plain inlays",
        lambda it: not it.grained and len(it.parts) > 1,
    ),
    Rule(
        "no grain, at the rim",
        "a plain inlay at an edge",
        lambda it: not it.grained and it.sides > 0,
    ),
    Rule(
        "no grain, ground not white",
        "a plain inlay in grey",
        lambda it: not it.grained and not it.white,
    ),
    Rule(
        "no grain, small",
        "a small plain inlay",
        lambda it: not it.grained and it.share < PLAIN_SMALLEST,
    ),
    Rule("a narrow frame", "a tile and its joint", lambda it: it.kind == "framed" and it.narrow),
)
