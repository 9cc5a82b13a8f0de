"""The network: any size, and what calibration and clicks change."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra train")

import torch

from training.segmentation.model import ExportNet, SegmentationNet, no_clicks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def net() -> SegmentationNet:
    torch.manual_seed(1)
    made = SegmentationNet(pretrained=False).eval()
    # As built, the last step adds nothing and could not be told from one that is missing.
    torch.nn.init.normal_(made.sharpen.weight, std=0.3)
    return made


@torch.no_grad()
@pytest.mark.parametrize("size", [(32, 32), (64, 160), (224, 96)])
def test_the_answer_has_the_pictures_size(net: SegmentationNet, size: tuple[int, int]) -> None:
    picture = torch.randn(3, 3, *size)
    floor, rug, visible = ExportNet(net)(picture, no_clicks(picture))
    assert floor.shape == (3, *size)
    assert rug.shape == (3, size[0] // 4, size[1] // 4)
    assert visible.shape == (3,)
    for answer in (floor, rug, visible):
        assert 0 <= float(answer.min()) <= float(answer.max()) <= 1


@torch.no_grad()
def test_calibration_moves_the_visible_score_alone(net: SegmentationNet) -> None:
    picture = torch.randn(1, 3, 64, 64)
    floor, _, visible = ExportNet(net)(picture, no_clicks(picture))
    floor_c, _, visible_c = ExportNet(net, slope=2.0, offset=-1.0)(picture, no_clicks(picture))
    assert torch.equal(floor, floor_c)
    assert torch.allclose(torch.logit(visible_c), 2 * torch.logit(visible) - 1, atol=1e-4)


@torch.no_grad()
def test_clicks_change_the_answer(net: SegmentationNet) -> None:
    picture = torch.randn(1, 3, 64, 64)
    clicks = no_clicks(picture)
    clicks[:, 0, 6:9, 6:9] = 1
    assert not torch.equal(net(picture).floor, net(picture, clicks).floor)
