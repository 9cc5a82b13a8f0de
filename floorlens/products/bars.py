"""Bars along the sides of a picture: what a shop adds to make it square or to write on.

A bar is of one colour along its whole length, to a code value or two, and ends at a straight edge.
No photographed floor is that even; what a drawing program filled is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.products.cells import Mask

#: What is of a bar's colour, in code values: JPEG leaves an even area as even as it was.
EXACT = 2
#: The share of a line that is of the bar's colour: along the picture's side, and where a bar has
#: writing on it.
WHOLE, WRITTEN = 0.985, 0.6
#: Beyond its edge no more of a line is of the bar's colour.
BEYOND = 0.35
#: An edge blurs the bar over so many lines: a block of JPEG with halved colours. There the bar is
#: still within so many code values of its colour, in so much of a line.
BLUR, RINGING, RUNG = 18, 45, 0.6
#: A bar is at least this share of the picture's side; a board's end or a joint is less.
NARROWEST = 0.03
#: What is left is at least this share of a side, and more where there is a bar on one side alone.
LEAST_LEFT, LEAST_LEFT_ALONE = 0.25, 0.55
#: The share of what is left that may be of the bar's colour: more is a plain floor with lines.
INSIDE = 0.25
#: A joint is a line inside of which so much is of the bar's colour.
JOINT = 0.9
#: What is left is plain if so much of it is of one colour. Then only a pair of bars is cut off: a
#: single one may be another plain tile, a frame the ground of a plain inlay.
PLAIN = 0.9
#: Bars within bars, at most.
ROUNDS = 3


@dataclass(frozen=True)
class Box:
    """A part of a picture, in pixels; `bottom` and `right` are excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def within_bars(pixels: NDArray[np.uint8]) -> Box | None:
    """Returns what bars of even colours, along one side or more, leave of a picture; None: no bars.

    Args:
        pixels: uint8 (h, w, 3) sRGB.

    Example:
        >>> pixels = np.random.default_rng(0).integers(90, 150, (120, 160, 3), dtype=np.uint8)
        >>> pixels[:30], pixels[90:] = 255, 255
        >>> within_bars(pixels)
        Box(top=31, bottom=89, left=0, right=160)
    """
    height, width = pixels.shape[:2]
    box = Box(0, height, 0, width)
    for _ in range(ROUNDS):
        inner = _one_colour(pixels[box.slices])
        if inner is None:
            break
        box = Box(
            box.top + inner.top,
            box.top + inner.bottom,
            box.left + inner.left,
            box.left + inner.right,
        )
    return None if box == Box(0, height, 0, width) else box


def _one_colour(pixels: NDArray[np.uint8]) -> Box | None:
    """Returns what the bars of one colour leave of a picture."""
    height, width = pixels.shape[:2]
    tried: list[NDArray[np.float64]] = []
    for line in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        colour = np.median(line, axis=0)
        near = any(np.abs(colour - other).max() <= EXACT for other in tried)
        if near or float(_alike(line, colour).mean()) < WHOLE:
            continue
        tried.append(colour)
        box = _left_by(_alike(pixels, colour), _alike(pixels, colour, RINGING))
        if box is not None and (_is_pair(box, height, width) or not _plain(pixels[box.slices])):
            return box
    return None


def _is_pair(box: Box, height: int, width: int) -> bool:
    """Whether the bars are two of one width, on opposite sides."""
    down, across = (box.top, height - box.bottom), (box.left, width - box.right)
    one, two = down if any(down) else across
    return not (any(down) and any(across)) and min(one, two) > 0 and abs(one - two) <= BLUR


def _plain(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is of one colour, but for a little."""
    sample = pixels[::3, ::3].reshape(-1, 3)
    return float(_alike(sample, np.median(sample, axis=0)).mean()) > PLAIN


def _alike(pixels: NDArray[np.uint8], colour: NDArray[np.floating], by: int = EXACT) -> Mask:
    low = np.clip(np.ceil(colour - by), 0, 255).astype(np.uint8)
    high = np.clip(np.floor(colour + by), 0, 255).astype(np.uint8)
    alike: Mask = ((pixels >= low) & (pixels <= high)).all(axis=-1)
    return alike


def _left_by(even: Mask, near: Mask) -> Box | None:
    """Returns what the bars leave, where `even` is of their colour and `near` about of it."""
    height, width = even.shape
    # First as if every line went through: a bar beside shortens them.
    rows, columns = even.mean(axis=1), even.mean(axis=0)
    top, bottom = _run(rows), _run(rows[::-1])
    left, right = _run(columns), _run(columns[::-1])
    if top + bottom >= height or left + right >= width:
        return None
    rows, columns = (
        np.stack([mask[:, left : width - right].mean(axis=1) for mask in (even, near)]),
        np.stack([mask[top : height - bottom].mean(axis=0) for mask in (even, near)]),
    )
    widths = []
    for shares, about in (rows, rows[:, ::-1], columns, columns[:, ::-1]):
        bar = _bar(shares, about)
        widths.append(bar if bar >= NARROWEST * len(shares) else 0)
    top, bottom, left, right = widths
    for one, two, size in ((top, bottom, height), (left, right, width)):
        least = LEAST_LEFT if one and two else LEAST_LEFT_ALONE
        if size - one - two < least * size:
            return None
    if not any(widths):
        return None
    box = Box(top, height - bottom, left, width - right)
    inside = even[box.slices]
    if inside.mean() > INSIDE or _joints(inside):
        return None
    return box


def _run(shares: NDArray[np.floating]) -> int:
    """Returns how many lines from the side on are wholly of the colour."""
    other = np.flatnonzero(shares < WHOLE)
    return int(other[0]) if len(other) else len(shares)


def _bar(shares: NDArray[np.floating], about: NDArray[np.floating]) -> int:
    """Returns the width of the bar at the first line; 0 without one that ends at an edge.

    Args:
        shares: of each line, how much is of the bar's colour.
        about: of each line, how much is about of it.
    """
    if shares[0] < WHOLE:
        return 0
    other = np.flatnonzero(shares < WRITTEN)
    if not len(other):
        return 0
    start = int(other[0])
    beyond = np.flatnonzero(shares[start : start + BLUR] < BEYOND)
    if not len(beyond):
        return 0
    if shares[max(0, start - BLUR) : start].max() < WHOLE:
        # It ends little by little, as what is beside a round shape does.
        return 0
    # JPEG stirs up the lines of a bar beside its edge. On a floor of about its colour it does not.
    other = np.flatnonzero(about[start : start + BLUR] < RUNG)
    edge = max(int(beyond[0]), int(other[0])) if len(other) else int(beyond[0])
    # The line at the edge is partly bar.
    return start + edge + 1


def _joints(inside: Mask) -> bool:
    """Whether lines of the bar's colour run across what is left: joints between boards or tiles."""
    margin_y, margin_x = (max(1, size // 20) for size in inside.shape)
    rows = inside[margin_y:-margin_y].mean(axis=1)
    columns = inside[:, margin_x:-margin_x].mean(axis=0)
    return bool(max(rows.max(initial=0), columns.max(initial=0)) > JOINT)
