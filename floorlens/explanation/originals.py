"""A product's pictures, opened again: a catalogue keeps what they show, and not the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.errors import CatalogueError, ImageError
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import Photo

if TYPE_CHECKING:
    from floorlens.catalogue.rows import StoredProduct


def open_pictures(
    stored: StoredProduct, max_megapixels: float, picture_seconds: float
) -> Iterator[tuple[str, Photo]]:
    """Yields each of a product's pictures with its path.

    Args:
        stored: the product, and the hashes of its pictures.
        max_megapixels: larger pictures are refused.
        picture_seconds: how long decoding one may take.

    Raises:
        ImageError: a picture is not there any more, or cannot be read.
        CatalogueError: a picture is another one than was indexed.

    Example:
        >>> for path, photo in open_pictures(stored, 120, 30):  # doctest: +SKIP
        ...     print(path, photo.pixels.shape)
        products/oak.jpg (1280, 1280, 3)
    """
    product = stored.product
    for path, content_hash in zip(product.images, stored.content_hashes, strict=True):
        try:
            photo = decode_photo(Path(path), max_megapixels=max_megapixels, seconds=picture_seconds)
        except ImageError as error:
            raise ImageError(
                f"product {product.id!r} cannot be compared without its picture: {error}. Put the "
                "picture back, or index the product again"
            ) from error
        if photo.content_hash != content_hash:
            raise CatalogueError(f"{path}: is another picture than was indexed: index it again")
        yield path, photo
