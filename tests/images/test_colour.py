"""Colours by code become sRGB: PQ, HLG, other primaries, other curves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.images.colour import coded_to_srgb, is_srgb, lab_to_srgb, srgb_to_lab

P3_TO_SRGB = [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
BT2020_TO_SRGB = [
    [1.6605, -0.5876, -0.0728],
    [-0.1246, 1.1329, -0.0083],
    [-0.0182, -0.1006, 1.1187],
]


def one(values: list[float], primaries: int, transfer: int) -> list[int]:
    pixels = np.rint(np.array(values)[None, None] * 65535).astype(np.uint16)
    result: list[int] = coded_to_srgb(pixels, primaries, transfer)[0, 0].tolist()
    return result


def test_reference_white_is_white() -> None:
    """ITU-R BT.2408, table 1: 203 cd/m² is 58 % of PQ, and 75 % of HLG."""
    assert one([0.5807] * 3, 9, 16) == [255, 255, 255]
    assert all(value >= 254 for value in one([0.75] * 3, 9, 18))
    # The grey card of that table has 26 cd/m², 38 % of both: 128 thousandths of white.
    for transfer in (16, 18):
        assert all(abs(value - 100) <= 3 for value in one([0.38] * 3, 9, transfer))
    assert one([0.0] * 3, 9, 16) == one([0.0] * 3, 9, 18) == [0, 0, 0]
    # Brighter than white is white.
    assert one([1.0] * 3, 9, 16) == [255, 255, 255]


def test_other_primaries_are_more_vivid() -> None:
    """Grey stays grey; the reds of Display P3 and BT.2020 lie outside sRGB."""
    for primaries in (9, 11, 12):
        grey = one([0.5, 0.5, 0.5], primaries, 13)
        assert max(grey) - min(grey) <= 1
        assert abs(grey[0] - 128) <= 1
        assert one([1, 0, 0], primaries, 13) == [255, 0, 0]
    # The matrices as CSS Color 4 and ITU-R BT.2087 print them, on linear light.
    light = [0.5, 0.3, 0.2]
    for primaries, matrix in ((12, P3_TO_SRGB), (9, BT2020_TO_SRGB)):
        expected = 255 * (1.055 * (np.array(matrix) @ light) ** (1 / 2.4) - 0.055)
        assert np.abs(np.array(one(light, primaries, 8)) - expected).max() <= 1


@pytest.mark.parametrize(("transfer", "light"), [(8, 0.5), (4, 0.5**2.2), (5, 0.5**2.8)])
def test_other_curves(transfer: int, light: float) -> None:
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert abs(one([0.5] * 3, 1, transfer)[0] - expected) <= 1


def test_what_is_srgb_already_stays() -> None:
    assert all(
        is_srgb(primaries, transfer) for primaries in (1, 2, 5, 6) for transfer in (1, 2, 6, 13)
    )
    assert not any(is_srgb(1, transfer) for transfer in (4, 5, 8, 16, 18))
    assert not is_srgb(12, 13)
    every = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    same: NDArray[np.uint8] = coded_to_srgb(every, 1, 13)
    assert np.array_equal(same, every)


def test_lab_and_back() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (500, 3)).astype(np.uint8)
    assert np.array_equal(lab_to_srgb(srgb_to_lab(colours)), colours)
    # Brighter or more colourful than sRGB can be: cut off.
    assert lab_to_srgb(np.array([[120.0, 0, 0], [50, 200, 200]])).max() == 255
