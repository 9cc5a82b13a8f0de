"""Another light on a picture's patches: one light to a picture, as one light falls on a room.

Strong on purpose. Swatches were photographed under yellow workshop lamps and rooms by daylight:
b* of a true pair differs by 3.4 with a spread of 5.8, L* by 7.8 (../shared/design/evidence-2.md).
Colour has a score of its own, so texture is to hold without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Standard deviations: red against blue, green, logarithm of the exposure and of the gamma.
WARM, TINT, EXPOSURE, GAMMA = 0.10, 0.03, 0.22, 0.15
#: Lowest and highest saturation and contrast.
SATURATION, CONTRAST = (0.5, 1.4), (0.7, 1.35)
#: Share of pictures without colour.
GREY = 0.15
#: Standard deviation of the light's change across one patch, from its middle to its side.
SLOPE = 0.08
#: Share of patches that are blurred, and the standard deviation of noise, in 0..1.
BLURRED, NOISE = 0.25, 0.012


@dataclass(frozen=True)
class Lights:
    """Lights, a row to each: `matrix` float32 (n, 3, 3) turns colours 0..1; `gamma` and `contrast`
    float32 (n,)."""

    matrix: NDArray[np.float32]
    gamma: NDArray[np.float32]
    contrast: NDArray[np.float32]


def draw_lights(count: int, rng: np.random.Generator) -> Lights:
    """Returns `count` lights."""
    warm, tint = rng.normal(0, WARM, count), rng.normal(0, TINT, count)
    gains = np.stack([1 + warm, 1 + tint, 1 - warm], axis=1)
    gains *= np.exp(rng.normal(0, EXPOSURE, count))[:, None]
    saturation = rng.uniform(*SATURATION, count) * (rng.random(count) >= GREY)
    mixing = saturation[:, None, None] * np.eye(3) + (1 - saturation)[:, None, None] / 3
    return Lights(
        (mixing * gains[:, None, :]).astype(np.float32),
        np.exp(rng.normal(0, GAMMA, count)).astype(np.float32),
        rng.uniform(*CONTRAST, count).astype(np.float32),
    )


def relit(patches: Tensor, lights: Lights, which: Tensor, slopes: Tensor) -> Tensor:
    """Returns the patches under their lights, clipped to 0..1.

    Args:
        patches: float32 [N, 3, H, W], colours 0..1.
        lights: a row to each picture.
        which: int64 [N], the picture that each patch is of.
        slopes: float32 [N, 2], how much brighter a patch gets towards its right and lower side.
    """
    device = patches.device
    matrix = torch.from_numpy(lights.matrix).to(device)[which]
    gamma = torch.from_numpy(lights.gamma).to(device)[which][:, None, None, None]
    contrast = torch.from_numpy(lights.contrast).to(device)[which][:, None, None, None]
    height, width = patches.shape[2:]
    across = torch.linspace(-1, 1, width, device=device)[None, None, None, :]
    down = torch.linspace(-1, 1, height, device=device)[None, None, :, None]
    slope = 1 + slopes[:, 0, None, None, None] * across + slopes[:, 1, None, None, None] * down
    lit = torch.einsum("nij,njhw->nihw", matrix, patches) * slope
    lit = lit.clamp(1e-4, 1).pow(gamma)
    centre = lit.mean(dim=(1, 2, 3), keepdim=True)
    return (centre + (lit - centre) * contrast).clamp(0, 1)


def roughened(patches: Tensor, blurred: Tensor, noise: Tensor) -> Tensor:
    """Returns the patches as a poorer camera shows them.

    Args:
        patches: float32 [N, 3, H, W], colours 0..1.
        blurred: bool [N], which lose their finest detail (halved and enlarged).
        noise: float32 like `patches`, of unit spread.
    """
    half = torch.nn.functional.avg_pool2d(patches, 2)
    soft = torch.nn.functional.interpolate(half, size=patches.shape[2:], mode="bilinear")
    patches = torch.where(blurred[:, None, None, None], soft, patches)
    return (patches + NOISE * noise).clamp(0, 1)
