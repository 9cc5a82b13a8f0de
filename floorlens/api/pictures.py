"""Product pictures: the file that the catalogue names, whole or as a thumbnail."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from floorlens.api.problems import Refused
from floorlens.errors import ImageError
from floorlens.images.loading import load_photo, media_type, read_bytes


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent.

    Attributes:
        body: the bytes of the file; None where the client has them.
        kind: its media type.
        tag: an HTTP entity tag, another one when the file changes.
    """

    body: bytes | None
    kind: str
    tag: str


def product_picture(
    images: Sequence[str], index: int, side: int | None, known: str, max_megapixels: float
) -> Picture:
    """Returns one of a product's pictures.

    Args:
        images: where they lie.
        index: which one, from 0.
        side: a JPEG whose longer side has at most so many pixels, never enlarged; None: the file
            as it is.
        known: the request's header If-None-Match: what the client has.
        max_megapixels: larger ones are not made smaller.

    Raises:
        Refused: there is no such picture, or it cannot be read any more.
    """
    if index >= len(images):
        raise Refused(404, "image-not-found")
    path = Path(images[index])
    try:
        found = path.stat()
        facts = f"{path}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}:{side}"
        tag = f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'
        if _has(known, tag):
            return Picture(None, "", tag)
        if side is not None:
            return Picture(_thumbnail(path, side, max_megapixels), "image/jpeg", tag)
        body = read_bytes(path)
    except (OSError, ImageError) as error:
        raise Refused(404, "image-not-found") from error
    kind = media_type(body[:64])
    if kind is None:
        # Another file has taken the picture's place; it is nobody's business.
        raise Refused(404, "image-not-found")
    return Picture(body, kind, tag)


def _has(known: str, tag: str) -> bool:
    tags = {part.strip().removeprefix("W/") for part in known.split(",")}
    return tag in tags or "*" in tags


def _thumbnail(path: Path, side: int, max_megapixels: float) -> bytes:
    photo = load_photo(path, working_side=side, max_megapixels=max_megapixels)
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=85, optimize=True)
    return file.getvalue()
