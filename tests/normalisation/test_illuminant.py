"""The light's cast: which way it goes, how sure it is, and that the model is the package's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.colour import srgb_to_lab
from floorlens.normalisation.illuminant import estimate_illuminant, load_model, photo_statistics

SAMPLES = Path(__file__).parents[2] / "samples"


def room(name: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    photo = Image.open(SAMPLES / "rooms" / f"{name}.jpg").convert("RGB")
    mask = Image.open(SAMPLES / "masks" / f"{name}.png").convert("L").resize(photo.size)
    return np.asarray(photo), np.asarray(mask) > 127


def lit(pixels: NDArray[np.uint8], gain: tuple[float, float, float]) -> NDArray[np.uint8]:
    linear = (pixels / 255.0) ** 2.2 * np.array(gain)
    return np.asarray(np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)), np.uint8)


@pytest.mark.parametrize("name", ["bath-terrazzo", "living-oak-sun", "office-wool-pebble"])
def test_a_warm_light_is_told_from_a_cold_one(name: str) -> None:
    """On rooms that the model never saw; the shift that was applied is known."""
    pixels, mask = room(name)
    warm, cold = lit(pixels, (1.25, 1.0, 0.8)), lit(pixels, (0.8, 1.0, 1.25))
    told = estimate_illuminant(warm, mask).cast - estimate_illuminant(cold, mask).cast
    true = np.median(srgb_to_lab(warm[mask]), axis=0) - np.median(srgb_to_lab(cold[mask]), axis=0)
    assert 0.35 * true[2] < told[2] < 1.3 * true[2]


def test_it_says_how_sure_it_is() -> None:
    pixels, mask = room("hall-chevron")
    found = estimate_illuminant(pixels, mask)
    assert found.cast.shape == found.spread.shape == (3,)
    assert (found.spread > 0.3).all()
    assert (found.spread < 1.5 * load_model().prior).all()
    assert 0 <= found.confidence <= 1
    assert np.abs(found.cast[1:]).max() < 8


def test_a_photo_of_floor_alone_has_an_answer() -> None:
    found = estimate_illuminant(np.full((40, 50, 3), 120, np.uint8), np.ones((40, 50), np.bool_))
    assert np.isfinite(found.cast).all()
    assert np.isfinite(found.spread).all()


def test_statistics_do_not_depend_on_resolution() -> None:
    pixels, mask = room("hall-chevron")
    half = np.asarray(Image.fromarray(pixels).reduce(2))
    half_mask = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).reduce(2)) > 127
    one, two = photo_statistics(pixels, mask), photo_statistics(half, half_mask)
    assert np.median(np.abs(one - two) / load_model().scale) < 0.05


def test_the_model_fits_its_statistics_and_is_small() -> None:
    model = load_model()
    pixels, mask = room("hall-chevron")
    assert model.mean.shape == photo_statistics(pixels, mask).shape
    assert model.stamp.version
    file = Path(__file__).parents[2] / "floorlens" / "weights" / "illuminant.npz"
    assert file.stat().st_size < 200_000


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="no floor pixel"):
        estimate_illuminant(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.bool_))
