"""The built-in segmenter: a small network of our own, part of the package, for any CPU."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.shapes import components, grow
from floorlens.models.stamp import Stamp
from floorlens.recent import Recent
from floorlens.segmentation import Click, FloorProbability
from floorlens.segmentation.network import Features, FloorNetwork, load_network

#: So many pictures are remembered, and so many bytes of them; of a photo they are 4 MB.
MOST_PICTURES, MOST_BYTES = 8, 40_000_000
#: The network halves its input five times: its sides are multiples of this.
STRIDE = 32
#: Clicks are drawn on maps that are this many times coarser than the network's input, as disks of
#: this radius in cells, as in training.
CLICK_STRIDE = 4
CLICK_RADIUS = 1.5
#: Components are found on a grid this many times coarser than the network's input.
GRID = 4
#: A pixel is surely no floor below the first probability, and surely floor above the second.
SURE_NOT, SURE = 0.2, 0.8
#: With more unsure pixels to one of floor the mirror image is looked at as well: of pictures
#: from the training sources one in five.
UNSURE = 0.13
#: A patch of floor, or a hole in it, is an error if it is smaller than this share of the picture.
SPECK_SHARE = 0.002
#: A picture may be noise if its pixels correlate less than this with their neighbours.
NOISE_CORRELATION = 0.25
#: In noise, the variance of means over squares falls to a sixteenth if their side is four times as
#: long. In a photograph, even of a fine carpet, it falls by less, because of light and wear.
NOISE_FALL = 9.0


class BuiltinSegmenter:
    """Finds the floor with a fine-tuned EfficientNet-Lite2 and a light decoder.

    The photo is scaled to the network's side without stretching, padded to a multiple of 32 by
    reflection, and the answer is scaled back to the photo's own size. What the network sees in the
    last few photos is remembered for five minutes: clicks on one of them cost its decoder alone.

    Args:
        threads: For the network; 0 takes all cores.
        network: The network; by default the one of the package.
        side: Longer side that the network sees; by default what its file says.
        cleanup: Whether specks are dropped and pinholes filled.
        now: The clock by which photos are forgotten, in seconds.
    """

    def __init__(
        self,
        *,
        threads: int = 0,
        network: FloorNetwork | None = None,
        side: int | None = None,
        cleanup: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._network = network if network is not None else load_network(threads)
        self._side = side if side is not None else self._network.side
        self._cleanup = cleanup
        self._pictures = Recent[_Picture](
            MOST_PICTURES,
            most_bytes=MOST_BYTES,
            bytes_of=lambda picture: picture.bytes,
            now=now,
        )

    @property
    def stamp(self) -> Stamp:
        """Which model it is."""
        return self._network.stamp

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        """Returns the floor probability of a uint8 (h, w, 3) sRGB photo.

        Clicks, in pixels of that photo, go into the network, which was trained with clicks.
        """
        height, width = pixels.shape[:2]
        picture = self._picture(pixels)
        scale = picture.width / width, picture.height / height
        points = [Click(click.x * scale[0], click.y * scale[1], click.floor) for click in clicks]
        answer = self._look(picture, points)
        probability, visible = answer.floor, answer.visible
        if not clicks and is_noise(pixels):
            # The network takes some noise for terrazzo or for carpet seen from above.
            visible = 0.0
        if self._cleanup:
            probability = remove_specks(probability)
        # Bytes scale up several times faster than floats, and 1/255 is finer than the network.
        fine = Image.fromarray(np.rint(probability * 255).astype(np.uint8))
        full = np.asarray(fine.resize((width, height), Image.Resampling.BILINEAR))
        return FloorProbability(
            full.astype(np.float32) * np.float32(1 / 255),
            visible,
            float((answer.rug > 0.5).mean()),
            answer.upright,
        )

    def _picture(self, pixels: NDArray[np.uint8]) -> _Picture:
        """Returns a photo as the network sees it."""
        key = pixels.shape, hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
        picture = self._pictures.get(key)
        if picture is None:
            small = self._fit(pixels)
            turned = _darker_left(small)
            picture = self._seen(small[:, ::-1] if turned else small, turned)
            self._pictures.put(key, picture)
        return picture

    def _fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns a uint8 (h, w, 3) picture with its longer side as the network wants it."""
        height, width = pixels.shape[:2]
        scale = self._side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size == (width, height):
            # A copy: it is remembered, and the caller may write into his.
            return pixels.copy()
        image = Image.fromarray(pixels)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))

    def _look(self, picture: _Picture, clicks: Sequence[Click]) -> _Answer:
        """Returns the answer for a picture, clicks in its pixels; the same for its mirror image.

        Which way a room faces says nothing about its floor, but an unsure network answers
        differently: then both ways are looked at, and the logits averaged. With clicks one way is
        enough: the other one changed the mean IoU by .012 at most, up or down.
        """
        if picture.turned:
            clicks = _mirrored(clicks, picture.width)
        answer = self._answer(picture, clicks)
        if not clicks and _unsure_share(answer.floor) > UNSURE:
            mirror_image = self._seen(picture.pixels[:, ::-1], not picture.turned)
            answer = answer.mean(self._answer(mirror_image, ()).mirrored())
        return answer.mirrored() if picture.turned else answer

    def _seen(self, pixels: NDArray[np.uint8], turned: bool) -> _Picture:
        """Returns what the network's trunk sees in a picture of the network's size."""
        height, width = pixels.shape[:2]
        pads = ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0))
        # As in training. The streaks of a repeated edge would spoil masks.
        padded = np.pad(pixels, pads, mode="reflect")
        return _Picture(pixels, turned, self._network.features(padded))

    def _answer(self, picture: _Picture, clicks: Sequence[Click]) -> _Answer:
        """Returns the network's answer."""
        height, width = picture.height, picture.width
        # Of the padded picture.
        maps = click_maps(
            (height + -height % STRIDE) // CLICK_STRIDE,
            (width + -width % STRIDE) // CLICK_STRIDE,
            clicks,
        )
        floor, rug, visible, upright = self._network.decode(picture.features, maps)
        rows, columns = -(-height // CLICK_STRIDE), -(-width // CLICK_STRIDE)
        return _Answer(floor[:height, :width], rug[:rows, :columns], visible, upright)


@dataclass(frozen=True)
class _Picture:
    """A photo as the network sees it, and what its trunk sees there.

    Attributes:
        pixels: uint8 (h, w, 3), of the network's size, not padded.
        turned: whether it is the mirror image.
        features: of the trunk.
    """

    pixels: NDArray[np.uint8]
    turned: bool
    features: Features

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.pixels.nbytes + sum(values.nbytes for values in self.features.values())


@dataclass(frozen=True)
class _Answer:
    """What the network says of a picture: probabilities, 0..1.

    Attributes:
        floor: float32 (h, w), of the picture's size.
        rug: float32 (h / 4, w / 4).
        visible: that there is a floor.
        upright: that the picture is neither upside down nor on its side.
    """

    floor: NDArray[np.float32]
    rug: NDArray[np.float32]
    visible: float
    upright: float

    def mirrored(self) -> _Answer:
        """Returns the answer for the mirror image."""
        return replace(self, floor=self.floor[:, ::-1], rug=self.rug[:, ::-1])

    def mean(self, other: _Answer) -> _Answer:
        """Returns the answer between two, by the mean of their logits."""
        return _Answer(
            _between(self.floor, other.floor),
            _between(self.rug, other.rug),
            float(_between(np.float32(self.visible), np.float32(other.visible))),
            float(_between(np.float32(self.upright), np.float32(other.upright))),
        )


def _between(a: NDArray[np.float32] | np.float32, b: NDArray[np.float32] | np.float32) -> Any:
    """Returns the probability whose logit is the mean of those of two probabilities."""
    # The odds' geometric mean; of a certain yes and a certain no it is one half.
    yes = np.sqrt(a * b) + np.float32(1e-6)
    no = np.sqrt((1 - a) * (1 - b)) + np.float32(1e-6)
    return yes / (yes + no)


def _darker_left(pixels: NDArray[np.uint8]) -> bool:
    """Returns whether a picture's left half is darker than its right one; of its mirror image, not.

    All pictures are looked at with the brighter half on the left, so that the answer does not
    depend on which way a room faces.
    """
    half = pixels.shape[1] // 2
    green = pixels[..., 1].sum(axis=0, dtype=np.int64)
    return bool(green[:half].sum() < green[len(green) - half :].sum())


def _mirrored(clicks: Sequence[Click], width: int) -> list[Click]:
    """Returns clicks where they are in the mirror image of a picture of that width."""
    # A click on the left edge of a cell stays in that cell's mirror image.
    return [replace(click, x=math.nextafter(width - click.x, 0.0)) for click in clicks]


def _unsure_share(floor: NDArray[np.float32]) -> float:
    """Returns how many pixels are neither surely floor nor surely not, to one of floor."""
    coarse = floor[GRID // 2 :: GRID, GRID // 2 :: GRID]
    unsure = np.count_nonzero((coarse > SURE_NOT) & (coarse < SURE))
    return int(unsure) / max(1, int(np.count_nonzero(coarse > 0.5)))


def click_maps(rows: int, columns: int, clicks: Sequence[Click]) -> NDArray[np.float32]:
    """Returns two maps, float32 (2, rows, columns): 1 near clicks on floor, 1 near the others.

    Args:
        rows, columns: of the maps.
        clicks: in pixels of the network's input.

    Example:
        >>> click_maps(4, 4, [Click(8, 8)])[0].tolist()
        [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]]
    """
    maps = np.zeros((2, rows, columns), np.float32)
    ys, xs = np.ogrid[0:rows, 0:columns]
    for click in clicks:
        row, column = int(click.y) // CLICK_STRIDE, int(click.x) // CLICK_STRIDE
        near = (ys - row) ** 2 + (xs - column) ** 2 <= CLICK_RADIUS**2
        maps[0 if click.floor else 1][near] = 1
        maps[1 if click.floor else 0][near] = 0
    return maps


def is_noise(pixels: NDArray[np.uint8]) -> bool:
    """Returns whether a uint8 (h, w, 3) picture is noise and nothing else.

    In noise, neighbouring pixels are independent, and so are means over squares. Real floors
    (terrazzo, carpet, any floor in a grainy photo) may have the first property; none has the
    second.

    Example:
        >>> is_noise(np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8))
        True
    """
    rows = pixels[:: max(1, pixels.shape[0] // 64)].astype(np.float32)
    if rows.shape[1] < 3:
        return False
    green = rows[:, :, 1]
    if _correlation(green[:, :-1], green[:, 1:]) > NOISE_CORRELATION:
        return False
    return all(
        _variance_of_means(pixels, side) > NOISE_FALL * _variance_of_means(pixels, 4 * side)
        for side in (2, 4)
    )


def _variance_of_means(pixels: NDArray[np.uint8], side: int) -> float:
    """Returns the variance of the green means over squares of `side` pixels; inf if too few."""
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    if rows * columns < 16:
        return float("inf")
    green = pixels[: rows * side, : columns * side, 1].astype(np.float32)
    return float(green.reshape(rows, side, columns, side).mean(axis=(1, 3)).var())


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Returns Pearson's correlation of two arrays of one shape; 1 if either is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 1.0


def remove_specks(
    probability: NDArray[np.float32], share: float = SPECK_SHARE
) -> NDArray[np.float32]:
    """Returns the probability without small patches: theirs is mirrored at one half.

    Args:
        probability: float32 (h, w), 0..1.
        share: a patch is small below this share of the picture, 0..1.

    Returns:
        float32 (h, w); the input itself if nothing changes.

    Example:
        >>> probability = np.full((480, 640), 0.9, np.float32)
        >>> probability[100:112, 100:112] = 0.2
        >>> round(float(remove_specks(probability).min()), 1)
        0.8
    """
    coarse = probability[GRID // 2 :: GRID, GRID // 2 :: GRID] > 0.5
    limit = share * coarse.size
    out = probability
    for value in (True, False):
        labels, areas = components(coarse == value)
        small = np.flatnonzero(areas < limit)
        small = small[small > 0]
        if not small.size:
            continue
        patch = np.isin(labels, small)
        # One cell wider, for the pixels between cells, but not into larger neighbours.
        patch = grow(patch) & ~((labels > 0) & ~np.isin(labels, small))
        if out is probability:
            out = probability.copy()
        wide = np.kron(patch, np.ones((GRID, GRID), bool))[: out.shape[0], : out.shape[1]]
        # The grid may lack up to GRID - 1 rows and columns at the picture's rim.
        lack = ((0, out.shape[0] - wide.shape[0]), (0, out.shape[1] - wide.shape[1]))
        wide = np.pad(wide, lack)
        wrong = wide & ((out > 0.5) == value)
        out[wrong] = 1 - out[wrong]
    return out
