"""Filling what writing covers on a floor: the colours around it, with grain from elsewhere.

Thin strokes all over a floor leave no clean square of it, so they cannot just be left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from floorlens.images.masks import mask_image

#: Where grain is taken from: so far away, as shares of the shorter side, in eight directions.
STEPS = (0.06, 0.1, 0.16, 0.25)
#: Grain is what a blur of this many pixels takes away.
GRAIN = 4.0
#: A ring of so many pixels around the strokes tells how well a step fits.
RING = 7

_WAYS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, -1), (-1, 0), (-1, -1), (-1, 1))


def fill(pixels: NDArray[np.uint8], strokes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns a uint8 (h, w, 3) sRGB picture whose bool (h, w) `strokes` are filled.

    The colours by the pull-push algorithm (Gortler et al., "The Lumigraph", 1996); the grain is
    copied from the place, of a few, whose surroundings are most like those of the strokes.

    Example:
        >>> pixels = np.full((99, 99, 3), 150, np.uint8)
        >>> strokes = np.zeros((99, 99), bool)
        >>> strokes[40:44, 10:90] = True
        >>> pixels[strokes] = 255
        >>> fill(pixels, strokes)[42, 50].tolist()
        [150, 150, 150]
    """
    if not strokes.any() or strokes.all():
        return pixels
    smooth = _pull_push(pixels, strokes)
    blurred = np.asarray(Image.fromarray(smooth).filter(ImageFilter.GaussianBlur(GRAIN)), np.int16)
    grain = smooth.astype(np.int16) - blurred
    values = smooth.copy()
    left = strokes.copy()
    for step in _steps_by_fit(smooth, strokes):
        here, there = _overlap(strokes.shape, step)
        usable = left[here] & ~strokes[there]
        values[here][usable] = np.clip(blurred[here][usable] + grain[there][usable], 0, 255)
        left[here] &= ~usable
        if not left.any():
            break
    return values


def _steps_by_fit(pixels: NDArray[np.uint8], strokes: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Returns steps (down, across), the one first after which the strokes' surroundings differ
    least from those where they are."""
    around = mask_image(strokes).filter(ImageFilter.MaxFilter(RING))
    ring = (np.asarray(around) > 127) & ~strokes
    shorter = min(strokes.shape)
    steps = {
        (round(down * share * shorter), round(across * share * shorter))
        for share in STEPS
        for down, across in _WAYS
    }
    green = pixels[..., 1].astype(np.int16)
    ranked = []
    for step in sorted(steps):
        here, there = _overlap(strokes.shape, step)
        both = ring[here] & ~strokes[there]
        if both.any():
            ranked.append((float(np.abs(green[here][both] - green[there][both]).mean()), step))
    return [step for _, step in sorted(ranked)]


def _overlap(
    shape: tuple[int, ...], step: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Returns the part of a picture that has something one step away, and where that is."""
    here, there = [], []
    for size, by in zip(shape, step, strict=True):
        here.append(slice(max(0, -by), size - max(0, by)))
        there.append(slice(max(0, by), size - max(0, -by)))
    return (here[0], here[1]), (there[0], there[1])


def _pull_push(pixels: NDArray[np.uint8], unknown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns the picture, each unknown pixel from the nearest known ones."""
    values = pixels.astype(np.float32)
    weight = (~unknown).astype(np.float32)
    filled = _pulled(values * weight[..., None], weight)
    mixed = np.where(unknown[..., None], filled, values)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _pulled(values: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns colours everywhere, from colours times weights (h, w, 3) and weights (h, w)."""
    known = np.asarray(values / np.maximum(weight, 1e-6)[..., None], np.float32)
    height, width = weight.shape
    if weight.min() >= 1:
        return known
    if min(height, width) == 1:
        mean = values.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where((weight > 0)[..., None], known, mean.astype(np.float32))
    pad = ((0, height % 2), (0, width % 2))
    halved = _halved(np.pad(weight, pad)[..., None])[..., 0]
    coarse_values = _halved(np.pad(values, (*pad, (0, 0))))
    # A cell of which a quarter is known counts as known.
    full = np.minimum(halved, 1.0)
    coarse_values *= (full / np.maximum(halved, 1e-6))[..., None]
    coarse = _pulled(coarse_values, full)
    up = np.stack(
        [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(coarse[..., channel])).resize(
                    (width + pad[1][1], height + pad[0][1]), Image.Resampling.BILINEAR
                )
            )
            for channel in range(3)
        ],
        axis=-1,
    )[:height, :width]
    share = np.minimum(weight, 1)[..., None]
    return np.asarray(known * share + up * (1 - share), np.float32)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the sums of two by two."""
    return values[0::2, 0::2] + values[1::2, 0::2] + values[0::2, 1::2] + values[1::2, 1::2]
