"""Stage 3: FloorView -> FloorFeatures -> FloorEmbedding. The backends are in `backends/`.

There are two steps, so that a new projection can be applied without opening a picture: `features`
makes what the catalogue stores of a floor, and `describe` turns that into what is searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.projection import Projection
from floorlens.embedding.scatter import PairScatter, Scatter
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView

AspectName = Literal["swatch", "scene"]
ASPECTS: tuple[AspectName, ...] = ("swatch", "scene")
"""What a floor is seen in: a sample that lies flat or fills the picture; a room."""
MOST_COLOURS = 512
"""Colours that are stored of an aspect, at most."""
MOST_BYTES = 4096
"""Bytes of a signature, at most."""


@dataclass(frozen=True)
class Aspect:
    """One aspect of a floor before any projection.

    Attributes:
        base: float16 (n, d0), the features of each patch.
        coverage: float16 (n,), the share of each patch that is floor, 0..1.
        lab: float16 (m, 3), at most `MOST_COLOURS` CIELAB (D65) colours of the floor, an even
            sample of the view's.
        facts: float16 (f,), what the embedder knows of the pattern; may be empty.
        trust: float16 (t,), what tells how far the picture can be trusted (`FloorView.trust`); may
            be empty.
    """

    base: NDArray[np.float16]
    coverage: NDArray[np.float16]
    lab: NDArray[np.float16]
    facts: NDArray[np.float16]
    trust: NDArray[np.float16]


@dataclass(frozen=True)
class FloorFeatures:
    """One floor before any projection: what the catalogue stores.

    Attributes:
        aspects: one or both of `ASPECTS`, in that order. A product may have both; a photo that is
            searched for is a scene.
    """

    aspects: Mapping[AspectName, Aspect]

    @property
    def base(self) -> NDArray[np.float16]:
        """float16 (n, d0), the features of the patches of all aspects."""
        return np.concatenate([aspect.base for aspect in self.aspects.values()])


@dataclass(frozen=True)
class FloorEmbedding:
    """One floor as it is searched.

    Attributes:
        vector: float32 (d,), L2-normalised; what the vector engine stores.
        signature: at most `MOST_BYTES` of finer detail for the re-ranker, in the embedder's
            `signature_format`.
    """

    vector: NDArray[np.float32]
    signature: bytes


class Embeddings(NamedTuple):
    """The vectors of a catalogue's products.

    Attributes:
        ids: of the products, sorted.
        vectors: float32 (n, d), L2-normalised rows in the order of `ids`.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]


class Embedder(Protocol):
    """A backend that describes floors."""

    @property
    def stamp(self) -> Stamp:
        """Which encoder and format it is, without the projection.

        `stamp.dimension` is the length of the vectors.
        """

    @property
    def signature_format(self) -> str:
        """The name of the format of its signatures; a re-ranker that reads it has the same."""

    @property
    def projection(self) -> Projection | None:
        """The package's own projection; None: this embedder cannot be adapted."""

    @property
    def prior(self) -> Scatter | None:
        """Products that an adaptation uses beside the catalogue's own; None: no others."""

    @property
    def pairs(self) -> PairScatter | None:
        """How real rooms differ from swatches, for adaptations; None: nothing is known of it."""

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        """Returns the features of one floor, an aspect for each view of it.

        Equal views get equal aspects, whatever the other one is.
        """

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns the embedding of features, with a projection or the package's own.

        Equal features and projections give equal bytes.
        """


@runtime_checkable
class RenewingEmbedder(Protocol):
    """An `Embedder` that takes the features of patches from an earlier view of the same photo."""

    def renewed(self, view: FloorView, earlier: Aspect) -> Aspect:
        """Returns the aspect of a view of which `FloorView.earlier` names patches of another.

        Args:
            view: the view.
            earlier: the aspect of the earlier view, a row of `base` for each of its patches.
        """


def thin_colours(lab: NDArray[np.floating]) -> NDArray[np.float16]:
    """Returns at most `MOST_COLOURS` of the colours (m, 3) as float16, evenly spread.

    Example:
        >>> thin_colours(np.zeros((4096, 3), np.float32)).shape
        (512, 3)
    """
    if len(lab) > MOST_COLOURS:
        lab = lab[np.linspace(0, len(lab) - 1, MOST_COLOURS).round().astype(np.intp)]
    return np.asarray(lab, np.float16)
