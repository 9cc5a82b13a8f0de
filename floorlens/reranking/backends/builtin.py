"""The built-in re-ranker: colours as distributions, textures as sets of patches, patterns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import ASPECTS
from floorlens.embedding.pattern import pattern_likeness
from floorlens.embedding.signature import Signatures, unpack
from floorlens.images.colour import LAB_WEIGHTS
from floorlens.models.stamp import Stamp
from floorlens.reranking import Comparison, Evidence

#: How much each component counts by default.
WEIGHTS: Mapping[str, float] = MappingProxyType({"colour": 0.3, "texture": 0.6, "pattern": 0.1})
#: Weighted colour difference at which the colour score has fallen to 1/e.
TOLERANCE = 12.0
#: Weights of L*, a*, b* where the spread around the median is compared.
SPREAD_WEIGHTS = np.array([0.5, 1.0, 1.0], np.float32)
#: Share of the patches in the texture score; the rest is that of the floor as a whole.
PATCH_SHARE = 0.5


class BuiltinReranker:
    """Compares the signatures that `floorlens.embedding.signature` packs."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is, and which signature format it reads."""
        return Stamp(
            model_id="floorlens-reranker-builtin",
            version="0.3.0",
            dimension=0,
            licence="Apache-2.0",
            preprocessing="signature FLS3",
        )

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""
        return WEIGHTS

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns `colour`, `texture` and `pattern`, and which aspects they rest on.

        Equal signatures give equal scores; a signature against itself gives 1.

        Raises:
            CatalogueError: a signature is not readable.
        """
        if not candidates:
            return Comparison(dict.fromkeys(WEIGHTS, np.zeros(0, np.float32)), ())
        floor, products = unpack([query]), unpack(candidates)
        colours = products.table(colour_score(floor, products))
        patterns = products.table(pattern_likeness(floor.pattern[0], products.pattern))
        swatch, scene = ~np.isnan(colours).T
        components = {
            # The light in which a scene was taken is not the query's: a swatch tells more.
            "colour": np.where(swatch, colours[:, 0], colours[:, 1]),
            "texture": texture_score(floor, products),
            "pattern": np.nanmax(patterns, axis=1),
        }
        kinds: tuple[Evidence, ...] = (*ASPECTS, "both")
        return Comparison(components, tuple(kinds[i] for i in np.where(swatch, 2 * scene, 1)))


def colour_score(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (m,), for each aspect of the products: exp(-d / 12).

    d is the difference of two colour distributions. d² is the sum of two squares: the weighted
    distance of the medians (L* counts less, since exposure changes it), and the distance of the
    spreads, per channel the mean distance of the quantiles around the median (the first Wasserstein
    distance of the centred distributions).

    Example:
        >>> from dataclasses import replace
        >>> from floorlens.embedding.signature import Detail, pack
        >>> lab, unit = np.full((9, 3), 50, np.float32), np.eye(128, dtype=np.float32)
        >>> oak = Detail(lab, np.full(11, 1 / 11), np.zeros(4), unit[0], unit[:4])
        >>> floor = unpack([pack({"scene": oak})])
        >>> lighter = unpack([pack({"swatch": replace(oak, lab=lab + (9, 0, 0))})])
        >>> float(colour_score(floor, floor)[0]), round(float(colour_score(floor, lighter)[0]), 2)
        (1.0, 0.77)
    """
    weights = LAB_WEIGHTS.astype(np.float32)
    centres = ((products.centre - floor.centre) * weights) ** 2
    spreads = (np.abs(products.quantiles - floor.quantiles) * SPREAD_WEIGHTS).mean(axis=1) ** 2
    distance = np.sqrt(centres.sum(axis=1) + spreads.sum(axis=1))
    return np.asarray(np.exp(-distance / TOLERANCE), np.float32)


def texture_score(floor: Signatures, products: Signatures) -> NDArray[np.float32]:
    """Returns float32 (n,): cosine similarity of the floors and of their patches, -1..1 to 0..1.

    The aspects of a product count as one: its descriptor is the mean of theirs, its patches are
    those of both. Patches are compared as sets, each with its nearest counterpart, both ways
    (Chamfer): a floor of light and dark boards is not mistaken for one of medium boards. Unrelated
    floors have cosines around 0, and the square makes their score .25.

    Example:
        >>> from dataclasses import replace
        >>> from floorlens.embedding.signature import Detail, pack
        >>> lab, unit = np.full((9, 3), 50, np.float32), np.eye(128, dtype=np.float32)
        >>> oak = Detail(lab, np.full(11, 1 / 11), np.zeros(4), unit[0], unit[:4])
        >>> floor = unpack([pack({"scene": oak})])
        >>> other = replace(oak, whole=unit[9], patches=unit[9:13])
        >>> other = unpack([pack({"swatch": other})])
        >>> float(texture_score(floor, floor)[0]), float(texture_score(floor, other)[0])
        (1.0, 0.25)
    """
    # einsum over fixed shapes, row by row: a product's score does not depend on its neighbours.
    wholes = np.nansum(products.table(products.whole), axis=1)
    wholes /= np.linalg.norm(wholes, axis=1, keepdims=True)
    whole = np.einsum("nd,d->n", wholes, floor.whole[0])
    queries = floor.patches[0, : floor.counts[0]]
    pairs = np.einsum("npd,qd->npq", products.patches, queries)
    own = np.arange(pairs.shape[1]) < products.counts[:, None]
    theirs = np.where(own, pairs.max(axis=2), 0).sum(axis=1) / products.counts
    theirs = np.nanmean(products.table(theirs), axis=1)
    ours = np.nanmax(products.table(pairs.max(axis=1)), axis=1).mean(axis=1)
    cosine = (1 - PATCH_SHARE) * whole + PATCH_SHARE * 0.5 * (theirs + ours)
    return np.asarray(np.clip((1 + cosine) / 2, 0.0, 1.0) ** 2, np.float32)
