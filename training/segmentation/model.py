"""The floor segmenter: Lite0 trunk, a light top-down decoder to 1/4 resolution, a global head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.encoder import Lite0Encoder

#: Trunk depths the decoder reads: strides 4, 8, 16, 32.
DEPTHS = (2, 4, 10, 15)


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
    """Normalised float32 [N, 3, H, W] -> floor logits at 1/4 resolution and a visibility logit.

    Args:
        width: Channels of the decoder.
        pretrained: Start the trunk from ImageNet weights.
    """

    def __init__(self, width: int = 64, pretrained: bool = True) -> None:
        super().__init__()
        self.encoder = Lite0Encoder(DEPTHS, pretrained=pretrained)
        c4, c8, c16, c32 = self.encoder.channels
        # Two channels of coordinates join the deepest map: a floor lies low in most photos.
        self.top = _conv_bn_relu(c32 + 2, 2 * width, 1)
        self.context = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.ReLU(inplace=True), nn.Linear(2 * width, 2 * width)
        )
        self.mix32 = _separable(2 * width, width)
        self.lateral16 = _conv_bn_relu(c16, width, 1)
        self.lateral8 = _conv_bn_relu(c8, width, 1)
        self.lateral4 = _conv_bn_relu(c4, width, 1)
        self.mix16 = _separable(2 * width, width)
        self.mix8 = _separable(2 * width, width)
        self.mix4 = nn.Sequential(_separable(2 * width, width), _separable(width, width, 3))
        self.floor = nn.Conv2d(width, 1, 1)
        self.visible = nn.Sequential(
            nn.Linear(4 * width, width), nn.ReLU(inplace=True), nn.Linear(width, 1)
        )
        self.evidence = nn.Linear(2, 1)
        nn.init.constant_(self.evidence.weight, 0.7)
        nn.init.constant_(self.evidence.bias, 3.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised float32 [N, 3, H, W] -> (logits [N, 1, H/4, W/4], visible logit [N])."""
        f4, f8, f16, f32 = self.encoder(x)
        top = self.top(torch.cat([f32, _coordinates(f32)], dim=1))
        pooled = top.mean(dim=(2, 3))
        peak = top.amax(dim=(2, 3))
        # A gate from the whole picture: what kind of room and light this is.
        top = top * torch.sigmoid(self.context(pooled))[:, :, None, None]
        out = self.mix32(top)
        out = self.mix16(torch.cat([_grow(out, f16), self.lateral16(f16)], dim=1))
        out = self.mix8(torch.cat([_grow(out, f8), self.lateral8(f8)], dim=1))
        out = self.mix4(torch.cat([_grow(out, f4), self.lateral4(f4)], dim=1))
        logits = self.floor(out)
        visible = self.visible(torch.cat([pooled, peak], dim=1)) + self.evidence(_evidence(logits))
        return logits, visible[:, 0]


class ExportNet(nn.Module):
    """:class:`SegmentationNet` with probabilities at the input's resolution."""

    def __init__(self, net: SegmentationNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised float32 [N, 3, H, W] -> (probability [N, H, W], visible [N]), both 0..1."""
        logits, visible = self.net(x)
        # Upsampling logits rather than probabilities keeps the edge at .5 sharp.
        logits = F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)
        return torch.sigmoid(logits[:, 0]), torch.sigmoid(visible)


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
