"""The second step of an adaptation: what is known of the products -> a projection.

The products' views are summed up once. With rooms whose product is known the sum is adjusted, so
that a cross-validation costs no more than a few matrix products for each fold.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.catalogue.known_rooms import KnownRoom
from floorlens.embedding import FloorFeatures
from floorlens.embedding.projection import (
    Projection,
    fit_scatter,
    load_projection,
    save_projection,
)
from floorlens.embedding.scatter import PairScatter, Scatter, pair_scatter_of
from floorlens.models.stamp import Stamp


@dataclass(frozen=True)
class Knowledge:
    """What a projection is fitted to, known rooms apart.

    Attributes:
        scatter: of the products' pictures and their simulated rooms.
        place: product id -> its place in the scatter; of products outside the sample there is none.
        prior: other products, which count as if they were among these.
        pairs: how real rooms differ from swatches elsewhere.
        features: of the products of the known rooms, by id.
    """

    scatter: Scatter
    place: Mapping[str, int]
    prior: Scatter | None
    pairs: PairScatter | None
    features: Mapping[str, FloorFeatures]

    def with_rooms(self, rooms: Sequence[KnownRoom]) -> tuple[Scatter, PairScatter | None]:
        """Returns the scatter with rooms as views of their products, and the pairs with theirs.

        Example:
            >>> knowledge.with_rooms(rooms)[1].pairs  # doctest: +SKIP
            564
        """
        views: dict[int, list[NDArray[np.float16]]] = defaultdict(list)
        own = []
        for room in rooms:
            place = self.place.get(room.photo.product_id)
            if place is not None:
                views[place].append(room.scene.base)
            swatch = self.features[room.photo.product_id].aspects.get("swatch")
            if swatch is not None:
                own.append((room.scene.base, swatch.base))
        scatter = self.scatter.with_views({p: np.concatenate(v) for p, v in views.items()})
        pairs = self.pairs
        if own:
            pairs = pair_scatter_of(own) if pairs is None else pairs.join(pair_scatter_of(own))
        return scatter, pairs


def fit(
    knowledge: Knowledge, own: Projection, version: str, rooms: Sequence[KnownRoom] = ()
) -> Projection:
    """Returns a projection fitted to products, as it will be read from the catalogue.

    Args:
        knowledge: of the products.
        own: the package's own projection: the new one has its dimension and its encoder.
        version: of the new one.
        rooms: whose product is known.

    Example:
        >>> from floorlens.embedding.backends.builtin import BuiltinEmbedder
        >>> from floorlens.embedding.scatter import scatter_of
        >>> own = BuiltinEmbedder().projection
        >>> rows = np.random.default_rng(0).normal(size=(9, 5, len(own.mean)))
        >>> fit(Knowledge(scatter_of(rows), {}, None, None, {}), own, "own-1").stamp.version
        'own-1'
    """
    stamp = Stamp(
        model_id=own.stamp.model_id,
        version=version,
        dimension=own.stamp.dimension,
        licence=own.stamp.licence,
        preprocessing=own.stamp.preprocessing,
    )
    scatter, pairs = knowledge.with_rooms(rooms)
    file = io.BytesIO()
    save_projection(
        fit_scatter(scatter, stamp, own.encoder, prior=knowledge.prior, pairs=pairs), file
    )
    file.seek(0)
    # What is stored is rounded: vectors are made with that, now and later.
    return load_projection(file)
