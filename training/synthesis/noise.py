"""Periodic noise fields and their sampling: the one source of randomness of all surfaces.

Fields are built once per process by filtering white noise in the frequency domain, so they tile,
and are then stretched, shifted and summed by the surfaces through `cv2.remap`, which costs a few
milliseconds for a 640 x 640 sheet.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]
IntMap = NDArray[np.int32]

_SIDE = 1024
_FEATURE_PX = 4.0  # wavelength of a `smooth` field, in field pixels
_CLOUD_PX = 96.0  # longest wavelength of a `cloud` field, in field pixels
_TABLE = 8192


@lru_cache(maxsize=16)
def _field(kind: str, number: int) -> FloatMap:
    """A (1024, 1024) float32 tile with zero mean and unit variance."""
    rng = np.random.default_rng([number, 71, len(kind)])
    spectrum = np.fft.rfft2(rng.standard_normal((_SIDE, _SIDE)))
    fy = np.fft.fftfreq(_SIDE)[:, None]
    fx = np.fft.rfftfreq(_SIDE)[None, :]
    frequency = np.hypot(fx, fy)
    if kind == "smooth":
        gain = np.exp(-0.5 * ((frequency - 0.6 / _FEATURE_PX) / (0.45 / _FEATURE_PX)) ** 2)
    else:
        gain = 1.0 / np.maximum(frequency, 1.0 / _CLOUD_PX) ** 1.6
        gain *= np.clip(frequency * _CLOUD_PX, 0, 1)
    gain[0, 0] = 0.0
    tile = np.fft.irfft2(spectrum * gain, s=(_SIDE, _SIDE))
    return np.asarray((tile - tile.mean()) / tile.std(), dtype=np.float32)


def _sample(tile: FloatMap, x: FloatMap, y: FloatMap) -> FloatMap:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
    if x.ndim == 1:
        # OpenCV refuses maps with a side of 32768 or more, so a list is folded into rows.
        folded = -(-x.size // _SIDE) * _SIDE
        x2, y2 = np.zeros(folded, np.float32), np.zeros(folded, np.float32)
        x2[: x.size], y2[: x.size] = x, y
        flat = _sample(tile, x2.reshape(-1, _SIDE), y2.reshape(-1, _SIDE)).ravel()
        return flat[: x.size]
    sampled = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(sampled, dtype=np.float32)


def smooth(
    u: FloatMap,
    v: FloatMap,
    size_u: float,
    size_v: float,
    number: int = 0,
    shift: FloatMap | float = 0.0,
) -> FloatMap:
    """One octave of noise whose blobs measure `size_u` x `size_v` (units of `u` and `v`).

    `shift` (a number or a map, in field pixels) moves the lookup, which gives every board its own
    piece of the field. Returns float32 of the same shape as `u`, zero mean, unit variance.
    """
    x = u * np.float32(_FEATURE_PX / size_u) + shift
    y = v * np.float32(_FEATURE_PX / size_v) + shift * np.float32(1.618)
    return _sample(_field("smooth", number), x, y)


def cloud(
    u: FloatMap,
    v: FloatMap,
    size_u: float,
    size_v: float,
    number: int = 0,
    shift: FloatMap | float = 0.0,
) -> FloatMap:
    """Fractal noise (1/f) whose largest blobs measure `size_u` x `size_v`."""
    x = u * np.float32(_CLOUD_PX / size_u) + shift
    y = v * np.float32(_CLOUD_PX / size_v) + shift * np.float32(1.618)
    return _sample(_field("cloud", number), x, y)


def table(rng: np.random.Generator, columns: int) -> FloatMap:
    """(8192, columns) float32 numbers in [0, 1): the private draws of boards and knots."""
    return rng.random((_TABLE, columns), dtype=np.float32)


def slot(index: IntMap, other: IntMap | int = 0) -> IntMap:
    """Hash one or two integer maps to row numbers of a `table`."""
    mixed = index.astype(np.int64) * 7919 + np.asarray(other, dtype=np.int64) * 104729 + 12345
    mixed ^= mixed >> 7
    return np.asarray((mixed * 31) % _TABLE, dtype=np.int32)


def gaussian(uniform: FloatMap) -> FloatMap:
    """A roughly normal number (unit variance, within +-2.6) out of a uniform one, cheaply."""
    centred = np.clip(uniform, 0.01, 0.99)
    return np.asarray(np.log(centred / (1 - centred)) * 0.57, dtype=np.float32)


def step(low: float, high: float, values: FloatMap) -> FloatMap:
    """Smooth step: 0 below `low`, 1 above `high`."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
