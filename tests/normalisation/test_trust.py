"""The light of a floor in numbers: what is slow is light, what repeats is the floor's own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.masks import mask_image
from floorlens.normalisation.trust import TRUST, light_of, tint_of


def values(pixels: NDArray[np.float64], mask: NDArray[np.bool_] | None = None) -> dict[str, float]:
    photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    light = light_of(photo, None if mask is None else mask_image(mask))
    return dict(zip(TRUST, light.tolist(), strict=True))


def boards(height: int = 240, width: int = 320) -> NDArray[np.float64]:
    """Boards of two tones, twenty across."""
    columns = np.arange(width) // 16 % 2
    return np.broadcast_to(np.array((150.0, 110, 70)), (height, width, 3)) + 30 * columns[:, None]


def test_boards_are_no_shading_and_a_vignette_is() -> None:
    y, x = np.mgrid[-1:1:240j, -1:1:320j]
    vignette = boards() * (1 - 0.3 * (x**2 + y**2))[..., None]
    assert values(boards())["shading"] < 1
    assert values(vignette)["shading"] > 5


def test_a_colour_that_changes_slowly_is_a_cast() -> None:
    warm = boards() + np.linspace(-25, 25, 320)[:, None] * (1, 0, -1)
    assert values(boards())["cast"] < 0.5
    assert values(warm)["cast"] > 4


def test_clipped_and_dark_pixels_are_counted() -> None:
    pixels = boards()
    pixels[:60], pixels[60:84] = 255, 0
    found = values(pixels)
    assert found["clipped"] == pytest.approx(0.25, abs=0.02)
    assert found["dark"] == pytest.approx(0.1, abs=0.02)


def test_only_the_floor_counts() -> None:
    pixels, mask = boards(), np.zeros((240, 320), np.bool_)
    mask[120:] = True
    alone = values(pixels, mask)
    pixels[:120] = np.linspace(0, 255, 320)[:, None]
    assert values(pixels, mask) == alone


def test_a_floor_of_a_few_pixels_has_values() -> None:
    mask = np.zeros((240, 320), np.bool_)
    mask[1, 1] = True
    assert np.isfinite(list(values(boards(), mask).values())).all()


def lit_room(light: tuple[float, float, float]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a grey wall with a red poster over a floor of oak, under a light, and the floor."""
    pixels = np.full((240, 320, 3), 170.0)
    pixels[20:80, 40:120] = (200, 60, 50)
    pixels[120:] = boards(120, 320)
    mask = np.zeros((240, 320), np.bool_)
    mask[120:] = True
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    return np.clip(pixels * light + noise, 0, 255).astype(np.uint8), mask


def test_the_light_is_what_a_grey_wall_looks_like() -> None:
    """Neither the floor nor a poster is taken for the light."""
    for light, low, high in (
        ((1, 1, 1), -1.0, 1.0),
        ((1.15, 1, 0.75), 12.0, 25.0),
        ((0.85, 1, 1.2), -20.0, -10.0),
    ):
        tint = tint_of(*lit_room(light))
        assert tint is not None
        assert low < tint[1] < high


def test_a_picture_that_is_all_floor_or_burnt_out_beside_it_says_nothing_of_the_light() -> None:
    pixels, mask = lit_room((1, 1, 1))
    assert tint_of(pixels, np.ones_like(mask)) is None
    pixels[~mask] = 255
    assert tint_of(pixels, mask) is None
    assert tint_of(pixels[:1, :1], mask[:1, :1]) is None
