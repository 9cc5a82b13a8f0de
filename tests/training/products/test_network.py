"""The network: one logit a pixel, a frozen trunk, and a loss that leaves the unsure out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.products.alterations import ALTERED, FLOOR, UNSURE
from training.products.network import OverlayNet
from training.products.train import TrainConfig, draw_batch, measure, overlay_loss, rate_at

pytestmark = pytest.mark.slow


def test_a_logit_for_each_pixel_and_a_trunk_that_stays() -> None:
    net = OverlayNet(pretrained=False).train()
    before = {name: value.clone() for name, value in net.trunk.state_dict().items()}
    logits = net(torch.randn(2, 3, 64, 96))
    assert logits.shape == (2, 64, 96)
    logits.mean().backward()
    assert all(parameter.grad is None for parameter in net.trunk.parameters())
    for name, value in net.trunk.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_loss_does_not_see_what_is_unsure() -> None:
    config = TrainConfig()
    label = torch.full((1, 32, 32), FLOOR, dtype=torch.uint8)
    label[:, :16], label[:, 12:20] = ALTERED, UNSURE
    right = torch.where(label == ALTERED, 9.0, -9.0)
    wrong_where_unsure = torch.where(label == UNSURE, 9.0, right)
    assert float(overlay_loss(right, label, config)) < 0.02
    assert float(overlay_loss(wrong_where_unsure, label, config)) < 0.02
    assert float(overlay_loss(-right, label, config)) > 2


def test_it_learns_white_squares() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 120, (24, 64, 64, 3), dtype=np.uint8)
    label = np.full((24, 64, 64), FLOOR, np.uint8)
    for number in range(0, 24, 2):
        top, left = rng.integers(0, 40, 2)
        rgb[number, top : top + 20, left : left + 20] = 255
        label[number, top : top + 20, left : left + 20] = ALTERED
    torch.manual_seed(0)
    config = TrainConfig(steps=60, crop=64, cropped=1.0, warmup=5)
    net = OverlayNet()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 3e-3)
    for step in range(config.steps):
        optimiser.param_groups[0]["lr"] = rate_at(step, config)
        inputs, truth = draw_batch(rgb, label, config, step)
        assert inputs.shape[1:] == (64, 64, 3)
        values = (inputs.permute(0, 3, 1, 2).float() - 127) / 128
        loss = overlay_loss(net(values), truth, config)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert measure(net, rgb, label)["iou"] > 0.2
