"""From vectors of patches to ranks, and from ranks to figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.matching.shops import Views

Rows = NDArray[np.float32]


def pooled(vectors: Rows, views: Views) -> Rows:
    """Returns the unit vector float32 (p, d) of each picture: patches weighted by coverage²."""
    weights = np.maximum(views.coverage, 1e-3)[:, None] ** 2
    sums = np.add.reduceat(vectors * weights, views.starts[:-1], axis=0)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def ranks(rooms: Rows, catalogue: Rows, shown: list[str], names: list[str]) -> NDArray[np.int64]:
    """Returns the rank, from 1, of the product that each room shows; ties count against it."""
    likeness = rooms @ catalogue.T
    places = {name: place for place, name in enumerate(names)}
    own = likeness[np.arange(len(shown)), [places[name] for name in shown]]
    return np.asarray((likeness >= own[:, None]).sum(axis=1), np.int64)


def standing(rooms: Rows, catalogue: Rows, shown: list[str], names: list[str]) -> Rows:
    """Returns by how many standard deviations of the catalogue each room's product is above it.

    Smoother than ranks: what few rooms can still tell apart.
    """
    likeness = rooms @ catalogue.T
    places = {name: place for place, name in enumerate(names)}
    own = likeness[np.arange(len(shown)), [places[name] for name in shown]]
    return np.asarray((own - likeness.mean(axis=1)) / (likeness.std(axis=1) + 1e-6), np.float32)


def figures(
    found: NDArray[np.int64], unseen: int = 0, above: Rows | None = None
) -> dict[str, float]:
    """Returns MRR with its 95 % interval (bootstrap over rooms), top-1 and top-5.

    `unseen` rooms count as ranking nothing. With `above`, also the mean of `standing`.
    """
    inverse = np.concatenate([1 / found, np.zeros(unseen)])
    draws = np.random.default_rng(0).integers(0, len(inverse), (2000, len(inverse)))
    low, high = np.quantile(inverse[draws].mean(axis=1), (0.025, 0.975))
    more = {} if above is None else {"standing": round(float(above.mean()), 3)}
    return more | {
        "mrr": round(float(inverse.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "top1": round(float((inverse == 1).mean()), 4),
        "top5": round(float((inverse >= 0.2).mean()), 4),
    }
