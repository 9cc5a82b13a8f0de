"""What a shop lays over a floor: badges, captions, logos, rulers, small pictures, writing.

A small network says for each pixel how likely it was laid over (`weights/overlays.md`). What is
wide is left out; what is no wider than a line of writing is filled (`products.filling`), because
writing all over a floor would leave no clean piece of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.masks import mask_image
from floorlens.images.shapes import components
from floorlens.models.onnx import load_session

MODEL = "overlays.onnx"
#: The network's maps are halved four times.
STRIDE = 16
#: A picture of fewer pixels along its shorter side is too small to be examined.
SMALLEST = 64
#: First a glance at a small copy, its longer side in pixels: nine in ten swatches have nothing in
#: it that is above the probability, over the share of the copy. Only the others are looked at
#: closely.
GLANCE_SIDE, GLANCE, GLANCE_SHARE = 192, 0.5, 0.002
#: A pixel is laid over above this probability.
LIKELY = 0.4
#: A connected part counts as sure if something in it is above this probability. Where sure parts
#: take up `LEAST` of a picture, others count too if something in them is above `ALSO`: the letters
#: of one word are not all as plain.
SURE, ALSO = 0.95, 0.7
LEAST = 0.002
#: What is left of a picture is at least this share of it; else it is not a floor with overlays.
LEAST_LEFT = 0.3
#: Strokes over more than this share of a picture are the floor's own: of a rug, of a mosaic.
MOST_STROKES = 0.28
#: What is wider than this many pixels of the network's picture is left out, not filled: more than
#: a line of writing, of which only the outline may be plain.
LINE = 31
#: Both are taken so much wider, in pixels of the network's picture: edges are soft.
MARGIN = 5


@dataclass(frozen=True)
class Overlays:
    """What lies over a floor.

    Attributes:
        wide: bool (h, w), badges, captions, small pictures.
        strokes: bool (h, w), what is narrow: writing, logos, lines.
    """

    wide: NDArray[np.bool_]
    strokes: NDArray[np.bool_]


def find_overlays(pixels: NDArray[np.uint8]) -> Overlays | None:
    """Returns what was laid over a picture that is floor from edge to edge; None: nothing.

    Args:
        pixels: uint8 (h, w, 3) sRGB.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> find_overlays(load_photo("products/oak-natural-plank.jpg").pixels) is None
        True
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return None
    if float((overlay_probability(pixels, GLANCE_SIDE) > GLANCE).mean()) < GLANCE_SHARE:
        return None
    likely = sure_parts(overlay_probability(pixels))
    share = float(likely.mean())
    if not 0 < share <= 1 - LEAST_LEFT:
        return None
    wide = _wide(likely)
    strokes = likely & ~wide
    if float(strokes.mean()) > MOST_STROKES:
        return None
    shape = (pixels.shape[0], pixels.shape[1])
    return Overlays(
        wide=_enlarged(_grown(wide, MARGIN), shape),
        strokes=_enlarged(_grown(strokes, MARGIN), shape),
    )


def overlay_probability(
    pixels: NDArray[np.uint8], longest: int | None = None
) -> NDArray[np.float32]:
    """Returns how likely each part of a picture was laid over, float32 (h', w'), 0..1.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        longest: the longer side that the network sees, and answers with; by default its own. The
            aspect is the picture's.

    Example:
        >>> overlay_probability(np.full((480, 640, 3), 150, np.uint8)).shape
        (240, 320)
    """
    session = load_session(MODEL, 1)
    longest = longest or int(session.get_modelmeta().custom_metadata_map["input_side"])
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(pixels).resize((columns, rows), way))
    padded = np.pad(small, ((0, -rows % STRIDE), (0, -columns % STRIDE), (0, 0)), mode="edge")
    answer = session.run(["overlay_probability"], {"rgb": padded[None]})[0][0]
    return np.asarray(answer[:rows, :columns], np.float32)


def sure_parts(probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Returns the parts that were laid over, bool (h, w): all False where nothing is sure.

    Example:
        >>> sure_parts(np.array([[0.6, 0.97, 0.1, 0.6, 0.1, 0.8]], np.float32)).tolist()
        [[True, True, False, False, False, True]]
    """
    labels, areas = components(probability > LIKELY)
    highest = np.zeros(len(areas), np.float32)
    np.maximum.at(highest, labels.ravel(), probability.ravel())
    highest[0] = 0
    if areas[highest > SURE].sum() < LEAST * labels.size:
        return np.zeros(labels.shape, bool)
    return np.asarray((highest > ALSO)[labels])


def _wide(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the parts of a mask that are wider than `LINE` both ways, whole."""
    core = _box_mean(mask, LINE // 2) >= 1 - 1e-3
    near = _box_mean(core, LINE // 2 + 2) > 1e-6
    return near & mask


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return _box_mean(mask, by // 2) > 1e-6


def _box_mean(mask: NDArray[np.bool_], radius: int) -> NDArray[np.float64]:
    """Returns the mean in a square around each cell; a picture goes on as at its edge."""
    padded = np.pad(mask, radius, mode="edge").astype(np.float64)
    table = np.pad(padded, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    side = 2 * radius + 1
    tall = table[side:] - table[:-side]
    total = tall[:, side:] - tall[:, :-side]
    return np.asarray(total / side**2)


def _enlarged(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    image = mask_image(mask).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    # Low, so that nothing of a stroke's soft edge is left.
    return np.asarray(image) > 80
