"""The signature of the built-in embedder: what the re-ranker knows of a floor, in 4,096 bytes.

Layout of version 3, little endian: a header (magic `FLS3`, numbers of directions and of pattern
classes, whether the projection is a catalogue's own, number of patches of each of `ASPECTS`, 0 for
one that is absent), then for each aspect the
median Lab colour and the quantiles of L*, a*, b* around it, the probabilities of the patterns, the
numbers that tell how far to trust it, the descriptor of the whole and one descriptor per patch.
Descriptors are unit vectors as int8, stretched to use all of its range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import ASPECTS, MOST_BYTES, AspectName
from floorlens.errors import CatalogueError
from floorlens.normalisation.trust import TRUST

MAGIC = b"FLS3"
#: Levels of the quantiles that are stored of each Lab channel.
LEVELS = np.linspace(0.05, 0.95, 10)
#: Bytes of a signature, at most.
LIMIT = MOST_BYTES
_HEAD = np.dtype(
    [
        ("magic", "S4"),
        ("directions", "<u2"),
        ("classes", "u1"),
        ("adapted", "u1"),
        ("patches", "u1", (len(ASPECTS),)),
    ]
)


@dataclass(frozen=True)
class Detail:
    """What a signature says of one aspect.

    Attributes:
        lab: float32 (m, 3), colours in CIELAB.
        pattern: (c,), probabilities of the patterns.
        trust: (4,), the values of `floorlens.normalisation.trust.TRUST`.
        whole, patches: float32 (d,) and (p, d), unit descriptors.
    """

    lab: NDArray[np.float32]
    pattern: NDArray[np.floating]
    trust: NDArray[np.floating]
    whole: NDArray[np.float32]
    patches: NDArray[np.float32]


@dataclass(frozen=True)
class Signatures:
    """Unpacked signatures of `n` floors, with `m` aspects in all: a row an aspect, floor by floor.

    Attributes:
        total: n.
        adapted: whether a catalogue's own projection made the descriptors.
        floor: int64 (m,), which floor each aspect belongs to, rising.
        aspect: int64 (m,), which of `ASPECTS` it is.
        centre: float32 (m, 3), median Lab.
        quantiles: float32 (m, 10, 3), Lab at `LEVELS`, less the median.
        pattern: float32 (m, c), probabilities of `floorlens.embedding.pattern.CLASSES`.
        trust: float32 (m, 4), the values of `floorlens.normalisation.trust.TRUST`.
        whole: float32 (m, d), unit vectors, the descriptor of each aspect.
        patches: float32 (m, p, d), unit vectors; after an aspect's own, its first again.
        counts: int64 (m,), how many of the p are its own, at least 1.
    """

    total: int
    adapted: bool
    floor: NDArray[np.int64]
    aspect: NDArray[np.int64]
    centre: NDArray[np.float32]
    quantiles: NDArray[np.float32]
    pattern: NDArray[np.float32]
    trust: NDArray[np.float32]
    whole: NDArray[np.float32]
    patches: NDArray[np.float32]
    counts: NDArray[np.int64]

    def table(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Returns values (m, …) of the aspects as float32 (n, 2, …): NaN where a floor has none.

        Example:
            >>> lab, pattern, trust = np.zeros((9, 3), np.float32), np.full(13, 1 / 13), np.zeros(4)
            >>> unit = np.eye(128, dtype=np.float32)
            >>> floors = unpack([pack({"scene": Detail(lab, pattern, trust, unit[0], unit[:4])})])
            >>> floors.table(np.array([0.5])).tolist()
            [[nan, 0.5]]
        """
        rows = np.full((self.total, len(ASPECTS), *values.shape[1:]), np.nan, np.float32)
        rows[self.floor, self.aspect] = values
        return rows


def pack(aspects: Mapping[AspectName, Detail], *, adapted: bool = False) -> bytes:
    """Returns the signature of one floor; of more patches than fit, an even sample of each aspect.

    Args:
        aspects: one or both of `ASPECTS`.
        adapted: whether the descriptors were made with a catalogue's own projection.

    Raises:
        ValueError: no aspect, aspects that differ in form, or more directions than fit.

    Example:
        >>> lab, pattern, trust = np.zeros((9, 3), np.float32), np.full(13, 1 / 13), np.zeros(4)
        >>> unit = np.eye(128, dtype=np.float32)
        >>> swatch = Detail(lab, pattern, trust, unit[0], unit[:4])
        >>> len(pack({"swatch": swatch})), len(pack({"swatch": swatch, "scene": swatch}))
        (756, 1502)
    """
    forms = {(detail.whole.size, detail.pattern.size) for detail in aspects.values()}
    if len(forms) != 1:
        raise ValueError(f"a signature has one or two aspects of one form, not {forms}")
    ((directions, classes),) = forms
    room = LIMIT - _HEAD.itemsize - len(aspects) * _record(0, directions, classes).itemsize
    shares = _shares({name: len(d.patches) for name, d in aspects.items()}, room // directions)
    if min(shares.values()) < 1:
        raise ValueError(f"{directions} directions do not fit into the limit of {LIMIT} bytes")
    counts = [shares.get(name, 0) for name in ASPECTS]
    head = np.array([(MAGIC, directions, classes, adapted, counts)], _HEAD)
    records = [_packed(aspects[name], shares[name]) for name in ASPECTS if name in aspects]
    return b"".join(part.tobytes() for part in (head, *records))


def _shares(counts: Mapping[AspectName, int], room: int) -> dict[AspectName, int]:
    """Returns how many patches of each aspect fit; what one does not need, the other gets."""
    shares = {}
    for left, name in zip(
        range(len(counts), 0, -1), sorted(counts, key=lambda n: counts[n]), strict=True
    ):
        shares[name] = min(counts[name], room // left)
        room -= shares[name]
    return shares


def _packed(detail: Detail, count: int) -> NDArray[np.void]:
    """Returns one record of an aspect with so many of its patches, evenly spread."""
    places = np.linspace(0, len(detail.patches) - 1, count).round().astype(np.intp)
    rows = np.concatenate([detail.whole[None], detail.patches[places]])
    record = np.zeros(1, _record(count, detail.whole.size, detail.pattern.size))
    centre = np.median(detail.lab, axis=0)
    record["centre"] = centre
    record["quantiles"] = np.quantile(detail.lab, LEVELS, axis=0) - centre
    record["pattern"], record["trust"] = detail.pattern, detail.trust
    record["rows"] = np.rint(rows * (127 / np.maximum(np.abs(rows).max(axis=1), 1e-6))[:, None])
    return record


def unpack(signatures: Sequence[bytes]) -> Signatures:
    """Returns the signatures as arrays, in order.

    Raises:
        CatalogueError: one of them is not a signature of version 3, or they differ in form.

    Example:
        >>> lab, pattern, trust = np.zeros((9, 3), np.float32), np.full(13, 1 / 13), np.zeros(4)
        >>> unit = np.eye(128, dtype=np.float32)
        >>> swatch = Detail(lab, pattern, trust, unit[0], unit[:4])
        >>> floors = unpack([pack({"swatch": swatch}), pack({"swatch": swatch, "scene": swatch})])
        >>> floors.whole.shape, floors.patches.shape, floors.floor.tolist(), floors.aspect.tolist()
        ((3, 128), (3, 4, 128), [0, 1, 1], [0, 0, 1])
    """
    heads = [_head(signature) for signature in signatures]
    forms = {form for form, _ in heads}
    if len(forms) > 1:
        raise CatalogueError("signatures of different embedders cannot be compared")
    directions, classes, adapted = forms.pop() if forms else (0, 0, False)
    patches = np.array([counts for _, counts in heads], np.int64).reshape(-1, len(ASPECTS))
    floor, aspect = np.nonzero(patches)
    counts = patches[floor, aspect]
    total = len(floor)
    out = Signatures(
        total=len(heads),
        adapted=adapted,
        floor=floor.astype(np.int64),
        aspect=aspect.astype(np.int64),
        centre=np.empty((total, 3), np.float32),
        quantiles=np.empty((total, LEVELS.size, 3), np.float32),
        pattern=np.empty((total, classes), np.float32),
        trust=np.empty((total, len(TRUST)), np.float32),
        whole=np.empty((total, directions), np.float32),
        patches=np.empty((total, int(counts.max(initial=0)), directions), np.float32),
        counts=counts,
    )
    # Most floors of a catalogue have as many patches as others: all of these are read at once.
    for form in np.unique(patches, axis=0):
        floors = np.flatnonzero((patches == form).all(axis=1))
        block = np.frombuffer(
            b"".join(signatures[index][_HEAD.itemsize :] for index in floors.tolist()),
            [
                (ASPECTS[number], _record(int(form[number]), directions, classes))
                for number in np.flatnonzero(form)
            ],
        )
        for number in np.flatnonzero(form):
            where = np.searchsorted(floor * len(ASPECTS) + aspect, floors * len(ASPECTS) + number)
            _read(block[ASPECTS[number]], out, where)
    return out


def _read(block: NDArray[np.void], out: Signatures, where: NDArray[np.intp]) -> None:
    """Writes records of aspects with equally many patches to their rows of `out`."""
    rows = block["rows"].astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-6)
    for name in ("centre", "quantiles", "pattern", "trust"):
        getattr(out, name)[where] = block[name]
    own = rows.shape[1] - 1
    out.whole[where] = rows[:, 0]
    out.patches[where, :own] = rows[:, 1:]
    out.patches[where, own:] = rows[:, 1:2]


def _record(patches: int, directions: int, classes: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("centre", "<f4", (3,)),
            ("quantiles", "<f2", (LEVELS.size, 3)),
            ("pattern", "<f2", (classes,)),
            ("trust", "<f2", (len(TRUST),)),
            ("rows", "i1", (patches + 1, directions)),
        ]
    )


def _head(signature: bytes) -> tuple[tuple[int, int, bool], tuple[int, ...]]:
    """Returns ((directions, classes, adapted), patches of each aspect) of a signature's bytes."""
    if signature[:4] == MAGIC and len(signature) >= _HEAD.itemsize:
        _, directions, classes, adapted, patches = np.frombuffer(signature, _HEAD, 1)[0].tolist()
        counts = tuple(int(count) for count in patches)
        sizes = [_record(count, directions, classes).itemsize for count in counts if count]
        if sizes and len(signature) == _HEAD.itemsize + sum(sizes):
            return (int(directions), int(classes), bool(adapted)), counts
    raise CatalogueError("a stored signature is not of version 3: run `floorlens index --rebuild`")
