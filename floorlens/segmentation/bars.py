"""Bars beside a photo: what a screenshot or a letterboxed picture adds is never floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from floorlens.segmentation.framing import Framing

EVEN = 6
"""Pixels of a bar differ from its colour by at most this, in bytes: JPEG blurs even the evenest."""
NOISE = 1.5
"""The standard deviation of a line of a bar, in bytes, is less. Walls and floors have noise or a
slope of light, unless they are quite white or black, where nothing is to be seen anyway."""
PURE = 0.98
"""A line of a bar without writing has at least this share of the bar's colour."""
LEAST_PURE, LEAST_SHARE = 0.4, 0.6
"""Writing, icons and small pictures on a bar leave at least so many of its lines pure, and so much
of its area in its colour."""
PHOTO = 0.7
"""The first lines of the photo beside a bar have less than this share of the bar's colour."""
LIVELY = 4.0
"""The standard deviation of the photo's first lines, in bytes, is at least this: of two even areas
one above the other none is a bar."""
EDGE = 9
"""Over so many lines at most a bar goes over into the photo: a block of a JPEG."""
THIN, THICK = 0.01, 0.45
"""A bar is at least and at most this share of the picture."""
LEAST_PHOTO = 0.2
"""The photo between the bars is at least this share of the picture; else it is a drawing on a plain
ground."""
WHITE = 247
"""A bar with all channels above this may be overexposed wall or floor: it counts only where there
is another on the opposite side."""


def inside_bars(pixels: NDArray[np.uint8]) -> Framing:
    """Returns the photo between the bars at the sides of a picture.

    A bar has one even colour, runs along a whole side, and ends at a straight, sharp edge. Writing
    and icons may stand on it, as on the bars of a telephone.

    Args:
        pixels: uint8 (h, w, 3) sRGB.

    Example:
        >>> picture = np.zeros((480, 640, 3), np.uint8)
        >>> picture[60:420] = np.random.default_rng(0).integers(90, 160, (360, 640, 3))
        >>> inside_bars(picture)
        Framing(left=0, top=60, right=640, bottom=420, turn=0)
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    # Bars above and below first, then those beside what is left, and once more: a screenshot of a
    # narrow photo has bars all around.
    for _ in range(2):
        above, below = _bars(pixels[top:bottom, left:right])
        top, bottom = top + above, bottom - below
        before, behind = _bars(pixels[top:bottom, left:right].swapaxes(0, 1))
        left, right = left + before, right - behind
        if not (above or below or before or behind):
            break
    if (right - left) * (bottom - top) < LEAST_PHOTO * width * height:
        return Framing(0, 0, width, height)
    return Framing(left, top, right, bottom)


def _bars(lines: NDArray[np.uint8]) -> tuple[int, int]:
    """Returns how many of the first and of the last lines (n, length, 3) are bars."""
    first, last = _bar(lines), _bar(lines[::-1])
    if first and last:
        return first, last
    return (
        0 if first and np.median(lines[0]) > WHITE else first,
        0 if last and np.median(lines[-1]) > WHITE else last,
    )


def _bar(lines: NDArray[np.uint8]) -> int:
    """Returns how many of the first lines (n, length, 3) are a bar; 0 if none are."""
    count = len(lines)
    most = int(count * THICK)
    if most < 2 or lines.shape[1] < 16:
        return 0
    colour = np.median(lines[: max(2, count // 200)].reshape(-1, 3), axis=0)
    # A glance first: most photos end here.
    if _share(lines[:2], colour).min() < PURE or float(lines[0].std(axis=0).max()) >= NOISE:
        return 0
    share = _share(lines[: most + EDGE + 1], colour)
    pure = share >= PURE
    for end in np.flatnonzero(pure[:most])[::-1] + 1:
        beyond = np.flatnonzero(share[end : end + EDGE] < PHOTO)
        if not beyond.size or end < count * THIN:
            continue
        start = int(end + beyond[0])
        photo = lines[start : start + EDGE]
        if (
            float(share[start : start + EDGE].mean()) < PHOTO
            and float(photo.std(axis=1).mean(axis=0).max()) >= LIVELY
            and float(pure[:end].mean()) >= LEAST_PURE
            and float(share[:end].mean()) >= LEAST_SHARE
            and _is_even(lines[:end][pure[:end]], colour)
        ):
            # A JPEG's blocks smear the photo into the bar: it begins at the steepest step.
            near = lines[end - 1 : start + EDGE].astype(np.float32)
            return int(end + np.abs(np.diff(near, axis=0)).mean(axis=(1, 2)).argmax())
    return 0


def _share(lines: NDArray[np.uint8], colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the share of each line's pixels that have the colour."""
    # Unsigned bytes: how far each channel is outside of the colour's range.
    low = np.clip(colour - EVEN, 0, 255).astype(np.uint8)
    high = np.clip(colour + EVEN, 0, 255).astype(np.uint8)
    return np.asarray(((lines >= low) & (lines <= high)).all(axis=2).mean(axis=1))


def _is_even(lines: NDArray[np.uint8], colour: NDArray[np.float64]) -> bool:
    """Returns whether lines have one colour, without noise and from end to end."""
    sample = lines[:: 1 + len(lines) // 64].astype(np.float32)
    near = (np.abs(sample - colour) <= EVEN).all(axis=2)
    return float(sample[near].std(axis=0).max()) < NOISE
