"""The light: by how much it shifted the floor's colour, and how sure that is.

A small network reads colour statistics of the whole photo: what is bright, what is nearly grey,
what lies high in the picture, the floor itself. It was trained on photos of rooms to which casts of
known size were applied (training/matching/illuminant.py), and says how far it may be wrong. The
textbook answers (grey world, white patch, shades of grey: Finlayson & Trezzi 2004) are among its
inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.colour import srgb_to_lab
from floorlens.errors import CatalogueError
from floorlens.models import Stamp

WEIGHTS = "illuminant.npz"
#: Longer side of the copy whose colours count, in pixels.
LONGER_SIDE = 96
#: Levels at which distributions are read.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Side of a bin of the histogram of (a*, b*), and bins a side.
BIN, BINS = 6.0, 10


@dataclass(frozen=True)
class Illuminant:
    """What the light did to the floor's colour.

    Attributes:
        cast: float32 (3,), shift of L*, a*, b*: subtract it from the floor's colours.
        spread: float32 (3,), standard deviation of its error.
        confidence: 0 nothing is known .. 1 the shift of a* and b* is known exactly.
    """

    cast: NDArray[np.float32]
    spread: NDArray[np.float32]
    confidence: float


@dataclass(frozen=True)
class CastModel:
    """A network of one hidden layer, from statistics to the shift and the log of its variance.

    Attributes:
        mean: float32 (f,), subtracted from the statistics first.
        scale: float32 (f,), divided by.
        hidden: float32 (f + 1, k), the last row is the bias.
        out: float32 (k + 1, 6), likewise: three shifts, then three logarithms of variances.
        prior: float32 (3,), standard deviation of the shifts it was trained on.
        stamp: which model it is.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    out: NDArray[np.float32]
    prior: NDArray[np.float32]
    stamp: Stamp

    def predict(
        self, statistics: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns shifts and their standard deviations, float32 (n, 3) each, for (n, f)."""
        inputs = np.clip((statistics - self.mean) / self.scale, -5, 5)
        hidden = np.tanh(inputs @ self.hidden[:-1] + self.hidden[-1])
        out = hidden @ self.out[:-1] + self.out[-1]
        return out[:, :3] * self.prior, np.exp(0.5 * np.clip(out[:, 3:], -8, 4)) * self.prior


def estimate_illuminant(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Illuminant:
    """Returns what the light did to the floor under bool (h, w) `mask` of a uint8 sRGB photo.

    Raises:
        ValueError: the shapes differ, or the mask is empty.
        CatalogueError: the package's model is damaged.
    """
    model = load_model()
    cast, spread = model.predict(photo_statistics(pixels, mask)[None])
    left = (spread[0, 1:] / model.prior[1:]) ** 2
    return Illuminant(cast[0], spread[0], float(np.clip(1.0 - left.mean(), 0.0, 1.0)))


def photo_statistics(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns what the model reads off a uint8 (h, w, 3) photo and its floor: float32 (f,).

    Raises:
        ValueError: the shapes differ, or the mask is empty.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or mask.shape != pixels.shape[:2]:
        raise ValueError(f"photo {pixels.shape} and mask {mask.shape} do not belong together")
    if not mask.any():
        raise ValueError("the mask has no floor pixel")
    small, share = shrink(pixels, mask)
    return small_statistics(small, share)


def shrink(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Returns the small copy, uint8 (h, w, 3), and the share of floor in each of its pixels."""
    height, width = mask.shape
    factor = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    photo = Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    floor = Image.fromarray(mask.view(np.uint8) * np.uint8(255))
    small = floor.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(photo), np.asarray(np.asarray(small) / 255, np.float32)


def small_statistics(small: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the statistics of a copy made by `shrink`: float32 (f,)."""
    lab = srgb_to_lab(small)
    light = np.asarray((small / 255 + 1e-3) ** 2.2, np.float32)
    on = share >= min(0.9, float(share.max()))
    off = share < 0.1
    if off.sum() < 20:
        off = ~on if (~on).any() else on
    row = np.arange(small.shape[0])[:, None] < 0.2 * small.shape[0]
    floor, rest, top = lab[on], lab[off], lab[off & row] if (off & row).any() else lab[off]
    parts = [
        np.quantile(floor, LEVELS, axis=0).ravel(),
        np.quantile(rest, LEVELS, axis=0).ravel(),
        np.median(top, axis=0),
        *(_greys(part) for part in (floor, rest, top)),
        *(_textbook(light, lab, where) for where in (on, off)),
        _chroma_histogram(rest),
        [float(on.mean()), float((small[off] >= 250).all(axis=1).mean())],
    ]
    return np.concatenate(parts).astype(np.float32)


def _greys(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the mean a* and b* of what is nearly grey and of what is bright, and their shares."""
    square = lab[:, 1] ** 2 + lab[:, 2] ** 2
    found: list[float] = []
    for weight in (
        np.exp(-square / (2 * 5.0**2)),
        np.exp(-square / (2 * 10.0**2)),
        np.exp((lab[:, 0] - lab[:, 0].max()) / 4.0),
        np.exp((lab[:, 0] - lab[:, 0].max()) / 8.0 - square / (2 * 10.0**2)),
    ):
        total = float(weight.sum()) + 1e-3
        found += [float(weight @ lab[:, k]) / total for k in (0, 1, 2)]
        found.append(float(weight.mean()))
    return np.array(found, np.float32)


def _textbook(
    light: NDArray[np.float32], lab: NDArray[np.float32], where: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Returns log ratios red : green and blue : green of three textbook estimates, float32 (8,)."""
    values = light[where]
    found = [values.mean(axis=0), (values**6).mean(axis=0) ** (1 / 6)]
    found.append(np.quantile(values, 0.98, axis=0))
    # Grey edge: the differences between neighbours are colourless on average.
    step = np.abs(np.diff(light, axis=1))[where[:, 1:]]
    found.append(step.mean(axis=0) if len(step) else values.mean(axis=0))
    logs = np.log(np.maximum(np.stack(found), 1e-5))
    return np.asarray((logs[:, [0, 2]] - logs[:, 1:2]).ravel(), np.float32)


def _chroma_histogram(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the square roots of the shares of the bins of (a*, b*): float32 (BINS²,)."""
    bins = np.clip(lab[:, 1:] / BIN + BINS / 2, 0, BINS - 1).astype(np.intp)
    count = np.bincount(bins[:, 0] * BINS + bins[:, 1], minlength=BINS * BINS)
    return np.sqrt(count / max(1, len(lab))).astype(np.float32)


@cache
def load_model() -> CastModel:
    """Returns the package's own model.

    Raises:
        CatalogueError: the file is damaged.
    """
    file = resources.files("floorlens") / "weights" / WEIGHTS
    try:
        with resources.as_file(file) as path, np.load(path, allow_pickle=False) as data:
            arrays = {k: data[k].astype(np.float32) for k in _ARRAYS}
            texts = {k: str(data[k]) for k in ("model_id", "version", "licence", "preprocessing")}
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(
            f"{WEIGHTS} is damaged ({error}); install the package again"
        ) from error
    return CastModel(**arrays, stamp=Stamp(dimension=3, **texts))


_ARRAYS = ("mean", "scale", "hidden", "out", "prior")
