"""Stage 2: the floor made comparable, photo and mask -> FloorView. The backends: `backends/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp
from floorlens.normalisation.trust import TRUST


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
    """

    patches: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    lab: NDArray[np.float32]
    trust: NDArray[np.float32] = field(default_factory=lambda: np.zeros(len(TRUST), np.float32))
    places: NDArray[np.float32] | None = None


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
