"""Photos as other cameras would have taken them: the changes under which masks are measured again.

Each change takes a `Sample`, a picture and its true mask of the same size, and returns a new one.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from floorlens.evaluation.datasets import TrueMask
from floorlens.images.colour import encode_srgb
from floorlens.images.formats import PILLOW_FORMATS

REFERENCE_SIDE = 640
"""Blur and noise are given in pixels of a picture with this longer side."""
VIEW = 60.0
"""Degrees that a camera sees along the longer side, where nothing tells it."""
_NEUTRAL = 6500.0
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# CIE XYZ -> linear sRGB, IEC 61966-2-1.
_FROM_XYZ = np.array(
    [
        [3.2406, -1.5372, -0.4986],
        [-0.9689, 1.8758, 0.0415],
        [0.0557, -0.2040, 1.0570],
    ]
)
_CODE = np.arange(256) / 255.0
_LINEAR = np.where(_CODE <= 0.04045, _CODE / 12.92, ((_CODE + 0.055) / 1.055) ** 2.4)


class Sample(NamedTuple):
    """A picture and its true mask.

    Attributes:
        pixels: uint8 (h, w, 3), sRGB.
        truth: of the same size, except after `resized`.
    """

    pixels: NDArray[np.uint8]
    truth: TrueMask


def unchanged(sample: Sample) -> Sample:
    """Returns the sample as it is.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, unchanged
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> unchanged(sample) is sample
        True
    """
    return sample


def rotated(sample: Sample, degrees: float) -> Sample:
    """Returns picture and mask turned about the centre, counter-clockwise, at the same size.

    Pixels from beyond the picture repeat its edge; they are ignored in the mask.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, rotated
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> turn = rotated(sample, degrees=10)
        >>> turn.pixels.shape, bool(turn.truth.ignored[0, 0])
        ((30, 40, 3), True)
    """
    height, width = sample.pixels.shape[:2]
    # So wide that no corner of the turned frame reaches beyond the padding.
    pad = int(np.ceil((np.hypot(height, width) - min(height, width)) / 2)) + 1
    padded = np.pad(sample.pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    rotation = Image.fromarray(padded).rotate(degrees, Image.Resampling.BILINEAR)
    pixels = np.asarray(rotation)[pad : pad + height, pad : pad + width]

    def turn(mask: NDArray[np.bool_], *, beyond: bool) -> NDArray[np.bool_]:
        image = Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
        fill = 255 if beyond else 0
        return np.asarray(image.rotate(degrees, Image.Resampling.NEAREST, fillcolor=fill)) > 127

    ignored = turn(sample.truth.ignored, beyond=True)
    # Both are taken from the same pixels; beyond the picture nothing is floor.
    return Sample(pixels, TrueMask(turn(sample.truth.floor, beyond=False), ignored))


def mirrored(sample: Sample) -> Sample:
    """Returns picture and mask with left and right exchanged.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, mirrored
        >>> floor = np.array([[True, False]])
        >>> sample = Sample(np.full((1, 2, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> mirrored(sample).truth.floor
        array([[False,  True]])
    """
    truth = TrueMask(sample.truth.floor[:, ::-1], sample.truth.ignored[:, ::-1])
    return Sample(np.ascontiguousarray(sample.pixels[:, ::-1]), truth)


def exposed(sample: Sample, stops: float) -> Sample:
    """Returns the picture with 2^stops times the light; what exceeds white is clipped.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, exposed
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> exposed(sample, stops=1).pixels[0, 0]
        array([138, 138, 138], dtype=uint8)
    """
    return _lit(sample, np.full(3, 2.0**stops))


def tinted(sample: Sample, kelvin: float) -> Sample:
    """Returns the picture as under light of a colour temperature, uncorrected by the camera.

    Each linear channel is multiplied (von Kries' rule, in linear sRGB) by what a black body of
    that temperature sends into it, relative to one of 6500 K; grey keeps its luminance.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, tinted
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> tinted(sample, kelvin=2700).pixels[0, 0]
        array([134,  91,  43], dtype=uint8)
    """
    gains = planckian_rgb(kelvin) / planckian_rgb(_NEUTRAL)
    return _lit(sample, gains / (gains @ _LUMINANCE))


def planckian_rgb(kelvin: float) -> NDArray[np.float64]:
    """Returns the linear sRGB colour, luminance 1, of a black body: float64 (3,).

    Source: the cubic approximation of the Planckian locus by Kim et al., "Design of advanced color
    temperature control system for HDTV applications" (Journal of the Korean Physical Society 41,
    2002), for 1667 to 25000 K.

    Raises:
        ValueError: the temperature lies outside.

    Example:
        >>> from floorlens.evaluation.robustness import planckian_rgb
        >>> planckian_rgb(2700).round(2)
        array([1.93, 0.81, 0.19])
    """
    if not 1667 <= kelvin <= 25000:
        raise ValueError("a colour temperature must lie within 1667 and 25000 K")
    if kelvin <= 4000:
        to_x = (-0.2661239e9, -0.2343589e6, 0.8776956e3, 0.179910)
    else:
        to_x = (-3.0258469e9, 2.1070379e6, 0.2226347e3, 0.240390)
    x = float(np.polyval(to_x, 1 / kelvin))
    if kelvin <= 2222:
        to_y = (-1.1063814, -1.34811020, 2.18555832, -0.20219683)
    elif kelvin <= 4000:
        to_y = (-0.9549476, -1.37418593, 2.09137015, -0.16748867)
    else:
        to_y = (3.0817580, -5.87338670, 3.75112997, -0.37001483)
    y = float(np.polyval(to_y, x))
    rgb: NDArray[np.float64] = _FROM_XYZ @ np.array([x / y, 1.0, (1 - x - y) / y])
    return rgb


def blurred(sample: Sample, sigma: float) -> Sample:
    """Returns the picture under a Gaussian blur of `sigma` pixels at a longer side of 640.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, blurred
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> blurred(sample, sigma=2).pixels[0, 0]
        array([100, 100, 100], dtype=uint8)
    """
    radius = sigma * max(sample.pixels.shape[:2]) / REFERENCE_SIDE
    image = Image.fromarray(sample.pixels).filter(ImageFilter.GaussianBlur(radius))
    return Sample(np.asarray(image), sample.truth)


def noisy(sample: Sample, sigma: float) -> Sample:
    """Returns the picture with Gaussian noise of `sigma` code values, equal on every call.

    Its grain is a pixel of a picture with a longer side of 640: finer noise would vanish when a
    large photo is scaled down.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, noisy
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> noise = noisy(sample, sigma=15)
        >>> round(float(noise.pixels.std()))
        15
    """
    height, width = sample.pixels.shape[:2]
    scale = min(1.0, REFERENCE_SIDE / max(height, width))
    rows = (np.arange(height) * scale).astype(np.intp)
    columns = (np.arange(width) * scale).astype(np.intp)
    grain = np.random.default_rng(0).normal(0, sigma, (rows[-1] + 1, columns[-1] + 1, 3))
    values = sample.pixels + grain[np.ix_(rows, columns)]
    return Sample(np.clip(np.rint(values), 0, 255).astype(np.uint8), sample.truth)


def compressed(sample: Sample, quality: int) -> Sample:
    """Returns the picture after a JPEG of that quality.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, compressed
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> compressed(sample, quality=20).pixels.shape
        (30, 40, 3)
    """
    stream = io.BytesIO()
    Image.fromarray(sample.pixels).save(stream, "JPEG", quality=quality)
    with Image.open(stream, formats=PILLOW_FORMATS) as image:
        return Sample(np.asarray(image.convert("RGB")), sample.truth)


def resized(sample: Sample, side: int) -> Sample:
    """Returns the picture with a longer side of `side` pixels; the mask keeps its size.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, resized
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> resized(sample, side=20).pixels.shape
        (15, 20, 3)
    """
    height, width = sample.pixels.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(sample.pixels).resize(size, Image.Resampling.BICUBIC)
    return Sample(np.asarray(image), sample.truth)


def lit_from_side(sample: Sample, share: float) -> Sample:
    """Returns the picture under light that falls off evenly from the left to the right.

    The right edge gets 1 - `share` of the light of the left one, in linear light; the middle keeps
    its own.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, lit_from_side
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> lit_from_side(sample, share=0.5).pixels[0, [0, 20, 39], 0].tolist()
        [115, 100, 82]
    """
    width = sample.pixels.shape[1]
    gains = 1 + share / (2 - share) * np.linspace(1, -1, width)
    linear = np.clip(_LINEAR[sample.pixels] * gains[:, None], 0, 1)
    return Sample(np.rint(encode_srgb(linear) * 255).astype(np.uint8), sample.truth)


def pitched(sample: Sample, degrees: float) -> Sample:
    """Returns what both the camera and one that is tilted down by `degrees` see, as that one.

    The camera turns about its centre, with 60 degrees of view along the longer side; what lies
    beyond the picture is cut off. Negative degrees tilt it up.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, pitched
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> tilted = pitched(sample, degrees=8)
        >>> tilted.pixels.shape, tilted.truth.floor.shape
        ((24, 38, 3), (24, 38))
    """
    height, width = sample.pixels.shape[:2]
    focal = max(width, height) / 2 / np.tan(np.deg2rad(VIEW / 2))
    centre = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    # From the tilted camera's directions to the original's; y points down.
    turn = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    matrix = centre @ turn @ np.linalg.inv(centre)
    matrix /= matrix[2, 2]
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x, y, z = np.linalg.inv(matrix) @ corners
    x, y = x / z, y / z
    # The upright rectangle within what both see.
    left, right = max(0, x[0], x[2]), min(width, x[1], x[3])
    top, bottom = max(0, y[0]), min(height, y[2])
    box = (np.ceil(left), np.ceil(top), np.floor(right), np.floor(bottom))
    size = max(1, int(box[2] - box[0])), max(1, int(box[3] - box[1]))
    shift = np.array([[1, 0, box[0]], [0, 1, box[1]], [0, 0, 1]])
    view = matrix @ shift
    view /= view[2, 2]
    coefficients = tuple(view.ravel()[:8])

    def seen(picture: Image.Image, resampling: Image.Resampling) -> NDArray[np.uint8]:
        return np.asarray(
            picture.transform(size, Image.Transform.PERSPECTIVE, coefficients, resampling)
        )

    def mask(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        picture = Image.fromarray(np.where(values, np.uint8(255), np.uint8(0)))
        return seen(picture, Image.Resampling.NEAREST) > 127

    pixels = seen(Image.fromarray(sample.pixels), Image.Resampling.BICUBIC)
    return Sample(pixels, TrueMask(mask(sample.truth.floor), mask(sample.truth.ignored)))


def cropped(sample: Sample, share: float) -> Sample:
    """Returns the lower middle part of the picture, `share` of its width and of its height.

    Example:
        >>> from floorlens.evaluation.datasets import TrueMask
        >>> from floorlens.evaluation.robustness import Sample, cropped
        >>> floor = np.ones((30, 40), np.bool_)
        >>> sample = Sample(np.full((*floor.shape, 3), 100, np.uint8), TrueMask(floor, ~floor))
        >>> cropped(sample, share=0.5).pixels.shape
        (15, 20, 3)
    """
    height, width = sample.pixels.shape[:2]
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    left = (width - wide) // 2
    part = slice(height - tall, height), slice(left, left + wide)
    truth = TrueMask(sample.truth.floor[part], sample.truth.ignored[part])
    return Sample(np.ascontiguousarray(sample.pixels[part]), truth)


def _lit(sample: Sample, gains: NDArray[np.float64]) -> Sample:
    """Returns the picture with each linear channel times its gain."""
    linear = np.clip(_LINEAR[:, None] * gains, 0, 1)
    table = np.rint(encode_srgb(linear) * 255).astype(np.uint8)
    channels = [table[sample.pixels[..., channel], channel] for channel in range(3)]
    return Sample(np.stack(channels, axis=-1), sample.truth)


CLEAN = "clean"
CHANGES: dict[str, Callable[[Sample], Sample]] = {
    CLEAN: unchanged,
    **{f"rotated {turn:+d} deg": partial(rotated, degrees=turn) for turn in (-15, -10, 10, 15)},
    **{f"exposure {stops:+d} EV": partial(exposed, stops=stops) for stops in (-2, -1, 1, 2)},
    **{f"light of {kelvin} K": partial(tinted, kelvin=kelvin) for kelvin in (2700, 4000, 8000)},
    "blur, sigma 2 px": partial(blurred, sigma=2.0),
    "noise, sigma 15": partial(noisy, sigma=15.0),
    "JPEG, quality 20": partial(compressed, quality=20),
    **{f"longer side {side} px": partial(resized, side=side) for side in (320, 4000)},
    "mirrored": mirrored,
}
"""Name -> change, the unchanged picture first; the names are the report's keys."""
