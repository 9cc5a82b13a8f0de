"""Pictures for people: a mask on a photo, patches side by side, small JPEGs for pages."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from floorlens.errors import UsageError
from floorlens.images.colour import lab_to_srgb
from floorlens.images.shapes import shrink

#: The colour of a mask's outline, sRGB.
OUTLINE = np.array([0, 224, 255], dtype=np.uint8)
_PAPER, _INK = (255, 255, 255), (31, 35, 40)

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
"""How the name of a written picture ends."""


def overlay(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns the photo, uint8 (h, w, 3) sRGB, dark outside the mask and with the mask outlined.

    Args:
        pixels: uint8 (h, w, 3) sRGB; not changed.
        mask: bool (h, w), True on floor.

    Raises:
        ValueError: mask and photo differ in size.

    Example:
        >>> pixels = np.full((60, 80, 3), 200, np.uint8)
        >>> mask = np.zeros((60, 80), bool)
        >>> mask[30:] = True
        >>> overlay(pixels, mask)[[0, 59], 0].tolist()
        [[70, 70, 70], [200, 200, 200]]
    """
    if mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask {mask.shape} and photo {pixels.shape[:2]} differ in size")
    picture = pixels.copy()
    outside = ~mask
    # Dark and nearly grey, so that the floor keeps the only true colours of the picture.
    grey = pixels[outside].mean(axis=-1, keepdims=True)
    picture[outside] = (0.35 * (0.4 * pixels[outside] + 0.6 * grey)).astype(np.uint8)
    picture[_outline(mask, max(1, round(max(mask.shape) / 400)))] = OUTLINE
    return picture


def picture_file(pixels: NDArray[np.uint8], path: Path, max_side: int) -> Path:
    """Writes a JPEG without metadata and returns its path.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        path: where to write; its folder is made if absent.
        max_side: the longer side in pixels that it is shrunk to; never enlarged.

    Raises:
        ValueError: `max_side` is below 1.

    Example:
        >>> from pathlib import Path
        >>> picture_file(np.zeros((480, 640, 3), np.uint8), Path("pictures/room.jpg"), 200).name
        'room.jpg'
    """
    picture = _shrunk(pixels, max_side)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=86, optimize=True)
    return path


def picture_uri(pixels: NDArray[np.uint8], max_side: int) -> str:
    """Returns a JPEG without metadata as a `data:` address, which needs no file beside the page.

    Args:
        pixels: uint8 (h, w, 3) sRGB.
        max_side: the longer side in pixels that it is shrunk to; never enlarged.

    Raises:
        ValueError: `max_side` is below 1.

    Example:
        >>> picture_uri(np.zeros((480, 640, 3), np.uint8), 96)[:23]
        'data:image/jpeg;base64,'
    """
    data = io.BytesIO()
    _shrunk(pixels, max_side).save(data, "JPEG", quality=86, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def _shrunk(pixels: NDArray[np.uint8], max_side: int) -> Image.Image:
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return picture


def picture_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Returns a uint8 (h, w, 3) sRGB picture as the bytes of a PNG, compressed quickly.

    Example:
        >>> picture_bytes(np.zeros((48, 64, 3), np.uint8))[:4]
        b'\\x89PNG'
    """
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def jpeg_bytes(pixels: NDArray[np.uint8], quality: int = 88) -> bytes:
    """Returns a uint8 (h, w, 3) sRGB picture as the bytes of a JPEG.

    Example:
        >>> jpeg_bytes(np.zeros((48, 64, 3), np.uint8))[:2]
        b'\\xff\\xd8'
    """
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def save_picture(pixels: NDArray[np.uint8], path: Path) -> None:
    """Writes a picture; the ending of its name says in which format.

    Args:
        pixels: uint8 (h, w, 3) sRGB, or (h, w) grey.
        path: where to write; its folder is made if absent.

    Raises:
        UsageError: the file cannot be written, or its ending names no picture format.

    Example:
        >>> from pathlib import Path
        >>> save_picture(np.zeros((48, 64, 3), np.uint8), Path("pictures/black.png"))
    """
    if path.suffix.lower() not in PICTURE_ENDINGS:
        raise UsageError(f"{path}: name the picture {', '.join(PICTURE_ENDINGS)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be written as a picture") from error


def side_by_side(
    rows: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8], str]],
    titles: tuple[str, str],
    palettes: tuple[NDArray[np.floating], NDArray[np.floating]],
    differences: Sequence[str],
    side: int = 240,
) -> NDArray[np.uint8]:
    """Returns rows of two pictures and a text, and below them two palettes: uint8 (h, w, 3) sRGB.

    Args:
        rows: left picture, right picture, each uint8 (s, s, 3) sRGB, and what to write beside them.
        titles: of the left and the right column.
        palettes: CIELAB colours (k, 3) of the left and the right column.
        differences: k texts, each for a colour of the left and that of the right.
        side: of a picture in pixels.

    Example:
        >>> grey = np.full((160, 160, 3), 128, np.uint8)
        >>> lab = np.array([[54.0, 0, 0]])
        >>> side_by_side([(grey, grey, "1.00")], ("floor", "oak"), (lab, lab), ["0.0"], 100).shape
        (160, 285, 3)
    """
    gap, line, strip = side // 20, side // 5, side // 4
    text_width = max(line, side * 7 // 10)
    width, right = 3 * gap + 2 * side + text_width, 2 * gap + side
    count = len(differences)
    height = line + len(rows) * (side + gap) + count * (strip + gap)
    sheet = Image.new("RGB", (width, height + gap), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(max(10, side // 14))

    def write(x: int, y: int, text: str) -> None:
        draw.text((x, y), text, fill=_INK, font=font, anchor="lm")

    for x, title in zip((gap, right), titles, strict=True):
        write(x, line // 2, _shortened(title, font, side))
    top = line
    for left_picture, right_picture, text in rows:
        for x, pixels in ((gap, left_picture), (right, right_picture)):
            picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(picture, (x, top))
        write(right + side + gap, top + side // 2, text)
        top += side + gap
    for left_colour, right_colour, text in zip(*palettes, differences, strict=True):
        for x, lab in ((gap, left_colour), (right, right_colour)):
            colour = tuple(lab_to_srgb(lab).tolist())
            draw.rectangle((x, top, x + side - 1, top + strip - 1), fill=colour)
        write(right + side + gap, top + strip // 2, text)
        top += strip + gap
    return np.asarray(sheet)


def one_above_other(
    columns: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], side: int = 240
) -> NDArray[np.uint8]:
    """Returns pairs of pictures as columns of one, without gaps: uint8 (2 side, n side, 3) sRGB.

    Args:
        columns: upper and lower picture, each uint8 (s, s, 3) sRGB; without any, one blank column.
        side: of a picture in pixels.

    Example:
        >>> grey = np.full((160, 160, 3), 128, np.uint8)
        >>> one_above_other([(grey, grey)] * 3, 100).shape
        (200, 300, 3)
    """
    sheet = Image.new("RGB", (max(1, len(columns)) * side, 2 * side), _PAPER)
    for number, pair in enumerate(columns):
        for row, pixels in enumerate(pair):
            picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(picture, (number * side, row * side))
    return np.asarray(sheet)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _outline(mask: NDArray[np.bool_], thickness: int) -> NDArray[np.bool_]:
    """Returns the mask's outermost `thickness` pixels: bool (h, w). The frame is no edge."""
    core = mask
    for _ in range(thickness):
        core = shrink(core)
    return mask & ~core
