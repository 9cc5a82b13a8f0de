"""The built-in re-ranker: colour as a distribution, texture as a set of patches, the pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.pattern import pattern_likeness
from floorlens.embedding.signature import Signatures, unpack
from floorlens.images.colour import LAB_WEIGHTS
from floorlens.models.stamp import Stamp

#: How much each component counts by default.
WEIGHTS: Mapping[str, float] = MappingProxyType({"colour": 0.3, "texture": 0.6, "pattern": 0.1})
#: Weighted colour difference at which the colour score has fallen to 1/e.
TOLERANCE = 12.0
#: Weights of L*, a*, b* where the spread around the median is compared.
SPREAD_WEIGHTS = np.array([0.5, 1.0, 1.0], np.float32)
#: Share of the single patches in the texture score; the rest is the floor as a whole.
PATCH_SHARE = 0.5


class BuiltinReranker:
    """Compares the signatures that `floorlens.embedding.signature` packs."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is, and which signature format it reads."""
        return Stamp(
            model_id="floorlens-reranker-builtin",
            version="0.2.0",
            dimension=0,
            licence="Apache-2.0",
            preprocessing="signature FLS2",
        )

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""
        return WEIGHTS

    def components(
        self, query: bytes, candidates: Sequence[bytes]
    ) -> Mapping[str, NDArray[np.float32]]:
        """Returns `colour`, `texture` and `pattern`, float32 (len(candidates),), scores 0..1.

        Equal signatures give equal scores; a signature against itself gives 1.

        Raises:
            CatalogueError: a signature is not readable.
        """
        if not candidates:
            return dict.fromkeys(WEIGHTS, np.zeros(0, np.float32))
        floor, products = unpack([query]), unpack(candidates)
        return {
            "colour": colour_score(floor, products),
            "texture": texture_score(floor, products),
            "pattern": pattern_likeness(floor.pattern[0], products.pattern),
        }


def colour_score(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (n,) of exp(-d / 12), d the difference of two colour distributions.

    d² is the weighted squared distance of the medians, L* down-weighted since exposure moves it,
    plus that of the spreads: per channel the mean distance of the quantiles around the median, the
    first Wasserstein distance of the centred distributions.
    """
    weights = LAB_WEIGHTS.astype(np.float32)
    centres = ((products.centre - floor.centre) * weights) ** 2
    spreads = (np.abs(products.quantiles - floor.quantiles) * SPREAD_WEIGHTS).mean(axis=1) ** 2
    distance = np.sqrt(centres.sum(axis=1) + spreads.sum(axis=1))
    return np.asarray(np.exp(-distance / TOLERANCE), np.float32)


def texture_score(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (n,): cosine similarity of the floors and of their patches, -1..1 to 0..1.

    Patches are compared as sets (Chamfer): each with its nearest counterpart, both ways, so that a
    floor of light and dark boards is not mistaken for one of medium boards. Unrelated floors have
    cosines around 0, which the square takes to .25.
    """
    # einsum over fixed shapes, row by row: a product's score does not depend on its neighbours.
    whole = np.einsum("nd,d->n", products.whole, floor.whole[0])
    pairs = np.einsum("npd,qd->npq", products.patches, floor.patches[0])
    patches = 0.5 * (pairs.max(axis=2).mean(axis=1) + pairs.max(axis=1).mean(axis=1))
    cosine = (1 - PATCH_SHARE) * whole + PATCH_SHARE * patches
    return np.asarray(np.clip((1 + cosine) / 2, 0.0, 1.0) ** 2, np.float32)
