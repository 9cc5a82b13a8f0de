"""Bars: what a shop adds along the sides is cut off, and nothing of a floor."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from floorlens.images.loading import load_photo
from floorlens.products.bars import Box, within_bars
from floorlens.products.pictures import examine
from tests.products.altered_pictures import BARS, barred, both
from tests.products.made_pictures import BOARDS, DESIGNS, SAMPLES, SIDE, WHITE, floor, grained

# Pale and dark, patterned, grained, nearly plain.
TEXTURES = ("marble-carrara", "oak-ebony-plank", "check-black-white", "porcelain-cement-grey")


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", BARS)
def test_bars_are_cut_off_to_the_line(case: str, texture: str) -> None:
    pixels, truth = BARS[case](floor(texture))
    picture = examine(pixels)
    assert picture.kind in ("framed", "boards")
    assert "bars" in picture.alterations
    assert not (picture.mask & ~truth).any(), "no line of a bar is left"
    assert (picture.mask & truth).sum() > 0.9 * truth.sum()
    part, mask = picture.product(pixels)
    assert mask.all(), "floor from edge to edge again"
    assert part.shape[:2] == mask.shape


@pytest.mark.parametrize("path", sorted((SAMPLES / "products").glob("*.jpg")), ids=lambda p: p.stem)
def test_samples_have_no_bars(path: Path) -> None:
    pixels = load_photo(path).pixels
    assert within_bars(pixels) is None
    padded, truth = barred(Image.fromarray(pixels), *both("top", "bottom", 0.2, WHITE))
    box = within_bars(padded)
    assert box is not None
    assert truth[box.slices].all()


@pytest.mark.parametrize("grain", ["none", "noise", "wood"])
@pytest.mark.parametrize("design", DESIGNS)
def test_floors_with_even_parts_have_no_bars(design: str, grain: str) -> None:
    assert within_bars(grained(design, grain)) is None


def test_a_plain_floor_loses_only_a_pair_of_bars() -> None:
    """A single even strip beside an even field may be two tiles of one floor."""
    pixels = np.full((SIDE, SIDE, 3), 120, np.uint8)
    pixels[:100] = 250
    assert within_bars(pixels) is None
    pixels[-100:] = 250
    assert within_bars(pixels) == Box(101, SIDE - 101, 0, SIDE)


@pytest.mark.parametrize("paint", [(0, 0, 0), (238, 238, 238), WHITE])
@pytest.mark.parametrize("texture", ["terrazzo-rosa", "oak-rustic-plank", "wool-loop-oatmeal"])
def test_what_jpeg_stirs_up_beside_an_edge_is_still_bar(
    texture: str, paint: tuple[int, int, int]
) -> None:
    """A small picture, saved coarsely: its blocks carry the floor some lines into the bar."""
    small = floor(texture).resize((350, 213))
    picture = Image.new("RGB", (350, 213 + 2 * 75), paint)
    picture.paste(small, (0, 75))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    box = within_bars(np.asarray(Image.open(buffer)))
    assert box is not None
    assert 75 <= box.top <= 75 + 12
    assert 75 + 213 - 12 <= box.bottom <= 75 + 213


def test_wide_joints_are_no_bars() -> None:
    """Tiles in white joints, also at the sides of the picture."""
    pixels = np.asarray(floor("slate-anthracite")).copy()
    for start in (0, 300, 610):
        pixels[start : start + 30] = 255
        pixels[:, start : start + 30] = 255
    assert within_bars(pixels) is None


def test_a_white_floor_with_a_border_has_no_bars() -> None:
    """Inside its dark border it is white again."""
    pixels = np.full((SIDE, SIDE, 3), 255, np.uint8)
    pixels[64:-64, 64:-64] = np.asarray(floor("walnut-plank"))[64:-64, 64:-64]
    pixels[104:-104, 104:-104] = 255
    assert within_bars(pixels) is None


def test_a_board_keeps_its_kind() -> None:
    """Bars above and below a board are its ground: they are found both ways."""
    pixels, truth = BOARDS["a board that leaves the picture"](floor("walnut-plank"))
    picture = examine(pixels)
    assert picture.kind == "boards"
    assert (picture.mask & ~truth).mean() < 0.01


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.tuples(*[st.integers(0, 60)] * 4),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.integers(0, 2**32 - 1),
)
def test_any_bars_leave_no_more_than_the_floor(
    widths: tuple[int, int, int, int], paint: tuple[int, int, int], seed: int
) -> None:
    """Bars of any widths and colour: what is left lies within the floor, if anything is cut."""
    top, bottom, left, right = widths
    pixels = np.full((160 + top + bottom, 200 + left + right, 3), paint, np.uint8)
    floor_pixels = np.random.default_rng(seed).integers(0, 256, (160, 200, 3), dtype=np.uint8)
    pixels[top : top + 160, left : left + 200] = floor_pixels
    box = within_bars(pixels)
    if box is None:
        # Narrow, or one wide one alone: the floor's own, perhaps.
        narrow = max(top, bottom) < 0.03 * len(pixels) + 1
        assert narrow or min(widths) == 0
        return
    assert 0 <= box.top < box.bottom <= pixels.shape[0]
    assert 0 <= box.left < box.right <= pixels.shape[1]
    wide_enough = 0.03 * max(pixels.shape)
    for bar, edge in ((top, box.top), (left, box.left)):
        assert edge >= bar or bar < wide_enough
