"""The signature of the built-in embedder: what the re-ranker knows of a floor, in 4,096 bytes.

Layout of version 2, little endian: a header (magic `FLS2`, numbers of patches and of directions),
the median Lab colour and the quantiles of L*, a*, b* around it, the probabilities of the patterns,
the descriptor of the whole floor and one descriptor per patch. Descriptors are unit vectors as
int8 with one scale each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.pattern import CLASSES
from floorlens.errors import CatalogueError

MAGIC = b"FLS2"
#: Levels of the quantiles that are stored of each Lab channel.
LEVELS = np.linspace(0.05, 0.95, 10)
#: Patches of a signature, at most: with 128 directions they fit into 4,096 bytes.
MOST_PATCHES = 28
#: Bytes of a signature, at most.
LIMIT = 4096


@dataclass(frozen=True)
class Signatures:
    """Unpacked signatures of `n` floors.

    Attributes:
        centre: float32 (n, 3), median Lab.
        quantiles: float32 (n, 10, 3), Lab at `LEVELS`, less the median.
        pattern: float32 (n, 11), probabilities of `floorlens.embedding.pattern.CLASSES`.
        whole: float32 (n, d), unit vectors, the descriptor of each floor.
        patches: float32 (n, p, d), unit vectors; where a floor has fewer than p, its first again.
    """

    centre: NDArray[np.float32]
    quantiles: NDArray[np.float32]
    pattern: NDArray[np.float32]
    whole: NDArray[np.float32]
    patches: NDArray[np.float32]


def pack(
    lab: NDArray[np.float32],
    pattern: NDArray[np.floating],
    whole: NDArray[np.float32],
    patches: NDArray[np.float32],
) -> bytes:
    """Returns the signature of one floor; of many patches, an even sample.

    Args:
        lab: its colours in CIELAB, (m, 3).
        pattern: probabilities of the patterns, (11,).
        whole, patches: unit descriptors (d,) and (p, d).

    Raises:
        ValueError: more directions than fit.

    Example:
        >>> lab, pattern = np.zeros((9, 3), np.float32), np.full(11, 1 / 11)
        >>> unit = np.eye(128, dtype=np.float32)
        >>> len(pack(lab, pattern, unit[0], unit[:4]))
        762
    """
    if len(patches) > MOST_PATCHES:
        places = np.linspace(0, len(patches) - 1, MOST_PATCHES).round().astype(np.intp)
        patches = patches[places]
    record = np.zeros(1, _record(len(patches), whole.size))
    centre = np.median(lab, axis=0)
    record["magic"] = MAGIC
    record["patches"], record["directions"] = len(patches), whole.size
    record["centre"] = centre
    record["quantiles"] = np.quantile(lab, LEVELS, axis=0) - centre
    record["pattern"] = pattern
    rows = np.concatenate([whole[None], patches])
    scales = np.maximum(np.abs(rows).max(axis=1), 1e-6).astype(np.float32) / 127
    record["scales"] = scales
    record["rows"] = np.rint(rows / scales[:, None])
    signature = record.tobytes()
    if len(signature) > LIMIT:
        raise ValueError(f"a signature of {len(signature)} bytes is over the limit of {LIMIT}")
    return signature


def unpack(signatures: Sequence[bytes]) -> Signatures:
    """Returns the signatures as arrays, in order.

    Raises:
        CatalogueError: one of them is not a signature of version 2, or they differ in directions.

    Example:
        >>> lab, pattern = np.zeros((9, 3), np.float32), np.full(11, 1 / 11)
        >>> unit = np.eye(128, dtype=np.float32)
        >>> floors = unpack([pack(lab, pattern, unit[0], unit[:4])])
        >>> floors.whole.shape, floors.patches.shape
        ((1, 128), (1, 4, 128))
    """
    sizes = [_sizes(signature) for signature in signatures]
    if len({directions for _, directions in sizes}) > 1:
        raise CatalogueError("signatures of different embedders cannot be compared")
    most = max((count for count, _ in sizes), default=0)
    directions = sizes[0][1] if sizes else 0
    total = len(signatures)
    centre = np.empty((total, 3), np.float32)
    quantiles = np.empty((total, LEVELS.size, 3), np.float32)
    pattern = np.empty((total, len(CLASSES)), np.float32)
    whole = np.empty((total, directions), np.float32)
    patches = np.empty((total, most, directions), np.float32)
    for count in sorted({count for count, _ in sizes}):
        where = np.array([index for index, size in enumerate(sizes) if size[0] == count], np.intp)
        dtype = _record(count, directions)
        block = np.frombuffer(b"".join(signatures[index] for index in where), dtype)
        rows = block["rows"].astype(np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-6)
        centre[where], quantiles[where] = block["centre"], block["quantiles"]
        pattern[where] = block["pattern"]
        whole[where] = rows[:, 0]
        patches[where, :count] = rows[:, 1:]
        patches[where, count:] = rows[:, 1:2]
    return Signatures(centre, quantiles, pattern, whole, patches)


def _record(patches: int, directions: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("magic", "S4"),
            ("patches", "<u2"),
            ("directions", "<u2"),
            ("centre", "<f4", (3,)),
            ("quantiles", "<f2", (LEVELS.size, 3)),
            ("pattern", "<f2", (len(CLASSES),)),
            ("scales", "<f4", (patches + 1,)),
            ("rows", "i1", (patches + 1, directions)),
        ]
    )


def _sizes(signature: bytes) -> tuple[int, int]:
    """Returns (patches, directions) after checking that the bytes are a signature."""
    if signature[:4] == MAGIC and len(signature) >= 8:
        patches, directions = np.frombuffer(signature, "<u2", 2, 4)
        count, width = int(patches), int(directions)
        if count >= 1 and len(signature) == _record(count, width).itemsize:
            return count, width
    raise CatalogueError("a stored signature is not of version 2: run `floorlens index --rebuild`")
