"""Batches of augmented crops, each a pure function of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.encoder import normalise
from training.segmentation.augment import (
    AugmentConfig,
    Crop,
    Stock,
    above_floor,
    crop_of,
    floor_part,
    floorless_part,
    no_room,
    only_floor,
)
from training.segmentation.data import Sample

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
#: Groups without pictures of their own: parts of any, or made on the fly.
MADE = ("floorless_part", "floor_part", "only_floor", "no_room")


class Batches(Dataset[Batch]):
    """Endless variety: item i is a batch (images, masks, visible labels, rugs known).

    Args:
        samples: Labelled pictures.
        shares: Probability of drawing from each source, plus ``floorless`` (pictures of NYUv2
            without a floor), ``above_floor`` (upper parts of the others), ``floorless_part`` (any
            part without a floor), ``floor_part`` (any part that is all floor), ``only_floor`` and
            ``no_room`` (made on the fly).
        sizes: (height, width) of a batch, drawn anew for each.
        stock: Textures to paint with.
        augment: How often and how far.
        batch: Crops in a batch.
        steps: Batches in an epoch.
        seed: Of everything drawn here.
        epoch: Goes into the seed.

    Raises:
        ValueError: A source has a share but no pictures.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        shares: Sequence[tuple[str, float]],
        sizes: Sequence[tuple[int, int]],
        stock: Stock,
        augment: AugmentConfig,
        batch: int,
        steps: int,
        seed: int,
        epoch: int,
    ) -> None:
        self.groups: dict[str, list[Sample]] = {name: [] for name, _ in shares}
        # What has no share is left out altogether.
        self.samples = [sample for sample in samples if sample.source in self.groups]
        for sample in self.samples:
            apart = sample.source == "nyuv2" and sample.floorless
            name = "floorless" if apart else sample.source
            self.groups.get(name, []).append(sample)
            upper = above_floor(sample)
            if upper is not None:
                self.groups.get("above_floor", []).append(upper)
        empty = [name for name, group in self.groups.items() if not group and name not in MADE]
        if empty:
            raise ValueError(
                f"no pictures for {', '.join(empty)}; "
                "rendered rooms are given with --rooms (training.segmentation.rooms makes them)"
            )
        weights = np.array([share for _, share in shares])
        self.names = [name for name, _ in shares]
        self.weights = weights / weights.sum()
        self.sizes = sizes
        self.stock = stock
        self.augment = augment
        self.batch = batch
        self.steps = steps
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        """float32 [B, 3, H, W], uint8 [B, H, W], float32 [B] (1, 0, UNKNOWN), bool [B]."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        size = self.sizes[int(rng.integers(len(self.sizes)))]
        crops = [self._crop(rng, size) for _ in range(self.batch)]
        images = torch.from_numpy(np.stack([crop.image for crop in crops]))
        masks = torch.from_numpy(np.stack([crop.mask for crop in crops]))
        visible = torch.tensor([crop.visible for crop in crops], dtype=torch.float32)
        known = torch.tensor([crop.rugs_known for crop in crops])
        return normalise(images), masks, visible, known

    def _crop(self, rng: np.random.Generator, size: tuple[int, int]) -> Crop:
        name = self.names[int(rng.choice(len(self.names), p=self.weights))]
        if name == "no_room":
            return no_room(rng, size, self.augment)
        if name == "only_floor":
            return only_floor(rng, size, self.stock, self.augment)
        if name in ("floorless_part", "floor_part"):
            find = floorless_part if name == "floorless_part" else floor_part
            part = None
            while part is None:
                part = find(rng, self.samples[int(rng.integers(len(self.samples)))])
            return crop_of(rng, part, size, self.stock, self.augment)
        group = self.groups[name]
        return crop_of(rng, group[int(rng.integers(len(group)))], size, self.stock, self.augment)
