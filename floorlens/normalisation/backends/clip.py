"""The normaliser of the presets on hub models: crops of the floor, scaled as the model wants them.

The first patch is what the reference design embeds: the picture's crop by the mask's bounding box,
through the resizing and centre crop of the model's own image processor. Others serve the re-ranker.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.models.hub import ModelFiles, chosen_model, locate
from floorlens.models.options import Crop, ModelOptions, Rerank
from floorlens.models.stamp import Stamp
from floorlens.models.torch import crops, fitted
from floorlens.normalisation import FloorView, check_view
from floorlens.normalisation.colours import images_of, sample_colours
from floorlens.normalisation.regions import PATCHES, SCALES, bounding_box, without_specks
from floorlens.normalisation.squares import Scales, Square, choose_squares

#: Of a crop that is longer than so many times its width the middle is taken: a centre crop keeps no
#: more of it, and what lies beyond would only cost memory.
LONGEST = 16


class ClipNormaliser:
    """Cuts what is embedded out of the floor.

    `crop="box"`: the mask's bounding box, furniture and walls in it included: the reference
    design's way. `crop="mask"`: the largest clean square of floor, without the mask's small parts,
    and the floor's mean colour where it is not floor. A mask that is all floor, as that of every
    product picture with these presets, gives the whole picture either way: stored products suit
    both, so that the crop is no part of the stamp's version.

    Args:
        options: The crop, whether further patches are cut, and the encoder's place.
        encoder: Whose image processor scales the patches: a name in `hub.MODELS`.
    """

    def __init__(self, options: ModelOptions | None = None, encoder: str = "clip") -> None:
        self._options = options or ModelOptions()
        self._encoder = encoder
        self._crop: Crop = self._options.crop or "box"
        self._rerank: Rerank = self._options.rerank or "single"

    @property
    def stamp(self) -> Stamp:
        """Which version it is; another one where other patches are stored."""
        return Stamp(
            model_id="floorlens-normaliser-clip",
            version=f"1+{self._rerank}",
            dimension=0,
            licence="Apache-2.0",
            preprocessing=(
                f"crop={self._crop}, {PATCHES[self._rerank]} patch(es) by the image processor of "
                f"{self._encoder}"
            ),
        )

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns the view of the floor under bool (h, w) `mask` of a uint8 (h, w, 3) sRGB photo.

        `patches[0]` is the region itself. With `rerank="patches"` four squares of floor follow.
        Deterministic.

        Raises:
            ValueError: the shapes differ, or the mask is empty.
            ModelUnavailable: the encoder's image processor is not to be had.
            MissingDependency: the extra `[clip]` is not installed.
        """
        check_view(pixels, mask)
        lab, fill = sample_colours(*images_of(pixels, mask))
        regions = self._regions(pixels, mask, fill)
        return FloorView(
            patches=np.stack([self._fitted(region) for region, _ in regions]),
            coverage=np.array([share for _, share in regions], np.float32),
            lab=lab,
        )

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns None: the reference design takes floors as the camera sees them."""
        return None

    def _regions(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], fill: NDArray[np.uint8]
    ) -> list[tuple[NDArray[np.uint8], float]]:
        """Returns what is cut out of a photo, uint8 (h, w, 3), and the share of it that is floor.

        `fill`: uint8 (3,), the floor's mean colour.
        """
        boxed = self._crop == "box" or bool(mask.all())
        box = bounding_box(mask)
        region = (pixels[box], float(mask[box].mean()))
        if boxed and self._rerank == "single":
            return [region]
        floor = without_specks(mask)
        filled = np.where(floor[..., None], pixels, fill)
        scales: Scales = () if boxed else ((1.0, 1),)
        if self._rerank == "patches":
            scales = (*scales, *SCALES)
        cuts = [_edges(square, mask.shape) for square in choose_squares(floor, scales)]
        squares = [(filled[cut], float(floor[cut].mean())) for cut in cuts]
        return [region, *squares] if boxed else squares

    def _fitted(self, region: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if crops(self._files):
            region = _middle(region)
        return fitted(self._files, Image.fromarray(region))

    @cached_property
    def _files(self) -> ModelFiles:
        return locate(chosen_model(self._encoder, self._options))


def _edges(square: Square, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Returns the rows and columns of a square, at least one of each."""
    side = max(1, round(square.side))
    top = min(max(0, round(square.top)), shape[0] - 1)
    left = min(max(0, round(square.left)), shape[1] - 1)
    return slice(top, top + side), slice(left, left + side)


def _middle(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the region, or its middle if it is a strip."""
    height, width = region.shape[:2]
    tall, wide = min(height, LONGEST * width), min(width, LONGEST * height)
    top, left = (height - tall) // 2, (width - wide) // 2
    return region[top : top + tall, left : left + wide]
