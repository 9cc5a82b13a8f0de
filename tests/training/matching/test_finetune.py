"""Metric learning of the encoder: the loss, the batches, and light that must not matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

import torch

from training.matching.finetune import (
    CROP,
    FROM_ROOM,
    FROM_SWATCH,
    HELD_OUT,
    RANGES,
    REAL_ROOMS,
    Batches,
    Matcher,
    contrastive_loss,
)
from training.matching.patches import REAL_ROOM, ROOM, SWATCH
from training.matching.samples import RANGE

pytestmark = pytest.mark.slow


def test_the_loss_is_low_where_patches_of_one_floor_lie_together() -> None:
    labels = torch.arange(4).repeat_interleave(3)
    apart = torch.nn.functional.one_hot(labels, 8).float()
    mixed = apart[torch.tensor([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])]
    assert contrastive_loss(apart, labels) < 1.0 < contrastive_loss(mixed, labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of a few products more than are held out, each of one colour."""
    out = tmp_path_factory.mktemp("patches")
    products, rows = RANGES * RANGE + HELD_OUT, []
    for label in range(products):
        rows += [(label, SWATCH, label // RANGE)] * FROM_SWATCH
        rows += [(label, ROOM, label // RANGE)] * 4
    for label in range(1000, 1000 + REAL_ROOMS):
        rows += [(label, REAL_ROOM, label)] * (FROM_SWATCH + FROM_ROOM)
    label, kind, group = np.array(rows).T
    pixels = np.zeros((len(rows), 160, 160, 3), np.uint8) + (label % 200 + 30)[:, None, None, None]
    np.save(out / "patches.npy", pixels.astype(np.uint8))
    np.savez(out / "index.npz", label=label, kind=kind, group=group)
    return out


def test_a_batch_holds_whole_ranges_and_nothing_that_is_held_out(folder: Path) -> None:
    batches = Batches(folder, seed=0)
    patches, labels = batches.draw()
    each = FROM_SWATCH + FROM_ROOM
    assert patches.shape == ((RANGES * RANGE + REAL_ROOMS) * each, 3, CROP, CROP)
    made = labels[labels < 1000]
    assert not np.isin(made.numpy(), batches.held_out).any()
    for number in set((made // RANGE).tolist()):
        assert len(set(made[made // RANGE == number].tolist())) == RANGE


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    torch.manual_seed(0)
    matcher = Matcher().eval()
    x, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 0, 1, 1])
    contrastive_loss(matcher(x), labels).backward()
    for name, parameter in matcher.encoder.trunk.named_parameters():
        frozen = name.startswith("stem") or name.split(".")[1] in {"0", "1", "2"}
        assert (parameter.grad is None) == frozen, name
