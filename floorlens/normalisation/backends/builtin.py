"""The built-in normaliser: patches of the floor as it is seen and from above, and its colours."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.colour import srgb_to_lab
from floorlens.images.masks import mask_image
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView, check_view
from floorlens.normalisation.plane import estimate_plane
from floorlens.normalisation.shading import flatten
from floorlens.normalisation.squares import Scales, choose_squares, cut_squares
from floorlens.normalisation.straight import straight_squares

#: Side of the patches in pixels.
SIDE = 160
#: Large squares hold the layout of boards, small ones their grain; a swatch may show one board and
#: a room a hundred, so that the middle of one meets the small of the other.
SCALES: Scales = ((0.6, 2), (0.35, 4), (0.2, 6))
#: Patches from above: (side in metres for a camera at 1.4 m, how many).
STRAIGHT = ((1.2, 3), (0.6, 3))
#: Weight of a patch from above beside one as seen: its plane is but estimated.
STRAIGHT_WEIGHT = 0.5
#: A plane whose pitch is less sure than this, in radians, is not used.
UNSURE = 0.12
#: Cells across a square as large as the floor when its colours are sampled: 64² = 4,096 colours.
COLOUR_CELLS = 64


class BuiltinNormaliser:
    """Cuts patches out of the floor as the camera saw it, and samples its colours."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""
        scales = ", ".join(f"{count} of {scale:g}" for scale, count in SCALES)
        return Stamp(
            model_id="floorlens-normaliser-builtin",
            version="0.2.0",
            dimension=0,
            licence="Apache-2.0",
            preprocessing=(
                f"squares of sqrt(floor area) x ({scales}) and from above, {SIDE} px; even light"
            ),
        )

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns the view of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

        Deterministic; always sum of the counts in `SCALES` patches of `SIDE` px.

        Raises:
            ValueError: the shapes differ, or the mask is empty.
        """
        check_view(pixels, mask)
        squares = choose_squares(mask, SCALES)
        photo, floor = images_of(pixels, mask)
        lab, fill = sample_colours(photo, floor)
        if floor is not None:
            # A product picture's unevenness is the product's; a room's is the room's light.
            even, usable = flatten(pixels, mask)
            if usable.any():
                lab, _ = sample_colours(*images_of(even, usable))
        patches = cut_squares(photo, floor, squares, fill, SIDE)
        coverage = np.array([square.coverage for square in squares], np.float32)
        return FloorView(patches=patches, coverage=coverage, lab=lab)

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns the patches of the floor seen from above; None where the photo does not allow it.

        `coverage` is lowered: these compete with the patches as seen, and count for less.
        """
        plane = estimate_plane(pixels, mask)
        if plane.spread > UNSURE:
            return None
        try:
            patches, coverage = straight_squares(pixels, mask, plane, STRAIGHT, SIDE)
        except ValueError:
            # The mask reaches above the horizon, or nothing is near enough: the raw view remains.
            return None
        weighted = np.asarray(coverage * STRAIGHT_WEIGHT, np.float32)
        return FloorView(patches=patches, coverage=weighted, lab=np.empty((0, 3), np.float32))


def sample_colours(
    photo: Image.Image, floor: Image.Image | None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Returns Lab colours float32 (m, 3), 1 <= m <= 4,096, and the mean floor colour uint8 (3,).

    The photo is averaged to cells of 1/64 of the floor's extent, so that noise and grain finer than
    that count alike at every resolution. Cells that touch the mask's edge are left out, and so are
    clipped highlights, unless that leaves less than a quarter.
    """
    width, height = photo.size
    area = width * height if floor is None else float(np.count_nonzero(np.asarray(floor)))
    shrink = min(1.0, COLOUR_CELLS / math.sqrt(area))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(photo.resize(size, Image.Resampling.BOX))
    if floor is None:
        cells = small.reshape(-1, 3)
    else:
        share = np.asarray(floor.resize(size, Image.Resampling.BOX), np.float32) / 255.0
        cells = small[_inside(share)]
    clipped = (cells >= 250).all(axis=1)
    kept = cells[~clipped] if clipped.mean() < 0.75 else cells
    if len(kept) > 4096:
        kept = kept[np.linspace(0, len(kept) - 1, 4096).astype(np.intp)]
    fill = np.rint(cells.mean(axis=0)).astype(np.uint8)
    return srgb_to_lab(kept), fill


def _inside(share: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Returns the cells that are surely floor: the strictest choice that leaves a quarter of it."""
    clear = share >= 0.99
    for choice in (_eroded(clear), clear, share >= 0.5):
        if choice.sum() >= 0.25 * share.sum() and choice.any():
            return choice
    return np.asarray(share >= share.max())


def images_of(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[Image.Image, Image.Image | None]:
    """Returns photo and mask as images; None for a mask that is all floor."""
    photo = Image.fromarray(pixels)
    return photo, None if mask.all() else mask_image(mask)


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask without cells that have a False neighbour; the photo's border stays."""
    padded = np.pad(mask, 1, constant_values=True)
    inner = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1]
    return np.asarray(inner & padded[1:-1, :-2] & padded[1:-1, 2:])
