"""Overlays: what a shop lays over a floor is found, and nothing on a floor that has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.loading import load_photo
from floorlens.models.onnx import WEIGHTS, load_session, session_stamp
from floorlens.products.overlays import MODEL, find_overlays, overlay_probability, sure_parts
from floorlens.products.pictures import ProductPicture, examine, without_overlays
from tests.products.altered_pictures import STROKES, WIDE, plain_floor
from tests.products.made_pictures import DESIGNS, SAMPLES, floor, grained

pytestmark = pytest.mark.slow

PRODUCTS = sorted((SAMPLES / "products").glob("*.jpg"))
# A wood, a pattern, a speckled stone, a carpet.
TEXTURES = ("oak-natural-plank", "walnut-herringbone", "terrazzo-rosa", "wool-loop-pebble")
# Writing that is half seen through is missed on speckles and loops, where people hardly see it.
CALM = ("oak-natural-plank", "porcelain-sand-brick", "ash-pale-plank", "slate-anthracite")
DARK = ("walnut-herringbone", "marble-nero")


def altered_part(picture: ProductPicture) -> NDArray[np.bool_]:
    return ~picture.mask if picture.strokes is None else ~picture.mask | picture.strokes


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", [case for case in WIDE if "see-through" not in case])
def test_what_is_wide_is_left_out(case: str, texture: str) -> None:
    pixels, clean = WIDE[case](floor(texture))
    picture = without_overlays(pixels, examine(pixels))
    # A ruler is hardly wider than a line of writing: it may be filled.
    assert case == "a ruler" or "overlay" in picture.alterations
    assert (picture.kind == "framed") == ("overlay" in picture.alterations)
    assert (altered_part(picture) & ~clean).sum() > 0.9 * (~clean).sum()
    assert (~picture.mask & clean).mean() < 0.12


@pytest.mark.parametrize("texture", CALM)
def test_a_see_through_caption_is_left_out(texture: str) -> None:
    pixels, clean = WIDE["a see-through caption"](floor(texture))
    picture = without_overlays(pixels, examine(pixels))
    assert (altered_part(picture) & ~clean).sum() > 0.8 * (~clean).sum()
    assert (altered_part(picture) & clean).mean() < 0.06


@pytest.mark.parametrize(
    ("case", "texture"),
    [
        (case, texture)
        for case in STROKES
        for texture in (CALM[:3] if case.startswith("black") else CALM + DARK)
    ],
)
def test_writing_across_the_floor_is_filled(case: str, texture: str) -> None:
    pixels, clean = STROKES[case](floor(texture))
    picture = without_overlays(pixels, examine(pixels))
    assert "writing" in picture.alterations
    assert (altered_part(picture) & ~clean).sum() > 0.75 * (~clean).sum()
    part, mask = picture.product(pixels)
    assert part.shape == pixels.shape
    original = plain_floor(texture)[~clean & mask].astype(float)
    before, after = (
        np.abs(values[~clean & mask].mean(axis=0) - original.mean(axis=0)).max()
        for values in (pixels, part)
    )
    assert after < before / 3


@pytest.mark.parametrize("path", PRODUCTS, ids=lambda path: path.stem)
def test_samples_have_no_overlays(path: Path) -> None:
    """Whole, near, small, turned: patterns, knots and chips are the floor's own."""
    whole = load_photo(path).pixels
    near = np.asarray(Image.fromarray(whole[100:420, 50:370]).resize((640, 640)))
    small = np.asarray(Image.fromarray(whole).resize((140, 140)))
    for pixels in (whole, near, small, np.rot90(whole).copy()):
        assert find_overlays(pixels) is None


@pytest.mark.parametrize("design", DESIGNS)
def test_drawings_on_a_floor_are_its_own(design: str) -> None:
    """Chequers, stars, discs, veins, joints: with the grain of a photograph."""
    assert find_overlays(grained(design, "noise")) is None


def test_the_model_says_what_it_is() -> None:
    stamp = session_stamp(load_session(MODEL, 1))
    assert stamp.model_id == "floorlens-overlays"
    card = WEIGHTS / "overlays.md"
    assert stamp.version in card.read_text(encoding="utf-8").splitlines()[0]


def test_only_what_is_sure_somewhere_counts() -> None:
    probability = np.zeros((9, 9), np.float32)
    probability[1:3, 1:8] = 0.8
    probability[4, 1:8] = 0.5
    assert not sure_parts(probability).any()
    probability[6:8, 1:8], probability[6, 4] = 0.5, 0.99
    result = sure_parts(probability)
    assert result[1:3, 1:8].all(), "plain beside what is sure"
    assert result[6:8, 1:8].all(), "hangs together with what is sure"
    assert result.sum() == 28


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_any_picture_has_an_answer(tall: int, wide: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (tall, wide, 3), dtype=np.uint8)
    probability = overlay_probability(pixels)
    assert probability.min() >= 0
    assert probability.max() <= 1
    picture = without_overlays(pixels, examine(pixels))
    part, mask = picture.product(pixels)
    assert part.shape[:2] == mask.shape
    assert mask.any()
    assert picture.mask.shape == (tall, wide)
