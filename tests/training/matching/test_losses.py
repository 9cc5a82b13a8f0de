"""Losses: low where floors lie together, and a margin asks for more."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra train")

import torch

from training.matching.losses import arcface, contrastive, cosface

pytestmark = pytest.mark.slow

LABELS = torch.arange(4).repeat_interleave(3)
APART = torch.nn.functional.one_hot(LABELS, 8).float()
MIXED = APART[torch.tensor([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])]
PROXIES = 5 * torch.eye(8)[:4]


@pytest.mark.parametrize("loss", [cosface, arcface])
def test_classes_with_a_margin(loss: object) -> None:
    assert callable(loss)
    assert loss(APART, PROXIES, LABELS) < 0.1 < loss(MIXED, PROXIES, LABELS)
    near = torch.nn.functional.normalize(APART + 0.7 * APART.roll(3, dims=0), dim=1)
    assert loss(near, PROXIES, LABELS, margin=0.0) < loss(near, PROXIES, LABELS, margin=0.3)


def test_arcface_has_a_gradient_where_a_patch_is_its_class() -> None:
    vectors = APART.clone().requires_grad_()
    arcface(vectors, PROXIES, LABELS).backward()
    assert vectors.grad is not None and torch.isfinite(vectors.grad).all()


def test_contrast_is_low_where_patches_of_one_floor_lie_together() -> None:
    assert contrastive(APART, LABELS) < 1.0 < contrastive(MIXED, LABELS)
