"""The reference design's re-ranking, and a useful one: regions again, or patches as well.

The reference compares the query's region with each candidate's by the same cosine that retrieval
ranks by, so the order cannot change (docs/models.md). Several patches give new evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.clip_signature import MAGIC, Regions, unpack
from floorlens.models.options import ModelOptions, Rerank
from floorlens.models.stamp import Stamp
from floorlens.reranking import Comparison

#: How much each component counts by default.
WEIGHTS: Mapping[Rerank, Mapping[str, float]] = MappingProxyType(
    {
        "single": MappingProxyType({"region": 1.0}),
        "patches": MappingProxyType({"region": 0.5, "patches": 0.5}),
    }
)


class ClipPairwiseReranker:
    """Compares the signatures that `floorlens.embedding.clip_signature` packs.

    Args:
        options: `rerank="single"` compares the regions alone, `"patches"` several patches as well.
    """

    signature_format = MAGIC.decode()

    def __init__(self, options: ModelOptions | None = None) -> None:
        self._rerank: Rerank = (options or ModelOptions()).rerank or "single"

    @property
    def stamp(self) -> Stamp:
        """Which version it is."""
        return Stamp(
            model_id="floorlens-reranker-clip-pairwise",
            version="1",
            dimension=0,
            licence="Apache-2.0",
            preprocessing=f"signature {self.signature_format}, {self._rerank}",
        )

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""
        return WEIGHTS[self._rerank]

    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        """Returns `region`, and with "patches" `patches`.

        All candidates are compared at once. Equal signatures give equal scores.

        Raises:
            CatalogueError: a signature is not readable.
        """
        if not candidates:
            return Comparison(dict.fromkeys(self.weights, np.zeros(0, np.float32)))
        floor, products = unpack([query]), unpack(candidates)
        scores = {"region": region_score(floor, products)}
        if "patches" in self.weights:
            scores["patches"] = patch_score(floor, products)
        return Comparison(scores)


def region_score(floor: Regions, products: Regions) -> NDArray[np.float32]:
    """Returns float32 (n,): the cosine of the regions, -1..1 to 0..1.

    Example:
        >>> from floorlens.embedding.clip_signature import pack
        >>> unit = np.eye(24, dtype=np.float32)
        >>> floor = unpack([pack(unit[0], unit[1:3])])
        >>> products = unpack([pack(unit[0], unit[1:3]), pack(unit[5], unit[6:8])])
        >>> region_score(floor, products).tolist()
        [1.0, 0.5]
    """
    # einsum row by row: a product's score does not depend on its neighbours.
    return _score(np.einsum("nd,d->n", products.whole, floor.whole[0]))


def patch_score(floor: Regions, products: Regions) -> NDArray[np.float32]:
    """Returns float32 (n,): the mean cosine of each patch with its nearest, both ways (Chamfer).

    Example:
        >>> from floorlens.embedding.clip_signature import pack
        >>> unit = np.eye(24, dtype=np.float32)
        >>> floor = unpack([pack(unit[0], unit[1:3])])
        >>> products = unpack([pack(unit[0], unit[1:3]), pack(unit[5], unit[6:8])])
        >>> patch_score(floor, products).tolist()
        [1.0, 0.5]
    """
    pairs = np.einsum("npd,qd->npq", products.patches, floor.patches[0])
    own = np.arange(pairs.shape[1]) < products.counts[:, None]
    # One patch after the other, so that what a row is filled up with does not change the rounding.
    theirs = np.cumsum(np.where(own, pairs.max(axis=2), 0), axis=1)[:, -1] / products.counts
    ours = np.cumsum(pairs.max(axis=1), axis=1)[:, -1] / pairs.shape[2]
    return _score(0.5 * (theirs + ours))


def _score(cosine: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(np.clip((1 + cosine) / 2, 0.0, 1.0), np.float32)
