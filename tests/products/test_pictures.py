"""Product pictures: what is not floor is cut off, and a swatch is never cut down."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from floorlens.images.loading import load_photo
from floorlens.products.pictures import examine, may_be_room, room_scene
from floorlens.segmentation import FloorProbability

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PRODUCTS = sorted((SAMPLES / "products").glob("*.jpg"))
SIDE = 640
WHITE = (255, 255, 255)
# A few of each look: woods light and dark, a pattern, stone, a carpet.
TEXTURES = ("oak-natural-plank", "walnut-herringbone", "cement-star-blue", "slate-anthracite")

Composed = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def floor(name: str) -> Image.Image:
    return Image.open(SAMPLES / "products" / f"{name}.jpg").convert("RGB").resize((SIDE, SIDE))


def saved(image: Image.Image) -> NDArray[np.uint8]:
    """As a shop would publish it: JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return np.asarray(Image.open(buffer))


def laid(
    texture: Image.Image, ground: int, boxes: list[tuple[int, int, int, int]], *turns: int
) -> Composed:
    """Boards cut from the texture on a plain ground, each with a soft shadow."""
    picture = Image.new("RGB", (SIDE, SIDE), (ground,) * 3)
    whole = Image.new("L", (SIDE, SIDE))
    for turn in turns or (0,):
        for box in boxes:
            shape = Image.new("L", (SIDE, SIDE))
            ImageDraw.Draw(shape).rectangle(box, fill=255)
            shape = shape.rotate(turn, Image.Resampling.BICUBIC, center=(130, 320))
            turned = texture.rotate(turn, Image.Resampling.BICUBIC, center=(130, 320))
            shade = shape.point(lambda v: v * 0.4).filter(ImageFilter.GaussianBlur(8))
            shade = shade.transform(shade.size, Image.Transform.AFFINE, (1, 0, -6, 0, 1, -8))
            picture = Image.composite(Image.new("RGB", picture.size), picture, shade)
            picture.paste(turned, (0, 0), shape)
            whole.paste(255, (0, 0), shape)
    return saved(picture), np.asarray(whole) > 127


def framed(texture: Image.Image, colour: tuple[int, ...], width: int, radius: int = 0) -> Composed:
    shape = Image.new("L", (SIDE, SIDE))
    last = SIDE - 1 - width
    ImageDraw.Draw(shape).rounded_rectangle((width, width, last, last), radius, fill=255)
    picture = Image.new("RGB", (SIDE, SIDE), colour)
    picture.paste(texture, (0, 0), shape)
    return saved(picture), np.asarray(shape) > 127


def labelled(
    texture: Image.Image, box: tuple[int, int, int, int], paper: Any, ink: Any
) -> Composed:
    picture = texture.copy()
    draw = ImageDraw.Draw(picture)
    draw.rectangle(box, fill=paper)
    tall = box[3] - box[1]
    font = ImageFont.load_default(max(10, tall // 4))
    text = "OAK NATURE 4021\n190 x 14 mm"
    draw.multiline_text((box[0] + 12, box[1] + tall // 7), text, fill=ink, font=font)
    mask = np.ones((SIDE, SIDE), bool)
    mask[box[1] : box[3] + 1, box[0] : box[2] + 1] = False
    return saved(picture), mask


def iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / (one | two).sum())


BOARDS: dict[str, Callable[[Image.Image], Composed]] = {
    "a board on white": lambda t: laid(t, 255, [(64, 250, 576, 380)]),
    "a board on grey": lambda t: laid(t, 215, [(64, 250, 576, 380)]),
    "a tile": lambda t: laid(t, 250, [(130, 130, 510, 510)]),
    "a tilted tile": lambda t: laid(t, 240, [(100, 230, 480, 500)], 14),
    "three boards": lambda t: laid(t, 255, [(60, y, 580, y + 100) for y in (110, 270, 430)]),
    "a fan": lambda t: laid(t, 255, [(64, 270, 576, 370)], -35, -12, 12, 35),
    "a board that leaves the picture": lambda t: laid(t, 255, [(0, 210, 640, 420)]),
}
FRAMES: dict[str, Callable[[Image.Image], Composed]] = {
    "white": lambda t: framed(t, WHITE, 32),
    "black": lambda t: framed(t, (0, 0, 0), 16),
    "red": lambda t: framed(t, (160, 30, 30), 24),
    "white with round corners": lambda t: framed(t, WHITE, 24, 50),
    "round corners": lambda t: framed(t, WHITE, 0, 60),
    "a label in a corner": lambda t: labelled(t, (400, 540, 639, 639), WHITE, (20, 20, 20)),
    "a label along an edge": lambda t: labelled(t, (0, 560, 639, 639), WHITE, (20, 20, 20)),
    "an inset label": lambda t: labelled(t, (20, 20, 260, 110), (180, 30, 40), WHITE),
}


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", BOARDS)
def test_boards_are_cut_out_of_their_ground(case: str, texture: str) -> None:
    """The paper must not become part of the floor's colour; of a shadow a little may stay."""
    pixels, wanted = BOARDS[case](floor(texture))
    found = examine(pixels)
    assert found.kind == "boards"
    assert iou(found.mask, wanted) > 0.82
    paper = np.abs(pixels.astype(int) - pixels[2, 2]).max(axis=2) < 8
    assert (found.mask & ~wanted & paper).sum() < 0.01 * wanted.sum()


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("case", FRAMES)
def test_frames_and_labels_are_left_out(case: str, texture: str) -> None:
    pixels, wanted = FRAMES[case](floor(texture))
    found = examine(pixels)
    assert found.kind == "framed"
    assert iou(found.mask, wanted) > 0.94
    # The ends of a round corner are finer than a cell.
    assert (found.mask & ~wanted).mean() < 0.002


def test_transparency_says_it_all() -> None:
    """A white board on a transparent ground could not be told from the white laid under it."""
    picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((60, 200, 580, 400), fill=(254, 254, 254, 255))
    photo = load_photo(picture)
    found = examine(photo.pixels, photo.opaque)
    assert found.kind == "boards"
    assert found.mask.sum() == 521 * 201
    assert found.mask[300, 300]
    assert not found.mask[100, 300]
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
        found = examine(pixels)
        assert found.kind == "swatch"
        assert found.mask.all()
    assert not may_be_room(whole), "a segmentation that the import need not wait for"


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


def drawn(draw: Callable[[ImageDraw.ImageDraw], object], ground: Any = WHITE) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    draw(ImageDraw.Draw(picture))
    return picture


def chequered(count: int, one: Any, two: Any, phase: float = 0.0) -> Image.Image:
    places = np.floor(np.arange(SIDE) * count / SIDE + phase)
    odd = (places[:, None] + places) % 2 == 1
    return Image.fromarray(np.where(odd[..., None], one, two).astype(np.uint8))


def jointed(count: int, tile: Any, joint: Any, width: int, phase: float = 0.0) -> Image.Image:
    pitch = SIDE / count
    place = (np.arange(SIDE) + phase * pitch) % pitch
    line = (place < width / 2) | (place >= pitch - width / 2)
    either = (line[:, None] | line)[..., None]
    return Image.fromarray(np.where(either, joint, tile).astype(np.uint8))


def corners(reach: int) -> Callable[[ImageDraw.ImageDraw], None]:
    def draw(on: ImageDraw.ImageDraw) -> None:
        for x in (0, SIDE):
            for y in (0, SIDE):
                dx, dy = (reach if x == 0 else -reach), (reach if y == 0 else -reach)
                on.polygon([(x, y), (x + dx, y), (x, y + dy)], fill=(80, 70, 60))

    return draw


def discs(on: ImageDraw.ImageDraw) -> None:
    for x in (0, SIDE):
        for y in (0, SIDE):
            on.ellipse((x - 120, y - 120, x + 120, y + 120), fill=(150, 80, 60))


def star(on: ImageDraw.ImageDraw) -> None:
    radii, angles = np.array([130, 270] * 8), np.arange(16) * np.pi / 8
    ends = SIDE / 2 + radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    on.polygon([(float(x), float(y)) for x, y in ends], fill=(40, 60, 120))


DESIGNS: dict[str, Image.Image] = {
    "white": drawn(lambda d: None),
    "pale with a stain": drawn(lambda d: d.ellipse((200, 200, 420, 300), fill=(225, 220, 212))),
    "veined": drawn(lambda d: d.line((0, 100, 300, 330, 640, 400), fill=(120,) * 3, width=9)),
    "a dark board along an edge": drawn(
        lambda d: d.rectangle((0, 0, 120, SIDE), fill=(40, 30, 20))
    ),
    "a dark board below": drawn(lambda d: d.rectangle((0, 500, SIDE, SIDE), fill=(40, 30, 20))),
    "two tones": drawn(lambda d: d.rectangle((0, 0, 320, SIDE), fill=(140, 130, 120))),
    "two tones aslant": drawn(lambda d: d.polygon([(0, 0), (640, 0), (0, 640)], fill=(90,) * 3)),
    "a small inlay": drawn(lambda d: d.rectangle((250, 250, 390, 390), fill=(40, 30, 20))),
    "a lined tile": drawn(lambda d: d.rectangle((60, 60, 580, 580), outline=(40,) * 3, width=14)),
    "a star": drawn(star),
    "triangles in the corners": drawn(corners(130)),
    "large triangles": drawn(corners(190)),
    "discs in the corners": drawn(discs),
    **{f"chequered {n}": chequered(n, WHITE, (20, 20, 20)) for n in (2, 3, 4, 5)},
    "chequered and shifted": chequered(3, (250, 250, 245), (120, 110, 90), 0.5),
    "white joints": jointed(2, (120, 118, 115), WHITE, 12),
    "one tile and its joint": jointed(1, (120, 118, 115), WHITE, 12),
    "wide white joints": jointed(3, (200, 60, 40), WHITE, 24, 0.5),
    "white tiles": jointed(2, WHITE, (90, 90, 90), 12, 0.5),
    "pale tiles": jointed(4, (240, 240, 240), (215, 215, 215), 6),
}


@pytest.mark.parametrize("grain", ["none", "noise", "wood"])
@pytest.mark.parametrize("design", DESIGNS)
def test_floors_that_look_like_something_else_stay_whole(design: str, grain: str) -> None:
    """When in doubt it is a swatch: here lie the floors that a cutter would spoil."""
    values = np.asarray(DESIGNS[design], np.float64)
    if grain == "noise":
        values = values + np.random.default_rng(0).normal(0, 2, values.shape)
    elif grain == "wood":
        # On the dark parts alone, as boards on a ground of paper would have it.
        wood = np.asarray(floor("walnut-plank"), np.float64)
        values = np.where(values.max(axis=2, keepdims=True) < 210, wood, values)
    found = examine(saved(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))))
    assert found.kind == "swatch"
    assert found.mask.all()


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
    found = examine(pixels)
    assert found.mask.shape == (tall, wide)
    assert found.mask.any()
    assert found.mask.all() or found.kind != "swatch"
    assert 0 <= found.confidence <= 1
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


def seen(probability: NDArray[np.floating], visible: float = 0.99) -> FloorProbability:
    return FloorProbability(probability.astype(np.float32), visible)


def test_a_room_is_a_sharp_floor_low_in_the_picture() -> None:
    """Whatever leaves the segmenter in doubt stays a swatch, and whole."""
    low = np.full((60, 80), 0.01)
    low[35:] = 0.98
    found = room_scene(seen(low), 0.5)
    assert found is not None
    assert found.kind == "room"
    np.testing.assert_array_equal(found.mask, low > 0.5)
    for doubtful in (
        seen(low, 0.6),
        seen(low[::-1]),
        seen(np.where(low > 0.5, 0.8, 0.01)),
        seen(np.where(low > 0.5, 0.98, 0.2)),
        seen(np.full((60, 80), 0.98)),
        seen(np.full((60, 80), 0.01)),
    ):
        assert room_scene(doubtful, 0.5) is None


def test_it_costs_an_import_little() -> None:
    """Ten milliseconds for a picture of 640 pixels; four times that here, for a busy machine."""
    pixels = np.asarray(floor("oak-natural-plank"))
    took = []
    for _ in range(5):
        started = time.perf_counter()
        examine(pixels)
        may_be_room(pixels)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.04
