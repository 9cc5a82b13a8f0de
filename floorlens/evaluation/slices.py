"""What a result depends on: rows of a data set by their source, pattern and material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from floorlens.catalogue.catalogue import Catalogue
from floorlens.embedding.pattern import CLASSES, WOODEN

BOARDS, TILES, STONE = "boards", "tiles and mosaic", "stone, terrazzo, concrete"
"""Materials as a picture can tell them. Boards may be wood, laminate or vinyl."""
_TILES = ("square tile", "hexagon tile", "mosaic")
_STONE = ("stone", "terrazzo", "plain")


def product_patterns(catalogue: Catalogue, ids: Sequence[str]) -> dict[str, str]:
    """Returns product id -> the most probable pattern of its swatch, else of its room scenes.

    One of `embedding.pattern.CLASSES`. Products of whose pattern the embedder stores nothing are
    left out.

    Example:
        >>> from floorlens import Floorlens
        >>> from floorlens.catalogue.catalogue import Catalogue
        >>> from floorlens.evaluation.slices import product_patterns
        >>> with Floorlens.open("catalogue") as lens:
        ...     report = lens.add("products")
        >>> product_patterns(Catalogue("catalogue"), ["walnut-herringbone"])
        {'walnut-herringbone': 'herringbone'}
    """
    patterns = {}
    stored = catalogue.base_features(ids, catalogue.live_stamp() or {})
    for product, features in stored.items():
        facts = next(iter(features.aspects.values())).facts
        if facts.size == len(CLASSES):
            patterns[product] = CLASSES[int(np.argmax(facts))]
    return patterns


def material_of(pattern: str) -> str:
    """Returns what a floor of a pattern is made of, as far as its look tells.

    Example:
        >>> from floorlens.evaluation.slices import material_of
        >>> material_of("herringbone"), material_of("carpet")
        ('boards', 'carpet')
    """
    if pattern in _TILES:
        return TILES
    if pattern in _STONE:
        return STONE
    return BOARDS if pattern in (*CLASSES[:WOODEN], "one board") else pattern


def sliced(labels: Sequence[str | None]) -> Mapping[str, list[int]]:
    """Returns label -> the rows that have it, the largest slice first; rows without one are left
    out.

    Example:
        >>> from floorlens.evaluation.slices import sliced
        >>> sliced(["plank", "strip", None, "strip"])
        {'strip': [1, 3], 'plank': [0]}
    """
    rows: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        if label:
            rows.setdefault(label, []).append(number)
    return dict(sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])))
