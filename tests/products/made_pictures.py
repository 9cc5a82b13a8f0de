"""Pictures that a shop may publish: boards on a ground, frames, labels, and plain floors."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SIDE = 640
WHITE = (255, 255, 255)

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


def sketch(draw: Callable[[ImageDraw.ImageDraw], object], ground: Any = WHITE) -> Image.Image:
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
    "white": sketch(lambda d: None),
    "pale with a stain": sketch(lambda d: d.ellipse((200, 200, 420, 300), fill=(225, 220, 212))),
    "veined": sketch(lambda d: d.line((0, 100, 300, 330, 640, 400), fill=(120,) * 3, width=9)),
    "a dark board along an edge": sketch(
        lambda d: d.rectangle((0, 0, 120, SIDE), fill=(40, 30, 20))
    ),
    "a dark board below": sketch(lambda d: d.rectangle((0, 500, SIDE, SIDE), fill=(40, 30, 20))),
    "two tones": sketch(lambda d: d.rectangle((0, 0, 320, SIDE), fill=(140, 130, 120))),
    "two tones aslant": sketch(lambda d: d.polygon([(0, 0), (640, 0), (0, 640)], fill=(90,) * 3)),
    "a small inlay": sketch(lambda d: d.rectangle((250, 250, 390, 390), fill=(40, 30, 20))),
    "a lined tile": sketch(lambda d: d.rectangle((60, 60, 580, 580), outline=(40,) * 3, width=14)),
    "a star": sketch(star),
    "triangles in the corners": sketch(corners(130)),
    "large triangles": sketch(corners(190)),
    "discs in the corners": sketch(discs),
    **{f"chequered {n}": chequered(n, WHITE, (20, 20, 20)) for n in (2, 3, 4, 5)},
    "chequered and shifted": chequered(3, (250, 250, 245), (120, 110, 90), 0.5),
    "white joints": jointed(2, (120, 118, 115), WHITE, 12),
    "one tile and its joint": jointed(1, (120, 118, 115), WHITE, 12),
    "wide white joints": jointed(3, (200, 60, 40), WHITE, 24, 0.5),
    "white tiles": jointed(2, WHITE, (90, 90, 90), 12, 0.5),
    "pale tiles": jointed(4, (240, 240, 240), (215, 215, 215), 6),
}


def grained(design: str, grain: str) -> NDArray[np.uint8]:
    """One of `DESIGNS`: as drawn ("none"), with noise, or its dark parts of wood."""
    values = np.asarray(DESIGNS[design], np.float64)
    if grain == "noise":
        values = values + np.random.default_rng(0).normal(0, 2, values.shape)
    elif grain == "wood":
        # On the dark parts alone, as boards on a ground of paper would have it.
        wood = np.asarray(floor("walnut-plank"), np.float64)
        values = np.where(values.max(axis=2, keepdims=True) < 210, wood, values)
    return saved(clipped(values))


def clipped(values: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


Box = tuple[int, int, int, int]
GREY_PAINT = Image.new("RGB", (SIDE, SIDE), (90, 90, 90))
CORNERED = [(100, 100), (250, 100), (250, 400), (540, 400), (540, 540), (100, 540)]
IN_A_CORNER = [(0, 300), (150, 300), (150, 500), (540, 500), (540, 640), (0, 640)]


def inlaid(
    *shapes: Box | list[tuple[int, int]],
    ground: Any = WHITE,
    inlay: Image.Image | None = None,
    grain: float = 0.0,
) -> NDArray[np.uint8]:
    """Rectangles and polygons of walnut or another inlay in a ground of one colour."""
    shape = Image.new("L", (SIDE, SIDE))
    for corners in shapes:
        if isinstance(corners, tuple):
            ImageDraw.Draw(shape).rectangle(corners, fill=255)
        else:
            ImageDraw.Draw(shape).polygon([(float(x), float(y)) for x, y in corners], fill=255)
    noise = np.random.default_rng(0).normal(0, grain, (SIDE, SIDE, 1)) if grain else 0.0
    plain = np.full((SIDE, SIDE, 3), ground, np.float64) + noise
    texture = np.asarray(inlay or floor("walnut-plank"), np.float64)
    return saved(clipped(np.where((np.asarray(shape) > 127)[..., None], texture, plain)))


def in_falling_light() -> NDArray[np.uint8]:
    """A pale floor, lit from a corner, with an inlay."""
    y, x = np.mgrid[:SIDE, :SIDE]
    light = np.repeat((210 + 42 * ((x + y) / SIDE - 1))[..., None], 3, axis=2)
    light[150:490, 150:490] = np.asarray(floor("walnut-plank"))[150:490, 150:490]
    return saved(clipped(light))


# The floors that the rules of `products.ground` are for: each would be cut down without its rule.
ON_GROUND: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "an inlay in falling light": in_falling_light,
    "an inlay in a grained colour": lambda: inlaid(
        (100, 100, 540, 540), ground=(235, 215, 180), grain=2.5
    ),
    "an inlay in a hardly grained colour": lambda: inlaid(
        (100, 100, 540, 540), ground=(235, 215, 180), grain=1.6
    ),
    "two tones": lambda: grained("two tones", "none"),
    "a plain white floor": lambda: grained("white", "none"),
    "a small inlay": lambda: grained("a small inlay", "wood"),
    "a lined tile": lambda: grained("a lined tile", "wood"),
    "nine tiles and their joints": lambda: inlaid(
        *((x, y, x + 150, y + 150) for x in (40, 240, 440) for y in (40, 240, 440))
    ),
    "three boards and their joints": lambda: inlaid(
        *((24, y, 616, y + 186) for y in (24, 228, 432))
    ),
    "four dots": lambda: inlaid(*((x, y, x + 180, y + 180) for x in (70, 390) for y in (70, 390))),
    "a marble inlay": lambda: inlaid(
        (100, 100, 540, 540), ground=(235,) * 3, inlay=floor("marble-carrara"), grain=2
    ),
    "a dark board along a grained edge": lambda: inlaid(
        (20, 440, 620, 640), ground=(240,) * 3, grain=2
    ),
    "a dark board below": lambda: grained("a dark board below", "wood"),
    "a dark board across the floor": lambda: inlaid((0, 200, 640, 440), ground=(230,) * 3, grain=2),
    "a corner on a grained floor": lambda: inlaid(CORNERED, ground=(240,) * 3, grain=2),
    "a plain corner": lambda: inlaid(CORNERED, inlay=GREY_PAINT),
    "boards along a corner": lambda: inlaid(IN_A_CORNER),
    "a star": lambda: grained("a star", "wood"),
    "two plain inlays": lambda: inlaid((60, 60, 260, 580), (380, 60, 580, 580), inlay=GREY_PAINT),
    "a plain inlay at an edge": lambda: inlaid((100, 200, 540, 640), inlay=GREY_PAINT),
    "a plain inlay in grey": lambda: inlaid(
        (100, 100, 540, 540), ground=(220,) * 3, inlay=GREY_PAINT
    ),
    "a small plain inlay": lambda: inlaid((210, 210, 430, 430), inlay=GREY_PAINT),
    "a tile and its joint": lambda: inlaid((10, 10, 630, 630)),
}

INK, RED = (20, 20, 20), (170, 20, 20)


def inset(*parts: tuple[Box, Any], jpeg: bool = True) -> NDArray[np.uint8]:
    """Oak with rectangles in it, each of a colour or of the floor of that name, in their order."""
    picture = floor("oak-natural-plank")
    for box, paint in parts:
        left, top, right, bottom = box
        if isinstance(paint, str):
            picture.paste(floor(paint).crop((left, top, right + 1, bottom + 1)), (left, top))
        else:
            ImageDraw.Draw(picture).rectangle(box, fill=paint)
    return saved(picture) if jpeg else np.asarray(picture).copy()


def row(count: int, left: int, top: int, width: int, height: int, gap: int) -> list[Box]:
    """Marks of one size beside each other."""
    lefts = [left + number * (width + gap) for number in range(count)]
    return [(x, top, x + width - 1, top + height - 1) for x in lefts]


def inked(boxes: list[Box], paint: Any = INK) -> list[tuple[Box, Any]]:
    return [(box, paint) for box in boxes]


def round_medallion() -> NDArray[np.uint8]:
    picture = floor("oak-natural-plank")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((380, 480, 639, 639), fill=WHITE)
    for box in row(5, 440, 540, 11, 51, 19):
        draw.rectangle(box, fill=INK)
    return saved(picture)


def with_grain(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as a camera sees it, where not even paint is of one colour."""
    noise = np.random.default_rng(0).normal(0, 1.5, pixels.shape[:2])[..., None]
    return saved(clipped(pixels + noise))


def grained_tile() -> NDArray[np.uint8]:
    plain = inset(((340, 440, 639, 639), (235,) * 3), *inked(row(6, 356, 456, 20, 50, 20)))
    values = plain.astype(np.float64)
    values[520:632, 350:630] += np.random.default_rng(0).normal(0, 7, (112, 280, 1))
    return saved(clipped(values))


CORNER = (380, 520, 639, 639)
LETTERS = inked(row(6, 396, 536, 24, 70, 14))
# The floors that the rules of `products.frames` are for.
WITH_A_LABEL: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "a white fleck between boards": lambda: inset(
        ((560, 584, 639, 639), WHITE),
        *inked(row(4, 568, 592, 12, 40, 4), "oak-natural-plank"),
        jpeg=False,
    ),
    "a floor of plain tiles": lambda: with_grain(
        inset(
            ((0, 430, 639, 639), WHITE),
            ((0, 0, 639, 110), RED),
            *inked(row(8, 40, 470, 41, 121, 19)),
        )
    ),
    "two small plain tiles": lambda: inset(
        ((568, 588, 639, 639), WHITE),
        ((0, 0, 79, 39), RED),
        *inked(row(3, 580, 600, 8, 20, 8)),
        jpeg=False,
    ),
    "a white tile inside the floor": lambda: inset(
        ((190, 260, 450, 380), WHITE), *inked(row(6, 206, 276, 24, 70, 14))
    ),
    "a strip with dots": lambda: inset(
        ((0, 624, 639, 639), WHITE), *inked(row(20, 8, 628, 8, 8, 16)), jpeg=False
    ),
    "a large white tile with bars": lambda: inset(
        ((0, 380, 639, 639), WHITE), *inked(row(10, 16, 396, 40, 160, 20))
    ),
    "a round medallion": round_medallion,
    "a white tile with specks": lambda: inset((CORNER, WHITE), *inked(row(5, 410, 570, 8, 8, 30))),
    "boards and wide white joints": lambda: inset(
        ((320, 400, 639, 639), WHITE),
        *inked(row(3, 340, 420, 84, 92, 16) + row(3, 340, 530, 84, 92, 16), "walnut-plank"),
    ),
    "a white tile with two bars": lambda: inset(
        (CORNER, WHITE), *inked(row(2, 396, 536, 60, 70, 30))
    ),
    "white tiles here and there": lambda: inset(
        (CORNER, WHITE), *LETTERS, ((60, 60, 160, 120), WHITE)
    ),
    "a grained tile": grained_tile,
}
