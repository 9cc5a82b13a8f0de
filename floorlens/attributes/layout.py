"""How a floor is laid: the word for the probabilities of its pattern."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.pattern import CLASSES

#: What the probe tells apart and the vocabulary does not, decided before any result was seen:
#: strips are narrow planks, and what has no joints is "plain", whatever it is made of.
MERGED: Mapping[str, str] = {
    "strip": "plank",
    "basket parquet": "basket",
    "square tile": "tile",
    "hexagon tile": "hexagon",
    "stone": "plain",
    "terrazzo": "plain",
    "carpet": "plain",
}
#: The words without joints.
WITHOUT_JOINTS = ("one board", "plain")


def layout_shares(probabilities: NDArray[np.floating]) -> dict[str, float]:
    """Returns word -> probability, for the probabilities (13,) of `embedding.pattern.CLASSES`.

    Example:
        >>> shares = layout_shares(np.full(13, 1 / 13))
        >>> round(shares["plank"] * 13), round(shares["plain"] * 13)
        (2, 4)
    """
    shares: dict[str, float] = {}
    for name, share in zip(CLASSES, probabilities, strict=True):
        word = MERGED.get(name, name)
        shares[word] = shares.get(word, 0.0) + float(share)
    return shares


def joint_share(shares: Mapping[str, float]) -> float:
    """Returns how likely joints are, for what `layout_shares` returns.

    Example:
        >>> joint_share({"plank": 0.75, "plain": 0.25})
        0.75
    """
    total = sum(shares.values())
    bare = sum(shares.get(word, 0.0) for word in WITHOUT_JOINTS)
    return 1.0 - bare / total if total > 0 else 0.0
