"""What a floor's surface is like: how its parts differ, its grain, marks and highlights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from floorlens.attributes.sample import Sample
from floorlens.images.colour import delta_e76
from floorlens.images.shapes import components, grow

#: Parts along the longer side; a part counts if so much of it is floor.
PARTS, ENOUGH = 8, 0.6
#: Below the first the parts are even, from the second on lively (mean ΔE from their mean).
EVEN, LIVELY = 2.2, 4.5
#: Longer side of the copy on which marks are looked for, and the radius of their surroundings.
SIDE, AROUND = 240, 9
#: A mark is darker (a vein also lighter) than its surroundings by so much L*, and by so many times
#: the median difference.
CONTRAST, TIMES = 6.0, 4.0
#: Smallest area of a mark, in pixels of that copy; a vein is at least so long.
SMALLEST, LONG = 10, 20
#: A mark that fills so much of the square on its longer side is compact, less than that it is long.
COMPACT, THIN = 0.22, 0.2
#: Below the first there are few marks, from the second on many (knots and veins, % of the area).
SOME, MANY = 0.08, 1.0
#: Highlights from this share of the floor on (%) are gloss, where it is darker than `BRIGHT` L*.
GLOSS, BRIGHT = 0.4, 80.0
#: A highlight is lighter than the floor's median by this much L*, over a patch, not a grain.
HIGHLIGHT = 22.0


@dataclass(frozen=True)
class Marks:
    """Marks of a floor, as shares of its area in %: compact ones (knots), long ones (veins)."""

    knots: float
    veins: float


def spread_and_grain(sample: Sample) -> tuple[float, float]:
    """Returns how far parts are from their mean, and the pixels of a part from theirs: mean ΔE.

    Example:
        >>> from floorlens.attributes.sample import sample_of
        >>> halves = np.full((400, 400, 3), 100, np.uint8)
        >>> halves[:, 200:] = 150
        >>> spread, grain = spread_and_grain(sample_of(halves, np.ones((400, 400), bool)))
        >>> round(spread), round(grain)
        (10, 0)
    """
    height, width = sample.floor.shape
    side = max(2, round(max(height, width) / PARTS))
    means, within, weights = [], [], []
    for top in range(0, max(1, height - side // 2), side):
        for left in range(0, max(1, width - side // 2), side):
            part = np.s_[top : top + side, left : left + side]
            floor = sample.floor[part]
            if floor.mean() >= ENOUGH:
                colours = sample.lab[part][floor]
                mean = colours.mean(axis=0)
                means.append(mean)
                within.append(float(delta_e76(colours, mean).mean()))
                weights.append(len(colours))
    if not means:
        return 0.0, 0.0
    centre = np.average(means, axis=0, weights=weights)
    spread = np.average(delta_e76(np.array(means), centre), weights=weights)
    return float(spread), float(np.average(within, weights=weights))


def variation_of(spread: float) -> str:
    """Returns "even", "moderate" or "lively" for how far parts are from their mean (ΔE).

    Example:
        >>> variation_of(1), variation_of(3), variation_of(9)
        ('even', 'moderate', 'lively')
    """
    return "even" if spread < EVEN else "lively" if spread >= LIVELY else "moderate"


def marks_of(sample: Sample) -> Marks:
    """Returns the marks that stand out from what is around them.

    Lines along the picture's sides are left out: they are joints, or the edges of boards.

    Example:
        >>> from floorlens.attributes.sample import sample_of
        >>> board = np.full((480, 480, 3), 170, np.uint8)
        >>> board[100:116, 200:220] = 70
        >>> marks = marks_of(sample_of(board, np.ones((480, 480), bool)))
        >>> round(marks.knots, 2), marks.veins
        (0.14, 0.0)
    """
    image = Image.fromarray(sample.lightness)
    longer = max(image.size)
    if longer > SIDE:
        size = (round(image.width * SIDE / longer), round(image.height * SIDE / longer))
        image = image.resize((max(1, size[0]), max(1, size[1])), Image.Resampling.BOX)
    lightness = np.asarray(image)
    eight = Image.fromarray(np.clip(lightness * 2.55, 0, 255).astype(np.uint8))
    around = np.asarray(eight.filter(ImageFilter.BoxBlur(AROUND)), np.float32) / 2.55
    difference = lightness - around
    limit = max(CONTRAST, TIMES * float(np.median(np.abs(difference))))
    knots = _areas(difference < -limit, compact=True)
    veins = _areas(np.abs(difference) > limit, compact=False)
    total = lightness.size * max(float(sample.floor.mean()), 1e-3)
    return Marks(100 * knots / total, 100 * veins / total)


def marks_word(marks: Marks) -> str:
    """Returns "few", "some" or "many" for knots and veins.

    Example:
        >>> marks_word(Marks(0.0, 0.05)), marks_word(Marks(1.0, 2.0))
        ('few', 'many')
    """
    total = marks.knots + marks.veins
    return "few" if total < SOME else "many" if total >= MANY else "some"


def gloss_of(sample: Sample) -> str | None:
    """Returns "glossy" where the picture shows highlights, else "matt"; None for a white floor.

    Example:
        >>> from floorlens.attributes.sample import sample_of
        >>> board = np.full((400, 400, 3), 90, np.uint8)
        >>> gloss_of(sample_of(board, np.ones((400, 400), bool)))
        'matt'
        >>> board[50:120, 50:120] = 255
        >>> gloss_of(sample_of(board, np.ones((400, 400), bool)))
        'glossy'
    """
    lightness = sample.lab[..., 0]
    median = float(np.median(lightness[sample.floor]))
    if median >= BRIGHT:
        return None
    eight = Image.fromarray(np.clip(lightness * 2.55, 0, 255).astype(np.uint8))
    # A highlight is a patch of light: what is as bright in a single line is grain or a joint.
    smooth = np.asarray(eight.filter(ImageFilter.BoxBlur(4)), np.float32) / 2.55
    share = float((sample.floor & (smooth > median + HIGHLIGHT)).sum() / sample.floor.sum())
    clipped = float((sample.floor & sample.clipped).sum() / sample.floor.sum())
    return "glossy" if 100 * min(share, clipped) >= GLOSS else "matt"


def _areas(marked: NDArray[np.bool_], *, compact: bool) -> float:
    """Returns the area of marks that are compact, or that are long and not along the sides."""
    # A vein is seen in bits, which its growing joins; a knot has none.
    labels, areas = components(marked if compact else grow(marked))
    count = len(areas)
    if count < 2:
        return 0.0
    ys, xs = np.nonzero(marked)
    of = labels[ys, xs]
    areas = np.bincount(of, minlength=count)
    low = np.full((2, count), 1 << 20)
    high = np.full((2, count), -1)
    for axis, places in enumerate((ys, xs)):
        np.minimum.at(low[axis], of, places)
        np.maximum.at(high[axis], of, places)
    tall, wide = high - low + 1
    longer = np.maximum(tall, wide)
    fill = areas / np.maximum(longer, 1) ** 2
    large = (areas >= SMALLEST) & (np.arange(count) > 0)
    if compact:
        chosen = large & (fill >= COMPACT)
    else:
        straight = np.minimum(tall, wide) <= np.maximum(4, longer / 12)
        chosen = large & (fill < THIN) & (longer >= LONG) & ~straight
    return float(areas[chosen].sum())
