"""Photos that only the page has: from the upload until the service keeps the search."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from floorlens.errors import FloorlensError
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import Photo

SECONDS = 1800.0
"""So long a photo stays after it was last asked for."""
UNASKED_SECONDS = 120.0
"""So long one stays that nobody ever asks for, as a page would that searches with it."""
MOST_BYTES = 256 << 20
SIDE = 1280


class PhotosFull(Exception):
    """The photos of other visitors take all the room there is."""


@dataclass
class _Entry:
    data: bytes
    end: float
    size: tuple[int, int] | None = None


class Photos:
    """Photos by token, in memory; those that nobody asked for in a while are dropped."""

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        unasked_seconds: float = UNASKED_SECONDS,
    ) -> None:
        self._most_bytes, self._seconds = most_bytes, seconds
        self._unasked_seconds = unasked_seconds
        self._photos: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def put(self, data: bytes) -> str:
        """Returns the token of a new photo."""
        with self._lock:
            self._drop_old()
            if self.size_of_all() + len(data) > self._most_bytes:
                raise PhotosFull
            token = secrets.token_urlsafe(16)
            self._photos[token] = _Entry(data, time.monotonic() + self._unasked_seconds)
            return token

    def get(self, token: str) -> bytes | None:
        """Returns the file of a photo; None if it is gone."""
        with self._lock:
            self._drop_old()
            entry = self._photos.get(token)
            if entry is None:
                return None
            entry.end = time.monotonic() + self._seconds
            return entry.data

    def drop(self, token: str) -> None:
        """Forgets a photo."""
        with self._lock:
            self._photos.pop(token, None)

    def size_of_all(self) -> int:
        """Returns how many bytes the photos have together."""
        return sum(len(entry.data) for entry in self._photos.values())

    def picture(self, token: str, *, max_megapixels: float, seconds: float) -> Photo | None:
        """Returns a photo decoded, at most `SIDE` pixels a side; None if it cannot be shown."""
        data = self.get(token)
        if data is None:
            return None
        try:
            photo = decode_photo(
                data, working_side=SIDE, max_megapixels=max_megapixels, seconds=seconds
            )
        except FloorlensError:
            return None
        with self._lock:
            entry = self._photos.get(token)
            if entry is not None:
                entry.size = photo.size
        return photo

    def size(self, token: str, *, max_megapixels: float, seconds: float) -> tuple[int, int] | None:
        """Returns width and height of a photo, upright; None if it cannot be read."""
        with self._lock:
            entry = self._photos.get(token)
            if entry is not None and entry.size is not None:
                return entry.size
        photo = self.picture(token, max_megapixels=max_megapixels, seconds=seconds)
        return None if photo is None else photo.size

    def _drop_old(self) -> None:
        now = time.monotonic()
        for token in [token for token, entry in self._photos.items() if entry.end < now]:
            del self._photos[token]


PHOTOS = Photos()
