"""The second step of an adaptation: what is known of the products -> a projection.

The products' views are summed up once, and so a cross-validation costs a few matrix products for
each fold.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

AS_MUCH = 1000
"""Rows of a catalogue's own rooms that count as much as all of the package's pairs: some 55 rooms.

With fewer, what they have in common is an accident. They count as pairs alone. As further views of
their products they made the search worse: by cross-validation MRR -.03 to -.10 in four shops.
"""


@dataclass(frozen=True)
class Knowledge:
    """What a projection is fitted to, known rooms apart.

    Attributes:
        scatter: of the products' pictures and their simulated rooms.
        prior: other products, which count as if they were among these.
        pairs: how real rooms differ from swatches elsewhere.
        features: of the products of the known rooms, by id.
    """

    scatter: Scatter
    prior: Scatter | None
    pairs: PairScatter | None
    features: Mapping[str, FloorFeatures]

    def pairs_with(self, rooms: Sequence[KnownRoom]) -> PairScatter | None:
        """Returns how real rooms differ from swatches, elsewhere and in known rooms.

        Rooms of products without a swatch do not count.

        Example:
            >>> knowledge.pairs_with(rooms).pairs  # doctest: +SKIP
            564
        """
        pairs = []
        for room in rooms:
            swatch = self.features[room.photo.product_id].aspects.get("swatch")
            if swatch is not None:
                pairs.append((room.scene.base, swatch.base))
        if not pairs:
            return self.pairs
        own = pair_scatter_of(pairs)
        if self.pairs is None:
            return own
        return self.pairs.blend(own, own.rows / (own.rows + AS_MUCH))


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
        >>> fit(Knowledge(scatter_of(rows), None, None, {}), own, "own-1").stamp.version
        'own-1'
    """
    stamp = Stamp(
        model_id=own.stamp.model_id,
        version=version,
        dimension=own.stamp.dimension,
        licence=own.stamp.licence,
        preprocessing=own.stamp.preprocessing,
    )
    pairs = knowledge.pairs_with(rooms)
    file = io.BytesIO()
    save_projection(
        fit_scatter(knowledge.scatter, stamp, own.encoder, prior=knowledge.prior, pairs=pairs), file
    )
    file.seek(0)
    # What is stored is rounded: vectors are made with that, now and later.
    return load_projection(file)
