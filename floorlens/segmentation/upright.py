"""Photos that lie on their side: most cameras say so in EXIF; of the others the picture tells."""

from __future__ import annotations

from dataclasses import replace

from floorlens.images.loading import Photo
from floorlens.segmentation import FloorProbability, Segmenter
from floorlens.segmentation.framing import Framing

SUSPECT = 0.5
"""Below this probability that it is upright, a photo whose floor is not surely seen is looked at in
the other three turns."""
SURE = 0.9
"""The photo is turned if the segmenter calls that turn upright, and sees a floor, at least this
probably …"""
AHEAD = 0.3
"""… and if the product of both is so much larger than that of any other turn."""


def segment_upright(
    photo: Photo, framing: Framing, segmenter: Segmenter, sure_visible: float
) -> tuple[Framing, FloorProbability]:
    """Returns how a photo is framed, turned where it surely lies on its side, and its floor.

    An upright photo costs one call of the segmenter, one that may lie on its side four.

    Args:
        photo: the picture with the photo in it.
        framing: which part of the picture is the photo.
        segmenter: which finds the floor.
        sure_visible: a photo that shows a floor at least this probably is left as it is.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.segmentation.framing import whole
        >>> from floorlens.testing import fake_stages
        >>> photo = load_photo("room.jpg")
        >>> segment_upright(photo, whole(photo), fake_stages().segmenter, 0.85)[0].turn
        0
    """
    first = segmenter.segment(framing.cut(photo).pixels)
    if first.upright >= SUSPECT or first.visible >= sure_visible:
        return framing, first
    framings = [replace(framing, turn=turn) for turn in range(4)]
    floors = [first, *(segmenter.segment(one.cut(photo).pixels) for one in framings[1:])]
    scores = [floor.upright * floor.visible for floor in floors]
    second, best = sorted(range(4), key=scores.__getitem__)[-2:]
    sure = min(floors[best].upright, floors[best].visible) >= SURE
    if not sure or scores[best] - scores[second] < AHEAD:
        best = 0
    return framings[best], floors[best]
