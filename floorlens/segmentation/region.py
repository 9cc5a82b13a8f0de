"""Regions: the floor found by a segmenter or drawn by hand, corrected by clicks, and doubted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from floorlens.errors import NoFloorFound, RegionError
from floorlens.images.colour import srgb_to_lab
from floorlens.images.loading import Photo
from floorlens.images.masks import resize_mask
from floorlens.segmentation import Click, DrawnRegion, FloorProbability, FloorRegion
from floorlens.segmentation.clicks import correct

CURE = (
    "Take the photo so that the floor fills the lower part of the picture, in daylight, or mark "
    "the floor yourself with region= (a box, polygon or mask) or clicks="
)
SMALL_SHARE = 0.03
"""On a smaller share of the photo, hardly a board of the floor's pattern is left at our working
size."""
DARK = 12.0
"""Below this L* (bytes of about 32) noise and JPEG decide the hue. The darkest of the sample
floors, black marble, has 19."""
UNSURE = 0.6
"""Below this confidence the region is doubtful."""
SIDEWAYS = 0.2
"""Below this probability that the photo is upright, the region is doubtful."""

_KINDS = "a region is a box of 4 numbers, 3 or more (x, y) points, or a 2-D mask"


def region_from_probability(
    photo: Photo,
    floor: FloorProbability,
    *,
    threshold: float,
    min_visible: float,
    min_share: float,
    sure_visible: float = 0.0,
) -> FloorRegion:
    """Returns the region where the floor probability exceeds the threshold.

    Its confidence is the mean probability inside it, times the probability that there is a floor.
    If that probability is below `sure_visible`, the region is doubtful.

    Raises:
        NoFloorFound: there is probably no floor, or it is less than `min_share` of the photo.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> photo = load_photo(np.full((480, 640, 3), 128, np.uint8))
        >>> floor = FloorProbability(np.full((480, 640), 0.9, np.float32), visible=1.0)
        >>> region = region_from_probability(
        ...     photo, floor, threshold=0.5, min_visible=0.5, min_share=0.005
        ... )
        >>> round(region.confidence, 2), region.box
        (0.9, (0, 0, 640, 480))
    """
    mask = floor.pixels > threshold
    share = np.count_nonzero(mask) / mask.size
    sideways = floor.upright < SIDEWAYS
    if floor.visible < min_visible or share < min_share:
        turn = "If the photo lies on its side, turn it upright. " if sideways else ""
        raise NoFloorFound(
            f"no floor was found in this photo ({share:.1%} of it looks like floor; that a floor "
            f"is visible has a probability of {floor.visible:.0%}). {turn}{CURE}."
        )
    # The mask may be empty: min_share is 0 where clicks are going to say what is floor.
    confidence = float(floor.pixels[mask].mean()) * floor.visible if share else 0.0
    reasons = doubts(photo.pixels, mask, confidence, floor.rug_share)
    if floor.visible < sure_visible and confidence >= UNSURE:
        reasons += (
            f"unsure: that the photo shows a floor has a probability of only {floor.visible:.0%}",
        )
    if sideways:
        reasons += ("sideways: the photo may lie on its side; if so, turn it upright",)
    return FloorRegion(mask, confidence, floor.visible, "automatic", photo.size, reasons)


def correct_region(
    photo: Photo,
    region: FloorRegion,
    suggestion: FloorProbability | None,
    clicks: Sequence[Click],
    *,
    threshold: float,
) -> FloorRegion:
    """Returns a region with its mask corrected by clicks.

    Its confidence is the mean over the mask of that of the region, with 1 for what the clicks
    added, times the probability that there is a floor, which is 1 after a click on it.

    Args:
        photo: the photo that the region is on.
        region: the region to correct.
        suggestion: the segmenter's answer with the clicks as hints; None if it takes none.
        clicks: in pixels of `photo.pixels`, at least one.
        threshold: a pixel is floor above this probability.

    Raises:
        RegionError: the clicks leave no floor.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> photo = load_photo(np.full((480, 640, 3), 128, np.uint8))
        >>> floor = FloorProbability(np.zeros((480, 640), np.float32), visible=0.2)
        >>> region = region_by_hand(photo, (0, 240, 640, 480))
        >>> correct_region(photo, region, floor, [Click(9, 9)], threshold=0.5).source
        'box+clicks'
    """
    probability = None if suggestion is None else suggestion.pixels
    mask = correct(photo.pixels, region.working_mask, probability, clicks, threshold)
    area = np.count_nonzero(mask)
    if not area:
        raise RegionError(
            "the clicks leave nothing of the floor: take back one of those on what is not floor, "
            "or click on the floor too",
            "clicks",
        )
    visible = 1.0 if any(click.floor for click in clicks) else region.visible
    confidence, rug_share = 1.0, 0.0
    if region.source == "automatic":
        rest = np.count_nonzero(mask & region.working_mask)
        mean = region.confidence / region.visible if region.visible else 0.0
        confidence = (mean * rest + area - rest) / area * visible
        rug_share = 0.0 if suggestion is None else suggestion.rug_share
    return FloorRegion(
        mask,
        confidence,
        visible,
        f"{region.source}+clicks",
        photo.size,
        doubts(photo.pixels, mask, confidence, rug_share),
        region.turn,
        base=region,
    )


def doubts(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    confidence: float = 1.0,
    rug_share: float = 0.0,
) -> tuple[str, ...]:
    """Returns why a region is doubtful, a sentence for each reason; see `FloorRegion.reasons`.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), the floor.
        confidence: of the region, 0..1.
        rug_share: the share of the photo that is a loose rug or mat, 0..1.

    Example:
        >>> doubts(np.full((48, 64, 3), 128, np.uint8), np.ones((48, 64), bool), confidence=0.5)
        ('unsure: the floor was found with a confidence of only 50%',)
    """
    share = np.count_nonzero(mask) / mask.size
    reasons = []
    if share < SMALL_SHARE:
        reasons.append(f"too small: the floor is only {share:.1%} of the photo")
    if share:
        # The median of a few thousand pixels is near enough.
        step = max(1, math.isqrt(int(share * mask.size) // 4096))
        floor = pixels[::step, ::step][mask[::step, ::step]]
        if not floor.size:
            floor = pixels[mask]
        lightness = float(np.median(srgb_to_lab(floor)[:, 0]))
        if lightness < DARK:
            reasons.append(
                f"too dark: half of the floor is darker than L* {lightness:.0f} of 100, where "
                "colours cannot be told"
            )
    if rug_share > share:
        reasons.append(
            f"mostly rug: rugs cover {rug_share:.1%} of the photo, the floor only {share:.1%}"
        )
    if confidence < UNSURE:
        reasons.append(f"unsure: the floor was found with a confidence of only {confidence:.0%}")
    return tuple(reasons)


def region_by_hand(photo: Photo, region: DrawnRegion) -> FloorRegion:
    """Returns a region drawn by hand, in pixels of the upright photo.

    Args:
        photo: the photo that it is drawn on.
        region: four numbers (left, top, right, bottom); three or more (x, y) points; or a 2-D
            array of the photo's size, of which what is not zero is floor.

    Raises:
        RegionError: none of these, or it covers no pixel of the photo.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> region = region_by_hand(load_photo("room.jpg"), (0, 300, 640, 480))
        >>> region.source, region.box
        ('box', (0, 300, 640, 480))
    """
    try:
        array: NDArray[Any] = np.asarray(region)
    except (ValueError, TypeError) as error:
        # Points of unequal length.
        raise RegionError(_KINDS) from error
    if array.dtype.kind not in "biuf":
        raise RegionError(_KINDS)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RegionError("a region's numbers must be finite")
    if array.shape == (4,):
        return _box(photo, array.astype(np.float64))
    if array.ndim == 2 and array.shape[1] == 2 and array.shape[0] >= 3 and array.dtype != bool:
        return _polygon(photo, array.tolist())
    if array.ndim == 2:
        return _mask(photo, array)
    raise RegionError(f"{_KINDS}; this has the shape {array.shape}")


def _box(photo: Photo, box: NDArray[np.float64]) -> FloorRegion:
    width, height = photo.size
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise RegionError(
            f"the box {_numbers(box)} has no area: it is left, top, right, bottom in pixels"
        )
    rows, columns = photo.pixels.shape[:2]
    sx, sy = columns / width, rows / height
    mask = np.zeros((rows, columns), bool)
    x0, x1 = max(0, int(left * sx)), min(columns, round(right * sx))
    y0, y1 = max(0, int(top * sy)), min(rows, round(bottom * sy))
    mask[y0 : max(y1, y0), x0 : max(x1, x0)] = True
    return _region(photo, mask, "box")


def _polygon(photo: Photo, points: Sequence[Sequence[float]]) -> FloorRegion:
    rows, columns = photo.pixels.shape[:2]
    sx, sy = columns / photo.size[0], rows / photo.size[1]
    canvas = Image.new("L", (columns, rows))
    ImageDraw.Draw(canvas).polygon([(x * sx, y * sy) for x, y in points], fill=1)
    return _region(photo, np.asarray(canvas) > 0, "polygon")


def _mask(photo: Photo, mask: NDArray[Any]) -> FloorRegion:
    width, height = photo.size
    if mask.shape not in ((height, width), photo.pixels.shape[:2]):
        raise RegionError(
            f"the mask has {mask.shape[1]} x {mask.shape[0]} pixels, the photo {width} x {height}: "
            "they must be equal (after the photo's EXIF rotation)"
        )
    return _region(photo, resize_mask(mask != 0, photo.pixels.shape[:2]), "mask")


def _region(photo: Photo, mask: NDArray[np.bool_], source: str) -> FloorRegion:
    if not mask.any():
        raise RegionError(
            f"the {source} covers no pixel of the photo, which is {photo.size[0]} x "
            f"{photo.size[1]} pixels"
        )
    return FloorRegion(mask, 1.0, 1.0, source, photo.size, doubts(photo.pixels, mask))


def _numbers(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:g}" for value in values)
