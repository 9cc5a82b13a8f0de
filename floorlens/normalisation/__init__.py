"""Stage 2: floor region -> FloorView, the floor made comparable. Backends: one file each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp


@dataclass(frozen=True)
class FloorView:
    """What is seen of one floor, ready to be described.

    Attributes:
        patches: uint8 (n, side, side, 3) sRGB patches of floor, n >= 1.
        coverage: float32 (n,), the share of each patch that is floor, 0..1.
        lab: float32 (m, 3), a sample of at most 4,096 floor pixels in CIELAB (D65).
    """

    patches: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    lab: NDArray[np.float32]


def check_view(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Raises ValueError unless bool (h, w) `mask` has a True pixel and fits the (h, w, 3) photo."""
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

        `coverage` says how much these patches are to count beside those of `view`.
        """
