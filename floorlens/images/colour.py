"""Colour: sRGB to CIELAB and colour differences. Pure functions on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# IEC 61966-2-1 primaries, white D65 (X = .95047, Y = 1, Z = 1.08883), rows already over the white.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ],
    dtype=np.float64,
) / np.array([[0.95047], [1.0], [1.08883]])
#: Weights of L*, a*, b* in the differences of floors' colours: light moves L* most and a* least.
LAB_WEIGHTS = np.array([0.35, 1.2, 1.0])
_CODE = np.arange(256) / 255.0
_LINEAR = np.where(_CODE <= 0.04045, _CODE / 12.92, ((_CODE + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def srgb_to_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns CIELAB (D65, 2 degrees) of uint8 (..., 3) sRGB pixels as float32 (..., 3).

    L* in 0..100. Source: CIE 15:2004 with IEC 61966-2-1.
    """
    linear = _LINEAR[pixels]
    xyz = linear @ _TO_XYZ.T.astype(np.float32)
    f = np.where(
        xyz > 216 / 24389, np.cbrt(xyz), xyz * np.float32(24389 / 27 / 116) + np.float32(16 / 116)
    )
    lab: NDArray[np.float32] = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


def mean_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns the mean CIELAB colour, float64 (3,), of uint8 (h, w, 3) sRGB pixels."""
    rows = max(1, 262_144 // max(1, pixels.shape[1]))
    total = np.zeros(3)
    for start in range(0, pixels.shape[0], rows):
        total += (
            srgb_to_lab(pixels[start : start + rows]).reshape(-1, 3).sum(axis=0, dtype=np.float64)
        )
    mean: NDArray[np.float64] = total / (pixels.shape[0] * pixels.shape[1])
    return mean


def delta_e76(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns the CIE 1976 colour difference of Lab arrays (..., 3), broadcast."""
    difference: NDArray[np.floating] = np.sqrt(np.sum((a - b) ** 2, axis=-1))
    return difference
