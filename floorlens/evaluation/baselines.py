"""Simple systems to compare with: the mean colour, and one embedding of the floor's box."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import FloorlensError
from floorlens.evaluation.datasets import ProductFolder
from floorlens.evaluation.measured import Region, Source
from floorlens.images.colour import delta_e76, srgb_to_lab
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.loading import MAX_MEGAPIXELS
from floorlens.normalisation import FloorView
from floorlens.pipeline import floor_region
from floorlens.presets import Stages
from floorlens.products.product import Product
from floorlens.ranking import Match

COLOURS = 4096
"""Pixels of a box whose colours are taken, at most, as of a `FloorView`."""


@dataclass(frozen=True)
class BaselineResult:
    """The products as a baseline ranks them, best first; nothing of it is calibrated."""

    matches: tuple[Match, ...]
    equals: int = 0
    nothing_close: bool | None = None


class Baseline(ABC):
    """A system that describes each picture by one vector; a `measured.Searcher`.

    Product pictures are taken whole. Of a room the segmenter finds the floor. Pictures that cannot
    be read are left out.

    Args:
        stages: whose segmenter, and perhaps whose encoder it uses.
        products: what it ranks.
        max_megapixels, picture_seconds: as for `Floorlens.open`.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.baselines import MeanColour
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.presets import BUILTIN, load_stages
        >>> baseline = MeanColour(load_stages(BUILTIN), read_products(Path("products")))
        >>> baseline.search(Path("room.jpg").read_bytes()).matches[0].product.id
        'oak-natural-plank'
    """

    def __init__(
        self,
        stages: Stages,
        products: ProductFolder,
        *,
        max_megapixels: float = MAX_MEGAPIXELS,
        picture_seconds: float = PICTURE_SECONDS,
    ) -> None:
        self._stages = stages
        self._decode = partial(decode_photo, max_megapixels=max_megapixels, seconds=picture_seconds)
        self._patch_side: int | None = None
        vectors = {}
        for product, name in products.file_of.items():
            try:
                pixels = self._decode(products.folder / name).pixels
            except FloorlensError:
                continue
            vectors[product] = self.describe(pixels, np.ones(pixels.shape[:2], np.bool_))
        self._vectors: Mapping[str, NDArray[np.floating]] = vectors

    @abstractmethod
    def describe(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
        """Returns the vector of the floor under a mask that has at least one pixel."""

    @abstractmethod
    def likeness(self, one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
        """Returns how alike two vectors are, 0..1."""

    def search(self, source: Source, *, region: Region | None = None) -> BaselineResult:
        """Returns the products, best first.

        Args:
            source: a photo.
            region: its floor; None lets the segmenter find it.

        Raises:
            NoFloorFound, ImageError, RegionError: as `Floorlens.search` does.
        """
        photo = self._decode(source)
        floor = floor_region(photo, self._stages, region)
        vector = self.describe(photo.pixels, floor.working_mask)
        scores = {name: self.likeness(vector, other) for name, other in self._vectors.items()}
        order = sorted(scores, key=lambda name: (-scores[name], name))
        return BaselineResult(
            tuple(
                Match(rank, Product(name, name), scores[name], None)
                for rank, name in enumerate(order, start=1)
            )
        )


class MeanColour(Baseline):
    """The nearest mean CIELAB colour of the floor's pixels (CIE 1976 difference)."""

    def describe(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
        """Returns the mean CIELAB colour of pixels evenly spread over the floor: float64 (3,)."""
        return np.asarray(srgb_to_lab(_sample(pixels[mask])).mean(axis=0, dtype=np.float64))

    def likeness(self, one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
        """Returns 1 for equal colours, and less with their difference."""
        return float(1 / (1 + delta_e76(one, other)))


class BoxCrop(Baseline):
    """One embedding of the floor's bounding box, furniture and walls in it included.

    That is the reference design with this preset's own encoder and projection: nothing is masked,
    straightened or freed of shading, and nothing is re-ranked.
    """

    def describe(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
        """Returns the embedder's vector of the box: float32 (d,)."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        # As large as the encoder wants it is what the preset's own normaliser makes.
        side = self._side(pixels, mask)
        patch = np.asarray(Image.fromarray(box).resize((side, side), Image.Resampling.BICUBIC))
        lab = srgb_to_lab(_sample(box.reshape(-1, 3)))
        view = FloorView(patch[None], np.ones(1, np.float32), lab)
        embedder = self._stages.embedder
        return embedder.describe(embedder.features({"swatch": view})).vector

    def likeness(self, one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
        """Returns (1 + cosine similarity) / 2."""
        return float(np.clip((1 + one @ other) / 2, 0, 1))

    def _side(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> int:
        if self._patch_side is None:
            self._patch_side = self._stages.normaliser.view(pixels, mask).patches.shape[1]
        return self._patch_side


def _sample(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns at most `COLOURS` of the pixels (n, 3), evenly spread."""
    return pixels[:: max(1, -(-len(pixels) // COLOURS))]
