"""The built-in normaliser: patches of the floor as it is seen and from above, and its colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView, check_view
from floorlens.normalisation.colours import for_colours, images_of, sample_colours
from floorlens.normalisation.plane import MOST_SPREAD, estimate_plane
from floorlens.normalisation.shading import flatten
from floorlens.normalisation.squares import Scales, choose_squares, cut_squares
from floorlens.normalisation.straight import straight_squares
from floorlens.normalisation.trust import light_of

#: Side of the patches in pixels.
SIDE = 160
#: (side as a share of the square root of the floor's area, how many). Large squares show the layout
#: of boards, small ones their grain. A swatch may show one board and a room a hundred: the small
#: squares of the one are compared with the middle ones of the other.
SCALES: Scales = ((1.1, 1), (0.8, 4), (0.55, 4), (0.3, 3))
#: Patches from above: (side in metres for a camera at 1.4 m, how many).
STRAIGHT = ((1.2, 3), (0.6, 3))
#: Weight of a patch from above beside one as the camera saw it: its plane is only estimated.
STRAIGHT_WEIGHT = 0.5


class BuiltinNormaliser:
    """Cuts patches out of the floor as the camera saw it, and samples its colours."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""
        scales = ", ".join(f"{count} of {scale:g}" for scale, count in SCALES)
        return Stamp(
            model_id="floorlens-normaliser-builtin",
            version="0.3.0",
            dimension=0,
            licence="Apache-2.0",
            preprocessing=(
                f"squares of sqrt(floor area) x ({scales}) and from above, {SIDE} px; even light"
            ),
        )

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns the view of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

        Deterministic. There are always as many patches, of `SIDE` px, as `SCALES` says.

        Raises:
            ValueError: the shapes differ, or the mask is empty.
        """
        check_view(pixels, mask)
        squares = choose_squares(mask, SCALES)
        photo, floor = images_of(pixels, mask)
        lab, fill = sample_colours(photo, floor)
        if floor is not None:
            # In a product picture uneven light is the product's own; in a room it is the room's.
            small, on_floor = for_colours(photo, floor)
            if on_floor.any():
                lab, _ = sample_colours(*images_of(*flatten(small, on_floor)))
        patches = cut_squares(photo, floor, squares, fill, SIDE)
        coverage = np.array([square.coverage for square in squares], np.float32)
        places = np.array(
            [(s.left + s.side / 2, s.top + s.side / 2, s.side) for s in squares], np.float32
        )
        return FloorView(patches, coverage, lab, light_of(photo, floor), places)

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns the patches of the floor seen from above; None where the photo does not allow it.

        `coverage` is lowered: these patches count less than those of `view`.
        """
        plane = estimate_plane(pixels, mask)
        if plane.spread > MOST_SPREAD:
            return None
        try:
            patches, coverage, places = straight_squares(pixels, mask, plane, STRAIGHT, SIDE)
        except ValueError:
            # The mask lies above the horizon, or nothing is near enough: only the raw view is used.
            return None
        weights = np.asarray(coverage * STRAIGHT_WEIGHT, np.float32)
        return FloorView(patches, weights, np.empty((0, 3), np.float32), places=places)
