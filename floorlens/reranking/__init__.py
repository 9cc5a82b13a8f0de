"""Stage 5: the query's signature and candidates' -> `Comparison`. Backends: `backends/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp

Evidence = Literal["swatch", "scene", "both"]
"""Which aspects of a product its scores rest on (`floorlens.embedding.ASPECTS`)."""
Scale = Literal["adapted", "plain"]
"""On which scale likenesses are, so that it is known what they mean
(`floorlens.ranking.calibration`)."""


@dataclass(frozen=True)
class Looks:
    """How a floor and `n` products look, in units that people can be told.

    Attributes:
        patterns: the names of the `c` patterns that are told; may be empty.
        floor_colour: float32 (3,), the median colour in CIELAB (D65).
        colour: float32 (n, 3), that of each product.
        floor_variation: how far lightness spreads, in L*: 85th percentile less 15th.
        variation: float32 (n,), that of each product.
        floor_pattern: float32 (c,), the probabilities of the patterns.
        pattern: float32 (n, c), those of each product.
        same_pattern: float32 (n,), the probability that the patterns are the same, 0..1.
        texture: float32 (n,), cosine of the textures, -1..1.
    """

    patterns: tuple[str, ...]
    floor_colour: NDArray[np.float32]
    colour: NDArray[np.float32]
    floor_variation: float
    variation: NDArray[np.float32]
    floor_pattern: NDArray[np.float32]
    pattern: NDArray[np.float32]
    same_pattern: NDArray[np.float32]
    texture: NDArray[np.float32]


@dataclass(frozen=True)
class Comparison:
    """A floor beside `n` products.

    Attributes:
        components: for each component a float32 (n,) array of scores 0..1; 1 means that nothing
            differs.
        evidence: what the scores of each product rest on; None where pictures are not told apart.
        emphasis: how much more a component counts between these floors than its default weight
            says; 1 where it is not named. A weight that a user sets counts as it is.
        looks: what reasons are made of; None where the signatures do not hold it.
        scale: on which the components are; None: it is not known what their mean means.
    """

    components: Mapping[str, NDArray[np.float32]]
    evidence: tuple[Evidence, ...] | None = None
    emphasis: Mapping[str, float] = field(default_factory=dict)
    looks: Looks | None = None
    scale: Scale | None = None


class Reranker(Protocol):
    """A backend that compares signatures in detail."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""

    @property
    def signature_format(self) -> str:
        """The format of the signatures that it reads (`Embedder.signature_format`); "" for any."""

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns how alike the query is to each candidate, in their order.

        What it says of one does not depend on the others. The score of a match is the mean of its
        components, by weight times emphasis.
        """
