"""Stage 5: the query's signature and candidates' -> component scores. Backends: `backends/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.models.stamp import Stamp


class Reranker(Protocol):
    """A backend that compares signatures in detail."""

    @property
    def stamp(self) -> Stamp:
        """Which version it is, and which signature format it reads."""

    @property
    def weights(self) -> Mapping[str, float]:
        """The default weight of each component; the names of the components are its keys."""

    def components(
        self, query: bytes, candidates: Sequence[bytes]
    ) -> Mapping[str, NDArray[np.float32]]:
        """Returns for each component a float32 (len(candidates),) array of scores 0..1.

        1 means that nothing differs. The score of a match is the weighted mean of its components.
        """
