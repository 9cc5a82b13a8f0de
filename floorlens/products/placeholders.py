"""Pictures that show no product: writing, an icon or a logo on a plain ground.

Shops put them where a photo is still to come. Such a picture has a ground of one exact colour, as
no photo has, and on it a drawing that stays clear of the rim. The drawing is writing, whose strokes
are thin, or has few exact colours. Products that lie on a plain ground, and floors drawn in flat
colours, have other shapes: solid ones, rectangles, or ones that look the same upside down.

The thresholds were tried on made pictures (tests/products/test_placeholders.py), not fitted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.shapes import components, grow, outline, rim, shrink, solidity

Mask = NDArray[np.bool_]

#: The picture is shrunk by a whole number until its longer side has no more pixels.
SIDE = 480
#: What has the colour of the ground, and what surely has not, in code values.
SAME, OTHER = 4, 12
#: At least this share of a rim is ground, and nothing on it is of another colour. A frame is of one
#: colour, roughly, and as wide as this share of the shorter side at most.
RIM, FRAMED, FRAME = 0.985, 0.9, 0.06
#: What a frame's colours differ by, where JPEG has blurred it.
BLURRED = 30
#: The ground covers at least this share of the picture, the drawing at least and at most these.
LEAST_GROUND, LEAST_DRAWING, MOST_DRAWING = 0.4, 0.001, 0.5
#: Pixels from the drawing, before shrinking, within which JPEG may ripple. Beyond, at least `EXACT`
#: of the picture are within 2 of the ground's colour. At most `UNCLEAR` of the picture is neither
#: ground nor drawing; of white marble on white much is.
RIPPLE, EXACT, UNCLEAR = 16, 0.97, 0.06
#: The outline is at least this often the root of the drawing's area: 4 for a square, 8 for a
#: camera, 20 for three letters.
LONG = 7.5
#: A part is a rectangle if it is filled so far, and solid if its convex hull is. Rectangles of
#: which each covers `LARGE` and all cover `CHART` of the picture are samples of colours; of a
#: drawing at most this share of the area is solid.
FILLED, LARGE, CHART, SOLID, MOSTLY = 0.93, 0.02, 0.15, 0.88, 0.85
#: So many parts, the largest, are looked at.
PARTS = 40
#: Upside down, a drawing covers at most this share of itself.
TURNED = 0.8
#: Writing has a longer outline, less of it lies `EDGE` pixels from its outline, and it covers less
#: of itself upside down.
EDGE = 3
WRITTEN_LONG, WRITTEN_DEEP, WRITTEN_TURNED = 12.0, 0.55, 0.56
#: Of what lies deeper at least this share is within 3 of one of `INKS` colours, but for writing.
INKS, INKED = 4, 0.95


def is_drawing(pixels: NDArray[np.uint8], opaque: Mask | None = None) -> bool:
    """Returns whether a picture shows no product but writing, an icon or a logo.

    In doubt it does not: of a floor that is taken for a drawing the shop would hear without reason.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        opaque: bool (h, w), where the picture is not transparent; None: everywhere.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> is_drawing(load_photo("products/oak-natural-plank.jpg").pixels)
        False
    """
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    if opaque is not None and not opaque.all():
        # Laid on white, a white logo has disappeared: its shape is that of the opaque part.
        pixels, drawing = pixels[::step, ::step], opaque[::step, ::step]
        if rim(drawing).any():
            return False
    else:
        pixels = np.asarray(Image.fromarray(pixels).reduce(step)) if step > 1 else pixels
        ripple = max(4, RIPPLE // step)
        cut = _within_frame(pixels, ripple)
        if cut is None:
            return False
        pixels, distance = cut
        drawing = distance > OTHER
        away = ~_grown(drawing, ripple)
        if not away.any() or (distance[away] <= 2).mean() < EXACT:
            return False
        if ((distance > SAME) & ~drawing).mean() > UNCLEAR:
            return False
    if not LEAST_DRAWING <= drawing.mean() <= MOST_DRAWING:
        return False
    length = outline(drawing) / np.sqrt(drawing.sum())
    turned = _turned(drawing)
    if length < LONG or turned > TURNED or _has_shapes_of_products(drawing):
        return False
    deep = drawing
    for _ in range(EDGE):
        deep = shrink(deep)
    thin = deep.sum() < WRITTEN_DEEP * drawing.sum()
    if length >= WRITTEN_LONG and thin and turned < WRITTEN_TURNED:
        return True
    return _has_few_inks(pixels[deep].astype(np.int16))


def _within_frame(
    pixels: NDArray[np.uint8], ripple: int
) -> tuple[NDArray[np.uint8], NDArray[np.int16]] | None:
    """Returns a picture within its frame, and how far each pixel is from the ground's colour.

    None if its rim is not plain. Of a picture with a frame so much is cut off as JPEG may ripple.
    """
    frame = None
    for width in range(2 + int(FRAME * min(pixels.shape[:2]))):
        inner = pixels[width : len(pixels) - width, width : pixels.shape[1] - width]
        if min(inner.shape[:2]) < 16:
            return None
        colour, apart = _rim_of(inner)
        if (apart <= SAME).mean() >= RIM and apart.max() <= OTHER:
            distance = np.abs(inner - colour).max(axis=2)
            if (distance <= SAME).mean() >= LEAST_GROUND:
                break
        if frame is None:
            if (apart <= BLURRED).mean() < FRAMED:
                return None
            frame = colour
    else:
        return None
    if frame is None:
        return inner, distance
    # What was cut off in the colour of the ground is no frame, but half of a pattern on it.
    if np.abs(frame - colour).max() <= OTHER or min(inner.shape[:2]) <= 4 * ripple:
        return None
    inner = inner[ripple:-ripple, ripple:-ripple]
    colour, apart = _rim_of(inner)
    if apart.max() > OTHER:
        return None
    distance = np.abs(inner - colour).max(axis=2)
    return inner, distance


def _rim_of(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Returns the colour of a picture's rim, and how far each pixel there is from it."""
    edge = rim(pixels).astype(np.int16)
    colour = np.median(edge, axis=0).astype(np.int16)
    return colour, np.abs(edge - colour).max(axis=1)


def _turned(drawing: Mask) -> float:
    """Returns how much of itself a drawing covers upside down: intersection over union."""
    rows, columns = np.flatnonzero(drawing.any(axis=1)), np.flatnonzero(drawing.any(axis=0))
    shape = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    half_turn = shape[::-1, ::-1]
    return float((shape & half_turn).sum() / (shape | half_turn).sum())


def _has_shapes_of_products(drawing: Mask) -> bool:
    """Returns whether a drawing is solid shapes, such as boards, or large rectangles."""
    labels, areas = components(drawing)
    largest = [label for label in np.argsort(-areas[1:])[:PARTS] + 1 if areas[label] >= 9]
    solid = rectangles = total = 0
    for label in largest:
        rows, columns = np.nonzero(labels == label)
        part = labels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == label
        area = int(areas[label])
        total += area
        solid += area * (solidity(part) > SOLID)
        rectangles += area * (part.mean() >= FILLED and area >= LARGE * drawing.size)
    return solid > MOSTLY * total or rectangles >= CHART * drawing.size


def _has_few_inks(colours: NDArray[np.int16]) -> bool:
    """Returns whether colours (n, 3) are few exact ones."""
    left = colours
    for _ in range(INKS):
        if len(left) <= (1 - INKED) * len(colours):
            break
        codes = left.astype(np.int64) @ np.array([65536, 256, 1])
        values, counts = np.unique(codes, return_counts=True)
        code = int(values[counts.argmax()])
        ink = np.array([code >> 16, code >> 8 & 255, code & 255], np.int16)
        left = left[np.abs(left - ink).max(axis=1) > 3]
    return len(left) <= (1 - INKED) * len(colours)


def _grown(mask: Mask, steps: int) -> Mask:
    for _ in range(steps):
        mask = grow(mask)
    return mask
