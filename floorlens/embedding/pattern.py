"""Which pattern a floor is laid in (planks, herringbone, tiles, …): a linear probe on features.

The pattern alone excludes seven to nine of ten candidates. The probe is a softmax regression,
fitted on real pictures labelled by eye, on rooms simulated from them, and on floors laid in a known
pattern (`training/matching/fit_pattern.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError
from floorlens.models.onnx import WEIGHTS

PROBE = "pattern.npz"
#: The patterns; the last is a picture of a single board, which may be laid in any way.
CLASSES = (
    "plank",
    "strip",
    "herringbone",
    "chevron",
    "basket parquet",
    "square tile",
    "hexagon tile",
    "mosaic",
    "stone",
    "terrazzo",
    "plain",
    "carpet",
    "one board",
)
#: How many of them, from the first on, are made of boards.
WOODEN = 5
#: A picture of one piece does not show how it is laid: which classes it may be laid as. A swatch of
#: stone, terrazzo or concrete is often the face of one tile.
_TILES = (CLASSES.index("square tile"), CLASSES.index("hexagon tile"))
LAID_AS: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        CLASSES.index("one board"): tuple(range(WOODEN)),
        CLASSES.index("stone"): _TILES,
        CLASSES.index("terrazzo"): _TILES,
        CLASSES.index("plain"): _TILES,
    }
)


@dataclass(frozen=True)
class PatternProbe:
    """Features -> probabilities of `CLASSES`.

    Attributes:
        mean, scale: float32 (2 * d0,), subtracted first and divided by.
        matrix: float32 (2 * d0, 13). bias: float32 (13,). Scaled so that the probabilities are
            as often right as they say, on shops that were left out.
        encoder: version of the encoder that made the features.
        version: of the probe.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    matrix: NDArray[np.float32]
    bias: NDArray[np.float32]
    encoder: str
    version: str

    def probabilities(
        self, base: NDArray[np.floating], coverage: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Returns float32 (13,), summing to 1, for patch features (n, d0) and coverage (n,)."""
        row = (pattern_summary(base, coverage) - self.mean) / self.scale
        logits = row @ self.matrix + self.bias
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum(), np.float32)


def pattern_summary(
    base: NDArray[np.floating], coverage: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Returns float32 (2 * d0,): mean and spread of patch features (n, d0), by coverage (n,).

    Example:
        >>> pattern_summary(np.array([[0.0, 1.0], [2.0, 1.0]]), np.ones(2)).tolist()
        [1.0, 1.0, 1.0, 0.0]
    """
    rows = base.astype(np.float32)
    weights = np.maximum(coverage.astype(np.float32), 1e-3)[:, None] ** 2
    weights /= weights.sum()
    mean = (rows * weights).sum(axis=0)
    spread = np.sqrt((weights * (rows - mean) ** 2).sum(axis=0))
    return np.concatenate([mean, spread])


def save_probe(probe: PatternProbe, path: Path) -> None:
    """Writes the probe as .npz, the matrix as float16.

    Example:
        >>> from pathlib import Path
        >>> save_probe(default_probe(), Path("pattern.npz"))
    """
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            mean=probe.mean,
            scale=probe.scale,
            matrix=probe.matrix.astype(np.float16),
            bias=probe.bias,
            encoder=np.array(probe.encoder),
            version=np.array(probe.version),
            classes=np.array(CLASSES),
        )


@lru_cache(maxsize=1)
def default_probe() -> PatternProbe:
    """Returns the probe that comes with the package.

    Raises:
        CatalogueError: the file is not a probe, or one of other classes than these.

    Example:
        >>> default_probe().matrix.shape[1] == len(CLASSES)
        True
    """
    return load_probe(WEIGHTS / PROBE)


def load_probe(path: Path) -> PatternProbe:
    """Returns the probe in a file.

    Raises:
        CatalogueError: the file is not a probe, or one of other classes than these.

    Example:
        >>> load_probe(WEIGHTS / PROBE).version == default_probe().version
        True
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            classes = tuple(data["classes"].tolist()) if "classes" in data.files else ()
            probe = PatternProbe(
                mean=data["mean"].astype(np.float32),
                scale=data["scale"].astype(np.float32),
                matrix=data["matrix"].astype(np.float32),
                bias=data["bias"].astype(np.float32),
                encoder=str(data["encoder"]),
                version=str(data["version"]),
            )
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path.name} is not a pattern probe: {error}") from error
    if classes != CLASSES:
        raise CatalogueError(
            f"{path.name} {probe.version} tells other patterns than this version of Floorlens: "
            "install the package anew, or fit it with `python -m training.matching.fit_pattern`"
        )
    return probe


def pattern_likeness(
    floor: NDArray[np.floating], products: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Returns float32 (n,): Bhattacharyya coefficients of probabilities (13,) and (n, 13), 0..1.

    A picture of one piece does not show how the pieces are laid: its probability of "one board" is
    given to the wooden patterns of the other floor, that of "stone", "terrazzo" and "plain" to the
    tiles of the other floor. Equal probabilities give 1.

    Example:
        >>> shares = dict(zip(CLASSES, np.eye(len(CLASSES))))
        >>> products = np.stack([shares["plank"], shares["square tile"], shares["one board"]])
        >>> pattern_likeness(shares["plank"], products).tolist()
        [1.0, 0.0, 1.0]
    """
    query = np.broadcast_to(floor.astype(np.float64), products.shape)
    others = products.astype(np.float64)
    one, two = _as_laid(query, others), _as_laid(others, query)
    return np.asarray(np.clip(np.sqrt(one * two).sum(axis=1), 0.0, 1.0), np.float32)


def same_pattern(
    floor: NDArray[np.floating], products: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Returns float32 (n,): the probability that patterns of (13,) and (n, 13) are the same, 0..1.

    A picture of one piece is laid as in `pattern_likeness`.

    Example:
        >>> planks = np.eye(len(CLASSES))[0]
        >>> unsure = 0.75 * planks + 0.25 * np.eye(len(CLASSES))[5]
        >>> same_pattern(planks, unsure[None]).tolist()
        [0.75]
    """
    query = np.broadcast_to(floor.astype(np.float64), products.shape)
    others = products.astype(np.float64)
    both = _as_laid(query, others) * _as_laid(others, query)
    return np.asarray(np.clip(both.sum(axis=1), 0.0, 1.0), np.float32)


def _as_laid(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns `rows` (n, 13) with single pieces shared out among what `others` are laid as."""
    out = rows.copy()
    for piece, patterns in LAID_AS.items():
        laid = others[:, list(patterns)]
        total = laid.sum(axis=1)
        # Where the other is one piece as well, they agree on that.
        both = others[:, piece] + total
        given = np.where(total > 1e-6, total / np.maximum(both, 1e-6), 0.0)
        shares = laid / np.maximum(total, 1e-6)[:, None]
        out[:, list(patterns)] += (rows[:, piece] * given)[:, None] * shares
        out[:, piece] = rows[:, piece] * (1 - given)
    return out
