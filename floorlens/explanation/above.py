"""A photo's floor as it looks from above, for measuring it and for showing it to people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.images.loading import Photo
from floorlens.normalisation.plane import MOST_SPREAD, estimate_plane
from floorlens.normalisation.squares import choose_squares, largest_square
from floorlens.normalisation.straight import LONGEST, StraightFloor, straight_floor
from floorlens.segmentation import FloorRegion

SPOTLESS = 0.9995
"""What share of a square is floor, for nothing else to be seen in it."""


@dataclass(frozen=True, eq=False)
class FloorPatch:
    """A square of floor, to be laid beside a product.

    Attributes:
        pixels: uint8 (s, s, 3) sRGB.
        straight: whether it is seen from above; False: as the camera saw it.
    """

    pixels: NDArray[np.uint8]
    straight: bool


def floor_from_above(photo: Photo, floor: FloorRegion) -> StraightFloor | None:
    """Returns a photo's floor from above; None where the photo does not say how it was taken.

    Args:
        photo: the photo.
        floor: its floor.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.segmentation.region import region_by_hand
        >>> photo = load_photo("room.jpg")
        >>> floor_from_above(photo, region_by_hand(photo, (0, 500, 1024, 768))).rgb.ndim
        3
    """
    return from_above(*upright(photo, floor))


def from_above(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], longest: int = LONGEST
) -> StraightFloor | None:
    """Returns the floor of an upright picture from above, as `floor_from_above` does.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor, at least once.
        longest: the longer side of the view, in pixels, at most.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> pixels = load_photo("room.jpg").pixels
        >>> mask = np.zeros(pixels.shape[:2], bool)
        >>> mask[500:] = True
        >>> max(from_above(pixels, mask, longest=200).mask.shape)
        200
    """
    plane = estimate_plane(pixels, mask)
    if plane.spread > MOST_SPREAD:
        return None
    try:
        above = straight_floor(pixels, mask, plane, longest=longest)
    except ValueError:
        # The mask lies above the horizon of this plane.
        return None
    return above if above.mask.any() else None


def floor_patch(photo: Photo, floor: FloorRegion) -> FloorPatch:
    """Returns the largest clean square of a photo's floor, from above where that is possible.

    Args:
        photo: the photo.
        floor: its floor, of one pixel or more.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.segmentation.region import region_by_hand
        >>> photo = load_photo("room.jpg")
        >>> patch = floor_patch(photo, region_by_hand(photo, (0, 500, 1024, 768)))
        >>> patch.pixels.shape[0] == patch.pixels.shape[1], patch.straight
        (True, True)
    """
    above = floor_from_above(photo, floor)
    pixels, mask = upright(photo, floor) if above is None else (above.rgb, above.mask)
    return FloorPatch(pixels[clean_box(mask)], straight=above is not None)


def clean_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Returns the rows and columns of a square to show: large, and with nothing but floor in it.

    Where such a square is less than half as large as the cleanest of all, that one is taken.

    Args:
        mask: bool (h, w), True on floor, at least once.

    Example:
        >>> mask = np.zeros((480, 640), bool)
        >>> mask[300:400, 100:200] = True
        >>> rows, columns = clean_box(mask)
        >>> bool(mask[rows, columns].all()), 80 < rows.stop - rows.start <= 100
        (True, True)
    """
    square, spotless = choose_squares(mask, ((1.0, 1),))[0], largest_square(mask, SPOTLESS)
    if spotless is not None and spotless.side >= 0.5 * square.side:
        square = spotless
    top, left, side = int(square.top), int(square.left), max(1, int(square.side))
    return slice(top, top + side), slice(left, left + side)


def upright(photo: Photo, floor: FloorRegion) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a photo's pixels and its floor's mask, turned until the photo stands upright.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.segmentation.region import region_by_hand
        >>> photo = load_photo("room.jpg")
        >>> pixels, mask = upright(photo, region_by_hand(photo, (0, 500, 1024, 768)))
        >>> pixels.shape[:2] == mask.shape
        True
    """
    return (
        np.ascontiguousarray(np.rot90(photo.pixels, -floor.turn)),
        np.ascontiguousarray(np.rot90(floor.working_mask, -floor.turn)),
    )
