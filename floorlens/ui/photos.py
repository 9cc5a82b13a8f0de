"""Photos that only the page has: from the upload until the service keeps the search."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict

from floorlens.errors import FloorlensError
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import Photo

SECONDS = 1800.0
"""So long a photo stays after it was last asked for."""
MOST_BYTES = 256 << 20
SIDE = 1280


class PhotosFull(Exception):
    """The photos of other visitors take all the room there is."""


class Photos:
    """Photos by token, in memory; those that nobody asked for in a while are dropped."""

    def __init__(self, most_bytes: int = MOST_BYTES, seconds: float = SECONDS) -> None:
        self._most_bytes, self._seconds = most_bytes, seconds
        self._photos: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, data: bytes) -> str:
        """Returns the token of a new photo."""
        with self._lock:
            self._drop_old()
            if sum(len(photo) for _, photo in self._photos.values()) + len(data) > self._most_bytes:
                raise PhotosFull
            token = secrets.token_urlsafe(16)
            self._photos[token] = (time.monotonic(), data)
            return token

    def get(self, token: str) -> bytes | None:
        """Returns the file of a photo; None if it is gone."""
        with self._lock:
            self._drop_old()
            if token not in self._photos:
                return None
            data = self._photos[token][1]
            self._photos[token] = (time.monotonic(), data)
            self._photos.move_to_end(token)
            return data

    def drop(self, token: str) -> None:
        """Forgets a photo."""
        with self._lock:
            self._photos.pop(token, None)

    def picture(self, token: str, *, max_megapixels: float, seconds: float) -> Photo | None:
        """Returns a photo decoded, at most `SIDE` pixels a side; None if it cannot be shown."""
        data = self.get(token)
        if data is None:
            return None
        try:
            return decode_photo(
                data, working_side=SIDE, max_megapixels=max_megapixels, seconds=seconds
            )
        except FloorlensError:
            return None

    def _drop_old(self) -> None:
        limit = time.monotonic() - self._seconds
        while self._photos and next(iter(self._photos.values()))[0] < limit:
            self._photos.popitem(last=False)


PHOTOS = Photos()
