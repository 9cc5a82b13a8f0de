"""Which pattern a floor is laid in (planks, herringbone, tiles, …): a linear probe on features.

The pattern alone excludes seven to nine of ten candidates. The probe is a softmax regression,
fitted on synthetic floors, whose pattern is known (`training/matching/fit.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError
from floorlens.models.onnx import WEIGHTS

PROBE = "pattern.npz"
#: The patterns; the last is a picture of a single board, which may be laid in any way.
CLASSES = (
    "straight plank",
    "strip parquet",
    "herringbone",
    "chevron",
    "basket parquet",
    "ceramic tile",
    "patterned tile",
    "stone",
    "terrazzo",
    "carpet",
    "one board",
)
#: How many of them, from the first on, are made of boards.
WOODEN = 5


@dataclass(frozen=True)
class PatternProbe:
    """Features -> probabilities of `CLASSES`.

    Attributes:
        mean, scale: float32 (d0,), subtracted first and divided by.
        matrix: float32 (d0, 11). bias: float32 (11,).
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
        """Returns float32 (11,), summing to 1, for patch features (n, d0) and coverage (n,)."""
        weights = np.maximum(coverage.astype(np.float32), 1e-3) ** 2
        mean = (base.astype(np.float32) * weights[:, None]).sum(axis=0) / weights.sum()
        logits = ((mean - self.mean) / self.scale) @ self.matrix + self.bias
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum(), np.float32)


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
        )


@lru_cache(maxsize=1)
def default_probe() -> PatternProbe:
    """Returns the probe that comes with the package.

    Raises:
        CatalogueError: the file is not a probe.

    Example:
        >>> default_probe().matrix.shape[1] == len(CLASSES)
        True
    """
    path = WEIGHTS / PROBE
    try:
        with np.load(path, allow_pickle=False) as data:
            return PatternProbe(
                mean=data["mean"].astype(np.float32),
                scale=data["scale"].astype(np.float32),
                matrix=data["matrix"].astype(np.float32),
                bias=data["bias"].astype(np.float32),
                encoder=str(data["encoder"]),
                version=str(data["version"]),
            )
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path.name} is not a pattern probe: {error}") from error


def pattern_likeness(
    floor: NDArray[np.floating], products: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Returns float32 (n,): Bhattacharyya coefficients of probabilities (11,) and (n, 11), 0..1.

    A picture of one board does not show how the boards are laid: its probability of "one board" is
    given to the wooden patterns of the other floor. Equal probabilities give 1.

    Example:
        >>> planks, tiles = np.eye(11)[0], np.eye(11)[5]
        >>> pattern_likeness(planks, np.stack([planks, tiles])).tolist()
        [1.0, 0.0]
    """
    query = np.broadcast_to(floor.astype(np.float64), products.shape)
    others = products.astype(np.float64)
    one, two = _as_laid(query, others), _as_laid(others, query)
    return np.asarray(np.clip(np.sqrt(one * two).sum(axis=1), 0.0, 1.0), np.float32)


def _as_laid(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns `rows` (n, 11) with "one board" shared out among the wooden patterns of `others`."""
    wooden = others[:, :WOODEN]
    total = wooden.sum(axis=1, keepdims=True)
    shares = np.where(total > 1e-6, wooden / np.maximum(total, 1e-6), 0.0)
    # Where the other is one board as well, they agree on that.
    boards = others[:, -1]
    rest = np.where(total[:, 0] > 1e-6, boards / np.maximum(boards + total[:, 0], 1e-6), 1.0)
    out = rows.copy()
    out[:, :WOODEN] += rows[:, -1:] * shares * (1 - rest)[:, None]
    out[:, -1] = rows[:, -1] * rest
    return out
