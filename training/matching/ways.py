"""Ways from an encoder's features to vectors: discriminants fitted on this or that.

- `fitted`: on the pack's other shops;
- `adapted`: on this catalogue's own pictures and simulated rooms of them;
- `… weighted`: each direction by the share of its spread that lies between products;
- `… centred`: swatches, rooms and simulated rooms each have a mean taken off: that of the other
  shops' (a shop of plain oaks has another mean than its rooms' share of all floors);
- `… and pairs`: with the scatter of the other shops' real pairs, each side centred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.encoder import normalise
from training.matching.network import PatchStatistics
from training.matching.pack import ROOM, SIMULATED, SWATCH, Pack
from training.matching.pipeline import Scatter, Stamp, fit_products, scatter_of
from training.matching.shops import Shop
from training.matching.start import reliability

Rows = NDArray[np.float32]

DIRECTIONS = 128
SHRINKAGE = 0.3
#: Products without rooms that a discriminant is fitted on as well, and patches of each picture.
FITTED, PER_PICTURE = 200, 3
#: Weight of the real pairs' scatter beside that of the catalogue, by the number of rows.
PAIRS = 1.0


@torch.no_grad()
def encode(encoder: PatchStatistics, patches: NDArray[np.uint8]) -> Rows:
    """Returns float32 (n, d0) for uint8 (n, 160, 160, 3) sRGB."""
    encoder.eval()
    runs = [
        encoder(normalise(torch.from_numpy(patches[start : start + 48]))).numpy()
        for start in range(0, len(patches), 48)
    ]
    return np.concatenate(runs)


@dataclass(frozen=True)
class Encoded:
    """Features of what a left-out evaluation needs of the pack, by one encoder.

    Attributes:
        features: float32 (n, d0).
        label: int (n,), the product.
        side: `SWATCH`, `ROOM` or `SIMULATED`, (n,).
        shop: (n,), the source's name.
    """

    features: Rows
    label: NDArray[np.int32]
    side: NDArray[np.uint8]
    shop: NDArray[np.str_]

    def only(self, kept: NDArray[np.bool_]) -> Encoded:
        """Returns the rows that are kept."""
        return Encoded(self.features[kept], self.label[kept], self.side[kept], self.shop[kept])

    def centred(self, means: dict[int, Rows] | None = None) -> Encoded:
        """Returns the rows, each side's mean taken off (its own, or the one in `means`)."""
        features = self.features.copy()
        for side in (SWATCH, ROOM, SIMULATED):
            rows = self.side == side
            if rows.any():
                mean = features[rows].mean(axis=0) if means is None else means[side]
                features[rows] -= mean
        return Encoded(features, self.label, self.side, self.shop)

    def products(self) -> Iterator[Rows]:
        """Yields the rows of each product."""
        for name in np.unique(self.label):
            yield self.features[self.label == name]


def encode_pack(pack: Pack, encoder: PatchStatistics, shops: list[str]) -> Encoded:
    """Returns features of all pairs, of the left-out shops, and of some of the other products."""
    shop = pack.sources[pack.source]
    paired = np.isin(pack.label, pack.label[pack.side == ROOM]) & (shop != "made")
    rest = np.unique(pack.label[~paired & ~np.isin(shop, shops)])
    some = np.random.default_rng(0).permutation(rest)[:FITTED]
    wanted = paired | np.isin(shop, shops) | np.isin(pack.label, some)
    starts = np.searchsorted(pack.picture, np.arange(len(pack.label) + 1))
    places = np.concatenate(
        [
            np.arange(starts[number], min(starts[number + 1], starts[number] + PER_PICTURE))
            for number in np.flatnonzero(wanted)
        ]
    )
    chunks = [
        encode(encoder, pack.decoded(places[start : start + 960]))
        for start in range(0, len(places), 960)
    ]
    of = pack.picture[places]
    return Encoded(np.concatenate(chunks), pack.label[of], pack.side[of], shop[of])


def projected(
    known: Encoded, shop: Shop, labels: list[str], catalogue: Rows, rooms: Rows
) -> Iterator[tuple[str, Rows, Rows]]:
    """Yields (way, catalogue's vectors, rooms' vectors) of single patches, way by way.

    Args:
        known: the pack.
        shop: the left-out shop.
        labels: names of the products in `known`.
        catalogue, rooms: features float32 (n, d0) of the shop's own patches.
    """
    other = known.only(known.shop != shop.name)
    simulated = known.only((known.shop == shop.name) & (known.side == SIMULATED))
    place = {name: number for number, name in enumerate(labels)}
    numbers = [place[name] for name in shop.catalogue.names]
    shown = np.repeat(numbers, np.diff(shop.catalogue.starts))
    means = {
        side: other.features[other.side == side].mean(axis=0) for side in (SWATCH, ROOM, SIMULATED)
    }
    swatch, room = catalogue - means[SWATCH], rooms - means[ROOM]

    others = list(other.products())
    for mark, weighted in (("", False), (", weighted", True)):
        fitted = _discriminant(others, weighted)
        yield "fitted" + mark, fitted(catalogue), fitted(rooms)
    fitted = _discriminant(list(other.centred(means).products()), False)
    yield "fitted, centred", fitted(swatch), fitted(room)

    adapted = _discriminant(list(_together(catalogue, shown, simulated)), False)
    yield "adapted", adapted(catalogue), adapted(rooms)
    own = list(_together(swatch, shown, simulated.centred(means)))
    paired = other.only(np.isin(other.label, other.label[other.side == ROOM]))
    pairs = scatter_of(paired.only(paired.side != SIMULATED).centred(means).products())
    share = PAIRS * sum(map(len, own)) / int(pairs.counts.sum())
    nothing = Scatter(pairs.means[:0], pairs.counts[:0], share * pairs.within)
    adapted = _discriminant(own, False, nothing)
    yield "adapted, centred, and pairs", adapted(swatch), adapted(room)


def _together(rows: Rows, shown: NDArray[np.integer], simulated: Encoded) -> Iterator[Rows]:
    """Yields the rows of each product: its own pictures' and its simulated rooms'."""
    for name in np.unique(shown):
        yield np.concatenate([rows[shown == name], simulated.features[simulated.label == name]])


def _discriminant(
    products: list[Rows], weighted: bool, prior: Scatter | None = None
) -> Callable[[Rows], Rows]:
    stamp = Stamp("left-out", "0", DIRECTIONS, "Apache-2.0", "features of single patches")
    fitted = fit_products(products, stamp, "left-out", SHRINKAGE, prior)
    if not weighted:
        return fitted.apply
    ends = np.cumsum([len(rows) for rows in products])
    groups = np.split(np.arange(ends[-1]), ends[:-1])
    gains = reliability(fitted.apply(np.concatenate(products)), groups)
    return lambda rows: fitted.apply(rows) * gains
