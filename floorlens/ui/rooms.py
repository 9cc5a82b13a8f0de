"""The sample rooms that the first screen offers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from floorlens.demo.samples import samples
from floorlens.errors import InputError
from floorlens.images.drawing import jpeg_bytes
from floorlens.images.loading import load_photo

SIDE = 400
"""Pixels of the longer side of a thumbnail."""


@dataclass(frozen=True)
class Room:
    """A sample room: what kind of room it is, and the name of its file."""

    title: str
    name: str


def sample_rooms() -> list[Room]:
    """Returns the sample rooms, one of each kind first; none if this installation has none."""
    seen: dict[str, int] = {}
    rooms: list[tuple[int, Room]] = []
    for photo in sample_files().values():
        # "hall-chevron" would give the product away: the title is the kind of room.
        kind = photo.stem.split("-")[0]
        seen[kind] = seen.get(kind, 0) + 1
        rooms.append((seen[kind], Room(kind.capitalize(), photo.name)))
    return [room for _, room in sorted(rooms, key=lambda one: (one[0], one[1].name))]


def sample_photo(name: str) -> bytes | None:
    """Returns the file of a sample room; None if there is none of that name."""
    photo = sample_files().get(name)
    return None if photo is None else photo.read_bytes()


def thumbnail(name: str) -> bytes | None:
    """Returns a small JPEG of a sample room; None if there is none of that name."""
    photo = sample_files().get(name)
    return None if photo is None else _small(photo)


@cache
def _small(photo: Path) -> bytes:
    return jpeg_bytes(load_photo(photo, working_side=SIDE).pixels)


@cache
def sample_files() -> dict[str, Path]:
    """Returns where the sample rooms lie: name of the file -> its path."""
    try:
        folder = samples() / "rooms"
    except InputError:
        return {}
    return {photo.name: photo for photo in sorted(folder.glob("*.jpg"))}
