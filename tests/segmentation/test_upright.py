"""A photo is turned only where the picture says so before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.images.loading import Photo, load_photo
from floorlens.models.stamp import Stamp
from floorlens.segmentation import Click, FloorProbability
from floorlens.segmentation.framing import whole
from floorlens.segmentation.upright import segment_upright


@dataclass
class Compass:
    """A segmenter that knows which way is up: towards the side that is all blue.

    Attributes:
        sure: how probable it calls an upright picture upright.
        visible: what it says of upright pictures; of others .3.
        others: how probable it calls other pictures upright.
    """

    sure: float = 0.97
    visible: float = 0.97
    others: float = 0.1
    calls: int = 0
    stamp: Stamp = field(default_factory=lambda: Stamp("compass", "1", 0, "Apache-2.0", "none"))

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        self.calls += 1
        floor = np.zeros(pixels.shape[:2], np.float32)
        floor[len(floor) // 2 :] = 1
        if pixels[0, :, 2].mean() > 200:
            return FloorProbability(floor, self.visible, upright=self.sure)
        return FloorProbability(floor, 0.3, upright=self.others)


def scene(turn: int) -> Photo:
    """A picture that `turn` quarter turns clockwise make upright."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:5, :, 2] = 255
    return load_photo(np.ascontiguousarray(np.rot90(pixels, turn)))


@pytest.mark.parametrize("turn", range(4))
def test_a_photo_is_turned_upright(turn: int) -> None:
    photo, segmenter = scene(turn), Compass()
    framing, floor = segment_upright(photo, whole(photo), segmenter, 0.85)
    assert framing.turn == turn
    assert floor.visible == 0.97
    assert floor.pixels.shape == (60, 80)
    # An upright photo costs nothing.
    assert segmenter.calls == (4 if turn else 1)


@pytest.mark.parametrize(
    "segmenter",
    [Compass(sure=0.85), Compass(visible=0.85)],
)
def test_a_photo_is_not_turned_on_a_guess(segmenter: Compass) -> None:
    photo = scene(1)
    framing, floor = segment_upright(photo, whole(photo), segmenter, 0.85)
    assert framing.turn == 0
    assert floor.visible == 0.3


def test_a_photo_is_not_turned_if_two_turns_will_do() -> None:
    class Ball(Compass):
        """Calls all but the first picture upright."""

        def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> Any:
            return replace(
                super().segment(pixels),
                visible=0.99 if self.calls > 1 else 0.1,
                upright=0.99 if self.calls > 1 else 0.1,
            )

    photo = scene(0)
    assert segment_upright(photo, whole(photo), Ball(), 0.85)[0].turn == 0


def test_a_photo_whose_floor_is_seen_is_left_as_it_is() -> None:
    photo, segmenter = scene(1), Compass()
    framing, floor = segment_upright(photo, whole(photo), segmenter, 0.25)
    assert (framing.turn, floor.visible, segmenter.calls) == (0, 0.3, 1)
