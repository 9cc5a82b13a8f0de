"""A small packed set for tests: products of one colour each, with swatches and rooms."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.matching.pack import ROOM, SIMULATED, SWATCH, Pack, PackWriter, Picture


def small_pack(path: Path, products: int = 12) -> Pack:
    """Returns a set of products; every third has a real room, shop "a" or "b", the rest is made."""
    rng, writer = np.random.default_rng(0), PackWriter()
    for number in range(products):
        real = number % 3 == 0
        source = ("a" if number % 2 else "b") if real else "made"
        colour = rng.integers(40, 220, 3)
        for side in (SWATCH, ROOM if real else SIMULATED, SIMULATED):
            noise = rng.normal(0, 10, (3, 64, 64, 3))
            patches = list(np.clip(colour + noise, 0, 255).astype(np.uint8))
            writer.add(Picture(patches, f"p{number:02d}", side, source, not real))
    return writer.write(path)
