"""A room's view under another light, colours and patches alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from floorlens.images.colour import encode_srgb
from training.matching.light import Lights, draw_lights, relit
from training.matching.pipeline import FloorView, srgb_to_lab

#: IEC 61966-2-1: XYZ of the white, and from XYZ to linear sRGB.
_WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_LINEAR = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


def draw_coloured_light(rng: np.random.Generator) -> Lights:
    """Returns one strong light that leaves colours: of a grey one every row would be alike."""
    while True:
        light = draw_lights(1, rng)
        if np.linalg.matrix_rank(light.matrix[0], tol=1e-3) == 3:
            return light


def relit_view(view: FloorView, rng: np.random.Generator) -> FloorView:
    """Returns a room's view as it would be under one strong light.

    The rooms of shops are renders and studio pictures, whose colours can be trusted. A photographed
    room is lit otherwise than its swatch was, and this is the nearest to it that pairs allow.
    """
    light = draw_coloured_light(rng)
    pixels = torch.from_numpy(view.patches).permute(0, 3, 1, 2).float() / 255
    first = torch.zeros(len(pixels), dtype=torch.long)
    lit = relit(pixels, light, first, torch.zeros(len(pixels), 2))
    patches = (255 * lit).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return replace(view, patches=np.ascontiguousarray(patches), lab=_relit_colours(view.lab, light))


def _relit_colours(lab: NDArray[np.floating], light: Lights) -> NDArray[np.float32]:
    rgb = _lab_to_srgb(lab)
    lit = np.clip(rgb @ light.matrix[0].T, 1e-4, 1) ** light.gamma[0]
    centre = lit.mean()
    lit = np.clip(centre + (lit - centre) * light.contrast[0], 0, 1)
    return srgb_to_lab(np.rint(255 * lit).astype(np.uint8))


def _lab_to_srgb(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns float64 (n, 3), sRGB in 0..1, of CIELAB (D65)."""
    fy = (lab[:, 0].astype(np.float64) + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], axis=1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ _TO_LINEAR.T, 0, 1)
    return encode_srgb(linear)
