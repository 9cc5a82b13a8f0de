"""Broken pictures: small ones of every format that is read, changed in the ways files break.

`mutated(number)` is the same at every call, on every machine with the same libraries.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

HEIC = Path(__file__).resolve().parents[1] / "images" / "heic"
# Lengths, sizes and offsets that programs stumble over.
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@cache
def originals() -> dict[str, bytes]:
    """Returns name -> a valid file; a name begins with that of the format."""
    rng = np.random.default_rng(0)
    across, down = np.linspace(0, 200, 48)[None, :, None], np.linspace(0, 55, 40)[:, None, None]
    values = across * [1, 0.6, 0.3] + down + rng.normal(0, 6, (40, 48, 1))
    rgb = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    clear = rgb.convert("RGBA")
    clear.putalpha(rgb.convert("L"))
    grey, palette, other = rgb.convert("L"), rgb.quantize(32), rgb.rotate(180)
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    floats = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<x/>" * 200, zip=True)
    info.add_text("Comment", "floor " * 50, zip=True)
    more = {"save_all": True, "append_images": [other]}
    files = {
        "JPEG": _encoded(rgb, "JPEG", exif=exif),
        "JPEG: progressive": _encoded(rgb, "JPEG", progressive=True, icc_profile=profile),
        "JPEG: CMYK": _encoded(rgb.convert("CMYK"), "JPEG"),
        "JPEG: grey": _encoded(grey, "JPEG"),
        "JPEG: MPO": _encoded(rgb, "MPO", **more),
        "PNG": _encoded(rgb, "PNG", pnginfo=info, exif=exif),
        "PNG: clear": _encoded(clear, "PNG", icc_profile=profile),
        "PNG: palette": _encoded(palette, "PNG", transparency=3),
        "PNG: wide": _encoded(wide, "PNG"),
        "PNG: animated": _encoded(rgb, "PNG", **more),
        "WebP": _encoded(rgb, "WEBP", exif=exif),
        "WebP: lossless": _encoded(clear, "WEBP", lossless=True, icc_profile=profile),
        "WebP: animated": _encoded(clear, "WEBP", **more),
        "AVIF": _encoded(rgb, "AVIF", exif=exif),
        "AVIF: clear": _encoded(clear, "AVIF"),
        "TIFF": _encoded(rgb, "TIFF", exif=exif),
        "TIFF: pages": _encoded(rgb.resize((24, 20)), "TIFF", save_all=True, append_images=[rgb]),
        "TIFF: wide": _encoded(wide, "TIFF"),
        "TIFF: floats": _encoded(floats, "TIFF"),
        "TIFF: Lab": _encoded(rgb.convert("LAB"), "TIFF"),
        "BMP": _encoded(rgb, "BMP"),
        "BMP: palette": _encoded(palette, "BMP"),
        "BMP: clear": _encoded(clear, "BMP"),
        "GIF": _encoded(palette, "GIF", **more),
        "JPEG 2000": _encoded(rgb, "JPEG2000"),
        "JPEG 2000: clear": _encoded(clear, "JPEG2000"),
        "PPM": _encoded(rgb, "PPM"),
        "PPM: wide": _encoded(wide, "PPM"),
        "PPM: text": b"P3 16 16 255\n" + b" 120 90 60" * 256,
        "PPM: bits": b"P4 24 20\n" + bytes(range(60)),
    }
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        files[f"TIFF: {compression}"] = _encoded(rgb, "TIFF", compression=compression)
    files["TIFF: group4"] = _encoded(rgb.convert("1"), "TIFF", compression="group4")
    files |= {f"HEIC: {path.stem}": path.read_bytes() for path in sorted(HEIC.glob("*.heic"))}
    return files


def mutated(number: int) -> tuple[str, bytes]:
    """Returns the name of an original, and its bytes with 1 to 6 changes."""
    rng = np.random.default_rng([13, number])
    names = sorted(originals())
    # All formats by turns: some have more originals than others.
    formats = sorted({name.split(":")[0] for name in names})
    own = [name for name in names if name.split(":")[0] == formats[number % len(formats)]]
    name = own[int(rng.integers(len(own)))]
    data = bytearray(originals()[name])
    for _ in range(int(rng.integers(1, 7))):
        if data:
            change = CHANGES[int(rng.integers(len(CHANGES)))]
            change(data, rng)
    if name.startswith("PNG") and rng.random() < 0.7:
        # With its sums right again, so that the damage gets past the first check.
        data = _summed_png(data)
    return name, bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Returns an offset, every second time among the first 200: headers lie there."""
    most = min(200, len(data)) if rng.random() < 0.5 else len(data)
    return int(rng.integers(max(1, most)))


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 9))):
        data[_place(data, rng)] = int(rng.integers(256))


def _flip_bit(data: bytearray, rng: np.random.Generator) -> None:
    data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _number(data: bytearray, rng: np.random.Generator) -> None:
    code = "><"[int(rng.integers(2))] + "BHI"[int(rng.integers(3))]
    place, size = _place(data, rng), struct.calcsize(code)
    value = NUMBERS[int(rng.integers(len(NUMBERS)))] & ((1 << 8 * size) - 1)
    data[place : place + size] = struct.pack(code, value)


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[_place(data, rng) :]


def _leave_out(data: bytearray, rng: np.random.Generator) -> None:
    start = _place(data, rng)
    del data[start : start + int(rng.integers(1, 64))]


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    start, where = _place(data, rng), _place(data, rng)
    data[where:where] = data[start : start + int(rng.integers(1, 512))] * int(rng.integers(1, 5))


def _insert(data: bytearray, rng: np.random.Generator) -> None:
    where = _place(data, rng)
    data[where:where] = rng.integers(0, 256, int(rng.integers(1, 64)), np.uint8).tobytes()


def _splice(data: bytearray, rng: np.random.Generator) -> None:
    """The rest of another file."""
    files = sorted(originals().items())
    other = files[int(rng.integers(len(files)))][1]
    data[_place(data, rng) :] = other[int(rng.integers(len(other))) :]


CHANGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    *(_flip, _flip_bit, _number, _number, _cut, _leave_out, _repeat, _insert, _splice),
)


def _summed_png(data: bytearray) -> bytearray:
    start = 8
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            break
        data[end - 4 : end] = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
        start = end
    return data
