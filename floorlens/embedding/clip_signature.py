"""The signature of the embedder on hub models: the region's vector, and its patches' if there are.

Layout, little endian: magic `FLC1`, bytes to a number of the region, number of patches, dimension;
the region; a scale for each patch and its numbers as int8. A region without patches of up to
`EXACT` numbers is float32, so that its similarity is exactly that of retrieval. A longer region,
and one with patches, is float16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import MOST_BYTES
from floorlens.errors import CatalogueError

MAGIC = b"FLC1"
LIMIT = MOST_BYTES
"""Bytes of a signature, at most."""
_HEAD = np.dtype([("magic", "S4"), ("width", "<u2"), ("patches", "<u2"), ("dimension", "<u4")])
EXACT = (LIMIT - _HEAD.itemsize) // 4
"""Numbers of a region that fit as float32, without patches: 1,021."""
MOST = (LIMIT - _HEAD.itemsize) // 2
"""Numbers of a region that fit as float16: 2,042."""


@dataclass(frozen=True)
class Regions:
    """Unpacked signatures of `n` floors.

    Attributes:
        whole: float32 (n, d), unit vectors, the embedding of each region.
        patches: float32 (n, p, d), unit vectors; where a floor has fewer than p, its first again;
            its region where it has none.
        counts: int64 (n,), how many of the p are its own, at least 1.
    """

    whole: NDArray[np.float32]
    patches: NDArray[np.float32]
    counts: NDArray[np.int64]


def pack(whole: NDArray[np.float32], patches: NDArray[np.float32]) -> bytes:
    """Returns the signature of one floor; of more patches than fit, an even sample.

    Args:
        whole: unit vector (d,) of the region.
        patches: unit vectors (p, d); p may be 0.

    Raises:
        ValueError: a vector has more numbers than `MOST`.

    Example:
        >>> unit = np.eye(512, dtype=np.float32)
        >>> len(pack(unit[0], unit[:0])), len(pack(unit[0], unit[:4]))
        (2060, 3100)
    """
    dimension = whole.size
    width = 4 if not len(patches) and _size(4, 0, dimension) <= LIMIT else 2
    room = (LIMIT - _size(width, 0, dimension)) // (dimension + 4)
    if _size(width, 0, dimension) > LIMIT:
        raise ValueError(f"a vector of {dimension} numbers does not fit into {LIMIT} bytes")
    if len(patches) > room:
        patches = patches[np.linspace(0, len(patches) - 1, room).round().astype(np.intp)]
    head = np.array([(MAGIC, width, len(patches), dimension)], _HEAD)
    scales = np.maximum(np.abs(patches).max(axis=1, initial=0.0), 1e-6).astype("<f4") / 127
    rows = np.rint(patches / scales[:, None]).astype("i1")
    parts = (head, whole.astype(f"<f{width}"), scales.astype("<f4"), rows)
    return b"".join(part.tobytes() for part in parts)


def unpack(signatures: Sequence[bytes]) -> Regions:
    """Returns the signatures as arrays, in order.

    Raises:
        CatalogueError: one of them is no signature of this kind, or they differ in dimension.

    Example:
        >>> unit = np.eye(512, dtype=np.float32)
        >>> floors = unpack([pack(unit[0], unit[:4])])
        >>> floors.whole.shape, floors.patches.shape, floors.counts.tolist()
        ((1, 512), (1, 4, 512), [4])
    """
    heads = [_head(signature) for signature in signatures]
    dimensions = {dimension for _, _, dimension in heads}
    if len(dimensions) > 1:
        raise CatalogueError("signatures of different embedders cannot be compared")
    dimension = dimensions.pop() if dimensions else 0
    most = max((max(1, patches) for _, patches, _ in heads), default=0)
    whole = np.empty((len(heads), dimension), np.float32)
    patches = np.empty((len(heads), most, dimension), np.float32)
    for place, (signature, (width, count, _)) in enumerate(zip(signatures, heads, strict=True)):
        start = _HEAD.itemsize
        whole[place] = np.frombuffer(signature, f"<f{width}", dimension, start)
        start += width * dimension + 4 * count
        rows = np.frombuffer(signature, "i1", count * dimension, start).reshape(count, dimension)
        patches[place, :count] = rows
        patches[place, count:] = rows[0] if count else whole[place]
    counts = np.array([max(1, count) for _, count, _ in heads], np.int64)
    return Regions(_unit(whole), _unit(patches), counts)


def _head(signature: bytes) -> tuple[int, int, int]:
    """Returns (bytes to a number, patches, dimension) after checking that it is a signature."""
    if signature[:4] == MAGIC and len(signature) >= _HEAD.itemsize:
        _, width, patches, dimension = np.frombuffer(signature, _HEAD, 1)[0].tolist()
        if width in (2, 4) and len(signature) == _size(width, patches, dimension):
            return int(width), int(patches), int(dimension)
    raise CatalogueError("a stored signature is of another preset: run `floorlens index --rebuild`")


def _size(width: int, patches: int, dimension: int) -> int:
    return _HEAD.itemsize + width * dimension + patches * (dimension + 4)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-6), np.float32)
