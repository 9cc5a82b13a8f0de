"""An embedder that counts colours, and the re-ranker that reads its signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import Aspect, AspectName, FloorEmbedding, FloorFeatures, thin_colours
from floorlens.embedding.projection import Projection
from floorlens.embedding.scatter import PairScatter, Scatter
from floorlens.images.colour import srgb_to_lab
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView
from floorlens.reranking import Comparison

FORMAT = "colours-1"
"""The format of the signatures: three numbers of the mean colour in Lab, then the vector."""

# Edges of the bins in L*, a* and b*: floors are seldom green or blue.
EDGES = (np.linspace(0, 100, 11), np.linspace(-20, 40, 7), np.linspace(-20, 50, 8))
BINS = 10 * 6 * 7
#: A mean colour that is this far away (CIE76) scores 1/e.
TOLERANCE = 15.0


class HistogramEmbedder:
    """Describes a floor by how often each colour occurs in it."""

    signature_format = FORMAT

    @property
    def stamp(self) -> Stamp:
        """Its name and version: whatever changes its output needs a new version."""
        return Stamp("floorlens-colours-embedder", "1", BINS, "Apache-2.0", "histogram in Lab")

    @property
    def projection(self) -> Projection | None:
        """None: there is nothing that a catalogue could adapt."""
        return None

    @property
    def prior(self) -> Scatter | None:
        """None, as there is no projection."""
        return None

    @property
    def pairs(self) -> PairScatter | None:
        """None, as there is no projection."""
        return None

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        """Returns what the catalogue stores: a histogram for each patch."""
        return FloorFeatures({name: _aspect(view) for name, view in views.items()})

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns what is searched: the cosine of two vectors is how far the histograms overlap."""
        base = features.base.astype(np.float32)
        vector = np.sqrt(base.mean(axis=0))
        vector /= np.linalg.norm(vector)
        lab = np.concatenate([aspect.lab for aspect in features.aspects.values()])
        mean = lab.astype(np.float32).mean(axis=0)
        return FloorEmbedding(vector, np.concatenate([mean, vector]).astype("<f4").tobytes())


class HistogramReranker:
    """Compares mean colours and histograms."""

    signature_format = FORMAT

    @property
    def stamp(self) -> Stamp:
        """Its name and version."""
        return Stamp("floorlens-colours-reranker", "1", 0, "Apache-2.0", "none")

    @property
    def weights(self) -> Mapping[str, float]:
        """How much each component counts."""
        return {"colour": 0.5, "histogram": 0.5}

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns both components, 0..1, for each candidate."""
        floor = np.frombuffer(query, "<f4")
        products = np.stack([np.frombuffer(candidate, "<f4") for candidate in candidates])
        distance = np.sqrt(((products[:, :3] - floor[:3]) ** 2).sum(axis=1))
        # Not `@`: its last bits may depend on how many candidates there are.
        overlap = np.einsum("nd,d->n", products[:, 3:], floor[3:])
        return Comparison(
            {
                "colour": np.exp(-distance / TOLERANCE).astype(np.float32),
                "histogram": np.clip(overlap, 0, 1).astype(np.float32),
            }
        )


def _aspect(view: FloorView) -> Aspect:
    return Aspect(
        base=np.stack([_histogram(patch) for patch in view.patches]).astype(np.float16),
        coverage=view.coverage.astype(np.float16),
        lab=thin_colours(view.lab),
        facts=np.empty(0, np.float16),
        trust=view.trust.astype(np.float16),
    )


def _histogram(patch: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns float64 (BINS,): the share of a patch's pixels in each bin, together 1."""
    lab = srgb_to_lab(patch.reshape(-1, 3))
    inside = [np.clip(lab[:, i], edges[0], edges[-1]) for i, edges in enumerate(EDGES)]
    counts, _ = np.histogramdd(np.stack(inside, axis=1), bins=EDGES)
    return counts.ravel() / len(lab)
