"""The network that finds what was laid over a product picture: small, and all convolutions.

The first blocks of EfficientNet-Lite0 stay as ImageNet left them; what is trained is the decoder.
What is laid over differs from the rest of the picture, so the decoder also sees each map freed of
the picture's own mean and spread, and both of the coarsest map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.encoder import LiteEncoder

#: Blocks of the trunk whose maps are decoded: at 1/2, 1/4, 1/8 and 1/16 of the picture's size.
DEPTHS = (0, 2, 4, 5)
#: Channels of the decoder at these sizes.
WIDTHS = (16, 32, 48, 64)


def _norm_relu(width: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class _Separable(nn.Module):
    """A residual block: depthwise, then pointwise."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, h, w] -> the same."""
        return F.relu(x + self.body(x))


class _Full(nn.Module):
    """A residual block of one whole convolution, perhaps dilated."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, h, w] -> the same."""
        return x + self.body(x)


class _Lateral(nn.Module):
    """A map of the trunk, as it is and freed of the picture's mean and spread."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.free = nn.InstanceNorm2d(inside, affine=True)
        self.mix = nn.Conv2d(2 * inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inside, h, w] -> [N, outside, h, w]."""
        return self.mix(torch.cat([x, self.free(x)], 1))


class OverlayNet(nn.Module):
    """Finds overlays: a logit for each pixel, float32 [N, H, W], from normalised [N, 3, H, W].

    H and W are multiples of 16.

    Args:
        pretrained: Take the trunk's ImageNet weights; else they come with a state dict.
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        self.trunk = LiteEncoder(DEPTHS, pretrained=pretrained)
        self.trunk.requires_grad_(False)
        c2, c4, c8, c16 = self.trunk.channels
        half, quarter, eighth, coarse = WIDTHS
        self.lateral16 = _Lateral(c16, coarse)
        self.norm16 = _norm_relu(coarse)
        self.whole = nn.Linear(2 * coarse, coarse)
        self.mix16 = nn.Sequential(_Full(coarse, 2), _Full(coarse, 4))
        self.lateral8, self.down8 = _Lateral(c8, eighth), nn.Conv2d(coarse, eighth, 1)
        self.mix8 = nn.Sequential(_norm_relu(eighth), _Full(eighth), _Full(eighth, 2))
        self.lateral4, self.down4 = _Lateral(c4, quarter), nn.Conv2d(eighth, quarter, 1)
        self.mix4 = nn.Sequential(_norm_relu(quarter), _Separable(quarter), _Separable(quarter))
        self.lateral2, self.down2 = _Lateral(c2, half), nn.Conv2d(quarter, half, 1)
        self.mix2 = nn.Sequential(_norm_relu(half), _Separable(half))
        self.head = nn.Conv2d(half, 4, 3, 1, 1)

    def train(self, mode: bool = True) -> OverlayNet:
        """Switches the decoder; the trunk keeps its statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W] -> logits float32 [N, H, W]."""
        with torch.no_grad():
            m2, m4, m8, m16 = self.trunk(x)
        deep = self.norm16(self.lateral16(m16))
        mean = deep.mean(dim=(2, 3))
        spread = ((deep - mean[:, :, None, None]) ** 2).mean(dim=(2, 3)).clamp(min=1e-4).sqrt()
        whole = self.whole(torch.cat([mean, spread], 1))
        up = self.mix16(F.relu(deep + whole[:, :, None, None]))
        # A pointwise convolution commutes with repeating pixels, and costs less before it.
        up = self.mix8(_twice(self.down8(up)) + self.lateral8(m8))
        up = self.mix4(_twice(self.down4(up)) + self.lateral4(m4))
        up = self.mix2(_twice(self.down2(up)) + self.lateral2(m2))
        return F.pixel_shuffle(self.head(up), 2)[:, 0]


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class ExportNet(nn.Module):
    """The network as it is exported: the probability of each pixel."""

    def __init__(self, net: OverlayNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W] -> float32 [N, H, W], 0..1."""
        return torch.sigmoid(self.net(x))
