"""Stage 3: FloorView -> FloorEmbedding. Backends: one file each, named as in the presets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.models import Stamp
from floorlens.normalisation import FloorView


@dataclass(frozen=True)
class FloorEmbedding:
    """One floor as numbers.

    Attributes:
        base: float16 (n, d0), the features of each patch before any projection; stored, so that
            a new projection can be fitted without opening an image again.
        vector: float32 (d,), L2-normalised; what the vector index holds.
        signature: at most 4,096 bytes of finer evidence for the re-ranker, in the format that the
            embedder's stamp names.
    """

    base: NDArray[np.float16]
    vector: NDArray[np.float32]
    signature: bytes


class Embedder(Protocol):
    """A backend that describes floors."""

    @property
    def stamp(self) -> Stamp:
        """Which model it is; `stamp.dimension` is the length of the vectors."""

    def embed(self, views: Sequence[FloorView]) -> list[FloorEmbedding]:
        """Returns one embedding per view, in order; batched inside."""
