"""The pipeline on one picture: photo -> floor region -> view -> embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from floorlens.embedding import FloorEmbedding
from floorlens.images import Photo
from floorlens.normalisation import FloorView
from floorlens.presets import Stages
from floorlens.segmentation import FloorRegion
from floorlens.segmentation.region import region_by_hand, region_from_probability


def find_floor(photo: Photo, stages: Stages, region: Any = None) -> FloorRegion:
    """Returns the floor of a room photo: found by the segmenter, or as drawn by hand.

    Raises:
        NoFloorFound: the segmenter finds none.
        RegionError: the region by hand is not usable.
    """
    if region is not None:
        return region_by_hand(photo, region)
    preset = stages.preset
    return region_from_probability(
        photo,
        stages.segmenter.segment(photo.pixels),
        threshold=preset.mask_threshold,
        min_visible=preset.min_visible,
        min_share=preset.min_share,
    )


def describe_product(photos: Sequence[Photo], stages: Stages) -> FloorEmbedding:
    """Returns one embedding for all pictures of a product, which show nothing but floor."""
    views = [
        stages.normaliser.view(photo.pixels, np.ones(photo.pixels.shape[:2], bool))
        for photo in photos
    ]
    return stages.embedder.embed([_merge(views)])[0]


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
