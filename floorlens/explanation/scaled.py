"""A photo's floor and a product as two pictures at one scale, for a slider that wipes between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.explanation.above import clean_box, from_above, upright
from floorlens.explanation.alignment import align
from floorlens.explanation.originals import open_pictures
from floorlens.explanation.squares import OneScale, Scale, Surface
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS, Photo
from floorlens.normalisation.shading import flatten
from floorlens.normalisation.squares import cleanest_square
from floorlens.pipeline import examine_product, floor_region
from floorlens.presets import Stages
from floorlens.products.pictures import ProductPicture
from floorlens.segmentation import ClickSource, RegionSource

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue

LONGEST = 1024
"""Longer side of the floor from above, of which a square is shown, in pixels."""
USUAL_METRES = 1.3
"""What a square of a product picture usually shows, in metres."""
SPREADS: Mapping[Scale, float] = {"sizes": 0.3, "usual": 0.6}
"""How many octaves a scale is off that follows from known sizes, or from nothing."""


def scaled_squares(
    product_id: str,
    photo: Photo,
    *,
    catalogue: Catalogue,
    stages: Stages,
    region: RegionSource | None = None,
    clicks: Iterable[ClickSource] = (),
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
) -> OneScale:
    """Returns a photo's floor and a product at one scale, as `Floorlens.scaled_squares` does.

    Nothing is embedded. The product's pictures are opened again.

    Args:
        product_id: of the product.
        photo: the photo.
        catalogue: in which the product is.
        stages: which find the floor and say what the product's pictures show.
        region, clicks: as for `Floorlens.search`.
        max_megapixels: larger product pictures are refused.
        picture_seconds: how long decoding one may take.

    Raises:
        ProductNotFound: the catalogue has no such product.
        ImageError: a picture of the product is not there any more, or cannot be read.
        CatalogueError: a picture is another one than was indexed.
        NoFloorFound, RegionError: as for `Floorlens.search`.

    Example:
        >>> scaled_squares("oak", photo, catalogue=catalogue, stages=stages
        ...     ).scale  # doctest: +SKIP
        'patterns'
    """
    while (stored := catalogue.stored([product_id], -1).get(product_id)) is None:
        # It says that there is none, unless another process has just added it.
        catalogue.product(product_id)
    photos = (photo for _, photo in open_pictures(stored, max_megapixels, picture_seconds))
    product, picture = first_swatch(
        (photo, examine_product([photo], stages)[0]) for photo in photos
    )
    floor = floor_region(photo, stages, region, clicks)
    attributes: Mapping[str, Attribute] = catalogue.attributes.of([product_id]).get(product_id, {})
    return at_one_scale(*upright(photo, floor), product, picture, attributes)


def at_one_scale(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    product: Photo,
    picture: ProductPicture,
    attributes: Mapping[str, Attribute],
) -> OneScale:
    """Returns a floor and a product at one scale.

    Args:
        pixels: the photo, upright, uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor, at least once.
        product: the product's picture.
        picture: what it shows.
        attributes: of the product, by name: the width of its boards in the product data, and in
            its picture.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> room, oak = load_photo("room.jpg"), load_photo("products/oak-natural-plank.jpg")
        >>> mask = np.zeros(room.pixels.shape[:2], bool)
        >>> mask[500:] = True
        >>> (picture,) = examine_product([oak], fake_stages())
        >>> views = at_one_scale(room.pixels, mask, oak, picture, {}).views(320)
        >>> views.floor.shape == views.product.shape == (320, 320, 3)
        True
    """
    return at_scale_of(floor_squares(pixels, mask), product, picture, attributes)


def at_scale_of(
    squares: tuple[Surface, NDArray[np.uint8]],
    product: Photo,
    picture: ProductPicture,
    attributes: Mapping[str, Attribute],
) -> OneScale:
    """Returns a product at the scale of a floor, as `at_one_scale` does.

    Args:
        squares: of the floor, from `floor_squares`.
        product, picture, attributes: as for `at_one_scale`.

    Example:
        >>> at_scale_of(floor_squares(pixels, mask), oak, picture, {}).scale  # doctest: +SKIP
        'patterns'
    """
    floor, as_seen = squares
    if picture.kind == "room":
        other, _ = floor_squares(*picture.product(product.pixels))
    else:
        other = _surface(*picture.product(product.pixels), attributes)
    alignment = None
    if floor.metres is not None and other.metres is not None:
        usual = floor.metres / other.metres
        alignment = align(floor.square, other.square, usual, SPREADS[other.scale])
    return OneScale(floor, as_seen, other, alignment)


def floor_squares(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[Surface, NDArray[np.uint8]]:
    """Returns a floor in even light, and its square in the light of the photo.

    Args:
        pixels, mask: as for `at_one_scale`.

    Example:
        >>> pixels = np.full((120, 160, 3), 200, np.uint8)
        >>> floor, as_seen = floor_squares(pixels, np.ones((120, 160), bool))
        >>> floor.square.shape == as_seen.shape
        True
    """
    above = from_above(pixels, mask, LONGEST)
    rgb, floor = (pixels, mask) if above is None else (above.rgb, above.mask)
    box = clean_box(floor)
    square = flatten(rgb, floor)[0][box]
    if above is None:
        return Surface(square, square, None, "unknown"), rgb[box]
    return Surface(square, square, len(square) * above.metres_per_pixel, "usual"), rgb[box]


def _surface(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], attributes: Mapping[str, Attribute]
) -> Surface:
    square = cleanest_square(pixels, mask)
    rgb = pixels if mask.all() else square
    width, share = attributes.get("width_mm"), attributes.get("piece_width")
    if width is None or share is None or not share.value:
        return Surface(rgb, square, USUAL_METRES, "usual")
    metres = float(width.value) / 1000 / float(share.value)
    return Surface(rgb, square, metres * len(square) / max(pixels.shape), "sizes")


def first_swatch(
    pictures: Iterable[tuple[Photo, ProductPicture]],
) -> tuple[Photo, ProductPicture]:
    """Returns the first picture that shows a product alone, else the first room, else the first.

    Args:
        pictures: of a product, at least one, each with what it shows. Those after a swatch are not
            asked for.

    Example:
        >>> first_swatch([(room, seen_as_room), (oak, seen_as_swatch)])  # doctest: +SKIP
        (oak, seen_as_swatch)
    """
    others: list[tuple[Photo, ProductPicture]] = []
    for photo, picture in pictures:
        if picture.kind not in ("room", "drawing"):
            return photo, picture
        others.append((photo, picture))
    return min(others, key=lambda other: other[1].kind == "drawing")
