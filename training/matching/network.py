"""The network that is trained: encoder, statistics of its own for swatches and rooms, a head."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from training.encoder import LiteEncoder

#: Blocks whose statistics describe a patch: grain, then marks, then boards, then pattern.
DEPTHS: tuple[int, ...] = (4, 7, 10, 15)
#: Length of the vectors.
DIRECTIONS = 256
#: How fast the statistics of swatches and rooms follow the encoder.
MOMENTUM = 0.01
#: Blocks (and the stem before them) in which instance norm may take part.
EARLY_BLOCKS = 3


class PatchStatistics(nn.Module):
    """Mean and standard deviation of the feature maps at several depths, over the whole patch."""

    def __init__(self, depths: tuple[int, ...] = DEPTHS) -> None:
        super().__init__()
        self.trunk = LiteEncoder(depths)

    @property
    def dimension(self) -> int:
        """Length of the feature vector."""
        return 2 * sum(self.trunk.channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W] -> float32 [N, D]: depth by depth, means then spreads."""
        parts: list[Tensor] = []
        for feature_map in self.trunk(x):
            mean = feature_map.mean(dim=(2, 3))
            centred = feature_map - mean[:, :, None, None]
            spread = (centred * centred).mean(dim=(2, 3)).clamp_min(1e-8).sqrt()
            parts += [mean, spread]
        return torch.cat(parts, dim=1)


class SideStandard(nn.Module):
    """Standardises features by running statistics, one set for swatches and one for rooms.

    A light, a camera and a distance are common to all rooms: what they add to every feature goes
    with the mean, and never has to be learned.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, dimension))
        self.register_buffer("variance", torch.ones(2, dimension))

    def forward(self, x: Tensor, room: Tensor) -> Tensor:
        """float32 [N, D] and int64 [N] (0 swatch, 1 room) -> float32 [N, D]."""
        if self.training:
            self._follow(x.detach().float(), room)
        return (x - self.mean[room]) / self.variance[room].sqrt()

    @torch.no_grad()
    def _follow(self, x: Tensor, room: Tensor) -> None:
        for side in (0, 1):
            rows = x[room == side]
            if len(rows) > 1:
                self.variance[side].lerp_(rows.var(dim=0).clamp_min(1e-4), MOMENTUM)
                self.mean[side].lerp_(rows.mean(dim=0), MOMENTUM)

    @torch.no_grad()
    def fit(self, x: Tensor, room: Tensor) -> None:
        """Sets both to the statistics of float32 [N, D]."""
        for side in (0, 1):
            rows = x[room == side]
            self.mean[side].copy_(rows.mean(dim=0))
            self.variance[side].copy_(rows.var(dim=0).clamp_min(1e-4))


class Matcher(nn.Module):
    """Encoder statistics, standardised by side, then a linear head to unit vectors.

    Args:
        classes: products that it is to tell apart; each has a vector of its own.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = PatchStatistics()
        self.standard = SideStandard(self.encoder.dimension)
        self.head = nn.Linear(self.encoder.dimension, DIRECTIONS, bias=False)
        self.proxies = nn.Parameter(torch.randn(classes, DIRECTIONS) / DIRECTIONS**0.5)

    def forward(self, x: Tensor, room: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W], int64 [N] -> unit float32 [N, 256]."""
        standard = self.standard(self.encoder(x).float(), room)
        return nn.functional.normalize(self.head(standard), dim=1)

    def train(self, mode: bool = True) -> Matcher:
        """As always, but batch norm stays as it was: a batch of few floors would mislead it."""
        super().train(mode)
        for module in self.encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class MixedNorm(nn.Module):
    """Instance norm for the first half of the channels, batch norm for the others.

    What one picture's light does to a channel as a whole is gone from the first half; the second
    still tells light from dark (IBN-Net; arXiv 1905.03422 for light that was never seen).
    """

    def __init__(self, batch_norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.batch = batch_norm
        self.count = batch_norm.num_features // 2
        self.weight = nn.Parameter(torch.ones(self.count))
        self.bias = nn.Parameter(torch.zeros(self.count))
        self.calibrating = False

    def forward(self, x: Tensor) -> Tensor:
        """float32 [N, C, H, W] -> the same shape."""
        usual = self.batch(x)
        if self.calibrating:
            # Where the later layers expect these channels to lie.
            with torch.no_grad():
                self.bias.copy_(usual[:, : self.count].mean(dim=(0, 2, 3)))
                self.weight.copy_(usual[:, : self.count].std(dim=(0, 2, 3)))
        alone = nn.functional.instance_norm(
            x[:, : self.count], weight=self.weight, bias=self.bias, eps=1e-3
        )
        return torch.cat([alone, usual[:, self.count :]], dim=1)


def add_instance_norm(encoder: PatchStatistics) -> list[MixedNorm]:
    """Puts instance norm into half of the early channels; returns the new layers.

    The stem and the first norm of each of the first blocks; see :func:`calibrate`.
    """
    added: list[MixedNorm] = []
    for parent in (encoder.trunk.stem, *(b.body[0] for b in encoder.trunk.blocks[:EARLY_BLOCKS])):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.BatchNorm2d):
                mixed = MixedNorm(module)
                setattr(parent, name, mixed)
                added.append(mixed)
    return added


@torch.no_grad()
def calibrate(encoder: PatchStatistics, layers: list[MixedNorm], x: Tensor) -> None:
    """Sets new layers so that the later ones find what they know; `x` as the encoder takes it."""
    for layer in layers:
        layer.calibrating = True
    encoder(x)
    for layer in layers:
        layer.calibrating = False


def load_exported(encoder: PatchStatistics, path: Path) -> None:
    """Sets the encoder to an exported one, whose batch norms are folded into the convolutions."""
    found = {
        tensor.name.removesuffix("_fp16").removeprefix("module."): torch.from_numpy(
            numpy_helper.to_array(tensor).astype("float32")
        )
        for tensor in onnx.load(str(path)).graph.initializer
    }
    used = 0
    for prefix, module in encoder.named_modules():
        for (name, conv), (_, norm) in _pairs(module):
            conv.weight.data.copy_(found[f"{prefix}.{name}.weight"])
            norm.weight.data.fill_(1.0)
            norm.bias.data.copy_(found[f"{prefix}.{name}.bias"])
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)
            used += 1
    if not used:
        raise ValueError(f"{path} and the encoder have no layer in common")


def _pairs(
    module: nn.Module,
) -> list[tuple[tuple[str, nn.Conv2d], tuple[str, nn.BatchNorm2d]]]:
    if not isinstance(module, nn.Sequential):
        return []
    children = list(module.named_children())
    return [
        ((name, conv), (after, norm))
        for (name, conv), (after, norm) in pairwise(children)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    ]
