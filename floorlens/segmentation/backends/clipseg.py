"""The reference design's segmenter: CLIPSeg, asked for "floor".

T. Lüddecke, A. Ecker: Image Segmentation Using Text and Image Prompts, CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.models.hub import ModelFiles, locate, model_named
from floorlens.models.options import ModelOptions
from floorlens.models.stamp import Stamp
from floorlens.models.torch import load_model
from floorlens.segmentation import Click, FloorProbability

PROMPTS = ("floor",)


class ClipsegSegmenter:
    """Finds what a prompt names; of several prompts, what any of them names.

    The photo is stretched to the model's square, 352 px, and the probability is scaled back to the
    photo bilinearly, as in the reference design: its masks are coarse, and not calibrated.

    Args:
        options: The model, its device and dtype, the prompts.
        threads: Of PyTorch, for the whole process; 0 leaves them as they are.
    """

    def __init__(self, options: ModelOptions | None = None, threads: int = 0) -> None:
        self._options = options or ModelOptions()
        self._threads = threads
        self._prompts = self._options.prompts or PROMPTS

    @property
    def stamp(self) -> Stamp:
        """Which model it is, and with which prompts."""
        return Stamp(
            model_id=self._files.model_id,
            version=self._files.revision,
            dimension=0,
            licence=self._files.licence,
            preprocessing=f"stretched to a square; prompts: {', '.join(self._prompts)}",
        )

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        """Returns the floor probability of a uint8 (h, w, 3) sRGB photo; clicks are not used.

        `visible` is the largest probability of a pixel. The reference design has no such number,
        but finds a floor if any pixel exceeds .5: the same as a threshold of .5 on this number.

        Raises:
            ModelUnavailable: the model is neither here nor reachable, or its files are not usable.
            MissingDependency: the extra `[clip]` is not installed.
        """
        model = load_model(
            self._files,
            device=self._options.device,
            dtype=self._options.dtype,
            threads=self._threads,
        )
        probability = model.segment(Image.fromarray(pixels), self._prompts, pixels.shape[:2])
        return FloorProbability(probability, visible=float(probability.max()))

    @cached_property
    def _files(self) -> ModelFiles:
        return locate(model_named("clipseg", self._options))
