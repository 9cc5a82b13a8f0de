"""What an evaluation calls of Floorlens, so that a test can hand in something smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from floorlens.segmentation import FloorRegion


class _Product(Protocol):
    @property
    def id(self) -> str: ...


class _Match(Protocol):
    @property
    def product(self) -> _Product: ...
    @property
    def score(self) -> float: ...


class _Result(Protocol):
    @property
    def matches(self) -> Sequence[_Match]: ...


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


class _Import(Protocol):
    @property
    def rows(self) -> Sequence[_Row]: ...


class Lens(Protocol):
    """What is measured: the part of `floorlens.Floorlens` that an evaluation calls."""

    @property
    def stamp(self) -> Mapping[str, Any]:
        """Which preset and models it is."""

    def add(self, source: Path, *, progress: Any = None) -> _Import:
        """Imports a folder of product pictures."""

    def search(self, source: bytes) -> _Result:
        """Ranks the catalogue for a photo."""

    def mask(self, source: bytes) -> FloorRegion:
        """Finds the floor of a photo."""

    def close(self) -> None:
        """Lets go of the catalogue."""


Opener = Callable[[Path, str | None], Lens]
"""Opens an empty catalogue in a folder, with the preset of that name (None: the default one)."""


def open_catalogue(path: Path, preset: str | None) -> Lens:
    """Returns a Floorlens on an empty folder, with the preset of that name."""
    from floorlens import Floorlens

    return Floorlens.open(path, preset=preset)
