"""The pipeline on one picture: photo -> floor region -> view -> features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from floorlens.embedding import FloorFeatures
from floorlens.images import Photo
from floorlens.normalisation import FloorView
from floorlens.presets import Stages
from floorlens.segmentation import FloorRegion
from floorlens.segmentation.clicks import parse_clicks
from floorlens.segmentation.region import (
    corrected_region,
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
        region: the floor by hand, in pixels of the upright photo (see `region_by_hand`).
        clicks: corrections, in pixels of the upright photo (see `parse_clicks`). One on floor says
            that there is a floor, however little of one the segmenter sees.

    Raises:
        NoFloorFound: the segmenter finds none, and no click says otherwise.
        RegionError: the region or a click is not usable, or the clicks leave nothing of the floor.
    """
    points, preset = parse_clicks(photo, clicks), stages.preset
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
    told = stages.segmenter.segment(photo.pixels, points)
    return corrected_region(photo, base, told, points, found=found, threshold=preset.mask_threshold)


def product_features(photos: Sequence[Photo], stages: Stages) -> FloorFeatures:
    """Returns the features of all pictures of a product, which show nothing but floor."""
    views = [
        stages.normaliser.view(photo.pixels, np.ones(photo.pixels.shape[:2], bool))
        for photo in photos
    ]
    return stages.embedder.features([_merge(views)])[0]


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
