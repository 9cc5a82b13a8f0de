"""Framing: which part of a picture is the photo, and how the photo is turned upright."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.images.loading import Photo
from floorlens.segmentation import Click, FloorRegion


@dataclass(frozen=True)
class Framing:
    """The photo inside a picture: a box, and the turn that makes it upright.

    Attributes:
        left, top, right, bottom: of the box, in pixels of the picture as it was handed over; the
            last two are the first column and row beyond it.
        turn: how many quarter turns clockwise make the photo upright, 0..3.
    """

    left: int
    top: int
    right: int
    bottom: int
    turn: int = 0

    def cut(self, photo: Photo) -> Photo:
        """Returns the upright photo alone; its size is that of its pixels.

        Example:
            >>> from floorlens.images.loading import load_photo
            >>> Framing(0, 100, 1024, 668, turn=1).cut(load_photo("room.jpg")).size
            (568, 1024)
        """
        pixels = photo.pixels[self.top : self.bottom, self.left : self.right]
        pixels = np.ascontiguousarray(np.rot90(pixels, -self.turn))
        return Photo(pixels, (pixels.shape[1], pixels.shape[0]), photo.content_hash)

    def holds(self, click: Click) -> bool:
        """Returns whether a click on the picture is on the photo.

        Example:
            >>> Framing(0, 10, 80, 50).holds(Click(40, 55))
            False
        """
        return self.left <= click.x < self.right and self.top <= click.y < self.bottom

    def clicks(self, clicks: Iterable[Click]) -> tuple[Click, ...]:
        """Returns those clicks on the picture that are on the photo, in its upright pixels.

        Example:
            >>> Framing(0, 0, 80, 60, turn=1).clicks([Click(10, 20)])
            (Click(x=40, y=10, floor=True),)
        """
        points = []
        for click in filter(self.holds, clicks):
            x, y = click.x - self.left, click.y - self.top
            width, height = self.right - self.left, self.bottom - self.top
            for _ in range(self.turn):
                x, y = height - y, x
                width, height = height, width
            points.append(Click(x, y, click.floor))
        return tuple(points)

    def region(self, region: FloorRegion, photo: Photo) -> FloorRegion:
        """Returns a region of the picture as one of the upright photo alone, without reasons.

        Example:
            >>> from floorlens.images.loading import load_photo
            >>> from floorlens.segmentation.region import region_by_hand
            >>> photo, framing = load_photo("room.jpg"), Framing(0, 0, 1024, 768, turn=1)
            >>> framing.region(region_by_hand(photo, (512, 0, 1024, 768)), photo).box
            (0, 512, 768, 1024)
        """
        upright = self.cut(photo)
        mask = region.working_mask[self.top : self.bottom, self.left : self.right]
        mask = np.ascontiguousarray(np.rot90(mask, -self.turn))
        return FloorRegion(mask, region.confidence, region.visible, region.source, upright.size)

    def restored(self, region: FloorRegion, photo: Photo) -> FloorRegion:
        """Returns a region of the upright photo as one of the picture that the photo is in.

        Example:
            >>> from floorlens.images.loading import load_photo
            >>> from floorlens.segmentation.region import region_by_hand
            >>> photo, framing = load_photo("room.jpg"), Framing(0, 0, 1024, 768, turn=1)
            >>> region = region_by_hand(framing.cut(photo), (0, 512, 768, 1024))
            >>> framing.restored(region, photo).box
            (512, 0, 1024, 768)
        """
        mask: NDArray[np.bool_] = np.zeros(photo.pixels.shape[:2], bool)
        inside = np.rot90(region.working_mask, self.turn)
        reasons = region.reasons
        if self.turn:
            degrees = (0, "90 degrees clockwise", "180 degrees", "90 degrees anticlockwise")
            reasons += (
                f"sideways: the photo was turned by {degrees[self.turn]} to look for the floor; "
                "if that is wrong, mark the floor with region=",
            )
        mask[self.top : self.bottom, self.left : self.right] = inside
        return FloorRegion(
            mask,
            region.confidence,
            region.visible,
            region.source,
            photo.size,
            reasons,
            self.turn,
        )


def whole(photo: Photo) -> Framing:
    """Returns the framing of a picture that is nothing but an upright photo.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> whole(load_photo("room.jpg"))
        Framing(left=0, top=0, right=1024, bottom=768, turn=0)
    """
    height, width = photo.pixels.shape[:2]
    return Framing(0, 0, width, height)
