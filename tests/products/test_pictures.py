"""Product pictures: what is not floor is cut off, and a swatch is never cut down."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from floorlens.images.loading import load_photo
from floorlens.products.pictures import examine, may_be_room, room_scene
from floorlens.segmentation import FloorProbability
from tests.products.made_pictures import BOARDS, DESIGNS, FRAMES, SAMPLES, SIDE, floor, grained

pytestmark = pytest.mark.slow

PRODUCTS = sorted((SAMPLES / "products").glob("*.jpg"))
# A few of each look: woods light and dark, a pattern, stone, a carpet.
TEXTURES = ("oak-natural-plank", "walnut-herringbone", "cement-star-blue", "slate-anthracite")


def iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / (one | two).sum())


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", BOARDS)
def test_boards_are_cut_out_of_their_ground(case: str, texture: str) -> None:
    """The paper must not become part of the floor's colour; of a shadow a little may stay."""
    pixels, truth = BOARDS[case](floor(texture))
    result = examine(pixels)
    assert result.kind == "boards"
    assert iou(result.mask, truth) > 0.82
    paper = np.abs(pixels.astype(int) - pixels[2, 2]).max(axis=2) < 8
    assert (result.mask & ~truth & paper).sum() < 0.01 * truth.sum()


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", FRAMES)
def test_frames_and_labels_are_left_out(case: str, texture: str) -> None:
    pixels, truth = FRAMES[case](floor(texture))
    result = examine(pixels)
    assert result.kind == "framed"
    assert iou(result.mask, truth) > 0.94
    # The ends of a round corner are finer than a cell.
    assert (result.mask & ~truth).mean() < 0.002


def test_transparency_says_it_all() -> None:
    """A white board on a transparent ground could not be told from the white laid under it."""
    picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((60, 200, 580, 400), fill=(254, 254, 254, 255))
    photo = load_photo(picture)
    result = examine(photo.pixels, photo.opaque)
    assert result.kind == "boards"
    assert result.mask.sum() == 521 * 201
    assert result.mask[300, 300]
    assert not result.mask[100, 300]
    assert load_photo(picture.convert("RGB")).opaque is None


def test_a_small_product_on_a_wide_transparent_ground_is_all_that_counts() -> None:
    opaque = np.zeros((400, 400), np.bool_)
    opaque[180:220, 180:220] = True
    pixels = np.where(opaque[..., None], np.uint8(90), np.uint8(255)).repeat(3, axis=2)
    assert (examine(pixels, opaque).mask == opaque).all()


def test_transparency_turns_and_shrinks_with_the_picture() -> None:
    picture = Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((0, 0, 999, 999), fill=(90, 60, 30, 255))
    picture.getexif()[0x0112] = 6
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=picture.getexif())
    photo = load_photo(buffer.getvalue())
    assert photo.opaque is not None
    assert photo.opaque.shape == photo.pixels.shape[:2] == (1280, 640)
    assert photo.opaque[:630].all()
    assert not photo.opaque[650:].any()


@pytest.mark.parametrize("path", PRODUCTS, ids=lambda path: path.stem)
def test_sample_products_stay_whole(path: Path) -> None:
    """The safeguard that matters most: no swatch loses a pixel, near or far, pale or dark."""
    whole = load_photo(path).pixels
    near = np.asarray(Image.fromarray(whole[100:300, 50:250]).resize((SIDE, SIDE)))
    pale = (255 - (255 - whole.astype(np.float32)) * 0.2).astype(np.uint8)
    for pixels in (whole, near, pale, (whole * 0.3).astype(np.uint8)):
        result = examine(pixels)
        assert result.kind == "swatch"
        assert result.mask.all()
    assert not may_be_room(whole), "a segmentation that the import need not wait for"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["real_pairs", "seed"])
def test_real_products_stay_whole(shared_data: Path, folder: str) -> None:
    """All 344 are swatches, some seen at an angle; few may cost a segmentation."""
    paths = sorted((shared_data / folder / "products").glob("*.jpg"))
    cut, doubted = [], 0
    for path in paths:
        pixels = load_photo(path).pixels
        if examine(pixels).kind != "swatch":
            cut.append(path.name)
        doubted += may_be_room(pixels)
    assert paths
    assert cut == []
    assert doubted <= 0.03 * len(paths)


@pytest.mark.parametrize("grain", ["none", "noise", "wood"])
@pytest.mark.parametrize("design", DESIGNS)
def test_floors_that_look_like_something_else_stay_whole(design: str, grain: str) -> None:
    """When in doubt it is a swatch: here lie the floors that a cutter would spoil."""
    result = examine(grained(design, grain))
    assert result.kind == "swatch"
    assert result.mask.all()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 40]),
)
def test_any_picture_has_a_mask_of_its_shape(tall: int, wide: int, seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-tall // block), -(-wide // block), 3), dtype=np.uint8)
    pixels = coarse.repeat(block, axis=0).repeat(block, axis=1)[:tall, :wide]
    before = pixels.copy()
    result = examine(pixels)
    assert result.mask.shape == (tall, wide)
    assert result.mask.any()
    assert result.mask.all() or result.kind != "swatch"
    assert 0 <= result.confidence <= 1
    np.testing.assert_array_equal(pixels, before)
    may_be_room(pixels)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="height, width, 3"):
        examine(np.zeros((40, 40), np.uint8))
    with pytest.raises(ValueError, match="do not fit"):
        examine(np.zeros((40, 40, 3), np.uint8), np.ones((40, 41), bool))


def test_sample_rooms_may_be_rooms() -> None:
    rooms = sorted((SAMPLES / "rooms").glob("*.jpg"))
    assert all(may_be_room(load_photo(path).pixels) for path in rooms)
    assert all(examine(load_photo(path).pixels).kind == "swatch" for path in rooms)


def answer(probability: NDArray[np.floating], visible: float = 0.99) -> FloorProbability:
    return FloorProbability(probability.astype(np.float32), visible)


def test_a_room_is_a_sharp_floor_low_in_the_picture() -> None:
    """Whatever leaves the segmenter in doubt stays a swatch, and whole."""
    low = np.full((60, 80), 0.01)
    low[35:] = 0.98
    result = room_scene(answer(low), 0.5)
    assert result is not None
    assert result.kind == "room"
    np.testing.assert_array_equal(result.mask, low > 0.5)
    for doubtful in (
        answer(low, 0.6),
        answer(low[::-1]),
        answer(np.where(np.arange(60)[:, None] < 40, 0.98, 0.01) * np.ones((1, 80))),
        answer(np.where(low > 0.5, 0.8, 0.01)),
        answer(np.where(low > 0.5, 0.98, 0.2)),
        answer(np.full((60, 80), 0.98)),
        answer(np.full((60, 80), 0.01)),
    ):
        assert room_scene(doubtful, 0.5) is None
    assert room_scene(answer(low, 0.9), 0.5) is not None
    assert room_scene(answer(low, 0.9), 0.5, visible=0.95) is None
    from_above = np.full((60, 80), 0.98)
    from_above[:10, :] = from_above[:, :5] = 0.01
    assert room_scene(answer(from_above), 0.5) is not None, "a floor seen from high up"


def test_it_costs_an_import_little() -> None:
    """Ten milliseconds for a picture of 640 pixels; four times that here, for a busy machine."""
    pixels = np.asarray(floor("oak-natural-plank"))
    seconds = []
    for _ in range(5):
        started = time.process_time()
        examine(pixels)
        may_be_room(pixels)
        seconds.append(time.process_time() - started)
    assert min(seconds) < 0.04
