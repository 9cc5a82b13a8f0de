"""The built-in normaliser: patches of the floor as it is seen and from above, and its colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp
from floorlens.normalisation import Cuts, FloorView, check_view
from floorlens.normalisation.colours import for_colours, images_of, sample_colours
from floorlens.normalisation.plane import MOST_SPREAD, FloorPlane, estimate_plane
from floorlens.normalisation.shading import flatten
from floorlens.normalisation.squares import (
    Scales,
    are_untouched,
    choose_squares,
    cut_squares,
    same_squares,
)
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
        return self._view(pixels, mask, None)

    def renewed_view(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], cuts: Cuts
    ) -> FloorView:
        """Returns what `view` does, but cuts no patches that are about where `cuts` has one.

        Raises:
            ValueError: the shapes differ, or the mask is empty.
        """
        seen = len(cuts.places) - cuts.straight
        earlier = Cuts(cuts.places[:seen], cuts.coverage[:seen], changed=cuts.changed)
        return self._view(pixels, mask, earlier)

    def _view(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], cuts: Cuts | None
    ) -> FloorView:
        check_view(pixels, mask)
        photo, floor = images_of(pixels, mask)
        light, lab = light_of(photo, floor), None
        if floor is not None:
            # In a product picture uneven light is the product's own; in a room it is the room's.
            small, on_floor = for_colours(photo, floor)
            if on_floor.any():
                lab, _ = sample_colours(*images_of(*flatten(small, on_floor)))
        if lab is not None and cuts is not None and are_untouched(cuts):
            none, all_ = np.empty((0, SIDE, SIDE, 3), np.uint8), np.arange(len(cuts.places))
            return FloorView(none, cuts.coverage, lab, light, cuts.places, earlier=all_)
        uneven, fill = sample_colours(photo, floor)
        lab = uneven if lab is None else lab
        squares = choose_squares(mask, SCALES)
        coverage = np.array([square.coverage for square in squares], np.float32)
        places = np.array(
            [(s.left + s.side / 2, s.top + s.side / 2, s.side) for s in squares], np.float32
        )
        earlier = None
        if cuts is not None:
            earlier = same_squares(places, coverage, cuts)
            kept = earlier >= 0
            places[kept], coverage[kept] = cuts.places[earlier[kept]], cuts.coverage[earlier[kept]]
            squares = [square for square, old in zip(squares, kept, strict=True) if not old]
        patches = cut_squares(photo, floor, squares, fill, SIDE)
        return FloorView(patches, coverage, lab, light, places, earlier=earlier)

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns the patches of the floor seen from above; None where the photo does not allow it.

        `coverage` is lowered: these patches count less than those of `view`.
        """
        plane = estimate_plane(pixels, mask)
        return self._straight(pixels, mask, plane, None) if plane.spread <= MOST_SPREAD else None

    def renewed_straight(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], cuts: Cuts
    ) -> FloorView | None:
        """Returns what `straightened` does with the plane of `cuts`; None where that has none."""
        if cuts.plane is None:
            return None
        seen = len(cuts.places) - cuts.straight
        places, coverage = cuts.places[seen:], cuts.coverage[seen:]
        if are_untouched(Cuts(places, coverage, changed=cuts.changed)):
            return FloorView(
                np.empty((0, SIDE, SIDE, 3), np.uint8),
                coverage,
                np.empty((0, 3), np.float32),
                places=places,
                straight=cuts.straight,
                plane=cuts.plane,
                earlier=np.arange(seen, len(cuts.places)),
            )
        earlier = Cuts(places, coverage / np.float32(STRAIGHT_WEIGHT))
        view = self._straight(pixels, mask, FloorPlane.from_values(cuts.plane), earlier)
        if view is None or view.earlier is None:
            return view
        return replace(view, earlier=np.where(view.earlier < 0, -1, view.earlier + seen))

    def _straight(
        self,
        pixels: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        plane: FloorPlane,
        earlier: Cuts | None,
    ) -> FloorView | None:
        try:
            squares = straight_squares(pixels, mask, plane, STRAIGHT, SIDE, earlier)
        except ValueError:
            # The mask lies above the horizon, or nothing is near enough: only the raw view is used.
            return None
        return FloorView(
            squares.patches,
            np.asarray(squares.coverage * STRAIGHT_WEIGHT, np.float32),
            np.empty((0, 3), np.float32),
            places=squares.places,
            straight=len(squares.places),
            plane=plane.values,
            earlier=None if earlier is None else squares.earlier,
        )
