"""The scatter of products: all that fitting a discriminant needs to know of them.

The package has the scatter of 100 synthetic products. A catalogue's own products are added to it,
so that a small catalogue is not adapted to accidents of a few pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floorlens.errors import CatalogueError

BLOCK = 2048
"""A block has at least so many rows, in float64, and at most one product's rows more."""


@dataclass(frozen=True)
class Scatter:
    """Products, each with some views, summed up.

    Attributes:
        means: float64 (p, d0), the mean of each product's views.
        counts: int64 (p,), how many views each has.
        within: float64 (d0, d0), the sum over all views of the outer product of the distance from
            their product's mean with itself.
    """

    means: NDArray[np.float64]
    counts: NDArray[np.int64]
    within: NDArray[np.float64]

    def join(self, other: Scatter) -> Scatter:
        """Returns the scatter of the products of both.

        Raises:
            ValueError: their features differ in number.
        """
        if self.within.shape != other.within.shape:
            raise ValueError(f"{self.within.shape} and {other.within.shape} are different features")
        return Scatter(
            np.concatenate([self.means, other.means]),
            np.concatenate([self.counts, other.counts]),
            self.within + other.within,
        )


def scatter_of(products: Iterable[ArrayLike]) -> Scatter:
    """Returns the scatter of products, (n, d0) features each; they are read once, in order.

    Raises:
        ValueError: the shapes do not fit, or features are not finite.

    Example:
        >>> scatter = scatter_of(np.random.default_rng(0).normal(size=(10, 3, 8)))
        >>> scatter.means.shape, int(scatter.counts.sum())
        ((10, 8), 30)
    """
    means: list[NDArray[np.float64]] = []
    counts: list[int] = []
    block: list[NDArray[np.float64]] = []
    within = np.zeros((0, 0))

    def add_block() -> None:
        inside = np.concatenate(block)
        block.clear()
        np.add(within, inside.T @ inside, out=within)

    for product in products:
        rows = np.asarray(product, np.float64)
        if rows.ndim != 2 or not len(rows) or (means and rows.shape[1:] != means[0].shape):
            raise ValueError(f"features {rows.shape} of a product do not belong to the others'")
        if not np.isfinite(rows).all():
            raise ValueError("the features are not finite")
        if not means:
            within = np.zeros((rows.shape[1], rows.shape[1]))
        means.append(rows.mean(axis=0))
        counts.append(len(rows))
        block.append(rows - means[-1])
        # With a few rows at a time, adding the matrices would cost more than multiplying them.
        if sum(map(len, block)) >= BLOCK:
            add_block()
    if block:
        add_block()
    return Scatter(np.array(means), np.array(counts, np.int64), within)


def save_scatter(scatter: Scatter, encoder: str, path: Path) -> None:
    """Writes a scatter as .npz: float16, scaled by the spread of each feature, half of the matrix.

    `encoder` is the version of the encoder that made the features.

    Example:
        >>> from pathlib import Path
        >>> scatter = scatter_of(np.random.default_rng(0).normal(size=(10, 3, 8)))
        >>> save_scatter(scatter, "my-encoder 1", Path("prior.npz"))
    """
    scale = np.sqrt(np.diag(scatter.within) / scatter.counts.sum())
    scale = np.where(scale > 1e-6, scale, 1.0)
    upper = np.triu_indices(len(scale))
    within = scatter.within / np.outer(scale, scale) / scatter.counts.sum()
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            scale=scale.astype(np.float32),
            means=(scatter.means / scale).astype(np.float16),
            counts=scatter.counts,
            within=within[upper].astype(np.float16),
            encoder=np.array(encoder),
        )


def load_scatter(path: Path, encoder: str) -> Scatter:
    """Returns the scatter in an .npz file.

    Raises:
        CatalogueError: the file is not a scatter, or another encoder made its features.

    Example:
        >>> from pathlib import Path
        >>> scatter = scatter_of(np.random.default_rng(0).normal(size=(10, 3, 8)))
        >>> save_scatter(scatter, "my-encoder 1", Path("prior.npz"))
        >>> load_scatter(Path("prior.npz"), "my-encoder 1").means.shape
        (10, 8)
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            version, counts = str(data["encoder"]), data["counts"].astype(np.int64)
            scale = data["scale"].astype(np.float64)
            means = data["means"].astype(np.float64) * scale
            within = np.zeros((len(scale), len(scale)))
            within[np.triu_indices(len(scale))] = data["within"].astype(np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path.name} is not a scatter: {error}") from error
    if version != encoder:
        raise CatalogueError(f"{path.name} belongs to encoder {version}, not {encoder}")
    within += np.triu(within, 1).T
    return Scatter(means, counts, within * np.outer(scale, scale) * counts.sum())
