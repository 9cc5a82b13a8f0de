"""Colour: sRGB to CIELAB, and differences of colours. Pure functions on arrays."""

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

    Example:
        >>> srgb_to_lab(np.array([255, 255, 255], np.uint8)).round(1).tolist()
        [100.0, 0.0, 0.0]
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


def lab_to_srgb(lab: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns uint8 (..., 3) sRGB of CIELAB (D65) colours (..., 3); what sRGB lacks is cut off.

    Source: CIE 15:2004 with IEC 61966-2-1, as `srgb_to_lab`.

    Example:
        >>> lab_to_srgb(srgb_to_lab(np.array([150, 110, 70], np.uint8))).tolist()
        [150, 110, 70]
    """
    values = np.asarray(lab, np.float64)
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389)
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0.0, 1.0)
    return np.asarray(np.rint(encode_srgb(linear) * 255), np.uint8)


def encode_srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the sRGB codes, 0..1, of linear light 0..1, of any shape.

    Source: IEC 61966-2-1.

    Example:
        >>> encode_srgb(np.array([0.0, 0.214, 1.0])).round(2).tolist()
        [0.0, 0.5, 1.0]
    """
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def mean_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns the mean CIELAB colour, float64 (3,), of uint8 (h, w, 3) sRGB pixels.

    Example:
        >>> mean_lab(np.full((480, 640, 3), (150, 110, 70), np.uint8)).round(1).tolist()
        [49.6, 11.0, 28.4]
    """
    rows = max(1, 262_144 // max(1, pixels.shape[1]))
    total = np.zeros(3)
    for start in range(0, pixels.shape[0], rows):
        total += (
            srgb_to_lab(pixels[start : start + rows]).reshape(-1, 3).sum(axis=0, dtype=np.float64)
        )
    mean: NDArray[np.float64] = total / (pixels.shape[0] * pixels.shape[1])
    return mean


def delta_e76(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns the CIE 1976 colour difference of Lab arrays (..., 3), broadcast.

    Example:
        >>> float(delta_e76(np.array([50.0, 0.0, 0.0]), np.array([53.0, 4.0, 0.0])))
        5.0
    """
    difference: NDArray[np.floating] = np.sqrt(np.sum((a - b) ** 2, axis=-1))
    return difference


# -- colours by code ---------------------------------------------------------------------------

#: The luminance in cd/m² at which white lies in a picture of high dynamic range (ITU-R BT.2408).
REFERENCE_WHITE = 203.0
_SRGB, _LINEAR_LIGHT, _PQ, _HLG = 13, 8, 16, 18
# Transfer characteristics of ITU-T H.273 that programs show with the curve of sRGB: those of
# BT.709, BT.601 and BT.2020, which describe cameras, and "unspecified".
_LIKE_SRGB = frozenset((1, 2, 6, 11, 12, _SRGB, 14, 15))
_POWER = {4: 2.2, 5: 2.8}
# Colour primaries of ITU-T H.273: x and y of red, green, blue. White is D65 (.3127, .3290).
# Not here are those whose red, green and blue are, to the eye, those of sRGB.
_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020, BT.2100
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # P3, its white adapted to D65
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_STRIP = 1 << 20


def is_srgb(primaries: int, transfer: int) -> bool:
    """Returns whether values of these codes (ITU-T H.273) can be taken for sRGB as they are.

    Example:
        >>> is_srgb(1, 13), is_srgb(9, 16)
        (True, False)
    """
    return primaries not in _PRIMARIES and (
        transfer in _LIKE_SRGB or transfer not in (_LINEAR_LIGHT, _PQ, _HLG, *_POWER)
    )


def coded_to_srgb(
    pixels: NDArray[np.uint8] | NDArray[np.uint16], primaries: int, transfer: int
) -> NDArray[np.uint8]:
    """Returns the sRGB, uint8 (h, w, 3), of pixels whose colours are described by codes.

    White is the reference white of `REFERENCE_WHITE`; what is brighter is cut off, as a print or a
    product picture has no such light. A code that is unknown counts as sRGB.

    Args:
        pixels: uint8 or uint16 (h, w, 3), full range.
        primaries: colour primaries, as in ITU-T H.273.
        transfer: transfer characteristics, as in ITU-T H.273: 16 is PQ, 18 HLG.

    Source: ITU-R BT.2100-2 (PQ, HLG), ITU-R BT.2408-7 (reference white), IEC 61966-2-1.

    Example:
        >>> pq = np.full((1, 1, 3), round(0.5806889 * 65535), np.uint16)
        >>> coded_to_srgb(pq, 9, 16).tolist()
        [[[255, 255, 255]]]
    """
    top = np.iinfo(pixels.dtype).max
    curve = _light(np.arange(top + 1) / top, transfer).astype(np.float32)
    matrix = _to_bt709(primaries).astype(np.float32)
    light = np.arange(65536) / 65535
    codes = np.rint(encode_srgb(light) * 255).astype(np.uint8)
    result = np.empty(pixels.shape, np.uint8)
    # By strips, for the sake of memory: the values of a strip take four bytes each.
    rows = max(1, _STRIP // max(1, pixels.shape[1]))
    for start in range(0, pixels.shape[0], rows):
        strip = curve[pixels[start : start + rows]]
        if transfer == _HLG:
            luminance = strip @ np.array([0.2627, 0.6780, 0.0593], np.float32)
            strip *= np.maximum(luminance, 1e-6)[..., None] ** np.float32(0.2)
            strip *= np.float32(1000 / REFERENCE_WHITE)
        strip = np.clip(strip @ matrix.T, 0, 1)
        result[start : start + rows] = codes[np.rint(strip * 65535).astype(np.uint16)]
    return result


def _light(code: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    """Returns linear light of values 0..1; 1 is white. Of HLG it is that of the scene."""
    if transfer == _PQ:
        # SMPTE ST 2084; the constants as in BT.2100-2, table 4.
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = code ** (1 / m2)
        pq: NDArray[np.float64] = np.maximum(root - c1, 0) / (c2 - c3 * root)
        return np.asarray(pq ** (1 / m1) * 10_000 / REFERENCE_WHITE)
    if transfer == _HLG:
        # BT.2100-2, table 5.
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    if transfer == _LINEAR_LIGHT:
        return code
    if transfer in _POWER:
        return np.asarray(code ** _POWER[transfer])
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _to_bt709(primaries: int) -> NDArray[np.float64]:
    """Returns the matrix from linear RGB of these primaries to that of sRGB (BT.709)."""
    if primaries not in _PRIMARIES:
        return np.eye(3)
    to_xyz = [_xyz_of(chromaticities) for chromaticities in (_BT709, _PRIMARIES[primaries])]
    return np.asarray(np.linalg.solve(to_xyz[0], to_xyz[1]))


def _xyz_of(chromaticities: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Returns the matrix from linear RGB to XYZ, for a white of D65 (SMPTE RP 177)."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in chromaticities]).T
    x, y = 0.3127, 0.3290
    return np.asarray(columns * np.linalg.solve(columns, [x / y, 1.0, (1 - x - y) / y]))
