"""The floor segmenter: EfficientNet-Lite2 trunk, a top-down decoder to 1/2 resolution that takes
clicks, heads for floor, rug and "floor visible"."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.encoder import LiteEncoder

VARIANT = 2
#: Trunk depths the decoder reads: strides 2, 4, 8, 16, 32.
DEPTHS = (0, 3, 6, 14, 20)
#: Clicks come as two maps (floor, not floor) at this stride.
CLICK_STRIDE = 4


@dataclass(frozen=True)
class Answer:
    """What the decoder says.

    Attributes:
        floor: logits [N, 1, H/2, W/2].
        coarse: floor logits [N, 1, H/4, W/4], before the last refinement; for the loss.
        rug: logits [N, 1, H/4, W/4], loose rugs and mats.
        visible: logit [N] that a floor is to be seen.
    """

    floor: Tensor
    coarse: Tensor
    rug: Tensor
    visible: Tensor


def _conv_bn_relu(c_in: int, c_out: int, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out, momentum=0.05),
        nn.ReLU(inplace=True),
    )


def _separable(c_in: int, c_out: int, kernel: int = 5) -> nn.Sequential:
    """Depthwise kxk then 1x1: wide sight at little cost."""
    return nn.Sequential(
        _conv_bn_relu(c_in, c_in, kernel, groups=c_in), _conv_bn_relu(c_in, c_out, 1)
    )


class SegmentationNet(nn.Module):
    """Features once, then one or several decodings with different clicks.

    Args:
        width: Channels of the decoder.
        pretrained: Start the trunk from ImageNet weights.
    """

    def __init__(self, width: int = 64, pretrained: bool = True) -> None:
        super().__init__()
        self.encoder = LiteEncoder(DEPTHS, pretrained=pretrained, variant=VARIANT)
        c2, c4, c8, c16, c32 = self.encoder.channels
        fine = 16
        # Two channels of coordinates join the deepest map: a floor lies low in most photos.
        self.top = _conv_bn_relu(c32 + 2, 2 * width, 1)
        self.context = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.ReLU(inplace=True), nn.Linear(2 * width, 2 * width)
        )
        # Clicks are added by convolutions without a norm: maps that are nearly all zero have no
        # spread to divide by.
        self.click32 = nn.Conv2d(2, 2 * width, 3, padding=1)
        self.click16 = nn.Conv2d(2, width, 3, padding=1)
        self.click8 = nn.Conv2d(2, width, 3, padding=1)
        self.click4 = nn.Conv2d(2, width, 3, padding=1)
        self.mix32 = _separable(2 * width, width)
        self.lateral16 = _conv_bn_relu(c16, width, 1)
        self.lateral8 = _conv_bn_relu(c8, width, 1)
        self.lateral4 = _conv_bn_relu(c4, width, 1)
        self.mix16 = nn.Sequential(_separable(2 * width, width), _separable(width, width))
        self.mix8 = _separable(2 * width, width)
        self.mix4 = nn.Sequential(_separable(2 * width, width), _separable(width, width, 3))
        self.heads = nn.Conv2d(width, 2, 1)
        self.narrow = _conv_bn_relu(width, fine, 1)
        self.lateral2 = _conv_bn_relu(c2, fine, 1)
        # What the finest step sees besides: the picture itself and the coarse answer.
        self.mix2 = nn.Sequential(
            _separable(2 * fine + 4, 2 * fine, 3), _separable(2 * fine, fine, 3)
        )
        self.sharpen = nn.Conv2d(fine, 1, 1)
        nn.init.zeros_(self.sharpen.weight)
        nn.init.zeros_(self.sharpen.bias)
        self.visible = nn.Sequential(
            nn.Linear(4 * width, width), nn.ReLU(inplace=True), nn.Linear(width, 1)
        )
        self.evidence = nn.Linear(2, 1)
        nn.init.constant_(self.evidence.weight, 0.7)
        nn.init.constant_(self.evidence.bias, 3.0)

    def features(self, x: Tensor) -> list[Tensor]:
        """Normalised float32 [N, 3, H, W] -> what :meth:`decode` reads, the picture included."""
        return [F.avg_pool2d(x, 2), *self.encoder(x)]

    def decode(self, features: list[Tensor], clicks: Tensor) -> Answer:
        """Features and click maps [N, 2, H/4, W/4] of 0 and 1 -> the answer."""
        picture, f2, f4, f8, f16, f32 = features
        clicks8 = F.max_pool2d(clicks, 2)
        clicks16 = F.max_pool2d(clicks8, 2)
        clicks32 = F.max_pool2d(clicks16, 2)
        top = self.top(torch.cat([f32, _coordinates(f32)], dim=1))
        pooled = top.mean(dim=(2, 3))
        peak = top.amax(dim=(2, 3))
        # A gate from the whole picture: what kind of room and light this is.
        top = top * torch.sigmoid(self.context(pooled))[:, :, None, None]
        out = self.mix32(top + self.click32(clicks32))
        out = _grow(out, f16) + self.click16(clicks16)
        out = self.mix16(torch.cat([out, self.lateral16(f16)], dim=1))
        out = _grow(out, f8) + self.click8(clicks8)
        out = self.mix8(torch.cat([out, self.lateral8(f8)], dim=1))
        out = _grow(out, f4) + self.click4(clicks)
        out = self.mix4(torch.cat([out, self.lateral4(f4)], dim=1))
        heads = self.heads(out)
        coarse, rug = heads[:, :1], heads[:, 1:]
        grown = _grow(torch.cat([self.narrow(out), coarse], dim=1), f2)
        fine = self.mix2(torch.cat([grown, self.lateral2(f2), picture], dim=1))
        floor = grown[:, -1:] + self.sharpen(fine)
        visible = self.visible(torch.cat([pooled, peak], dim=1)) + self.evidence(_evidence(coarse))
        return Answer(floor, coarse, rug, visible[:, 0])

    def forward(self, x: Tensor, clicks: Tensor | None = None) -> Answer:
        """Normalised float32 [N, 3, H, W], sides multiples of 32 -> the answer, without clicks."""
        features = self.features(x)
        return self.decode(features, no_clicks(x) if clicks is None else clicks)


class ExportNet(nn.Module):
    """:class:`SegmentationNet` with probabilities at the input's resolution.

    Args:
        net: The network.
        slope, offset: Calibrate the visible logit: ``slope * logit + offset`` (Platt, 1999).
    """

    def __init__(self, net: SegmentationNet, slope: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.net = net
        self.slope = slope
        self.offset = offset

    def forward(self, x: Tensor, clicks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Picture and clicks -> floor [N, H, W], rug [N, H/4, W/4], visible [N], all 0..1."""
        answer = self.net(x, clicks)
        # Upsampling logits rather than probabilities keeps the edge at .5 sharp.
        logits = F.interpolate(answer.floor, scale_factor=2, mode="bilinear", align_corners=False)
        visible = torch.sigmoid(self.slope * answer.visible + self.offset)
        return torch.sigmoid(logits[:, 0]), torch.sigmoid(answer.rug[:, 0]), visible


def no_clicks(x: Tensor) -> Tensor:
    """[N, C, H, W] -> empty click maps [N, 2, H/4, W/4]."""
    return x.new_zeros(x.shape[0], 2, x.shape[2] // CLICK_STRIDE, x.shape[3] // CLICK_STRIDE)


def _evidence(logits: Tensor) -> Tensor:
    """Logits [N, 1, h, w] -> [N, 2]: log share of floor, and how sure the surest area is.

    Detached: the mask answers to its own loss only.
    """
    probability = torch.sigmoid(logits.detach())
    share = probability.mean(dim=(2, 3))
    surest = F.avg_pool2d(probability, 4).amax(dim=(2, 3))
    return torch.log(torch.cat([share, surest], dim=1) + 1e-3)


def _grow(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def _coordinates(x: Tensor) -> Tensor:
    """[N, 2, H, W]: y and x of each cell's centre, -1..1."""
    ones = torch.ones_like(x[:, :1])
    height, width = x.shape[2], x.shape[3]
    # Cumulative sums, not arange: they export with dynamic sizes and batch.
    rows = (ones.cumsum(2) * 2 - 1) / height - 1
    cols = (ones.cumsum(3) * 2 - 1) / width - 1
    return torch.cat([rows, cols], dim=1)
