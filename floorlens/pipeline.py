"""The pipeline on one picture: photo -> floor region -> view -> features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import FloorFeatures
from floorlens.images.loading import Photo
from floorlens.normalisation import FloorView
from floorlens.normalisation.squares import cleanest_square
from floorlens.presets import Stages
from floorlens.products.pictures import ProductPicture, examine, may_be_room, room_scene
from floorlens.segmentation import FloorRegion
from floorlens.segmentation.clicks import parse_clicks
from floorlens.segmentation.region import (
    correct_region,
    region_by_hand,
    region_from_probability,
)


def find_floor(
    photo: Photo, stages: Stages, region: Any = None, clicks: Iterable[Any] = ()
) -> FloorRegion:
    """Returns the floor of a room photo: found by the segmenter or drawn by hand, then corrected.

    Args:
        photo: the photo.
        stages: whose segmenter finds the floor, or says how far a click reaches.
        region: the floor by hand, in pixels of the upright photo (see `region_by_hand`), or what
            was found in this photo before.
        clicks: corrections, in pixels of the upright photo (see `parse_clicks`). One on floor says
            that there is a floor, however little of one the segmenter sees.

    Raises:
        NoFloorFound: the segmenter finds none, and no click says otherwise.
        RegionError: the region or a click is not usable, or the clicks leave nothing of the floor.
    """
    points, preset = parse_clicks(photo, clicks), stages.preset
    if isinstance(region, FloorRegion):
        if not points and region.working_mask.shape == photo.pixels.shape[:2]:
            return region
        region = region.working_mask
    found = None
    if region is not None:
        base = region_by_hand(photo, region)
    else:
        found = stages.segmenter.segment(photo.pixels)
        there_is_one = any(click.floor for click in points)
        base = region_from_probability(
            photo,
            found,
            threshold=preset.mask_threshold,
            min_visible=0 if there_is_one else preset.min_visible,
            min_share=0 if there_is_one else preset.min_share,
        )
    if not points:
        return base
    if found is None or preset.takes_clicks:
        told = stages.segmenter.segment(photo.pixels, points)
    else:
        told = found
    return correct_region(
        photo, base, told, points, first_answer=found, threshold=preset.mask_threshold
    )


def floor_view(photo: Photo, mask: NDArray[np.bool_], stages: Stages) -> FloorView:
    """Returns the floor of a room as it is seen and, where that is possible, from above as well.

    Both go into one set of patches: a bad estimate of the floor's plane must not sink a match.
    """
    seen = stages.normaliser.view(photo.pixels, mask)
    above = stages.normaliser.straightened(photo.pixels, mask)
    if above is None:
        return seen
    return FloorView(
        patches=np.concatenate([seen.patches, above.patches]),
        coverage=np.concatenate([seen.coverage, above.coverage]),
        lab=seen.lab,
    )


def examine_product(photos: Sequence[Photo], stages: Stages) -> list[ProductPicture]:
    """Returns what each picture of a product shows; only a likely room costs a segmentation.

    Where the preset takes product pictures whole, each is a swatch.
    """
    if not stages.preset.examine_products:
        return [
            ProductPicture("swatch", np.ones(photo.pixels.shape[:2], np.bool_), 1.0)
            for photo in photos
        ]
    return [_examine(photo, stages) for photo in photos]


def described(pictures: Sequence[ProductPicture]) -> list[bool]:
    """Returns which pictures describe the product: room scenes only where there is nothing else."""
    alone = any(picture.kind != "room" for picture in pictures)
    return [picture.kind != "room" or not alone for picture in pictures]


def product_features(
    photos: Sequence[Photo], stages: Stages, pictures: Sequence[ProductPicture] | None = None
) -> FloorFeatures:
    """Returns the features of all pictures of a product that describe it.

    Args:
        photos: the pictures, at least one.
        stages: what describes them.
        pictures: what they show, in the same order; None: `examine_product` is asked.
    """
    pictures = examine_product(photos, stages) if pictures is None else pictures
    views = [
        stages.normaliser.view(photo.pixels, picture.mask)
        for photo, picture, used in zip(photos, pictures, described(pictures), strict=True)
        if used
    ]
    return stages.embedder.features([_merge(views)])[0]


def product_textures(photos: Sequence[Photo], stages: Stages) -> dict[str, NDArray[np.uint8]]:
    """Returns what can be laid on a floor: uint8 (h, w, 3) sRGB of each picture that describes
    the product, by content hash, in their order.

    The whole picture where it is floor from edge to edge, else the largest clean square of it.
    """
    pictures = examine_product(photos, stages)
    return {
        photo.content_hash: photo.pixels
        if picture.mask.all()
        else cleanest_square(photo.pixels, picture.mask)
        for photo, picture, used in zip(photos, pictures, described(pictures), strict=True)
        if used
    }


def _examine(photo: Photo, stages: Stages) -> ProductPicture:
    picture = examine(photo.pixels, photo.opaque)
    if picture.kind != "swatch" or not may_be_room(photo.pixels):
        return picture
    found = stages.segmenter.segment(photo.pixels)
    return room_scene(found, stages.preset.mask_threshold) or picture


def _merge(views: Sequence[FloorView]) -> FloorView:
    if len(views) == 1:
        return views[0]
    # Equal shares of each picture, so that the sample stays within a view's 4,096 colours.
    share = 4096 // len(views)
    return FloorView(
        patches=np.concatenate([view.patches for view in views]),
        coverage=np.concatenate([view.coverage for view in views]),
        lab=np.concatenate([view.lab[:: max(1, -(-len(view.lab) // share))] for view in views]),
    )
