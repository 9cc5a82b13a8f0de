"""From a labelled room to a training crop: geometry, painting, light, lens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.segmentation import negatives, paint
from training.segmentation.data import FLOOR, OTHER, RUG, RUGS_KNOWN, UNSURE, Sample

#: Value of the visible label where nobody can say.
UNKNOWN = -1.0
#: In a mask under way: beyond the picture's edge, where its reflection is shown.
OUTSIDE = 1
#: At least this share of floor makes a crop "shows a floor"; below it, above none, is unknown.
VISIBLE_SHARE = 0.01


@dataclass(frozen=True)
class AugmentConfig:
    """How often and how far; shares are probabilities, ranges uniform."""

    long_side: tuple[float, float] = (200.0, 520.0)
    whole_picture: float = 0.35
    rotation: float = 20.0  # degrees, two and a half standard deviations
    exposure: float = 0.9  # stops in linear light, standard deviation
    warmth: float = 0.45  # log gain of red against blue, linear, two standard deviations
    lens: float = 0.2
    vignette: float = 0.2
    repaint: float = 0.5
    rug: float = 0.12
    panel: float = 0.12
    table: float = 0.12
    gloss: float = 0.15
    sunlight: float = 0.15
    jpeg: float = 0.35
    blur: float = 0.2
    noise: float = 0.25
    grey: float = 0.03
    painted: float = 0.65  # of the pictures that are no room


@dataclass(frozen=True)
class Crop:
    """A training example.

    Attributes:
        image: uint8 RGB [H, W, 3].
        mask: uint8 [H, W] of FLOOR, UNSURE, RUG, OTHER.
        visible: 1 shows a floor, 0 shows none, UNKNOWN.
        rugs_known: What is OTHER is certainly no rug.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    visible: float
    rugs_known: bool = True


@dataclass(frozen=True)
class Stock:
    """Textures to paint with, each uint8 RGB, square and of one size.

    Attributes:
        floors: To lay in rooms, where a crude one will do.
        rugs: To lay on floors.
        sheets: Good enough to be told from mere noise when they fill the whole picture.
    """

    floors: Sequence[NDArray[np.uint8]]
    rugs: Sequence[NDArray[np.uint8]]
    sheets: Sequence[NDArray[np.uint8]]

    def floor(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Any floor."""
        return self.floors[int(rng.integers(len(self.floors)))]

    def sheet(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Any sheet."""
        return self.sheets[int(rng.integers(len(self.sheets)))]

    def rug(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Any rug."""
        return self.rugs[int(rng.integers(len(self.rugs)))]


def crop_of(
    rng: np.random.Generator,
    sample: Sample,
    size: tuple[int, int],
    stock: Stock,
    config: AugmentConfig,
) -> Crop:
    """One augmented crop of ``size`` (height, width)."""
    pixels, mask = _geometry(rng, sample, size, config)
    image = pixels.astype(np.float32)
    floor = mask == FLOOR
    if floor.sum() > 60:
        if rng.random() < config.repaint:
            image = paint.repaint(rng, image, floor, stock.floor(rng))
        elif rng.random() < config.gloss:
            image = paint.blend(image, paint.gloss(rng, image, image, floor, 0.0), floor)
        if rng.random() < config.rug:
            image, rug = paint.add_rug(rng, image, floor, stock.rug(rng))
            mask = np.where(rug, RUG, mask).astype(np.uint8)
        if rng.random() < config.sunlight:
            image = paint.sunlight(rng, image, floor)
    if rng.random() < config.table:
        image, table = paint.add_table(rng, image, stock.floor(rng))
        mask = np.where(table, OTHER, mask).astype(np.uint8)
    if rng.random() < config.panel:
        image = paint.panel(rng, image, mask == OTHER, stock.floor(rng))
    visible = _visible(mask)
    mask[mask == OUTSIDE] = UNSURE
    return Crop(_camera(rng, image, config), mask, visible, sample.source in RUGS_KNOWN)


def _visible(mask: NDArray[np.uint8]) -> float:
    share = float((mask == FLOOR).mean())
    if share >= VISIBLE_SHARE:
        return 1.0
    if share > 0 or float((mask == UNSURE).mean()) > 0.15:
        return UNKNOWN
    return 0.0


def _geometry(
    rng: np.random.Generator, sample: Sample, size: tuple[int, int], config: AugmentConfig
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Scale, rotate, flip and shift; beyond its edge the picture is reflected, the mask OUTSIDE."""
    height, width = sample.mask.shape
    out_h, out_w = size
    if rng.random() < config.whole_picture:
        scale = min(out_h / height, out_w / width) * rng.uniform(0.95, 1.1)
    else:
        low, high = np.log(config.long_side)
        scale = float(np.exp(rng.uniform(low, high))) / max(height, width)
        scale = max(scale, 0.8 * min(out_h / height, out_w / width))
    squash = float(np.exp(rng.uniform(-0.12, 0.12)))
    angle = np.deg2rad(rng.normal(0, config.rotation / 2.5))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    c, s = np.cos(angle), np.sin(angle)
    linear = scale * np.array([[c, -s], [s, c]]) @ np.diag([flip * squash, 1 / squash])
    spare_x = max(width * scale - out_w, 0) / 2 / scale
    spare_y = max(height * scale - out_h, 0) / 2 / scale
    # Floors lie low; looking low more often shows more of them, without forgetting the ceiling.
    low_bias = rng.uniform(-1, 1) if rng.random() < 0.6 else rng.uniform(0.2, 1)
    centre = np.array([width / 2 + rng.uniform(-spare_x, spare_x), height / 2 + low_bias * spare_y])
    shift = np.array([out_w / 2, out_h / 2]) - linear @ centre
    matrix = np.concatenate([linear, shift[:, None]], axis=1).astype(np.float64)
    image = sample.image
    if scale < 0.75:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    moved = cv2.warpAffine(
        image, matrix, (out_w, out_h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = cv2.warpAffine(
        sample.mask,
        matrix,
        (out_w, out_h),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=OUTSIDE,
    )
    if rng.random() < config.lens:
        xs, ys = _distortion(rng, size)
        moved = cv2.remap(moved, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        mask = cv2.remap(mask, xs, ys, cv2.INTER_NEAREST, borderValue=OUTSIDE)
    return np.asarray(moved, np.uint8), np.asarray(mask, np.uint8)


def _distortion(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where a wide lens takes each pixel from: radial distortion, barrel or pincushion."""
    height, width = size
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (xs - width / 2) / max(size) * 2, (ys - height / 2) / max(size) * 2
    factor = 1 + rng.uniform(-0.12, 0.12) * (x * x + y * y)
    half = max(size) / 2
    return (
        np.asarray(x * factor * half + width / 2, np.float32),
        np.asarray(y * factor * half + height / 2, np.float32),
    )


def _camera(
    rng: np.random.Generator, image: NDArray[np.float32], config: AugmentConfig
) -> NDArray[np.uint8]:
    """Exposure, white balance, vignette, contrast, saturation, blur, noise, JPEG."""
    # Gains in linear light are gains to the power of 1 / 2.2 on gamma-encoded values.
    warm = rng.normal(0, config.warmth / 2) * np.array([1.0, 0.2, -1.0])
    stops = rng.normal(0, config.exposure) * np.log(2)
    gain = np.exp((stops + warm) / 2.2 + rng.normal(0, 0.04, 3))
    image = np.clip(image * gain.astype(np.float32), 0, 255)
    if rng.random() < config.vignette:
        height, width = image.shape[:2]
        ys, xs = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        fall = 1 - rng.uniform(0.1, 0.5) * (xs**2 + ys**2) / 2
        image = image * fall[:, :, None].astype(np.float32)
    gamma = float(np.exp(rng.normal(0, 0.18)))
    image = np.asarray(255 * (image / 255) ** np.float32(gamma), np.float32)
    mean = float(image.mean())
    image = (image - mean) * np.float32(rng.uniform(0.8, 1.2)) + np.float32(mean)
    saturation = 0.0 if rng.random() < config.grey else float(rng.uniform(0.5, 1.4))
    grey = image @ np.array([0.299, 0.587, 0.114], np.float32)
    image = grey[:, :, None] + (image - grey[:, :, None]) * np.float32(saturation)
    if rng.random() < config.blur:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6)))
    if rng.random() < config.noise:
        noise = rng.standard_normal(image.shape, np.float32)
        image = image + noise * np.float32(rng.uniform(1, 14))
    out = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < config.jpeg:
        quality = int(rng.integers(25, 92))
        ok, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if ok:
            out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return out


def only_floor(
    rng: np.random.Generator, size: tuple[int, int], stock: Stock, config: AugmentConfig
) -> Crop:
    """A picture that is all floor: a close-up, or a product photographed from above."""
    full = np.ones(size, bool)
    texture = stock.sheet(rng)
    if rng.random() < 0.5:
        image = paint.lay_texture(rng, texture, paint.guess_plane(rng, full))
    else:
        side = int(texture.shape[0] * rng.uniform(0.4, 1.0))
        image = cv2.resize(
            texture[:side, :side], (size[1], size[0]), interpolation=cv2.INTER_AREA
        ).astype(np.float32)
        if rng.random() < 0.5:
            image = np.ascontiguousarray(np.rot90(image)) if size[0] == size[1] else image[:, ::-1]
    if rng.random() < 0.5:
        light = cv2.resize(
            rng.uniform(0.6, 1.4, (3, 3)).astype(np.float32),
            (size[1], size[0]),
            interpolation=cv2.INTER_CUBIC,
        )
        image = image * light[:, :, None]
    if rng.random() < 0.3:
        image = paint.sunlight(rng, np.asarray(image, np.float32), full)
    mask = np.full(size, FLOOR, np.uint8)
    return Crop(_camera(rng, np.asarray(image, np.float32), config), mask, 1.0)


def above_floor(sample: Sample) -> Sample | None:
    """The part of a room above its floor, if that is a picture of its own: a floorless one."""
    rows = np.flatnonzero((sample.mask == FLOOR).any(axis=1))
    stop = int(rows[0] - 0.02 * len(sample.mask)) if rows.size else 0
    if stop < 0.3 * len(sample.mask):
        return None
    return Sample(sample.source, sample.stem, sample.image[:stop], sample.mask[:stop])


def floorless_part(rng: np.random.Generator, sample: Sample) -> Sample | None:
    """Some part of a room without a floor in it, found by chance; None where chance fails."""

    def floorless(mask: NDArray[np.uint8]) -> bool:
        return not (mask == FLOOR).any() and float((mask == UNSURE).mean()) < 0.1

    return _part(rng, sample, (0.3, 0.8), 8, floorless)


def floor_part(rng: np.random.Generator, sample: Sample) -> Sample | None:
    """Some part of a room that is all floor, found by chance; None where chance fails."""
    return _part(rng, sample, (0.15, 0.5), 12, lambda mask: float((mask == FLOOR).mean()) > 0.97)


def _part(
    rng: np.random.Generator,
    sample: Sample,
    sides: tuple[float, float],
    tries: int,
    wanted: Callable[[NDArray[np.uint8]], bool],
) -> Sample | None:
    """The first of some random parts, ``sides`` of the picture's, whose mask is as wanted."""
    height, width = sample.mask.shape
    for _ in range(tries):
        wide, high = (int(side * rng.uniform(*sides)) for side in (width, height))
        left, top = int(rng.integers(width - wide)), int(rng.integers(height - high))
        box = slice(top, top + high), slice(left, left + wide)
        if wanted(sample.mask[box]):
            return Sample(sample.source, sample.stem, sample.image[box], sample.mask[box])
    return None


def no_room(rng: np.random.Generator, size: tuple[int, int], config: AugmentConfig) -> Crop:
    """Black, white, flat, a gradient, noise, blobs, a painted picture: nothing that is a floor."""
    if rng.random() < config.painted:
        picture = _camera(rng, negatives.painted(rng, size), config)
        return Crop(picture, np.full(size, OTHER, np.uint8), 0.0)
    height, width = size
    kind = rng.choice(
        ["extreme", "flat", "gradient", "noise", "blobs"], p=[0.1, 0.1, 0.1, 0.5, 0.2]
    )
    base = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(0, 255))
    image = np.tile(base.astype(np.float32), (height, width, 1))
    if kind == "extreme":
        image[:] = 0.0 if rng.random() < 0.5 else 255.0
    elif kind == "gradient":
        corners = rng.uniform(0, 255, (2, 2, 3)).astype(np.float32)
        image = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    elif kind == "noise":
        image = _pure_noise(rng, size, base)
    elif kind == "blobs":
        cells = int(rng.integers(2, 40))
        coarse = rng.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    return Crop(pixels, np.full(size, OTHER, np.uint8), 0.0)


def _pure_noise(
    rng: np.random.Generator, size: tuple[int, int], base: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Noise of any kind as a larger picture would show it after scaling down; float32 RGB."""
    factor = rng.choice([1.0, rng.uniform(1, 4)])
    shape = (int(size[0] * factor), int(size[1] * factor), 1 if rng.random() < 0.3 else 3)
    if rng.random() < 0.5:
        noise = rng.uniform(0, 255, shape).astype(np.float32)
    else:
        noise = rng.normal(0, rng.uniform(2, 90), shape).astype(np.float32)
        noise = np.asarray(np.clip(noise + base.astype(np.float32), 0, 255), np.float32)
    noise = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(np.broadcast_to(noise.reshape(*size, -1), (*size, 3)), np.float32)
