"""Light: bounded, the same for all patches of a picture, and at times without colour."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

import torch

from training.matching.light import GREY, Lights, draw_lights, relit, roughened

pytestmark = pytest.mark.slow


def _plain(count: int) -> Lights:
    return Lights(
        np.repeat(np.eye(3, dtype=np.float32)[None], count, axis=0),
        np.ones(count, np.float32),
        np.ones(count, np.float32),
    )


def test_a_plain_light_changes_nothing() -> None:
    patches = torch.rand(2, 3, 8, 8) * 0.9 + 0.05
    lit = relit(patches, _plain(1), torch.zeros(2, dtype=torch.long), torch.zeros(2, 2))
    assert torch.allclose(lit, patches, atol=1e-5)


def test_patches_of_one_picture_get_one_light_and_others_another() -> None:
    patch = torch.rand(1, 3, 8, 8)
    which = torch.tensor([0, 0, 1])
    lights = draw_lights(2, np.random.default_rng(0))
    lit = relit(patch.repeat(3, 1, 1, 1), lights, which, torch.zeros(3, 2))
    assert torch.equal(lit[0], lit[1])
    assert not torch.allclose(lit[0], lit[2])
    assert float(lit.min()) >= 0 and float(lit.max()) <= 1


def test_some_lights_leave_no_colour() -> None:
    matrix = draw_lights(2000, np.random.default_rng(1)).matrix
    # Without colour every channel is the same mixture, up to the light's own tint.
    grey = np.abs(np.linalg.det(matrix)) < 1e-6
    assert abs(grey.mean() - GREY) < 0.03


def test_a_slope_brightens_one_side() -> None:
    patch = torch.full((1, 3, 8, 8), 0.5)
    lit = relit(patch, _plain(1), torch.zeros(1, dtype=torch.long), torch.tensor([[0.2, 0.0]]))
    assert float(lit[..., -1].mean()) > float(lit[..., 0].mean()) + 0.1


def test_blur_takes_the_finest_detail_only() -> None:
    fine = (torch.arange(8)[:, None] + torch.arange(8)[None]).remainder(2).float()
    patches = fine.expand(2, 3, 8, 8)
    rough = roughened(patches, torch.tensor([True, False]), torch.zeros(2, 3, 8, 8))
    assert float(rough[0].std()) < 0.05
    assert torch.equal(rough[1], patches[1])
