"""The scatter of products: all that fitting a discriminant needs to know of them.

The package has the scatter of 100 synthetic products. A catalogue's own products are added to it,
so that a small catalogue is not adapted to accidents of a few pictures. It also has that of real
pairs, a room and the swatch of its floor: simulated rooms differ less from swatches than real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

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


@dataclass(frozen=True)
class PairScatter:
    """How rooms differ from the swatches of their floors, summed up.

    Attributes:
        within: float64 (d0, d0), the sum over all patches of the rooms of the outer product of
            their difference with itself: patch - mean of the swatch, less the mean difference.
        rows: how many patches the rooms have.
        pairs: how many rooms there are.
    """

    within: NDArray[np.float64]
    rows: int
    pairs: int

    @property
    def version(self) -> str:
        """12 hex digits, equal for equal scatters."""
        counts = f"{self.rows} {self.pairs}".encode()
        return hashlib.sha256(counts + self.within.tobytes()).hexdigest()[:12]

    def blend(self, other: PairScatter, share: float) -> PairScatter:
        """Returns the scatter of both, of which `share`, 0..1, is the other's, however many it has.

        Raises:
            ValueError: their features differ in number.

        Example:
            >>> one, two = PairScatter(np.eye(4), 2, 1), PairScatter(8 * np.eye(4), 2, 1)
            >>> both = one.blend(two, 0.5)
            >>> float(both.within[0, 0]), both.rows, both.pairs
            (9.0, 4, 2)
        """
        if self.within.shape != other.within.shape:
            raise ValueError(f"{self.within.shape} and {other.within.shape} are different features")
        rows = self.rows + other.rows
        mean = (1 - share) / self.rows * self.within + share / other.rows * other.within
        return PairScatter(rows * mean, rows, self.pairs + other.pairs)


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


def pair_scatter_of(pairs: Iterable[tuple[ArrayLike, ArrayLike]]) -> PairScatter:
    """Returns the scatter of pairs, each the features (n, d0) of a room and (m, d0) of its swatch.

    With the mean difference goes what sets all rooms apart from all swatches, such as the lens: it
    is no reason to distrust a direction, since every room has it alike.

    Raises:
        ValueError: no pair, shapes that do not fit, or features that are not finite.

    Example:
        >>> rooms = np.random.default_rng(0).normal(size=(10, 18, 8))
        >>> scatter = pair_scatter_of((room, room[:12] + 1) for room in rooms)
        >>> scatter.pairs, scatter.rows, scatter.within.shape
        (10, 180, (8, 8))
    """
    differences = []
    for room, swatch in pairs:
        rows, centre = np.asarray(room, np.float64), np.asarray(swatch, np.float64).mean(axis=0)
        if rows.ndim != 2 or rows.shape[1:] != centre.shape or not len(rows):
            raise ValueError(f"features {rows.shape} and {centre.shape} do not belong together")
        differences.append(rows - centre)
    if not differences:
        raise ValueError("there is no pair")
    stacked = np.concatenate(differences)
    if not np.isfinite(stacked).all():
        raise ValueError("the features are not finite")
    stacked -= stacked.mean(axis=0)
    return PairScatter(stacked.T @ stacked, len(stacked), len(differences))


def save_scatter(scatter: Scatter, encoder: str, path: Path) -> None:
    """Writes a scatter as .npz: float16, scaled by the spread of each feature, half of the matrix.

    `encoder` is the version of the encoder that made the features.

    Example:
        >>> from pathlib import Path
        >>> scatter = scatter_of(np.random.default_rng(0).normal(size=(10, 3, 8)))
        >>> save_scatter(scatter, "my-encoder 1", Path("prior.npz"))
    """
    packed = _pack(scatter.within / scatter.counts.sum())
    means = (scatter.means / packed["scale"]).astype(np.float16)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            means=means,
            counts=scatter.counts,
            encoder=np.array(encoder),
            **packed,
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
    data = _read(path, encoder, ("means", "counts"))
    counts = data["counts"].astype(np.int64)
    means = data["means"].astype(np.float64) * data["scale"].astype(np.float64)
    return Scatter(means, counts, _unpack(data) * counts.sum())


def save_pair_scatter(scatter: PairScatter, encoder: str, path: Path) -> None:
    """Writes a scatter of pairs as `save_scatter` writes one of products.

    Example:
        >>> from pathlib import Path
        >>> rooms = np.random.default_rng(0).normal(size=(10, 18, 8))
        >>> scatter = pair_scatter_of((room, room[:12]) for room in rooms)
        >>> save_pair_scatter(scatter, "my-encoder 1", Path("pairs.npz"))
    """
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            rows=np.array(scatter.rows),
            pairs=np.array(scatter.pairs),
            encoder=np.array(encoder),
            **_pack(scatter.within / scatter.rows),
        )


def load_pair_scatter(path: Path, encoder: str) -> PairScatter:
    """Returns the scatter of pairs in an .npz file.

    Raises:
        CatalogueError: the file is not one, or another encoder made its features.

    Example:
        >>> from pathlib import Path
        >>> rooms = np.random.default_rng(0).normal(size=(10, 18, 8))
        >>> scatter = pair_scatter_of((room, room[:12]) for room in rooms)
        >>> save_pair_scatter(scatter, "my-encoder 1", Path("pairs.npz"))
        >>> load_pair_scatter(Path("pairs.npz"), "my-encoder 1").pairs
        10
    """
    data = _read(path, encoder, ("rows", "pairs"))
    rows = int(data["rows"])
    return PairScatter(_unpack(data) * rows, rows, int(data["pairs"]))


def _pack(within: NDArray[np.float64]) -> dict[str, Any]:
    """Returns the spread of each feature, and half of the matrix as float16, scaled by it."""
    scale = np.sqrt(np.diag(within))
    scale = np.where(scale > 1e-6, scale, 1.0)
    upper = np.triu_indices(len(scale))
    return {
        "scale": scale.astype(np.float32),
        "within": (within / np.outer(scale, scale))[upper].astype(np.float16),
    }


def _unpack(data: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    scale = data["scale"].astype(np.float64)
    within = np.zeros((len(scale), len(scale)))
    within[np.triu_indices(len(scale))] = data["within"].astype(np.float64)
    within += np.triu(within, 1).T
    return within * np.outer(scale, scale)


def _read(path: Path, encoder: str, fields: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Returns what an .npz file of `_pack` and further fields holds, if it is of that encoder."""
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in ("encoder", "scale", "within", *fields)}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise CatalogueError(f"{path.name} is not a scatter: {error}") from error
    version, size = str(data["encoder"]), data["scale"].size
    if data["within"].size != size * (size + 1) // 2:
        raise CatalogueError(f"{path.name} is not a scatter: its parts differ in size")
    if version != encoder:
        raise CatalogueError(f"{path.name} belongs to encoder {version}, not {encoder}")
    return data
