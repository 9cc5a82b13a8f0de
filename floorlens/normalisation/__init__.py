"""Stage 2: the floor made comparable, photo and mask -> FloorView. The backends: `backends/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp
from floorlens.normalisation.trust import TRUST


@dataclass(frozen=True, eq=False)
class Cuts:
    """Where the patches of a view were cut: what a view of the same photo with another mask needs.

    Attributes:
        places: float32 (n, 3), as of a `FloorView`.
        coverage: float32 (n,), as of a `FloorView`.
        straight: how many of them, the last ones, show the floor from above.
        plane: float64 (6,), the plane that those rest on (`plane.FloorPlane.values`); None where
            there are none.
        changed: bool (h, w), where the picture has become floor, or ceased to be, since then; None:
            that is not known.
        area: pixels of floor in the mask that they were chosen for; 0: that is not known.
    """

    places: NDArray[np.float32]
    coverage: NDArray[np.float32]
    straight: int = 0
    plane: NDArray[np.float64] | None = None
    changed: NDArray[np.bool_] | None = None
    area: int = 0


@dataclass(frozen=True)
class FloorView:
    """One floor as pictures of it and its colours, ready to be described.

    Attributes:
        patches: uint8 (n, side, side, 3) sRGB patches of floor, n >= 1.
        coverage: float32 (n,), the share of each patch that is floor, 0..1.
        lab: float32 (m, 3), a sample of at most 4,096 floor pixels in CIELAB (D65).
        trust: float32 (4,), what `floorlens.normalisation.trust.TRUST` names; zeros where nobody
            looked.
        places: float32 (n, 3), where each patch was cut: its centre x, y and its side, in pixels of
            the picture; None where that is not told.
        straight: how many of the patches, the last ones, show the floor from above.
        plane: float64 (6,), the plane that those rest on (`plane.FloorPlane.values`).
        earlier: intp (n,), which patch of an earlier view each is, and -1 for those that are in
            `patches`, which then has no others; None: all are.
    """

    patches: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    lab: NDArray[np.float32]
    trust: NDArray[np.float32] = field(default_factory=lambda: np.zeros(len(TRUST), np.float32))
    places: NDArray[np.float32] | None = None
    straight: int = 0
    plane: NDArray[np.float64] | None = None
    earlier: NDArray[np.intp] | None = None

    @property
    def cuts(self) -> Cuts | None:
        """Where the patches were cut; None where that is not told."""
        if self.places is None:
            return None
        return Cuts(self.places, self.coverage, self.straight, self.plane)


def check_view(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Checks that a bool (h, w) mask has floor in it and belongs to a (h, w, 3) photo.

    Raises:
        ValueError: it has no True pixel, or the shapes differ.

    Example:
        >>> check_view(np.zeros((480, 640, 3), np.uint8), np.ones((480, 640), bool))
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or mask.shape != pixels.shape[:2]:
        raise ValueError(f"photo {pixels.shape} and mask {mask.shape} do not belong together")
    if not mask.any():
        raise ValueError("the mask has no floor pixel")


class Normaliser(Protocol):
    """A backend that turns a masked photo into a FloorView."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns the view of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

        Deterministic. The mask has at least one True pixel.
        """

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns the same floor from above (`lab` empty); None where the photo does not allow it.

        `coverage` says how much these patches count beside those of `view`.
        """


@runtime_checkable
class RenewingNormaliser(Protocol):
    """A `Normaliser` that need not cut again what a change of the mask leaves as it was."""

    def renewed_view(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], cuts: Cuts
    ) -> FloorView:
        """Returns what `view` does, but for patches that are about where `cuts` has one.

        Those are named in `FloorView.earlier`, and have the place of the earlier one.
        """

    def renewed_straight(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], cuts: Cuts
    ) -> FloorView | None:
        """Returns what `straightened` does for the plane of `cuts`, as `renewed_view`."""
