"""The losses say what they should, and what must not be learnt is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("cv2", reason="needs the extra train")

import torch
from torch import nn

from training.segmentation.data import FLOOR, OTHER, RUG, UNSURE
from training.segmentation.model import SegmentationNet, no_clicks
from training.segmentation.train import (
    TrainConfig,
    decoder_statistics_kept,
    keep_config,
    mask_loss,
    rate,
    rug_loss,
    set_train_mode,
    step_loss,
    visible_loss,
)

pytestmark = pytest.mark.slow

CONFIG = TrainConfig()


def label(*columns: int) -> torch.Tensor:
    """A mask uint8 [1, 32, 8 * n] of vertical stripes."""
    stripes = [torch.full((1, 32, 8), value, dtype=torch.uint8) for value in columns]
    return torch.cat(stripes, dim=2)


@pytest.mark.parametrize("columns", [(FLOOR, OTHER), (OTHER, OTHER), (FLOOR, FLOOR)])
def test_a_right_answer_costs_nothing_and_a_wrong_one_does(columns: tuple[int, ...]) -> None:
    """A floorless picture too: otherwise the network would look for floor everywhere."""
    mask = label(*columns)
    right = torch.where(mask == FLOOR, 20.0, -20.0)[:, None]
    assert float(mask_loss(right, mask)) < 0.01
    assert float(mask_loss(-right, mask)) > 1


def test_what_is_unsure_counts_nowhere() -> None:
    mask = label(FLOOR, UNSURE, OTHER)
    logits = torch.zeros(1, 1, 32, 24)
    other = logits.clone()
    other[..., 9:15] = 9.0
    assert float(mask_loss(logits, mask)) == pytest.approx(float(mask_loss(other, mask)))


def test_edges_weigh_more_but_not_where_the_labels_end() -> None:
    logits = torch.zeros(1, 1, 32, 32, requires_grad=True)
    mask_loss(logits, label(OTHER, FLOOR, FLOOR, UNSURE)).backward()
    assert logits.grad is not None
    pull = -logits.grad[0, 0, 16]
    inside, at_edge, at_label_end = float(pull[15]), float(pull[8]), float(pull[23])
    assert at_label_end == pytest.approx(inside)
    assert at_edge > 1.5 * inside


def test_a_rug_is_learnt_only_where_a_label_tells() -> None:
    mask = label(RUG, OTHER, UNSURE, FLOOR)
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    rug_loss(logits, mask, torch.tensor([False])).backward()
    assert logits.grad is not None
    rug, other, unsure, floor = (float(v) for v in logits.grad[0, 0, 4, ::2])
    assert rug < 0 < floor
    assert other == unsure == 0
    logits.grad = None
    rug_loss(logits, mask, torch.tensor([True])).backward()
    assert float(logits.grad[0, 0, 4, 2]) > 0


def test_an_unknown_visible_label_counts_nowhere() -> None:
    label = torch.tensor([1.0, 0.0, -1.0])
    loss = visible_loss(torch.tensor([2.0, -3.0, 0.0]), label)
    assert float(loss) == pytest.approx(float(visible_loss(torch.tensor([2.0, -3.0, 9.0]), label)))
    assert float(loss) < float(visible_loss(torch.tensor([-2.0, 3.0, 0.0]), label))


def test_a_clicked_decode_leaves_the_statistics_alone() -> None:
    """A few crops with clicks must not decide how every picture without clicks is normalised."""
    torch.manual_seed(0)
    net = SegmentationNet(pretrained=False)
    set_train_mode(net)
    picture = torch.randn(2, 3, 64, 64)
    features = net.features(picture)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    with decoder_statistics_kept(net):
        net.decode(features, no_clicks(picture))
    means = [norm.running_mean for norm in norms if norm.running_mean is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, means, strict=True))
    net.decode(features, no_clicks(picture))
    assert not all(torch.equal(a, b) for a, b in zip(before, means, strict=True))


def test_a_step_learns_from_clicks() -> None:
    torch.manual_seed(0)
    net = SegmentationNet(pretrained=False)
    set_train_mode(net)
    mask = torch.cat([label(FLOOR, OTHER, OTHER, FLOOR, FLOOR, OTHER, RUG, FLOOR)] * 2, dim=1)
    batch = (
        torch.randn(2, 3, 64, 64),
        mask.repeat(2, 1, 1),
        torch.ones(2),
        torch.ones(2, dtype=torch.bool),
    )
    config = replace(CONFIG, clicked=2)
    loss, parts = step_loss(net, batch, config, np.random.default_rng(0))
    loss.backward()
    assert np.isfinite(parts).all() and (parts > 0).all()
    for conv in (net.click4, net.click8, net.click16, net.click32):
        assert conv.weight.grad is not None and bool(conv.weight.grad.any())


def test_the_rate_warms_up_and_falls() -> None:
    steps = CONFIG.epochs * CONFIG.steps
    assert rate(0, CONFIG) < 0.01
    assert rate(CONFIG.warmup_steps, CONFIG) > 0.99
    assert rate(steps - 1, CONFIG) == pytest.approx(0.02, abs=1e-3)


def test_a_run_is_not_resumed_with_another_configuration(tmp_path: Path) -> None:
    keep_config(CONFIG, tmp_path)
    # Nothing was trained yet: the file of a run that failed at once is no obstacle.
    keep_config(replace(CONFIG, seed=19), tmp_path)
    keep_config(CONFIG, tmp_path)
    (tmp_path / "last.pt").touch()
    keep_config(CONFIG, tmp_path)
    with pytest.raises(ValueError, match="another configuration"):
        keep_config(replace(CONFIG, seed=21), tmp_path)
