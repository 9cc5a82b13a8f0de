"""Sample products as shops alter them: bars, badges, captions, rulers, logos, writing.

Drawn here by plain recipes, not by those that the network was trained on (`training/products`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.products.made_pictures import SAMPLES, SIDE, WHITE, Composed, floor, saved

Paint = tuple[int, ...]
RED, INK = (205, 25, 45), (25, 25, 25)


def barred(texture: Image.Image, *bars: tuple[str, float, Paint]) -> Composed:
    """The texture with bars of a colour added, one after the other; `share` is of its height."""
    picture, mask = texture, Image.new("L", texture.size, 255)
    for side, share, paint in bars:
        wide, tall = picture.size
        bar = round(share * SIDE)
        across = side in ("left", "right")
        size = (wide + bar, tall) if across else (wide, tall + bar)
        at = (bar if side == "left" else 0, bar if side == "top" else 0)
        larger, larger_mask = Image.new("RGB", size, paint), Image.new("L", size, 0)
        larger.paste(picture, at)
        larger_mask.paste(mask, at)
        picture, mask = larger, larger_mask
    return saved(picture), np.asarray(mask) > 127


def both(one: str, two: str, share: float, paint: Paint) -> tuple[tuple[str, float, Paint], ...]:
    return ((one, share, paint), (two, share, paint))


def captioned_bar(texture: Image.Image) -> Composed:
    pixels, mask = barred(texture, ("bottom", 0.2, WHITE))
    picture = Image.fromarray(pixels)
    font = ImageFont.load_default(34)
    ImageDraw.Draw(picture).text((30, SIDE + 40), "Walnut plank 4021", fill=INK, font=font)
    return saved(picture), mask


def overlaid(draw: Callable[[ImageDraw.ImageDraw], object]) -> Callable[[Image.Image], Composed]:
    """A maker of the texture with RGBA drawn over it, and the mask of what is left."""

    def make(texture: Image.Image) -> Composed:
        layer = Image.new("RGBA", texture.size, (0, 0, 0, 0))
        draw(ImageDraw.Draw(layer))
        return composed(texture, layer)

    return make


def composed(texture: Image.Image, layer: Image.Image) -> Composed:
    picture = Image.alpha_composite(texture.convert("RGBA"), layer).convert("RGB")
    return saved(picture), np.asarray(layer)[..., 3] < 40


def starburst(on: ImageDraw.ImageDraw) -> None:
    angles = np.arange(32) * np.pi / 16
    radii = np.where(np.arange(32) % 2 == 0, 80, 64)
    turns = zip(radii, angles, strict=True)
    ends = [(110 + r * math.cos(a), 520 + r * math.sin(a)) for r, a in turns]
    on.polygon(ends, fill=(250, 210, 20, 255))
    on.text((64, 500), "NEU", fill=(*INK, 255), font=ImageFont.load_default(44))


def disc(on: ImageDraw.ImageDraw) -> None:
    on.ellipse((440, 30, 610, 200), fill=(*RED, 255))
    on.text((470, 90), "-30%", fill=WHITE, font=ImageFont.load_default(46))


def caption(on: ImageDraw.ImageDraw) -> None:
    on.rectangle((0, 540, 640, 640), fill=(20, 20, 20, 170))
    on.text((24, 566), "Oak Nature, 14 mm", fill=WHITE, font=ImageFont.load_default(40))


def corner_logo(on: ImageDraw.ImageDraw) -> None:
    on.rounded_rectangle((20, 20, 190, 90), 12, fill=(20, 80, 160, 255))
    on.text((40, 32), "FLORA", fill=WHITE, font=ImageFont.load_default(40))


def ruler(on: ImageDraw.ImageDraw) -> None:
    on.rectangle((0, 0, 640, 44), fill=(250, 235, 150, 255))
    for number in range(41):
        on.line((number * 16, 0, number * 16, 24 if number % 5 == 0 else 12), fill=INK, width=2)
        if number % 5 == 0:
            on.text((number * 16 + 3, 20), str(number), fill=INK, font=ImageFont.load_default(18))


def written(
    size: int, opacity: int, angle: float, paint: Paint
) -> Callable[[Image.Image], Composed]:
    """See-through writing all over."""

    def make(texture: Image.Image) -> Composed:
        layer = Image.new("RGBA", (960, 960), (*paint, 0))
        on, font = ImageDraw.Draw(layer), ImageFont.load_default(size)
        for row, y in enumerate(range(0, 960, round(size * 2.4))):
            for x in range(-200 + (row % 2) * 130, 960, 7 * size):
                on.text((x, y), "specimen", fill=(*paint, opacity), font=font)
        turned = layer.rotate(angle, Image.Resampling.BICUBIC).crop((160, 160, 800, 800))
        return composed(texture, turned)

    return make


def picture_in_picture(texture: Image.Image) -> Composed:
    """A room of the samples in a white frame in a corner."""
    room = Image.open(SAMPLES / "rooms" / "living-oak-sun.jpg").convert("RGB").resize((210, 158))
    layer = Image.new("RGBA", texture.size, (0, 0, 0, 0))
    shade = Image.new("L", texture.size)
    ImageDraw.Draw(shade).rectangle((24, 430, 256, 610), fill=120)
    layer.putalpha(shade.filter(ImageFilter.GaussianBlur(5)))
    on = ImageDraw.Draw(layer)
    on.rectangle((20, 430, 250, 608), fill=(255, 255, 255, 255))
    layer.paste(room.convert("RGBA"), (30, 440))
    return composed(texture, layer)


BARS: dict[str, Callable[[Image.Image], Composed]] = {
    "white, above and below": lambda t: barred(t, *both("top", "bottom", 0.18, WHITE)),
    "pale grey, left and right": lambda t: barred(t, *both("left", "right", 0.3, (238,) * 3)),
    "black, above and below": lambda t: barred(t, *both("top", "bottom", 0.12, (0, 0, 0))),
    "blue, below": lambda t: barred(t, ("bottom", 0.1, (30, 60, 120))),
    "sand, on three sides": lambda t: barred(
        t, *both("left", "right", 0.1, (226, 205, 170)), ("top", 0.1, (226, 205, 170))
    ),
    "white all round, in black": lambda t: barred(
        t,
        *both("left", "right", 0.05, WHITE),
        *both("top", "bottom", 0.05, WHITE),
        *both("top", "bottom", 0.1, (0, 0, 0)),
    ),
    "of two colours": lambda t: barred(
        t, ("top", 0.1, (20, 20, 20)), ("bottom", 0.1, (200, 30, 30))
    ),
    "with writing on it": captioned_bar,
}
WIDE: dict[str, Callable[[Image.Image], Composed]] = {
    "a disc": overlaid(disc),
    "a starburst": overlaid(starburst),
    "a see-through caption": overlaid(caption),
    "a logo in a corner": overlaid(corner_logo),
    "a ruler": overlaid(ruler),
    "a picture in the picture": picture_in_picture,
}
STROKES: dict[str, Callable[[Image.Image], Composed]] = {
    "white writing": written(52, 130, 24, WHITE),
    "small white writing": written(34, 150, -30, WHITE),
    "black writing": written(60, 110, 0, (0, 0, 0)),
}


def plain_floor(name: str) -> NDArray[np.uint8]:
    """The texture as a shop would publish it."""
    return saved(floor(name))
