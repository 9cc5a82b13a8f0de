"""Product pictures altered as shops do it, in endless variety, and where they were altered.

Each kind of alteration draws RGBA onto a layer of twice the picture's size, so that its edges are
as fine as those of a large picture that was made small.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from training.products.lettering import draw_font, draw_line, draw_price

Rgb = NDArray[np.uint8]
Rng = np.random.Generator
Colour = tuple[int, int, int, int]

#: What a label says of a pixel: floor, unsure, altered.
FLOOR, UNSURE, ALTERED = 0, 128, 255
#: A pixel is altered if a channel changed by more than `SEEN`, untouched up to `UNSEEN`.
SEEN, UNSEEN = 9, 2
#: Layers are drawn at so many times the picture's size.
FINE = 2


@dataclass(frozen=True)
class Altered:
    """A picture, uint8 (h, w, 3) sRGB, and its label, uint8 (h, w) of FLOOR, UNSURE, ALTERED."""

    rgb: Rgb
    label: NDArray[np.uint8]


@dataclass(frozen=True)
class Canvas:
    """What an alteration draws on: a transparent layer, `FINE` times the picture's size.

    Attributes:
        layer: mode RGBA.
        floor: the picture itself, mode RGB, at the layer's size.
        other: another floor, mode RGB.
        scene: a room or another floor, mode RGB.
    """

    layer: Image.Image
    floor: Image.Image
    other: Image.Image
    scene: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.layer.size

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """Draws on the layer."""
        return ImageDraw.Draw(self.layer)


def draw_colour(rng: Rng, opacity: float = 1.0) -> Colour:
    """Returns white, black, a grey or a strong colour."""
    kind, alpha = rng.random(), round(255 * opacity)
    if kind < 0.35:
        return (255, 255, 255, alpha)
    if kind < 0.5:
        value = int(rng.integers(0, 40))
        return (value, value, value, alpha)
    if kind < 0.62:
        value = int(rng.integers(40, 256))
        return (value, value, value, alpha)
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    if kind < 0.8:
        red, green, blue = max(red, 170), green // 3, blue // 3
    return (red, green, blue, alpha)


def ink_on(paper: Colour, rng: Rng) -> Colour:
    """Returns a colour that can be read on paper of this one."""
    light = sum(paper[:3]) / 3
    for _ in range(8):
        ink = draw_colour(rng)
        if abs(sum(ink[:3]) / 3 - light) > 90:
            return ink
    return (0, 0, 0, 255) if light > 127 else (255, 255, 255, 255)


def _text_layer(
    size: tuple[int, int], rng: Rng, height: float, ink: Colour, tiled: bool
) -> Image.Image:
    """Writing of one font and colour across a layer, at any angle."""
    side = math.ceil(math.hypot(*size))
    layer = Image.new("RGBA", (side, side), (*ink[:3], 0))
    draw = ImageDraw.Draw(layer)
    font, line = draw_font(rng, height), draw_line(rng, 3)
    outline = int(rng.integers(1, 4)) if rng.random() < 0.15 else 0
    _, _, wide, tall = draw.textbbox((0, 0), line, font=font)
    if not tiled:
        place = ((side - wide) / 2 + rng.normal(0, side * 0.1), (side - tall) / 2)
        draw.text(place, line, fill=ink, font=font, stroke_width=outline)
    else:
        step_x = (wide + height) * rng.uniform(1.0, 2.2)
        step_y = tall * rng.uniform(1.3, 5.0)
        shift = rng.uniform(0, 1) * step_x if rng.random() < 0.6 else 0.0
        rows = math.ceil(side / step_y) + 1
        for row in range(rows):
            left = -rng.uniform(0, 0.2) * step_x - (row * shift) % step_x
            for column in range(math.ceil(side / step_x) + 2):
                at = (left + column * step_x, row * step_y)
                draw.text(at, line, fill=ink, font=font, stroke_width=outline)
    angle = float(rng.choice([0, 0, 20, 30, 45, -30, -45, 90, rng.uniform(-60, 60)]))
    layer = layer.rotate(angle, Image.Resampling.BILINEAR)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    return layer.crop((left, top, left + size[0], top + size[1]))


def watermark(canvas: Canvas, rng: Rng) -> None:
    """See-through writing: one line across the picture, or many."""
    opacity = float(rng.uniform(0.15, 0.75)) if rng.random() < 0.85 else 1.0
    tiled = bool(rng.random() < 0.65)
    side = min(canvas.size)
    share = np.exp(rng.uniform(np.log(0.035), np.log(0.13 if tiled else 0.25)))
    ink = draw_colour(rng, opacity)
    canvas.layer.alpha_composite(_text_layer(canvas.size, rng, side * float(share), ink, tiled))


def lattice(canvas: Canvas, rng: Rng) -> None:
    """A see-through net of slanting lines with a mark at each crossing, as photo agencies have."""
    width, height = canvas.size
    ink = draw_colour(rng, float(rng.uniform(0.15, 0.6)))
    step = min(canvas.size) * rng.uniform(0.15, 0.5)
    slope = rng.uniform(0.4, 1.6)
    line = max(1, round(min(canvas.size) * rng.uniform(0.003, 0.012)))
    draw = canvas.draw
    both = rng.random() < 0.7
    for offset in np.arange(-height * slope - width, 2 * width + height * slope, step):
        draw.line((offset, 0, offset + height / slope, height), fill=ink, width=line)
        if both:
            draw.line((offset, height, offset + height / slope, 0), fill=ink, width=line)
    # Lines alone are what tiles laid aslant have.
    tall = min(canvas.size) * rng.uniform(0.04, 0.09)
    canvas.layer.alpha_composite(_text_layer(canvas.size, rng, tall, ink, tiled=True))


def _regular(
    centre: tuple[float, float], radii: tuple[float, float], ends: int, turn: float
) -> list[tuple[float, float]]:
    """The corners of a star, or of a polygon if the radii are equal."""
    angles = np.arange(ends) * 2 * np.pi / ends + turn
    reach = np.where(np.arange(ends) % 2 == 0, radii[0], radii[1])
    return [
        (float(centre[0] + r * np.cos(a)), float(centre[1] + r * np.sin(a)))
        for r, a in zip(reach, angles, strict=True)
    ]


def _place(canvas: Canvas, rng: Rng, wide: float, tall: float) -> tuple[float, float]:
    """Left and top of a box: mostly in a corner or along a side."""
    width, height = canvas.size
    gap = min(canvas.size) * rng.uniform(0, 0.08)
    if rng.random() < 0.75:
        x = gap if rng.random() < 0.5 else width - wide - gap
        y = gap if rng.random() < 0.5 else height - tall - gap
        if rng.random() < 0.15:
            x = (width - wide) / 2
        return float(x), float(y)
    return float(rng.uniform(0, max(1, width - wide))), float(rng.uniform(0, max(1, height - tall)))


def _shadow(canvas: Canvas, rng: Rng, shape: Image.Image) -> None:
    blur = min(canvas.size) * rng.uniform(0.005, 0.02)
    shade = shape.filter(ImageFilter.GaussianBlur(blur)).point(lambda v: v * 0.45)
    dark = Image.new("RGBA", canvas.size, (0, 0, 0, 0))
    dark.putalpha(shade)
    canvas.layer.alpha_composite(dark)


def _write_in(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    text: str,
    ink: Colour,
    rng: Rng,
) -> None:
    """Writes a text into a box, as large as it fits."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    lines = text.count("\n") + 1
    size = tall / lines * rng.uniform(0.6, 0.9)
    for _ in range(6):
        font = draw_font(rng, size)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
        if right - left <= wide * 1.05:
            break
        size *= max(0.5, min(0.95, wide / (right - left)))
    place = (
        box[0] + (wide - (right - left)) / 2 - left,
        box[1] + (tall - (bottom - top)) / 2 - top,
    )
    draw.multiline_text(place, text, fill=ink, font=font)


def badge(canvas: Canvas, rng: Rng) -> None:
    """A disc, star, ribbon, rounded box or corner triangle with a price."""
    side = min(canvas.size)
    wide = side * float(rng.uniform(0.09, 0.4))
    tall = wide * float(rng.choice([1.0, 1.0, rng.uniform(0.3, 0.8)]))
    paint = draw_colour(rng, 1.0 if rng.random() < 0.85 else float(rng.uniform(0.55, 0.9)))
    left, top = _place(canvas, rng, wide, tall)
    shape = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(shape)
    box = (left, top, left + wide, top + tall)
    centre = (left + wide / 2, top + tall / 2)
    kind = rng.random()
    if kind < 0.4:
        draw.ellipse(box, fill=255)
    elif kind < 0.5:
        ends = 2 * int(rng.integers(7, 16))
        radii = (wide / 2, wide / 2 * float(rng.uniform(0.75, 0.92)))
        draw.polygon(_regular(centre, radii, ends, float(rng.uniform(0, 1))), fill=255)
    elif kind < 0.6:
        ends = int(rng.integers(3, 9))
        draw.polygon(
            _regular(centre, (wide / 2, wide / 2), ends, float(rng.uniform(0, 6))), fill=255
        )
    elif kind < 0.85:
        draw.rounded_rectangle(box, tall * float(rng.choice([0, 0.2, 0.5])), fill=255)
    else:
        _ribbon(draw, canvas.size, wide, rng)
        centre = (wide / 2, wide / 2)
    if rng.random() < 0.3:
        _shadow(canvas, rng, shape)
    colour = Image.new("RGBA", canvas.size, paint)
    colour.putalpha(shape.point(lambda v: v * paint[3] // 255))
    canvas.layer.alpha_composite(colour)
    ink = ink_on(paint, rng)
    if kind < 0.85:
        inner = 0.14 * wide
        text = draw_price(rng) if rng.random() < 0.8 else draw_line(rng, 2).replace(" ", "\n")
        if rng.random() < 0.92:
            bounds = (left + inner, top + 0.2 * tall, left + wide - inner, top + 0.8 * tall)
            _write_in(canvas.draw, bounds, text, ink, rng)
        if rng.random() < 0.3:
            rim = max(1, round(wide * rng.uniform(0.01, 0.05)))
            inset = wide * rng.uniform(0, 0.06)
            inside = (box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset)
            if kind < 0.4:
                canvas.draw.ellipse(inside, outline=ink, width=rim)


def _ribbon(draw: ImageDraw.ImageDraw, size: tuple[int, int], wide: float, rng: Rng) -> None:
    """A triangle over a corner, or a band across it."""
    width, height = size
    inner = wide * float(rng.choice([0.0, rng.uniform(0.4, 0.8)]))
    ends = [(wide, 0.0), (0.0, wide), (0.0, inner), (inner, 0.0)]
    flip_x, flip_y = rng.random() < 0.5, rng.random() < 0.5
    draw.polygon(
        [(width - x if flip_x else x, height - y if flip_y else y) for x, y in ends], fill=255
    )


def caption(canvas: Canvas, rng: Rng) -> None:
    """A band along a side, or a label, opaque or half so, with lines of writing."""
    width, height = canvas.size
    paint = draw_colour(rng, 1.0 if rng.random() < 0.6 else float(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.55:
        tall = height * rng.uniform(0.05, 0.25)
        tops = [0.0, height - tall, rng.uniform(0, height - tall)]
        top = float(rng.choice(tops, p=[0.3, 0.6, 0.1]))
        box = (0.0, top, float(width), top + tall)
    else:
        wide, tall = width * rng.uniform(0.2, 0.6), height * rng.uniform(0.06, 0.2)
        left, top = _place(canvas, rng, wide, tall)
        box = (left, top, left + wide, top + tall)
    band = Image.new("RGBA", canvas.size, (*paint[:3], 0))
    ImageDraw.Draw(band).rectangle(box, fill=paint)
    canvas.layer.alpha_composite(band)
    lines = [draw_line(rng, 4) for _ in range(int(rng.integers(1, 4)))]
    pad = min(canvas.size) * 0.02
    inside = (box[0] + pad, box[1] + pad / 2, box[2] - pad, box[3] - pad / 2)
    if rng.random() < 0.5:
        inside = (inside[0], inside[1], inside[0] + (inside[2] - inside[0]) * 0.6, inside[3])
    _write_in(canvas.draw, inside, "\n".join(lines), ink_on(paint, rng), rng)


def writing(canvas: Canvas, rng: Rng) -> None:
    """A few opaque words on the floor itself, with or without an outline or a shadow."""
    side = min(canvas.size)
    ink = draw_colour(rng, 1.0 if rng.random() < 0.7 else float(rng.uniform(0.4, 0.9)))
    font, line = draw_font(rng, side * rng.uniform(0.035, 0.12)), draw_line(rng, 4)
    left, top, right, bottom = canvas.draw.textbbox((0, 0), line, font=font)
    x, y = _place(canvas, rng, right - left, bottom - top)
    if rng.random() < 0.3:
        canvas.draw.text((x + 2, y + 2), line, fill=(0, 0, 0, 160), font=font)
    canvas.draw.text((x, y), line, fill=ink, font=font)


def logo(canvas: Canvas, rng: Rng) -> None:
    """A mark of shapes with a name beside or below it."""
    side = min(canvas.size)
    size = side * float(rng.uniform(0.07, 0.2))
    ink = draw_colour(rng, 1.0 if rng.random() < 0.6 else float(rng.uniform(0.3, 0.9)))
    second = draw_colour(rng, ink[3] / 255)
    left, top = _place(canvas, rng, size * 2.2, size)
    mark = Image.new("RGBA", canvas.size, (*ink[:3], 0))
    draw = ImageDraw.Draw(mark)
    centre = (left + size / 2, top + size / 2)
    for _ in range(int(rng.integers(1, 4))):
        reach = size / 2 * float(rng.uniform(0.4, 1))
        at = (centre[0] + rng.normal(0, size * 0.12), centre[1] + rng.normal(0, size * 0.12))
        box = (at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)
        paint = ink if rng.random() < 0.7 else second
        kind = rng.random()
        if kind < 0.3:
            draw.ellipse(box, outline=paint, width=max(1, round(size * rng.uniform(0.05, 0.15))))
        elif kind < 0.5:
            draw.pieslice(box, int(rng.integers(360)), int(rng.integers(360, 700)), fill=paint)
        else:
            ends, inner = int(rng.integers(3, 11)), reach * float(rng.uniform(0.4, 1))
            draw.polygon(_regular(at, (reach, inner), ends, float(rng.uniform(0, 6))), fill=paint)
    if rng.random() < 0.75:
        font = draw_font(rng, size * rng.uniform(0.3, 0.6))
        draw.text((left + size * 1.1, top + size * 0.25), draw_line(rng, 2), fill=ink, font=font)
    canvas.layer.alpha_composite(mark)


def ruler(canvas: Canvas, rng: Rng) -> None:
    """A scale along a side, on a strip or on the floor, or an arrow with a length."""
    width, height = canvas.size
    side = min(width, height)
    ink = draw_colour(rng)
    upright = rng.random() < 0.5
    length = height if upright else width
    tick = side * rng.uniform(0.02, 0.06)
    offset = side * float(rng.choice([0.0, rng.uniform(0, 0.1)]))
    far = rng.random() < 0.5
    line = max(1, round(side * rng.uniform(0.003, 0.01)))
    draw = canvas.draw

    def at(along: float, across: float) -> tuple[float, float]:
        inward = (width if upright else height) - across if far else across
        return (inward, along) if upright else (along, inward)

    font = draw_font(rng, max(12, side * 0.035))
    if rng.random() < 0.6:
        paper = draw_colour(rng)
        if rng.random() < 0.6:
            draw.rectangle(_ordered(at(0, offset), at(length, offset + tick * 2.4)), fill=paper)
            ink = ink_on(paper, rng)
        step = length / int(rng.integers(8, 60))
        for number in range(int(length / step) + 1):
            reach = tick * (1.0 if number % 5 == 0 else 0.55)
            draw.line((*at(number * step, offset), *at(number * step, offset + reach)), ink, line)
            if number % 10 == 0:
                x, y = at(number * step, offset + tick * 1.2)
                draw.text((x - (tick * 1.2 if far and upright else 0), y), str(number), ink, font)
        draw.line((*at(0, offset), *at(length, offset)), ink, line)
        return
    start, end = length * rng.uniform(0, 0.2), length * rng.uniform(0.7, 1)
    across = offset + side * 0.05
    draw.line((*at(start, across), *at(end, across)), ink, line)
    for place, way in ((start, 1), (end, -1)):
        draw.line((*at(place, across), *at(place + way * tick, across - tick / 2)), ink, line)
        draw.line((*at(place, across), *at(place + way * tick, across + tick / 2)), ink, line)
    draw.text(at((start + end) / 2, across + tick), f"{int(rng.integers(60, 2400))} mm", ink, font)


def _ordered(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, ...]:
    return (min(one[0], two[0]), min(one[1], two[1]), max(one[0], two[0]), max(one[1], two[1]))


def arrow(canvas: Canvas, rng: Rng) -> None:
    """An arrow, a ring or a hook that points something out."""
    side = min(canvas.size)
    ink = draw_colour(rng)
    line = max(2, round(side * rng.uniform(0.008, 0.03)))
    x, y = (float(rng.uniform(0.1, 0.9)) * v for v in canvas.size)
    reach, turn = side * rng.uniform(0.08, 0.3), rng.uniform(0, 2 * np.pi)
    draw = canvas.draw
    if rng.random() < 0.4:
        draw.ellipse((x - reach / 2, y - reach / 2, x + reach / 2, y + reach / 2), None, ink, line)
        return
    tip = (x + reach * np.cos(turn), y + reach * np.sin(turn))
    draw.line((x, y, *tip), ink, line)
    head = line * 3
    ends = [
        (tip[0] + head * np.cos(turn + a), tip[1] + head * np.sin(turn + a)) for a in (0, 2.4, -2.4)
    ]
    draw.polygon([(float(a), float(b)) for a, b in ends], fill=ink)


def inset(canvas: Canvas, rng: Rng) -> None:
    """A small picture in the picture: a room or another floor, framed; round or square."""
    side = min(canvas.size)
    wide = side * float(rng.uniform(0.18, 0.5))
    tall = wide * float(rng.uniform(0.6, 1.2))
    count = int(rng.choice([1, 1, 1, 2, 3]))
    left, top = _place(canvas, rng, wide, tall)
    room = rng.random() < 0.7
    source = canvas.scene if room else canvas.other
    for number in range(count):
        shape = Image.new("L", canvas.size)
        x = left + number * (wide * 1.08) * (1 if left < canvas.size[0] / 2 else -1)
        box = (x, top, x + wide, top + tall)
        border = side * float(rng.uniform(0.006, 0.03)) if not room or rng.random() < 0.7 else 0.0
        draw = ImageDraw.Draw(shape)
        draw_in = draw.ellipse if rng.random() < 0.25 else draw.rectangle
        if border:
            around = (box[0] - border, box[1] - border, box[2] + border, box[3] + border)
            draw_in(around, fill=255)
            frame = Image.new("RGBA", canvas.size, draw_colour(rng))
            frame.putalpha(shape)
            if rng.random() < 0.3:
                _shadow(canvas, rng, shape)
            canvas.layer.alpha_composite(frame)
            draw.rectangle((0, 0, *canvas.size), fill=0)
        draw_in(box, fill=255)
        small = source.resize((max(8, round(wide)), max(8, round(tall))))
        picture = Image.new("RGBA", canvas.size)
        picture.paste(small, (round(x), round(top)))
        picture.putalpha(shape)
        canvas.layer.alpha_composite(picture)


def panel(canvas: Canvas, rng: Rng) -> None:
    """A room beside the floor, as in a picture made of two, with or without a gap."""
    width, height = canvas.size
    share = float(rng.uniform(0.25, 0.5))
    upright = rng.random() < 0.6
    wide, tall = (width * share, float(height)) if upright else (float(width), height * share)
    near = rng.random() < 0.5
    left, top = (0.0, 0.0) if near else (width - wide, height - tall)
    scene = canvas.scene.resize((max(8, round(wide)), max(8, round(tall))))
    canvas.layer.paste(scene.convert("RGBA"), (round(left), round(top)))
    if rng.random() < 0.5:
        gap = min(canvas.size) * float(rng.uniform(0.008, 0.03))
        length, depth = (width, wide) if upright else (height, tall)
        edge = depth if near else length - depth
        start, end = edge - gap, edge + gap
        box = (start, 0, end, height) if upright else (0, start, width, end)
        canvas.draw.rectangle(box, fill=draw_colour(rng))


def symbol(canvas: Canvas, rng: Rng) -> None:
    """A magnifier, a play button or a cross as pages lay over pictures; a code of squares."""
    side = min(canvas.size)
    size = side * float(rng.uniform(0.07, 0.22))
    left, top = _place(canvas, rng, size, size)
    paint = draw_colour(rng, 1.0 if rng.random() < 0.6 else float(rng.uniform(0.4, 0.9)))
    mark = Image.new("RGBA", canvas.size, (*paint[:3], 0))
    draw = ImageDraw.Draw(mark)
    ink = ink_on(paint, rng)
    box = (left, top, left + size, top + size)
    kind = rng.random()
    line = max(2, round(size * 0.1))
    if kind < 0.3:
        draw.ellipse(box, fill=paint)
        inner = (left + size * 0.3, top + size * 0.3, left + size * 0.6, top + size * 0.6)
        draw.ellipse(inner, outline=ink, width=max(1, line // 2))
        start, end = size * 0.57, size * 0.75
        draw.line((left + start, top + start, left + end, top + end), ink, line)
    elif kind < 0.5:
        draw.ellipse(box, fill=paint)
        ends = [(0.38, 0.28), (0.38, 0.72), (0.74, 0.5)]
        draw.polygon([(left + x * size, top + y * size) for x, y in ends], fill=ink)
    elif kind < 0.7:
        cells = int(rng.integers(11, 30))
        code = (rng.random((cells, cells)) < 0.5).astype(np.uint8) * 255
        small = Image.fromarray(code).convert("RGBA")
        small = small.resize((round(size), round(size)), Image.Resampling.NEAREST)
        around = (left - line, top - line, left + size + line, top + size + line)
        draw.rectangle(around, fill="white")
        mark.paste(small, (round(left), round(top)))
    else:
        draw.line((left, top, left + size, top + size), paint, line)
        draw.line((left + size, top, left, top + size), paint, line)
    canvas.layer.alpha_composite(mark)


def soft_bars(canvas: Canvas, rng: Rng) -> None:
    """Sides filled with the picture itself, enlarged and blurred, or with a run of colours."""
    width, height = canvas.size
    share = float(rng.uniform(0.08, 0.25))
    upright = rng.random() < 0.5
    if rng.random() < 0.6:
        blur = ImageFilter.GaussianBlur(min(canvas.size) * float(rng.uniform(0.03, 0.08)))
        fill = canvas.floor.resize((width // 8, height // 8)).resize(canvas.size).filter(blur)
    else:
        ends = np.array([draw_colour(rng)[:3], draw_colour(rng)[:3]], np.float32)
        run = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        values = ends[0] * (1 - run) + ends[1] * run
        fill = Image.fromarray(np.repeat(values, width, axis=1).astype(np.uint8))
    bars = fill.convert("RGBA")
    hole = Image.new("L", canvas.size, 255)
    box = (
        (width * share, 0, width * (1 - share), height)
        if upright
        else (0, height * share, width, height * (1 - share))
    )
    ImageDraw.Draw(hole).rectangle(box, fill=0)
    bars.putalpha(hole)
    canvas.layer.alpha_composite(bars)


#: Each kind of alteration, and how often it is drawn.
KINDS: tuple[tuple[Callable[[Canvas, Rng], None], float], ...] = (
    (watermark, 0.3),
    (lattice, 0.04),
    (badge, 0.19),
    (caption, 0.12),
    (writing, 0.09),
    (logo, 0.08),
    (ruler, 0.05),
    (arrow, 0.02),
    (inset, 0.04),
    (panel, 0.02),
    (symbol, 0.03),
    (soft_bars, 0.01),
)


def alter(floor: Rgb, other: Rgb, scene: Rgb, rng: Rng) -> Altered:
    """Returns the floor with one to three alterations, and where they are."""
    height, width = floor.shape[:2]
    size = (width * FINE, height * FINE)
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    large = Image.fromarray(floor).resize(size, Image.Resampling.BILINEAR)
    canvas = Canvas(layer, large, Image.fromarray(other), Image.fromarray(scene))
    chances = np.array([chance for _, chance in KINDS])
    for _ in range(int(rng.choice([1, 2, 3], p=[0.68, 0.24, 0.08]))):
        kind = KINDS[int(rng.choice(len(KINDS), p=chances / chances.sum()))][0]
        kind(canvas, rng)
    return compose(floor, canvas.layer)


def compose(floor: Rgb, layer: Image.Image) -> Altered:
    """Returns the floor below a layer, mode RGBA of `FINE` times its size, and the label."""
    values = np.asarray(layer, np.float32)
    alpha = values[..., 3:] / 255
    size = (floor.shape[1], floor.shape[0])
    colour = cv2.resize(values[..., :3] * alpha, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
    mixed = floor * (1 - cover) + colour
    change = np.abs(mixed - floor).max(axis=2)
    label = np.full(floor.shape[:2], UNSURE, np.uint8)
    label[change <= UNSEEN] = FLOOR
    label[(change > SEEN) | (cover[..., 0] > 0.9)] = ALTERED
    # Few pixels of a fine stroke are wholly covered; what is hardly touched beside them is no more.
    label[(cover[..., 0] < 0.08) & (label == ALTERED)] = UNSURE
    return Altered(np.clip(mixed + 0.5, 0, 255).astype(np.uint8), label)


def as_published(rgb: Rgb, rng: Rng) -> Rgb:
    """Returns a picture as JPEG leaves it, mostly."""
    if rng.random() < 0.3:
        return rgb
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=int(rng.integers(50, 97)))
    return np.asarray(Image.open(buffer, formats=["JPEG"]).convert("RGB"))
