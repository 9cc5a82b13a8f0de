"""Measures what a second photo of a floor brings, on products of `train_pairs` with several rooms.

    PYTHONPATH=. python benchmarks/two_photos.py [--data ../shared/data] [--cache .cache/matching]

Every pair of photos of one floor is searched for in two ways beside each photo alone: `merged`
makes one set of patches and colours of both, as `Floorlens.search` does; `mean` compares each photo
with the products and takes the mean of their scores. The catalogue is every product and swatch of
`train_pairs`, adapted with the pairs of the other shops alone. It reads the features that the
training keeps (`training/matching/features.py`), and makes those that are not there.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from machine import ROOT, machine
from numpy.typing import NDArray

from floorlens.embedding import Aspect, FloorFeatures, thin_colours
from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.embedding.pattern import default_probe
from floorlens.embedding.projection import Projection
from floorlens.reranking.backends.builtin import BuiltinReranker
from training.matching.features import Described, describe_all
from training.matching.fit_ranker import fit, folds_of

WAYS = ("one photo", "mean", "merged")
MEASURES = ("top-1", "top-5", "MRR")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "matching")
    options = parser.parse_args()
    described = describe_all(options.data, options.cache)
    swatches = [
        row
        for row in described
        if not row.source.room and not row.source.shop.startswith("textures/")
    ]
    rooms = [row for row in described if row.source.room and row.aspects]
    folds, parts = folds_of(rooms), []
    for fold in np.unique(folds):
        others = [room for room, name in zip(rooms, folds, strict=True) if name != fold]
        mine = [room for room, name in zip(rooms, folds, strict=True) if name == fold]
        parts.append(ranks_of_fold(mine, swatches, fit(swatches, others)))
    ranks = np.concatenate(parts)
    print("\n".join(f"{name}: {value}" for name, value in machine("onnxruntime", "numpy").items()))
    print(
        f"\n{len(ranks)} products with two or more photos of their floor, {len(swatches)} products"
    )
    print("\n| photos | " + " | ".join(MEASURES) + " |\n|---|---|---|---|")
    for place, way in enumerate(WAYS):
        print(
            f"| {way} | " + " | ".join(f"{value:.3f}" for value in ranks[:, place].mean(0)) + " |"
        )
    for place, way in enumerate(WAYS[1:], 1):
        gains = ranks[:, place] - ranks[:, 0]
        print(f"\n{way}, gain over one photo (bootstrap by product):")
        for column, name in enumerate(MEASURES):
            low, high = interval(gains[:, column])
            print(f"  {name}: {gains[:, column].mean():+.3f} [{low:+.3f}, {high:+.3f}]")
    difference = ranks[:, 1, 0] - ranks[:, 2, 0]
    low, high = interval(difference)
    print(f"\nmean less merged, top-1: {difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]")


def ranks_of_fold(
    rooms: Sequence[Described], swatches: Sequence[Described], projection: Projection
) -> NDArray[np.float64]:
    """Returns (products, ways, measures): the mean over each product's photos, or pairs of them."""
    embedder, reranker = BuiltinEmbedder(threads=1), BuiltinReranker()
    catalogue = [
        embedder.describe(FloorFeatures({"swatch": with_facts(row.aspects[0])}), projection)
        for row in swatches
    ]
    signatures = [one.signature for one in catalogue]
    place = {row.source.product: number for number, row in enumerate(swatches)}

    def scores_of(aspect: Aspect) -> NDArray[np.float64]:
        query = embedder.describe(FloorFeatures({"scene": with_facts(aspect)}), projection)
        comparison = reranker.compare(query.signature, signatures)
        weights = {
            name: weight * comparison.emphasis.get(name, 1.0)
            for name, weight in reranker.weights.items()
        }
        total = sum(weights.values())
        parts = (w / total * np.float64(comparison.components[n]) for n, w in weights.items())
        return np.asarray(sum(parts), np.float64)

    photos: dict[str, list[Aspect]] = defaultdict(list)
    for room in rooms:
        photos[room.source.product].append(room.aspects[0])
    values = []
    for product, aspects in photos.items():
        if len(aspects) < 2:
            continue
        truth = place[product]
        alone = [scores_of(aspect) for aspect in aspects]
        pairs = list(combinations(range(len(aspects)), 2))
        by_way = (
            alone,
            [(alone[first] + alone[second]) / 2 for first, second in pairs],
            [scores_of(merged([aspects[first], aspects[second]])) for first, second in pairs],
        )
        values.append(
            [np.mean([measures(rank_of(s, truth)) for s in scores], axis=0) for scores in by_way]
        )
    return np.array(values).reshape(-1, len(WAYS), len(MEASURES))


def with_facts(aspect: Aspect) -> Aspect:
    """Returns an aspect with what the probe says of its pattern, which the training leaves out."""
    facts = default_probe().probabilities(aspect.base, aspect.coverage).astype(np.float16)
    return replace(aspect, facts=facts)


def merged(aspects: Sequence[Aspect]) -> Aspect:
    """Returns one aspect of the patches of all, and of equal shares of their colours."""
    share = min(len(aspect.lab) for aspect in aspects)
    lab = np.concatenate([aspect.lab[: share * (len(aspect.lab) // share) :] for aspect in aspects])
    return replace(
        aspects[0],
        base=np.concatenate([aspect.base for aspect in aspects]),
        coverage=np.concatenate([aspect.coverage for aspect in aspects]),
        lab=thin_colours(lab),
        trust=np.mean([aspect.trust for aspect in aspects], axis=0).astype(np.float16),
    )


def rank_of(scores: NDArray[np.float64], truth: int) -> int:
    """Returns the rank, from 1, of the true product; ties count against it."""
    return int((scores >= scores[truth]).sum())


def measures(rank: int) -> tuple[float, float, float]:
    """Returns top-1, top-5 and the reciprocal of a rank."""
    return float(rank == 1), float(rank <= 5), 1 / rank


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the 95 % interval of a mean (bootstrap)."""
    draws = np.random.default_rng(0).integers(0, len(values), (4000, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
