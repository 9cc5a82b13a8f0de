"""Linear discriminant projections: fitted in closed form, in numpy, in training or for a catalogue.

A projection turns the encoder's features into the few directions in which products differ more than
the views of one product do. Method: Fisher's discriminant (Rao 1948) with the within-class scatter
shrunk towards a multiple of the identity (Friedman 1989).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from floorlens.embedding.scatter import PairScatter, Scatter, scatter_of
from floorlens.errors import CatalogueError
from floorlens.models.stamp import Stamp

SHARE = 0.5
"""Weight of the variance between rooms and swatches beside that inside the products, a row each.

With a weight of 1, real rooms of shops that were left out gained: MRR .471 to .479, by texture
alone .400 to .436 (encoder 0.2).
"""

ADAPTED = "own-"
"""Versions of projections that were fitted to a catalogue begin so."""


@dataclass(frozen=True)
class Projection:
    """Features -> discriminant directions.

    Attributes:
        mean: float32 (d0,), subtracted first.
        scale: float32 (d0,), divided by.
        matrix: float32 (d0, d).
        stamp: which projection it is; `stamp.dimension` is d.
        encoder: version of the encoder that made the features.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    matrix: NDArray[np.float32]
    stamp: Stamp
    encoder: str

    @property
    def adapted(self) -> bool:
        """Whether it was fitted to a catalogue's own products."""
        return self.stamp.version.startswith(ADAPTED)

    def apply(self, features: ArrayLike) -> NDArray[np.float32]:
        """Returns float32 (..., d) for features (..., d0)."""
        centred = (np.asarray(features, np.float32) - self.mean) / self.scale
        return np.asarray(centred @ self.matrix, np.float32)


def fit_discriminant(
    features: ArrayLike,
    labels: ArrayLike,
    stamp: Stamp,
    encoder: str,
    shrinkage: float = 0.3,
) -> Projection:
    """Returns the projection onto the `stamp.dimension` most discriminating directions.

    Args:
        features: (n, d0), finite.
        labels: (n,), the product that each row shows; at least two products, one of them twice.
        stamp: The name and version of the projection; its dimension is the number of directions.
        encoder: Version of the encoder that made the features.
        shrinkage: Share of the mean variance that is added to every variance inside the products.
            Without it, directions in which the few views happen not to differ would win.

    Along these directions the views of one product have unit variance (shrinkage included), and the
    directions are uncorrelated. If there are fewer than `stamp.dimension`, the rest of `matrix` is
    zero. The rows are copied to float64 a product at a time, which saves memory.

    Raises:
        ValueError: the shapes do not fit, features are not finite, or there are not two products
            and more views than products.

    Example:
        >>> from floorlens.models.stamp import Stamp
        >>> features = np.random.default_rng(0).normal(size=(30, 8))
        >>> stamp = Stamp("my-projection", "1", 4, "Apache-2.0", "none")
        >>> projection = fit_discriminant(features, np.arange(30) % 10, stamp, "my-encoder 1")
        >>> projection.apply(features).shape
        (30, 4)
    """
    rows = np.asarray(features)
    names, owner = np.unique(np.asarray(labels), return_inverse=True)
    if rows.ndim != 2 or owner.shape != rows.shape[:1]:
        raise ValueError(f"features {rows.shape} and labels {owner.shape} do not belong together")
    _check_counts(names.size, len(rows))
    order = np.argsort(owner, kind="stable")
    products = np.split(order, np.cumsum(np.bincount(owner))[:-1])
    return fit_products((rows[places] for places in products), stamp, encoder, shrinkage)


def fit_products(
    products: Iterable[ArrayLike],
    stamp: Stamp,
    encoder: str,
    shrinkage: float = 0.3,
    prior: Scatter | None = None,
    pairs: PairScatter | None = None,
) -> Projection:
    """Returns what `fit_discriminant` returns, for products that need not all be in memory.

    Args:
        products: for each product the features of its views, (n, d0), n >= 1; read once, in order.
        stamp, encoder, shrinkage: as for `fit_discriminant`.
        prior: other products, which count as if they were among these: a few products alone do not
            show in which directions floors differ.
        pairs: how real rooms differ from swatches: in such directions products must differ more to
            count, as in those in which the views of a product differ (`SHARE`).

    Raises:
        ValueError: as for `fit_discriminant`, or the pairs have other features.

    Example:
        >>> from floorlens.models.stamp import Stamp
        >>> features = np.random.default_rng(0).normal(size=(30, 8))
        >>> stamp = Stamp("my-projection", "1", 4, "Apache-2.0", "none")
        >>> fit_products(np.split(features, 10), stamp, "my-encoder 1").matrix.shape
        (8, 4)
    """
    return fit_scatter(scatter_of(products), stamp, encoder, shrinkage, prior, pairs)


def fit_scatter(
    scatter: Scatter,
    stamp: Stamp,
    encoder: str,
    shrinkage: float = 0.3,
    prior: Scatter | None = None,
    pairs: PairScatter | None = None,
) -> Projection:
    """Returns what `fit_products` returns, for products that are summed up already.

    Args:
        scatter: of the products.
        stamp, encoder, shrinkage: as for `fit_discriminant`.
        prior, pairs: as for `fit_products`.

    Raises:
        ValueError: as for `fit_products`.

    Example:
        >>> from floorlens.models.stamp import Stamp
        >>> scatter = scatter_of(np.random.default_rng(0).normal(size=(10, 3, 8)))
        >>> stamp = Stamp("my-projection", "1", 4, "Apache-2.0", "none")
        >>> fit_scatter(scatter, stamp, "my-encoder 1").matrix.shape
        (8, 4)
    """
    if prior is not None:
        scatter = scatter.join(prior)
    means, counts, within = scatter.means, scatter.counts, scatter.within.copy()
    total = int(counts.sum())
    _check_counts(len(counts), total)
    mean = counts @ means / total
    centres = means - mean
    # The variance of all rows is that inside the products and that between them.
    scale = np.sqrt((np.diag(within) + counts @ centres**2) / total)
    scale = np.where(scale > 1e-6, scale, 1.0)
    centres /= scale
    within /= total - len(counts)
    if pairs is not None:
        if pairs.within.shape != within.shape:
            raise ValueError(f"pairs of {pairs.within.shape} features, not {within.shape}")
        within += SHARE / pairs.rows * pairs.within
    within /= np.outer(scale, scale)
    within[np.diag_indices_from(within)] += shrinkage * np.trace(within) / len(within) + 1e-9
    # Whiten the inside of the products, then take the principal directions of their centres.
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values)
    spread = (centres - centres.mean(axis=0)) @ whitening
    _, _, directions = np.linalg.svd(spread, full_matrices=False)
    directions = directions[: min(stamp.dimension, len(counts) - 1)]
    # Signs are arbitrary; fix them so that refitting on the same data gives the same file.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), largest])[:, None]
    matrix = np.zeros((len(within), stamp.dimension))
    matrix[:, : len(directions)] = whitening @ directions.T
    return Projection(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        matrix=matrix.astype(np.float32),
        stamp=stamp,
        encoder=encoder,
    )


def _check_counts(products: int, views: int) -> None:
    if products < 2 or products == views:
        raise ValueError("at least two products and more views than products are needed")


def save_projection(projection: Projection, file: Path | BinaryIO) -> None:
    """Writes the projection as .npz: the matrix as float16, the stamp as strings.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.testing import fake_projection
        >>> save_projection(fake_projection("my-encoder 1"), Path("projection.npz"))
    """
    if isinstance(file, Path):
        with file.open("wb") as stream:
            save_projection(projection, stream)
        return
    stamp = {key: np.array(str(value)) for key, value in projection.stamp.as_dict().items()}
    np.savez_compressed(
        file,
        mean=projection.mean,
        scale=projection.scale,
        matrix=projection.matrix.astype(np.float16),
        encoder=np.array(projection.encoder),
        **stamp,  # type: ignore[arg-type]
    )


def load_projection(file: Path | BinaryIO) -> Projection:
    """Returns the projection in an .npz file.

    Raises:
        CatalogueError: the file is not a projection.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.testing import fake_projection
        >>> save_projection(fake_projection("my-encoder 1"), Path("projection.npz"))
        >>> load_projection(Path("projection.npz")).encoder
        'my-encoder 1'
    """
    try:
        with np.load(file, allow_pickle=False) as data:
            return Projection(
                mean=data["mean"].astype(np.float32),
                scale=data["scale"].astype(np.float32),
                matrix=data["matrix"].astype(np.float32),
                stamp=Stamp(
                    model_id=str(data["model_id"]),
                    version=str(data["version"]),
                    dimension=int(str(data["dimension"])),
                    licence=str(data["licence"]),
                    preprocessing=str(data["preprocessing"]),
                ),
                encoder=str(data["encoder"]),
            )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        name = file.name if isinstance(file, Path) else "what is stored"
        raise CatalogueError(f"{name} is not a projection: {error}") from error
