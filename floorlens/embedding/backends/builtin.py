"""The built-in embedder: EfficientNet-Lite0 statistics, a discriminant projection, Lab, pattern.

The features of a patch are the mean and the spread of the feature maps at four depths (grain,
marks, boards, pattern). The projection keeps the directions in which floors differ more than the
views of one floor do. Colour has its own part of the vector, since light changes colour and texture
differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import Aspect, AspectName, FloorEmbedding, FloorFeatures, thin_colours
from floorlens.embedding.pattern import default_probe
from floorlens.embedding.projection import Projection, load_projection
from floorlens.embedding.scatter import PairScatter, Scatter, load_pair_scatter, load_scatter
from floorlens.embedding.signature import MAGIC, Detail, pack
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
PAIRS = "pairs.npz"
#: Patches of one run of the encoder. All runs but the last have this size, so that equal pictures
#: get equal features to the last bit, whatever else is in the batch.
BATCH = 6
#: Share of colour in the squared length of the vector; the rest is texture.
COLOUR_SHARE = 0.5

# A colour is coded as Gaussian bumps on a lattice over the (weighted) colours of floors. The inner
# product of two codes is then a Gaussian of the colour difference: with a step of 1.4 widths, to
# about a hundredth.
_BUMP = 8.0
_AXES = (np.linspace(0.0, 35.0, 4), np.linspace(-12.0, 33.0, 5), np.linspace(-12.0, 43.0, 6))
_LATTICE = np.stack(np.meshgrid(*_AXES, indexing="ij"), axis=-1).reshape(-1, 3)


class BuiltinEmbedder:
    """Describes floors with `encoder.onnx` and a projection.

    Args:
        projection: Turns features into descriptors; by default the package's own.
        threads: Of the encoder; 0 takes all cores.
    """

    signature_format = MAGIC.decode()

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
            version=f"4+{encoder.version}+{default_probe().version}",
            dimension=projection.dimension + len(_LATTICE),
            licence=encoder.licence,
            preprocessing=f"{encoder.preprocessing}; {projection.preprocessing}",
        )

    @property
    def projection(self) -> Projection:
        """The projection that is used where no other is named."""
        return self._projection

    @property
    def prior(self) -> Scatter:
        """The synthetic products that an adaptation uses beside the catalogue's own."""
        return load_scatter(WEIGHTS / PRIOR, self._projection.encoder)

    @property
    def pairs(self) -> PairScatter:
        """How the real rooms that the package learned from differ from their swatches."""
        return load_pair_scatter(WEIGHTS / PAIRS, self._projection.encoder)

    @property
    def _session(self) -> onnxruntime.InferenceSession:
        return load_session(ENCODER, self._threads)

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        """Returns the features of a floor; equal views get equal aspects."""
        return FloorFeatures({name: self._aspect(view) for name, view in views.items()})

    def renewed(self, view: FloorView, earlier: Aspect) -> Aspect:
        """Returns the aspect of a view whose other patches have rows in an earlier aspect."""
        if view.earlier is None:
            return self._aspect(view)
        base = earlier.base[view.earlier]
        if len(view.patches):
            base[view.earlier < 0] = self.encode(view.patches).astype(np.float16)
        return self._described(base, view)

    def _aspect(self, view: FloorView) -> Aspect:
        return self._described(self.encode(view.patches).astype(np.float16), view)

    def _described(self, base: NDArray[np.float16], view: FloorView) -> Aspect:
        coverage = view.coverage
        return Aspect(
            base=base,
            coverage=coverage.astype(np.float16),
            lab=thin_colours(view.lab),
            facts=default_probe().probabilities(base, coverage).astype(np.float16),
            trust=view.trust.astype(np.float16),
        )

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns the embedding of features; its vector is texture, then colour.

        Raises:
            CatalogueError: the projection is of another encoder or length than the package's own.
        """
        own = self._projection
        projection = projection or own
        if (projection.encoder, projection.matrix.shape) != (own.encoder, own.matrix.shape):
            raise CatalogueError(
                f"projection {projection.stamp.version} belongs to encoder {projection.encoder}, "
                f"not {own.encoder}: run `floorlens index --rebuild`"
            )
        return _embedding(features, projection, adapted=projection.adapted)

    def encode(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns float32 (n, d0), the encoder's output for uint8 (n, 160, 160, 3) sRGB patches."""
        runs = [
            self._session.run(["features"], {"rgb": patches[start : start + BATCH]})[0]
            for start in range(0, len(patches), BATCH)
        ]
        return np.concatenate(runs)


@lru_cache(maxsize=1)
def default_projection() -> Projection:
    """Returns the projection that comes with the package.

    Example:
        >>> default_projection().stamp.dimension
        128
    """
    return load_projection(WEIGHTS / PROJECTION)


def _embedding(features: FloorFeatures, projection: Projection, *, adapted: bool) -> FloorEmbedding:
    """Returns the embedding of features with a projection that fits them.

    The vector engine keeps one vector of a product: the mean of those of its aspects.
    """
    details = {name: _detail(aspect, projection) for name, aspect in features.aspects.items()}
    vectors = [_vector(detail) for detail in details.values()]
    return FloorEmbedding(_unit(np.mean(vectors, axis=0)), pack(details, adapted=adapted))


def _detail(aspect: Aspect, projection: Projection) -> Detail:
    rows = projection.apply(aspect.base)
    weights = np.maximum(aspect.coverage.astype(np.float32), 1e-3) ** 2
    return Detail(
        lab=aspect.lab.astype(np.float32),
        pattern=aspect.facts,
        trust=aspect.trust,
        whole=_unit((rows * weights[:, None]).sum(axis=0)),
        patches=_unit(rows),
    )


def _vector(detail: Detail) -> NDArray[np.float32]:
    colour = colour_code(np.median(detail.lab, axis=0))
    texture = np.sqrt(1 - COLOUR_SHARE) * detail.whole
    return _unit(np.concatenate([texture, np.sqrt(COLOUR_SHARE) * colour]).astype(np.float32))


def colour_code(lab: NDArray[np.floating]) -> NDArray[np.float32]:
    """Returns the unit vector float32 (120,) of a Lab colour (3,).

    The inner product of two codes is about exp(-d² / 256), d the weighted colour difference.
    A colour outside the lattice counts as the nearest one inside.

    Example:
        >>> oak = colour_code(np.array([65.0, 8, 25]))
        >>> walnut = colour_code(np.array([35.0, 10, 15]))
        >>> oak.shape, round(float(oak @ oak), 3), float(oak @ walnut) < 0.7
        ((120,), 1.0, True)
    """
    low, high = _LATTICE.min(axis=0), _LATTICE.max(axis=0)
    point = np.clip(lab * LAB_WEIGHTS, low, high)
    bumps = np.exp(-((_LATTICE - point) ** 2).sum(axis=1) / (2 * _BUMP**2))
    return _unit(bumps.astype(np.float32))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-6), np.float32)
