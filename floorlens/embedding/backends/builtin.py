"""The built-in embedder: EfficientNet-Lite0 statistics, a discriminant projection, Lab, pattern.

A patch is the mean and the spread of the feature maps at four depths (grain, marks, boards,
pattern). The projection keeps the directions in which floors differ more than the views of one do.
Colour has its own part of the vector, since light moves colour and texture differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import FloorEmbedding, FloorFeatures, sampled_colours
from floorlens.embedding.pattern import default_probe
from floorlens.embedding.projection import Projection, load_projection
from floorlens.embedding.scatter import Scatter, load_scatter
from floorlens.embedding.signature import pack
from floorlens.errors import CatalogueError
from floorlens.images.colour import LAB_WEIGHTS
from floorlens.models.onnx import WEIGHTS, load_session, session_stamp
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView

if TYPE_CHECKING:
    import onnxruntime

ENCODER = "encoder.onnx"
PROJECTION = "projection.npz"
PRIOR = "prior.npz"
#: Patches to a run of the encoder. Every run has the same size where it can, so that equal pictures
#: get equal features to the last bit whatever lies beside them in a batch.
BATCH = 6
#: Share of the squared length of the vector that is colour; the rest is texture.
COLOUR_SHARE = 0.5

# Colour as a code whose inner products are a Gaussian of the colour difference: Gaussian bumps on a
# lattice over the (weighted) colours that floors have. With a step of 1.4 widths the inner product
# is within about a hundredth of the Gaussian's.
_BUMP = 8.0
_AXES = (np.linspace(0.0, 35.0, 4), np.linspace(-12.0, 33.0, 5), np.linspace(-12.0, 43.0, 6))
_LATTICE = np.stack(np.meshgrid(*_AXES, indexing="ij"), axis=-1).reshape(-1, 3)


class BuiltinEmbedder:
    """Describes floors with `encoder.onnx` and a projection.

    Args:
        projection: What turns features into descriptors; by default the package's own.
        threads: Threads of the encoder; 0 takes all cores.
    """

    def __init__(self, projection: Projection | None = None, threads: int = 0) -> None:
        self._threads = threads
        self._projection = projection or default_projection()

    @property
    def stamp(self) -> Stamp:
        """Which encoder and format it is; `stamp.dimension` is the length of the vectors."""
        encoder = session_stamp(self._session)
        projection = self._projection.stamp
        if self._projection.encoder != encoder.version:
            raise CatalogueError(
                f"projection {projection.version} belongs to encoder {self._projection.encoder}, "
                f"not {encoder.version}"
            )
        return Stamp(
            model_id="floorlens-embedder-builtin",
            version=f"3+{encoder.version}+{default_probe().version}",
            dimension=projection.dimension + len(_LATTICE),
            licence=encoder.licence,
            preprocessing=f"{encoder.preprocessing}; {projection.preprocessing}",
        )

    @property
    def projection(self) -> Projection:
        """The projection that is taken where no other is named."""
        return self._projection

    @property
    def prior(self) -> Scatter:
        """The made products that an adaptation takes along."""
        return load_scatter(WEIGHTS / PRIOR, self._projection.encoder)

    @property
    def _session(self) -> onnxruntime.InferenceSession:
        return load_session(ENCODER, self._threads)

    def features(self, views: Sequence[FloorView]) -> list[FloorFeatures]:
        """Returns the features of each view, in order; equal views get equal features."""
        return [self._features(view) for view in views]

    def _features(self, view: FloorView) -> FloorFeatures:
        base, coverage = self.encode(view.patches).astype(np.float16), view.coverage
        return FloorFeatures(
            base=base,
            coverage=coverage.astype(np.float16),
            lab=sampled_colours(view.lab),
            facts=default_probe().probabilities(base, coverage).astype(np.float16),
        )

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns the embedding made of features; `vector` is texture, then colour.

        Raises:
            CatalogueError: the projection is of another encoder or length than the package's own.
        """
        chosen, own = projection or self._projection, self._projection
        if (chosen.encoder, chosen.matrix.shape) != (own.encoder, own.matrix.shape):
            raise CatalogueError(
                f"projection {chosen.stamp.version} belongs to encoder {chosen.encoder}, not "
                f"{own.encoder}: run `floorlens index --rebuild`"
            )
        return _describe(features, chosen)

    def encode(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns float32 (n, d0), the encoder's output for uint8 (n, 160, 160, 3) sRGB patches."""
        runs = [
            self._session.run(["features"], {"rgb": patches[start : start + BATCH]})[0]
            for start in range(0, len(patches), BATCH)
        ]
        return np.concatenate(runs)


@lru_cache(maxsize=1)
def default_projection() -> Projection:
    """Returns the projection that comes with the package."""
    return load_projection(WEIGHTS / PROJECTION)


def _describe(features: FloorFeatures, projection: Projection) -> FloorEmbedding:
    lab = features.lab.astype(np.float32)
    projected = projection.apply(features.base)
    weights = np.maximum(features.coverage.astype(np.float32), 1e-3) ** 2
    whole = _unit((projected * weights[:, None]).sum(axis=0))
    colour = colour_code(np.median(lab, axis=0))
    vector = np.concatenate(
        [np.sqrt(1 - COLOUR_SHARE) * whole, np.sqrt(COLOUR_SHARE) * colour]
    ).astype(np.float32)
    return FloorEmbedding(
        vector=_unit(vector), signature=pack(lab, features.facts, whole, _unit(projected))
    )


def colour_code(lab: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns the unit vector float32 (120,) of a Lab colour (3,).

    The inner product of two codes is about exp(-d² / 256), d the weighted colour difference.
    Colours outside the lattice count as the nearest inside.
    """
    low, high = _LATTICE.min(axis=0), _LATTICE.max(axis=0)
    point = np.clip(lab * LAB_WEIGHTS, low, high)
    bumps = np.exp(-((_LATTICE - point) ** 2).sum(axis=1) / (2 * _BUMP**2))
    return _unit(bumps.astype(np.float32))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-6), np.float32)
