"""A packed data set: WebP patches of floors and what each one shows, in one small file.

A patch is kept at its own resolution (a square of 70 photo pixels is stored as 70 pixels), at most
`SIDE` a side: that is what makes the set small enough to travel to another machine.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS

#: Side of a patch once it is read, in pixels; stored patches are at most as large.
SIDE = 160
#: What a picture is: a product picture, a real room, a simulated room.
SWATCH, ROOM, SIMULATED = 0, 1, 2
#: Of WebP: 2 kB a patch at 38.5 dB, where JPEG needs 3.3 kB.
QUALITY = 80


@dataclass(frozen=True)
class Picture:
    """Patches of one picture: one light fell on all of them.

    Attributes:
        patches: uint8 (s, s, 3) sRGB each, s at most `SIDE`.
        label: the product's name; equal for all pictures of a product.
        side: `SWATCH`, `ROOM` or `SIMULATED`.
        source: the shop or library.
        licensed: whether a licence for it is stated.
    """

    patches: list[NDArray[np.uint8]]
    label: str
    side: int
    source: str
    licensed: bool


@dataclass(frozen=True)
class Pack:
    """The set in memory; patches lie picture by picture.

    Attributes:
        data: uint8 (bytes,), the WebP files end on end.
        offsets: int64 (n + 1,), where each patch's file begins; the last is the end.
        picture: int32 (n,), which picture each patch is of.
        label: int32 (p,), per picture, place in `labels`.
        side: uint8 (p,), per picture.
        source: int16 (p,), per picture, place in `sources`.
        licensed: bool (p,), per picture.
        labels, sources: names.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    picture: NDArray[np.int32]
    label: NDArray[np.int32]
    side: NDArray[np.uint8]
    source: NDArray[np.int16]
    licensed: NDArray[np.bool_]
    labels: NDArray[np.str_]
    sources: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.picture)

    def patch(self, index: int) -> NDArray[np.uint8]:
        """Returns patch `index`, uint8 (`SIDE`, `SIDE`, 3) sRGB; smaller ones are enlarged."""
        content = self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()
        image = Image.open(io.BytesIO(content), formats=PILLOW_FORMATS).convert("RGB")
        if image.size != (SIDE, SIDE):
            image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return np.asarray(image)

    def decoded(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Returns the patches at `indices`, uint8 (n, `SIDE`, `SIDE`, 3) sRGB."""
        out = np.empty((len(indices), SIDE, SIDE, 3), np.uint8)
        for row, index in zip(out, indices, strict=True):
            row[:] = self.patch(int(index))
        return out

    def pictures_of(self, leave_out: tuple[str, ...], licensed_only: bool) -> NDArray[np.intp]:
        """Returns the numbers of the pictures that may be trained on, in order.

        Args:
            leave_out: sources that are left out.
            licensed_only: leave out what comes without a stated licence.

        Raises:
            ValueError: a source that is not in the set.
        """
        unknown = set(leave_out) - set(self.sources.tolist())
        if unknown:
            raise ValueError(f"no source {sorted(unknown)} in {self.sources.tolist()}")
        kept = ~np.isin(self.sources[self.source], list(leave_out))
        if licensed_only:
            kept &= self.licensed
        return np.flatnonzero(kept)


@dataclass
class PackWriter:
    """Collects pictures and writes them as one file."""

    quality: int = QUALITY
    _files: list[bytes] = field(default_factory=list)
    _picture: list[int] = field(default_factory=list)
    _rows: list[tuple[str, int, str, bool]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all patches so far."""
        return sum(map(len, self._files))

    def add(self, picture: Picture) -> None:
        """Takes the patches of one picture; none of a picture without patches."""
        if not picture.patches:
            return
        for patch in picture.patches:
            file = io.BytesIO()
            Image.fromarray(patch).save(file, "WEBP", quality=self.quality)
            self._files.append(file.getvalue())
            self._picture.append(len(self._rows))
        self._rows.append((picture.label, picture.side, picture.source, picture.licensed))

    def write(self, path: Path) -> Pack:
        """Writes the set, as a whole or not at all, and returns it."""
        labels, label = np.unique([row[0] for row in self._rows], return_inverse=True)
        sources, source = np.unique([row[2] for row in self._rows], return_inverse=True)
        pack = Pack(
            data=np.frombuffer(b"".join(self._files), np.uint8),
            offsets=np.cumsum([0, *map(len, self._files)]).astype(np.int64),
            picture=np.array(self._picture, np.int32),
            label=label.astype(np.int32),
            side=np.array([row[1] for row in self._rows], np.uint8),
            source=source.astype(np.int16),
            licensed=np.array([row[3] for row in self._rows], np.bool_),
            labels=labels,
            sources=sources,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, **vars(pack))
        draft.replace(path)
        return pack


def read_pack(path: Path) -> Pack:
    """Returns the set that `PackWriter.write` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return Pack(**{name: data[name] for name in data.files})
