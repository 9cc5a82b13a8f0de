"""Product pictures: the files that the catalogue names, whole or as thumbnails, without EXIF."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from floorlens.api.problems import Refusal
from floorlens.errors import ImageError
from floorlens.images.decoding import decode_photo
from floorlens.images.formats import format_of, media_type, without_mark
from floorlens.images.loading import read_bytes
from floorlens.images.metadata import without_metadata
from floorlens.products.downloads import write_file

# Looking at all of them takes a moment.
_PRUNE_EVERY = 256


@dataclass(frozen=True)
class Picture:
    """A picture to send.

    Attributes:
        body: the bytes of the file; None where the client has them already.
        kind: its media type.
        tag: an HTTP entity tag; it changes when the file changes.
    """

    body: bytes | None
    kind: str
    tag: str


class Thumbnails:
    """Thumbnails that were made, in a folder that all processes share. They can be made again.

    One takes 15 ms to make of a picture of .6 megapixels, 41 ms of one of 9; a page shows dozens.
    """

    def __init__(self, folder: Path, most: int = 256 << 20) -> None:
        """Names the folder, which is made when it is needed, and the bytes that it may have."""
        self._folder = folder
        self._most = most
        self._writes = 0

    def get(self, tag: str) -> bytes | None:
        """Returns the thumbnail with an entity tag; None if it is not there."""
        try:
            return self._path(tag).read_bytes()
        except OSError:
            return None

    def put(self, tag: str, data: bytes) -> None:
        """Keeps a thumbnail, if it can be written; now and then the oldest go."""
        with suppress(ImageError):
            write_file(self._path(tag), data)
        if self._writes % _PRUNE_EVERY == 0:
            self._prune()
        self._writes += 1

    def _path(self, tag: str) -> Path:
        name = tag.strip('"')
        return self._folder / name[:2] / f"{name}.jpg"

    def _prune(self) -> None:
        files = []
        for path in self._folder.glob("*/*"):
            # Another process may have deleted it.
            with suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._most:
                break
            path.unlink(missing_ok=True)
            total -= size


def product_picture(
    images: Sequence[str],
    index: int,
    side: int | None,
    if_none_match: str,
    *,
    max_megapixels: float,
    seconds: float,
    thumbnails: Thumbnails | None = None,
) -> Picture:
    """Returns one of a product's pictures.

    Args:
        images: the paths of all of them.
        index: which one, from 0.
        side: for a JPEG whose longer side has at most so many pixels, never enlarged; None: the
            file, without what a camera wrote beside its pixels.
        if_none_match: the request's header of that name: the tags that the client has.
        max_megapixels: of a larger picture there is no thumbnail.
        seconds: nor of one that takes longer to decode.
        thumbnails: where what was made is kept; None keeps none.

    Raises:
        Refusal: there is no such picture, or it cannot be read any more.
    """
    if index >= len(images):
        raise Refusal(404, "image-not-found")
    path = Path(images[index])
    try:
        status = path.stat()
        facts = f"{path}:{status.st_ino}:{status.st_mtime_ns}:{status.st_size}:{side or 'plain'}"
        tag = f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'
        if _has_tag(if_none_match, tag):
            return Picture(None, "", tag)
        body = None if thumbnails is None else thumbnails.get(tag)
        if body is None:
            if side is not None:
                body, slow = _thumbnail(path, side, max_megapixels, seconds), True
            else:
                body, slow = _plain(read_bytes(path), max_megapixels, seconds)
            if thumbnails is not None and slow:
                thumbnails.put(tag, body)
    except (OSError, ImageError) as error:
        raise Refusal(404, "image-not-found") from error
    kind = media_type(body[:64])
    if kind is None:
        raise Refusal(404, "image-not-found")
    return Picture(body, kind, tag)


def _has_tag(if_none_match: str, tag: str) -> bool:
    tags = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in tags or "*" in tags


def _plain(data: bytes, max_megapixels: float, seconds: float) -> tuple[bytes, bool]:
    """Returns a file without what a camera wrote, and whether it had to be decoded for that."""
    kind = format_of(without_mark(data))
    if kind is None:
        # Another kind of file lies at the picture's path now; it must not get out.
        raise Refusal(404, "image-not-found")
    plain = without_metadata(data, max_megapixels=max_megapixels, seconds=seconds)
    return plain, kind.pillow not in ("JPEG", "PNG", "WEBP")


def _thumbnail(path: Path, side: int, max_megapixels: float, seconds: float) -> bytes:
    photo = decode_photo(path, working_side=side, max_megapixels=max_megapixels, seconds=seconds)
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=85, optimize=True)
    return file.getvalue()
