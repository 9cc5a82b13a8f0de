"""Batches: reproducible, and drawn from where they say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

import torch

from training.segmentation.augment import AugmentConfig, Stock
from training.segmentation.batches import Batches
from training.segmentation.data import FLOOR, OTHER, Sample
from training.segmentation.textures import quick_rug, quick_texture

pytestmark = pytest.mark.slow


def sample(source: str, floor_rows: int, seed: int = 0) -> Sample:
    """A picture whose lowest rows are floor."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    mask = np.full((96, 128), OTHER, np.uint8)
    if floor_rows:
        mask[-floor_rows:] = FLOOR
    return Sample(source, f"{source}-{seed}", image, mask)


def batches(shares: dict[str, float], samples: list[Sample], epoch: int = 0) -> Batches:
    rng = np.random.default_rng(0)
    floors = [quick_texture(rng) for _ in range(2)]
    stock = Stock(floors, [quick_rug(rng)], floors)
    sizes = ((64, 96), (64, 64))
    return Batches(samples, tuple(shares.items()), sizes, stock, AugmentConfig(), 4, 5, 1, epoch)


SAMPLES = [sample("nyuv2", 40), sample("nyuv2", 0, 1), sample("rendered", 0, 2)]
MADE = {"floorless_part": 1.0, "floor_part": 1.0, "only_floor": 1.0, "no_room": 1.0}
SHARES = {"nyuv2": 1.0, "floorless": 1.0, "rendered": 1.0, "above_floor": 1.0, **MADE}


def test_a_batch_is_a_function_of_seed_epoch_and_index() -> None:
    """Else no run could be repeated, and two workers would not draw what one does."""
    first, again = batches(SHARES, SAMPLES), batches(SHARES, SAMPLES)
    assert all(torch.equal(a, b) for a, b in zip(first[3], again[3], strict=True))
    assert not torch.equal(first[3][0].sum(), first[2][0].sum())
    assert not torch.equal(first[3][0].sum(), batches(SHARES, SAMPLES, epoch=1)[3][0].sum())


def test_a_batch_holds_what_the_losses_read() -> None:
    made = batches(SHARES, SAMPLES)
    for index in range(len(made)):
        image, mask, visible, known = made[index]
        assert image.shape == (4, 3, *mask.shape[1:]) and image.dtype == torch.float32
        assert mask.dtype == torch.uint8 and set(mask.unique().tolist()) <= {0, 64, 128, 255}
        assert set(visible.tolist()) <= {0.0, 1.0, -1.0}
        assert known.dtype == torch.bool


def test_floorless_pictures_are_those_of_nyuv2() -> None:
    """Rendered ones stay among the rendered: leaving either out must not touch the other."""
    groups = batches(SHARES, SAMPLES).groups
    assert [s.stem for s in groups["floorless"]] == ["nyuv2-1"]
    assert [s.stem for s in groups["rendered"]] == ["rendered-2"]


def test_what_has_no_share_is_left_out() -> None:
    groups = batches({"nyuv2": 1.0}, SAMPLES).groups
    assert {name: [s.stem for s in group] for name, group in groups.items()} == {
        "nyuv2": ["nyuv2-0"]
    }


def test_a_source_without_pictures_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"no pictures for rendered.*--rooms"):
        batches(SHARES, SAMPLES[:2])
