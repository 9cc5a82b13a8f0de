"""What a floor looks like it is made of. A guess: what imitates wood is wood look as well."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.pattern import CLASSES, WOODEN

#: Material -> the patterns that speak for it, beside those of boards, which speak for wood.
_SPEAK_FOR: Mapping[str, str] = {
    "one board": "wood look",
    "stone": "stone look",
    "terrazzo": "terrazzo",
    "plain": "plain look",
    "carpet": "carpet",
}
_TILES = ("square tile", "hexagon tile", "mosaic")
#: Tiles of these colours are glazed; of the others most imitate stone.
GLAZED = ("red", "yellow", "green", "blue", "multicolour")


def material_shares(probabilities: NDArray[np.floating], colour: str) -> dict[str, float]:
    """Returns material -> how likely it is; together 1.

    Tiles alone do not say what they look like: they count for stone, or by their colour for
    ceramic.

    Args:
        probabilities: (13,), of the patterns in `embedding.pattern.CLASSES`.
        colour: the colour family.

    Example:
        >>> tiles = np.eye(13)[CLASSES.index("square tile")]
        >>> [max(shares, key=shares.get) for shares in
        ...  (material_shares(tiles, "grey"), material_shares(tiles, "blue"))]
        ['stone look', 'ceramic']
    """
    words = ("wood look", "stone look", "terrazzo", "ceramic", "plain look", "carpet")
    shares = dict.fromkeys(words, 0.0)
    for place, (name, share) in enumerate(zip(CLASSES, probabilities, strict=True)):
        if name in _TILES:
            word = "ceramic" if colour in GLAZED else "stone look"
        else:
            word = "wood look" if place < WOODEN else _SPEAK_FOR[name]
        shares[word] += float(share)
    return shares
