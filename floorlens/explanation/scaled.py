"""A photo's floor and a product as two pictures at one scale, for a slider that wipes between."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.attributes import Attribute
from floorlens.explanation import Scale
from floorlens.explanation.above import clean_box, from_above, upright
from floorlens.explanation.alignment import Alignment, align
from floorlens.explanation.originals import open_pictures
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

SIDE = 640
"""Side of the two pictures, in pixels."""
LONGEST = 1024
"""Longer side of the floor from above, of which a square is shown, in pixels."""
USUAL_METRES = 1.3
"""What a square of a product picture usually shows, in metres."""
SPREADS: Mapping[Scale, float] = {"sizes": 0.3, "usual": 0.6}
"""How many octaves a scale is off that follows from known sizes, or from nothing."""


@dataclass(frozen=True, eq=False)
class ScaledViews:
    """A floor and a product, as large as each other as far as that can be known.

    Attributes:
        floor: uint8 (s, s, 3) sRGB, a clean square of the photo's floor, from above if that is
            possible.
        product: uint8 (s, s, 3) sRGB, the product at the same scale, turned so that its boards lie
            along those of the floor, mirrored where its picture ends.
        scale: where the scale comes from. "patterns": the patterns of both agree at this scale and
            at no other. "sizes": the size of the boards in the product data, and a camera held
            1.4 m high. "usual": a camera held so, and a product picture that shows as much as most
            do. "unknown": the photo does not say from where it was taken; each is shown as it is.
    """

    floor: NDArray[np.uint8] = field(repr=False)
    product: NDArray[np.uint8] = field(repr=False)
    scale: Scale


def scaled_views(
    product_id: str,
    photo: Photo,
    *,
    catalogue: Catalogue,
    stages: Stages,
    region: RegionSource | None = None,
    clicks: Iterable[ClickSource] = (),
    even_light: bool = True,
    side: int = SIDE,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
) -> ScaledViews:
    """Returns a photo's floor and a product at one scale, as `Floorlens.scaled_views` does.

    Nothing is embedded. The product's pictures are opened again.

    Args:
        product_id: of the product.
        photo: the photo.
        catalogue: in which the product is.
        stages: which find the floor and say what the product's pictures show.
        region, clicks: as for `Floorlens.search`.
        even_light: whether slow shading of the room is divided out.
        side: of the pictures, in pixels.
        max_megapixels: larger product pictures are refused.
        picture_seconds: how long decoding one may take.

    Raises:
        ProductNotFound: the catalogue has no such product.
        ImageError: a picture of the product is not there any more, or cannot be read.
        CatalogueError: a picture is another one than was indexed.
        NoFloorFound, RegionError: as for `Floorlens.search`.

    Example:
        >>> scaled_views("oak", photo, catalogue=catalogue, stages=stages
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
    return at_one_scale(
        *upright(photo, floor),
        product,
        picture,
        catalogue.attributes.of([product_id]).get(product_id, {}),
        even_light=even_light,
        side=side,
    )


def at_one_scale(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    product: Photo,
    picture: ProductPicture,
    attributes: Mapping[str, Attribute],
    *,
    even_light: bool = True,
    side: int = SIDE,
) -> ScaledViews:
    """Returns a floor and a product at one scale.

    Args:
        pixels: the photo, upright, uint8 (h, w, 3) sRGB.
        mask: bool (h, w), True on floor, at least once.
        product: the product's picture.
        picture: what it shows.
        attributes: of the product, by name: the width of its boards in the product data, and in
            its picture.
        even_light, side: as for `scaled_views`.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.testing import fake_stages
        >>> room, oak = load_photo("room.jpg"), load_photo("products/oak-natural-plank.jpg")
        >>> mask = np.zeros(room.pixels.shape[:2], bool)
        >>> mask[500:] = True
        >>> (picture,) = examine_product([oak], fake_stages())
        >>> views = at_one_scale(room.pixels, mask, oak, picture, {}, side=320)
        >>> views.floor.shape == views.product.shape == (320, 320, 3)
        True
    """
    floor, as_seen = _from_above(pixels, mask)
    if picture.kind == "room":
        other, _ = _from_above(*picture.product(product.pixels))
    else:
        other = _surface(*picture.product(product.pixels), attributes)
    shown = _resized(floor.square if even_light else as_seen, side)
    if floor.metres is None or other.metres is None:
        return ScaledViews(shown, _resized(other.square, side), "unknown")
    usual = floor.metres / other.metres
    alignment = align(floor.square, other.square, usual, SPREADS[other.scale])
    return ScaledViews(
        shown,
        _laid(other, alignment, side),
        "patterns" if alignment.clear else other.scale,
    )


@dataclass(frozen=True)
class _Surface:
    """A floor or a product.

    Attributes:
        rgb: uint8 (h, w, 3) sRGB, all of it floor.
        square: uint8 (s, s, 3) sRGB, the largest clean square.
        metres: what a side of the square measures, more or less; None: nobody knows.
        scale: where that is known from.
    """

    rgb: NDArray[np.uint8]
    square: NDArray[np.uint8]
    metres: float | None
    scale: Scale


def _from_above(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[_Surface, NDArray[np.uint8]]:
    """Returns a floor in even light, and its square in the light of the photo."""
    above = from_above(pixels, mask, LONGEST)
    rgb, floor = (pixels, mask) if above is None else (above.rgb, above.mask)
    box = clean_box(floor)
    square = flatten(rgb, floor)[0][box]
    if above is None:
        return _Surface(square, square, None, "unknown"), rgb[box]
    return _Surface(square, square, len(square) * above.metres_per_pixel, "usual"), rgb[box]


def _surface(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], attributes: Mapping[str, Attribute]
) -> _Surface:
    square = cleanest_square(pixels, mask)
    rgb = pixels if mask.all() else square
    width, share = attributes.get("width_mm"), attributes.get("piece_width")
    if width is None or share is None or not share.value:
        return _Surface(rgb, square, USUAL_METRES, "usual")
    metres = float(width.value) / 1000 / float(share.value)
    return _Surface(rgb, square, metres * len(square) / max(pixels.shape), "sizes")


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


def _resized(square: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(square))
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0))


def _laid(product: _Surface, alignment: Alignment, side: int) -> NDArray[np.uint8]:
    """Returns uint8 (side, side, 3) sRGB: the product as it lies on the floor's square."""
    step = len(product.square) * alignment.ratio / side
    picture = Image.fromarray(np.ascontiguousarray(product.rgb))
    # Sampling does not average: what it would pass over is averaged beforehand.
    if step > 1:
        size = (max(1, round(picture.width / step)), max(1, round(picture.height / step)))
        picture, step = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), 1.0
    cos, sin = step * math.cos(alignment.turn), step * math.sin(alignment.turn)
    reach = math.ceil(side * (abs(cos) + abs(sin)) / 2) + 2
    rgb = np.asarray(picture)
    pads = [max(0, reach - length // 2) for length in rgb.shape[:2]]
    rgb = np.pad(rgb, ((pads[0],) * 2, (pads[1],) * 2, (0, 0)), mode="symmetric")
    x, y, middle = rgb.shape[1] / 2, rgb.shape[0] / 2, side / 2
    matrix = (
        *(cos, sin, x - (cos + sin) * middle),
        *(-sin, cos, y - (cos - sin) * middle),
    )
    laid = Image.fromarray(rgb).transform(
        (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )
    return np.asarray(laid)
