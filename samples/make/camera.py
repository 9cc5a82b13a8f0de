"""From light to a photograph, as a phone's camera makes one of it.

    image = develop(linear, stops=0.3)

Metering, a white balance that goes part of the way, windows held back and shadows lifted by
regions, glow around what is too bright, a film's curve, a darker rim, sharpening and noise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
#: AgX, the view transform of Blender 4: its primaries, its range in stops about middle grey, and a
#: polynomial of its curve.
_INSET = np.array(
    [[0.842479062253094, 0.0784335999999992, 0.0792237451477643],
     [0.0423282422610123, 0.878468636469772, 0.0791661274605434],
     [0.0423756549057051, 0.0784336, 0.879142973793104]], np.float32,
)  # fmt: skip
_RANGE = (-12.47393, 4.026069)
_CURVE = (15.5, -40.14, 31.96, -6.868, 0.4298, 0.1191, -0.00232)


def luminance(light: Picture) -> Picture:
    """The luminance of linear RGB, (H, W)."""
    result: Picture = light @ _WEIGHTS
    return result


def _smooth(values: Picture, reach: float, step: float) -> Picture:
    """Values smoothed within regions: a guided filter that edges higher than `step` stop."""
    size = (int(reach) * 2 + 1,) * 2
    mean = cv2.blur(values, size)
    spread = cv2.blur(values * values, size) - mean * mean
    slope = spread / (spread + step * step)
    base: Picture = cv2.blur(slope, size) * values + cv2.blur(mean - slope * mean, size)
    return base


def expose(light: Picture, stops: float, balance: float = 0.25) -> Picture:
    """Scale the log-average to a usual grey; take `balance` of the light's colour away."""
    bright = luminance(light)
    average = float(np.exp(np.mean(np.log(np.clip(bright, 1e-3, 4 * np.median(bright))))))
    light = light * np.float32(0.62 / average * 2.0**stops)
    usual = light[luminance(light) < 1.0]
    mean = np.maximum(usual.mean(axis=0), 1e-4)
    balanced: Picture = (light * (mean[1] / mean) ** balance).astype(np.float32)
    return balanced


def hold_back(light: Picture, amount: float = 0.12) -> Picture:
    """Bring bright and dark regions nearer to each other; what is within a region stays."""
    stops = np.log2(np.maximum(luminance(light), 1e-4))
    base = _smooth(stops.astype(np.float32), max(light.shape[:2]) / 14, 1.2)
    middle = np.float32(np.log2(0.26))
    away = np.clip(base - middle, -3, 6)
    result: Picture = light * np.exp2(-amount * away)[..., None]
    return result.astype(np.float32)


def glow(light: Picture, amount: float = 0.05) -> Picture:
    """Light that the lens scatters about what is bright."""
    width = light.shape[1]
    capped = np.minimum(light, 8.0)
    halo = sum(
        share * cv2.GaussianBlur(capped, (0, 0), width * reach)
        for share, reach in ((0.5, 0.003), (0.3, 0.012), (0.2, 0.05))
    )
    result: Picture = (light * (1 - amount) + halo * amount).astype(np.float32)
    return result


def agx(light: Picture, contrast: float = 1.65, colour: float = 1.4) -> Picture:
    """AgX with a look: display values in 0..1, sRGB's curve applied."""
    low, high = _RANGE
    stops = np.log2(np.maximum(light @ _INSET.T, 1e-9))
    base = (np.clip(stops, low, high) - low) / (high - low)
    curved = np.maximum(np.polyval(np.asarray(_CURVE, np.float32), base.astype(np.float32)), 0)
    curved = np.asarray(curved**contrast, np.float32)
    grey = luminance(curved)[..., None]
    vivid = np.clip(grey + colour * (curved - grey), 0, None) ** 2.2 @ np.linalg.inv(_INSET).T
    shown: Picture = np.clip(vivid, 0, 1).astype(np.float32) ** np.float32(1 / 2.2)
    return shown


def develop(
    linear: Picture, stops: float = 0.0, seed: int = 0, balance: float = 0.25
) -> NDArray[np.uint8]:
    """Expose and finish: (H, W, 3) linear float32 to sRGB uint8."""
    height, width = linear.shape[:2]
    light = glow(hold_back(expose(np.maximum(linear, 0), stops, balance)))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    far = np.hypot(columns - width / 2, rows - height / 2) / np.hypot(width / 2, height / 2)
    light *= (1 - 0.22 * far**2.4)[..., None]
    shown = agx(light)
    blurred = cv2.GaussianBlur(shown, (0, 0), 1.0)
    shown = shown + 0.35 * (shown - blurred)
    return grain(shown, seed)


def grain(shown: Picture, seed: int) -> NDArray[np.uint8]:
    """Noise of a small sensor after its noise reduction: finer in brightness than in colour."""
    rng = np.random.default_rng(seed)
    height, width = shown.shape[:2]
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 0.6)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)).astype(np.float32), (0, 0), 1.6)
    dark = 1 - 0.6 * luminance(np.clip(shown, 0, 1))[..., None]
    noisy = shown + dark * (0.016 * fine[..., None] + 0.018 * coarse)
    return (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)
