"""Backends without models, for fast tests of what uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import Aspect, AspectName, FloorEmbedding, FloorFeatures, thin_colours
from floorlens.embedding.projection import Projection
from floorlens.embedding.scatter import PairScatter, Scatter
from floorlens.images.colour import srgb_to_lab
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView
from floorlens.presets import BUILTIN, Stages
from floorlens.reranking import Comparison
from floorlens.segmentation import Click, FloorProbability


def _stamp(stage: str, version: str, dimension: int = 0) -> Stamp:
    return Stamp(f"fake-{stage}", version, dimension, "Apache-2.0", "none")


@dataclass(frozen=True)
class FakeSegmenter:
    """Finds the floor in the lower half of every picture, unless that has one single colour."""

    stamp: Stamp

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        """Returns probability 1 in the lower half, 0 above it."""
        floor = np.zeros(pixels.shape[:2], np.float32)
        floor[pixels.shape[0] // 2 :] = 1
        return FloorProbability(floor, float(np.ptp(pixels) > 0))


@dataclass(frozen=True)
class FakeNormaliser:
    """Makes one patch: the mean colour under the mask."""

    stamp: Stamp

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        """Returns a view of one patch of one pixel."""
        mean = pixels[mask].mean(axis=0).round().astype(np.uint8)
        lab = srgb_to_lab(mean[None])
        return FloorView(mean[None, None, None], np.ones(1, np.float32), lab)

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        """Returns None: one colour looks the same from everywhere."""
        return None


@dataclass(frozen=True)
class FakeEmbedder:
    """Embeds the mean Lab colour."""

    signature_format = "fake"
    stamp: Stamp
    projection: Projection | None = None
    prior: Scatter | None = None
    pairs: PairScatter | None = None

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        """Returns the mean colour of each view."""
        return FloorFeatures(
            {
                name: Aspect(
                    base=view.lab.mean(axis=0, keepdims=True).astype(np.float16),
                    coverage=np.ones(1, np.float16),
                    lab=thin_colours(view.lab),
                    facts=np.empty(0, np.float16),
                    trust=np.empty(0, np.float16),
                )
                for name, view in views.items()
            }
        )

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns a 4-dimensional embedding whose signature is the colour itself."""
        lab = features.base.astype(np.float32).mean(axis=0)
        active = projection or self.projection or fake_projection(self.stamp.version)
        vector = np.append(active.apply(lab), 1).astype(np.float32)
        vector /= np.linalg.norm(vector)
        return FloorEmbedding(vector, lab.astype("<f4").tobytes())


@dataclass(frozen=True)
class FakeReranker:
    """Compares mean colours."""

    signature_format = "fake"
    stamp: Stamp
    weights: Mapping[str, float]

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns 1 for equal colours, less the farther apart they are."""
        target = np.frombuffer(query, "<f4")
        colours = np.stack([np.frombuffer(candidate, "<f4") for candidate in candidates])
        distance = np.linalg.norm(colours - target, axis=1)
        colour = np.exp(-distance / 30).astype(np.float32)
        return Comparison({"colour": colour, "texture": np.ones_like(colour)})


def fake_projection(encoder: str) -> Projection:
    """Returns the projection that only divides a colour by 50.

    `encoder` is the version of the embedder that it belongs to.

    Example:
        >>> from floorlens.testing import fake_projection
        >>> fake_projection("1").apply(np.array([50, 0, -25], np.float32))
        array([ 1. ,  0. , -0.5], dtype=float32)
    """
    return Projection(
        mean=np.zeros(3, np.float32),
        scale=np.full(3, 50, np.float32),
        matrix=np.eye(3, dtype=np.float32),
        stamp=_stamp("projection", "1", 3),
        encoder=encoder,
    )


def fake_stages(*, version: str = "1", rerank_depth: int = 200, adaptable: bool = False) -> Stages:
    """Returns backends without models, which compare nothing but mean colours.

    Args:
        version: of all stamps; another version is another stamp.
        rerank_depth: how many products are re-ranked.
        adaptable: whether the embedder has a projection, so that catalogues can be adapted.

    Example:
        >>> from floorlens import Floorlens
        >>> from floorlens.testing import fake_stages
        >>> with Floorlens.open("fakes", stages=fake_stages()) as lens:
        ...     lens.stamp["embedder"]["model_id"]
        'fake-embedder'
    """
    return Stages(
        replace(BUILTIN, name="fake", rerank_depth=rerank_depth, takes_clicks=False),
        FakeSegmenter(_stamp("segmenter", version)),
        FakeNormaliser(_stamp("normaliser", version)),
        FakeEmbedder(
            _stamp("embedder", version, 4), fake_projection(version) if adaptable else None
        ),
        FakeReranker(_stamp("reranker", version), {"colour": 1.0, "texture": 1.0}),
    )
