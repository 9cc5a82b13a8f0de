"""Swatches with round corners or a label: what is beside the floor, without a ground all round."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from floorlens.images.shapes import components, rim, shrunk
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

#: How far the colour of a label's paper is from the floor's usual one, in code values.
OTHER = 30
#: Shares of the picture that are plain and of another colour than the floor, where there is a
#: label: more is a floor of plain tiles.
LEAST_PLAIN, MOST_PLAIN = 0.01, 0.45
#: A label's distance from the nearest side, as a share of the picture's shorter side, at most.
NEAR = 0.08
#: A label's shorter side in cells, and its least and largest share of the picture.
LABEL_SIDE, LEAST_LABEL, MOST_LABEL = 5, 0.01, 0.35
#: A label's paper: the share of its rim that is paper, and of its paper that is flat.
PAPER_RIM, FLAT_PAPER = 0.95, 0.6
#: The share of a label that is written on, and how many pieces of writing there are.
LEAST_WRITTEN, MOST_WRITTEN, LETTERS = 0.03, 0.6, 3
#: How much of the paper's colour may lie elsewhere in the picture, as a share of the label.
ELSEWHERE = 0.1
#: The share of what surrounds a label that is of another colour.
LABEL_EDGE = 0.85
#: The four corners of one ground differ by no more, in code values.
SAME_CORNERS = 6
#: Radii of round corners: cells at least, and at most this share of the picture's shorter side; and
#: how much the largest may exceed the smallest.
LEAST_RADIUS, MOST_RADIUS, EQUAL_RADII = 6, 0.25, 1.3
#: How far a corner overlaps what a round one leaves, and by how much more than other shapes.
CUSP, CUSP_LEAD = 0.75, 0.03


def label_on_swatch(cells: Cells, ranges: Cells) -> Cut | None:
    """Returns the swatch without its label, a written rectangle near the rim; None without one.

    Args:
        cells: float32 (r, c, 3), the mean colour of each cell.
        ranges: float32 (r, c), the range of green in each cell.

    Example:
        >>> cells, ranges = np.full((99, 99, 3), 90, np.float32), np.full((99, 99), 20, np.float32)
        >>> cells[80:, 60:], ranges[80:, 60:] = 255, 0
        >>> cells[85:92, 65:95:5] = 20
        >>> label_on_swatch(cells, ranges).kind
        'framed'
    """
    label = Label(cells, ranges)
    if any(rule.speaks(label) for rule in NO_LABEL):
        return None
    mask = ~label.with_margin(2)
    if label.edge < LABEL_EDGE:
        return Cut("doubtful", mask, 0.5)
    return Cut("framed", mask, label.edge)


class Label:
    """The largest plain patch of a colour that the floor has not, and what would make it a label.

    Each part is computed when it is first asked for, and has a meaning only where no rule before
    it in `NO_LABEL` speaks.

    Args:
        cells: float32 (r, c, 3), the mean colour of each cell.
        ranges: float32 (r, c), the range of green in each cell.
    """

    def __init__(self, cells: Cells, ranges: Cells) -> None:
        self.cells = cells
        self.ranges = ranges
        self.shape: tuple[int, int] = (ranges.shape[0], ranges.shape[1])

    @cached_property
    def plain(self) -> Mask:
        """The flat cells of another colour than the picture's usual one."""
        usual = np.median(self.cells.reshape(-1, 3), axis=0)
        plain: Mask = (self.ranges <= FLAT) & ~similar(self.cells, usual, OTHER)
        return plain

    @cached_property
    def plain_share(self) -> float:
        """The share of the picture that is plain."""
        return float(self.plain.mean())

    @cached_property
    def colour(self) -> NDArray[np.float32]:
        """The paper's colour: the commonest of the plain cells, float32 (3,)."""
        return commonest(self.cells[self.plain])

    @cached_property
    def patch(self) -> Mask:
        """The largest connected patch of paper; empty if there is no paper."""
        labels, areas = components(similar(self.cells, self.colour, SAME) & (self.ranges <= FLAT))
        largest = 1 + int(np.argmax(areas[1:])) if len(areas) > 1 else -1
        patch: Mask = labels == largest
        return patch

    @cached_property
    def edges(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right of the patch's bounding box; bottom and right excluded."""
        rows = np.flatnonzero(self.patch.any(axis=1))
        columns = np.flatnonzero(self.patch.any(axis=0))
        return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1

    @cached_property
    def box(self) -> tuple[slice, slice]:
        """The patch's bounding box."""
        top, bottom, left, right = self.edges
        return slice(top, bottom), slice(left, right)

    @cached_property
    def sides(self) -> tuple[int, int]:
        """Height and width of the box in cells."""
        top, bottom, left, right = self.edges
        return bottom - top, right - left

    @cached_property
    def area(self) -> int:
        """The cells of the box."""
        return self.sides[0] * self.sides[1]

    @cached_property
    def share(self) -> float:
        """The share of the picture that the box takes; 0 if there is no paper."""
        return self.area / self.ranges.size if self.patch.any() else 0.0

    @cached_property
    def near_rim(self) -> bool:
        """Whether the box lies at or near a side of the picture."""
        top, bottom, left, right = self.edges
        height, width = self.shape
        return min(top, left, height - bottom, width - right) <= NEAR * min(height, width)

    @cached_property
    def papery(self) -> Mask:
        """The cells of about the paper's colour, flat or not."""
        return similar(self.cells, self.colour, 2 * SAME)

    @cached_property
    def written(self) -> Mask:
        """The cells of the box, (height, width), that are not of the paper's colour."""
        return ~self.papery[self.box]

    @cached_property
    def letters(self) -> int:
        """How many connected pieces of writing there are."""
        return len(components(self.written)[1]) - 1

    @cached_property
    def elsewhere(self) -> int:
        """How many cells of the paper's colour lie outside the box."""
        return int(self.papery.sum() - self.papery[self.box].sum())

    @cached_property
    def flat_paper(self) -> float:
        """The share of the unwritten cells of the box that are flat."""
        return float((self.ranges[self.box][~self.written] <= FLAT).mean())

    @cached_property
    def edge(self) -> float:
        """The share of what surrounds the box that is not of the paper's colour; 0 for nothing."""
        around = self.with_margin(2) & ~self.with_margin(1)
        return 1.0 - float(self.papery[around].mean()) if around.any() else 0.0

    def with_margin(self, cells: int) -> Mask:
        """Returns the box with so many cells around it, as a mask (r, c)."""
        top, bottom, left, right = self.edges
        mask = np.zeros(self.shape, bool)
        mask[max(0, top - cells) : bottom + cells, max(0, left - cells) : right + cells] = True
        return mask


#: What is plain is no label, but a part of the floor.
NO_LABEL: tuple[Rule[Label], ...] = (
    Rule("nothing plain", "a white fleck between boards", lambda it: it.plain_share < LEAST_PLAIN),
    Rule("much that is plain", "a floor of plain tiles", lambda it: it.plain_share > MOST_PLAIN),
    Rule("too little paper", "two small plain tiles", lambda it: it.share <= LEAST_LABEL),
    Rule("paper inside the picture", "a white tile inside the floor", lambda it: not it.near_rim),
    Rule("a strip of paper", "a strip with dots", lambda it: min(it.sides) < LABEL_SIDE),
    Rule("too much paper", "a large white tile with bars", lambda it: it.share >= MOST_LABEL),
    Rule(
        "no rectangle",
        "a round medallion",
        lambda it: float(rim(it.papery[it.box]).mean()) < PAPER_RIM,
    ),
    Rule(
        "unwritten",
        "a white tile with specks",
        lambda it: float(it.written.mean()) <= LEAST_WRITTEN,
    ),
    Rule(
        "more ink than paper",
        "boards and wide white joints",
        lambda it: float(it.written.mean()) >= MOST_WRITTEN,
    ),
    Rule("few letters", "a white tile with two bars", lambda it: it.letters < LETTERS),
    Rule(
        "paper elsewhere",
        "white tiles here and there",
        lambda it: it.elsewhere > ELSEWHERE * it.area,
    ),
    Rule("grained paper", "a grained tile", lambda it: it.flat_paper < FLAT_PAPER),
)


def round_corners(cells: Cells, ranges: Cells) -> Cut | None:
    """Returns the swatch without its round corners, four cusps of one size and colour, or None.

    Args:
        cells: float32 (r, c, 3), the mean colour of each cell.
        ranges: float32 (r, c), the range of green in each cell.

    Example:
        >>> from PIL import Image, ImageDraw
        >>> shape = Image.new("L", (99, 99))
        >>> ImageDraw.Draw(shape).rounded_rectangle((0, 0, 98, 98), 20, fill=1)
        >>> floor = np.asarray(shape)[..., None] == 1
        >>> cells = np.where(floor, (150, 110, 70), 255).astype(np.float32)
        >>> round_corners(cells, np.zeros((99, 99), np.float32)).kind
        'framed'
    """
    flat = ranges <= FLAT
    places = ((0, 0), (0, -1), (-1, 0), (-1, -1))
    corners = np.stack([cells[place] for place in places])
    colour = np.median(corners, axis=0)
    if not (all(flat[place] for place in places) and similar(corners, colour, SAME_CORNERS).all()):
        return None
    labels, areas = components(similar(cells, colour, SAME))
    mask, radii = np.ones(labels.shape, bool), []
    for row, column in places:
        cusp = labels == labels[row, column]
        # What is outside a quarter circle is .215 of its square.
        radius = round(float(np.sqrt(areas[labels[row, column]] / (1 - np.pi / 4))))
        if not LEAST_RADIUS <= radius <= MOST_RADIUS * min(labels.shape):
            return None
        turned = cusp[:: 1 if row == 0 else -1, :: 1 if column == 0 else -1]
        if not _is_cusp(turned, radius):
            return None
        radii.append(radius)
        mask &= ~cusp
    if max(radii) > EQUAL_RADII * min(radii):
        return None
    return Cut("framed", shrunk(mask), 0.9)


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
    return overlaps[0] > CUSP and overlaps[0] > max(overlaps[1:]) + CUSP_LEAD
