"""Stage 1: where the floor is, photo -> FloorRegion. The backends are in `backends/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.images.masks import resize_mask
from floorlens.models.stamp import Stamp


@dataclass(frozen=True, eq=False, repr=False)
class FloorRegion:
    """Where the floor is in a photo.

    Attributes:
        working_mask: bool (h, w), True on floor, at the working size of the photo (`Photo.pixels`).
        confidence: how sure the segmenter is that this is a floor, 0..1. What was drawn or clicked
            by hand counts as sure: 1 for a region by hand.
        visible: the probability that the photo shows a floor at all, 0..1; 1 after a click on it.
        source: "automatic", "box", "polygon" or "mask"; corrected by clicks, "automatic+clicks",
            "box+clicks" and so on.
        photo_size: (width, height) of the photo itself, after EXIF orientation, in pixels.
        reasons: why the region is doubtful, as sentences that begin with "too small:", "too dark:",
            "mostly rug:", "unsure:" or "sideways:"; empty where nothing speaks against it.
        turn: how many quarter turns clockwise make the photo upright, 0..3; 0 for a region by
            hand. The mask is in the photo as it was handed over.
        base: the region that clicks corrected; None where there were none.
    """

    working_mask: NDArray[np.bool_]
    confidence: float
    visible: float
    source: str
    photo_size: tuple[int, int]
    reasons: tuple[str, ...] = ()
    turn: int = 0
    base: FloorRegion | None = None

    def __eq__(self, other: object) -> bool:
        # The one that a dataclass makes asks arrays for their truth.
        if not isinstance(other, FloorRegion):
            return NotImplemented
        return self.as_dict() == other.as_dict() and np.array_equal(
            self.working_mask, other.working_mask
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        width, height = self.photo_size
        return f"FloorRegion({self.source}, {self.share:.0%} of {width} x {height})"

    def __getstate__(self) -> dict[str, Any]:
        # Of a large photo the mask at its own size has more bytes than all the rest.
        return {name: value for name, value in vars(self).items() if name != "mask"}

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The mask at the photo's own size: bool (height, width)."""
        width, height = self.photo_size
        return resize_mask(self.working_mask, (height, width))

    @property
    def share(self) -> float:
        """The share of the photo that is floor, 0..1."""
        return int(np.count_nonzero(self.working_mask)) / self.working_mask.size

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """The mask's bounding box (left, top, right, bottom) in photo pixels; None if empty."""
        rows = np.flatnonzero(self.working_mask.any(axis=1))
        columns = np.flatnonzero(self.working_mask.any(axis=0))
        if rows.size == 0:
            return None
        height, width = self.working_mask.shape
        sx, sy = self.photo_size[0] / width, self.photo_size[1] / height
        return (
            round(columns[0] * sx),
            round(rows[0] * sy),
            round((columns[-1] + 1) * sx),
            round((rows[-1] + 1) * sy),
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns the region as plain JSON values, without the mask."""
        return {
            "source": self.source,
            "confidence": self.confidence,
            "visible": self.visible,
            "share": self.share,
            "box": None if self.box is None else list(self.box),
            "photo_size": list(self.photo_size),
            "reasons": list(self.reasons),
            "turn": self.turn,
        }


@dataclass(frozen=True)
class Click:
    """A correction: a point of the picture, and whether it is floor.

    Attributes:
        x, y: in pixels of the picture that it is made on, from its left and upper edge.
        floor: True says that this is floor, False that it is not.
    """

    x: float
    y: float
    floor: bool = True


DrawnRegion = Sequence[float] | Sequence[Sequence[float]] | NDArray[Any]
"""A floor by hand, in pixels of the upright photo: a box (left, top, right, bottom), a polygon of
three or more (x, y) points, or a 2-D mask of the photo's size."""
RegionSource = DrawnRegion | FloorRegion
"""What a user hands over as the floor: a region by hand, or one that was found before."""
ClickSource = (
    Click | tuple[float, float] | tuple[float, float, bool] | Sequence[float] | NDArray[Any]
)
"""What a user hands over as a click, in pixels of the upright photo: a `Click`, (x, y), which is on
floor, or (x, y, floor)."""


@dataclass(frozen=True)
class FloorProbability:
    """What a segmenter says of a photo.

    Attributes:
        pixels: float32 (h, w), the probability 0..1 that a pixel is floor, at the photo's size.
        visible: the probability 0..1 that the photo shows a floor at all.
        rug_share: the share of the photo, 0..1, that is a loose rug or mat.
        upright: the probability that the photo is neither upside down nor on its side; 1 from a
            backend that cannot tell.
    """

    pixels: NDArray[np.float32]
    visible: float
    rug_share: float = 0.0
    upright: float = 1.0


class Segmenter(Protocol):
    """A backend that finds the floor in a photo."""

    @property
    def stamp(self) -> Stamp:
        """Which model it is."""

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        """Returns the floor probability of a uint8 (h, w, 3) sRGB photo.

        Clicks are hints in pixels of that photo; a backend that cannot use them ignores them, and
        its preset says so (`takes_clicks=False`).
        """
