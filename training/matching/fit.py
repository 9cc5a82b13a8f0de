"""Fit what the package knows before it sees a catalogue: projection, prior and the pairs' scatter.

    python -m training.matching.fit --data ../shared/data

All three come from the features of the training pictures (`features.py`): swatches, floor
materials and simulated rooms of both, and the real pairs. `--licensed-only` leaves out pictures
without a stated licence, and with them every pair.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.matching.features import Described, describe_all
from training.matching.pipeline import (
    WEIGHTS,
    PairScatter,
    Stamp,
    encoder_version,
    fit_products,
    pair_scatter_of,
    save_pair_scatter,
    save_projection,
    save_scatter,
    scatter_of,
)

VERSION = "0.3.0"
DIRECTIONS = 128
SHRINKAGE = 0.3
#: Products in the prior of adaptations: few enough not to drown a catalogue's own.
PRIOR = 100


def views_of(described: Sequence[Described]) -> list[NDArray[np.float16]]:
    """Returns the features (n, d0) of each product: of its swatch, simulated and real rooms."""
    products: dict[str, list[NDArray[np.float16]]] = {}
    for row in described:
        # Of a real room the second aspect is the same room under another light.
        aspects = row.aspects[:1] if row.source.room else row.aspects
        products.setdefault(row.source.product, []).extend(aspect.base for aspect in aspects)
    return [np.concatenate(bases) for bases in products.values() if bases]


def pairs_of(
    described: Sequence[Described],
) -> list[tuple[NDArray[np.float16], NDArray[np.float16]]]:
    """Returns the features of each real room that shows a floor, and of its swatch."""
    swatches = {row.source.product: row.aspects[0].base for row in described if not row.source.room}
    return [
        (row.aspects[0].base, swatches[row.source.product])
        for row in described
        if row.source.room and row.aspects
    ]


def main() -> None:
    """Fit and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    parser.add_argument("--workers", type=int, default=1, help="processes that describe pictures")
    parser.add_argument("--licensed-only", action="store_true")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SHOP")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    described = [
        row
        for row in describe_all(arguments.data, arguments.cache, arguments.workers)
        if (row.source.licensed or not arguments.licensed_only)
        and row.source.shop not in arguments.leave_out
    ]
    encoder, products, known = encoder_version(), views_of(described), pairs_of(described)
    pairs: PairScatter | None = None
    if known:
        pairs = pair_scatter_of(known)
        save_pair_scatter(pairs, encoder, arguments.out / "pairs.npz")
        print(f"pairs.npz: {pairs.pairs} pairs, {pairs.rows} patches of their rooms")
    every = np.linspace(0, len(products) - 1, min(PRIOR, len(products))).astype(np.intp)
    prior = scatter_of(products[place] for place in every)
    save_scatter(prior, encoder, arguments.out / "prior.npz")
    print(f"prior.npz: of {len(prior.counts)} products")
    stamp = Stamp(
        model_id="floorlens-projection",
        version=VERSION,
        dimension=DIRECTIONS,
        licence="Apache-2.0",
        preprocessing="standardised features of single patches",
    )
    projection = fit_products(products, stamp, encoder, SHRINKAGE, pairs=pairs)
    save_projection(projection, arguments.out / "projection.npz")
    print(f"projection.npz: from {sum(map(len, products))} patches of {len(products)} products")


if __name__ == "__main__":
    main()
