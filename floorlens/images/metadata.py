"""What cameras and programs write beside the pixels of a picture, taken out of the file.

A photo says where and when it was taken, with which camera, and often shows in a thumbnail what was
cut off. Nothing of that is stored. Every function reads bytes that anybody may have written: none
trusts a length or an offset.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from floorlens.errors import ImageError
from floorlens.images.containers import jpeg_coding, png_chunks, readable_png
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.formats import AVIF, HEIC, WEBP, format_of, without_mark
from floorlens.images.loading import MAX_MEGAPIXELS, orientation_of

# -- JPEG: ITU-T T.81, annex B -------------------------------------------------------------------
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOS, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
# Tables, frames and scans: what a decoder needs. The rest is APPn, comments, and what is reserved.
_OF_PIXELS = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xE0))) - {0xC8, 0xD9}
_EXIF, _XMP, _PROFILE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
# -- PNG, third edition, 11.2 and 11.3 -----------------------------------------------------------
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_OF_PIXELS = frozenset(
    (
        *(b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"acTL", b"fcTL", b"fdAT"),
        *(b"cHRM", b"cICP", b"cLLI", b"gAMA", b"iCCP", b"mDCV", b"sBIT", b"sRGB", b"pHYs"),
    )
)
_PNG_TEXT = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
# -- WebP container specification ----------------------------------------------------------------
_WEBP_OF_PIXELS = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_FRAME_HEADER = 16


def without_metadata(
    data: bytes, *, max_megapixels: float = MAX_MEGAPIXELS, seconds: float = PICTURE_SECONDS
) -> bytes:
    """Returns a picture's file without EXIF, GPS, XMP, IPTC, comments, thumbnails, other pictures.

    JPEG, PNG and WebP keep their coded pixels, byte for byte, and their colour profile; if EXIF
    turns them, a new EXIF says only that. They are not decoded: a damaged file stays damaged.
    Others are decoded, turned upright and brought to sRGB: HEIC and AVIF become JPEG, unless
    parts of them are transparent, all others PNG. What was more than half transparent is wholly so.

    Args:
        data: the bytes of a file.
        max_megapixels: a larger picture that must be decoded is refused.
        seconds: that decoding it may take.

    Raises:
        ImageError: it is no picture, or must be decoded and cannot be.
        ImageTooLarge, ImageTimeout: it exceeds a limit.
        MissingDependency: a HEIC picture without the extra `[heif]`.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (64, 48)).save(file, "JPEG", comment="taken at home")
        >>> b"home" in without_metadata(file.getvalue())
        False
    """
    data = without_mark(data)
    kind = format_of(data)
    if kind is None:
        raise ImageError("the picture is of no format that can be read")
    if kind.pillow == "JPEG":
        return _plain_jpeg(data)
    if kind.pillow == "PNG":
        return _plain_png(data)
    if kind is WEBP:
        return _plain_webp(data)
    photo = decode_photo(
        data,
        # Never smaller than it is.
        working_side=1 << 24,
        max_megapixels=max_megapixels,
        seconds=seconds,
        name="the picture",
    )
    image = Image.fromarray(photo.pixels)
    file = io.BytesIO()
    if photo.opaque is not None:
        image.putalpha(Image.fromarray(photo.opaque.astype(np.uint8) * 255))
        image.save(file, "PNG")
    elif kind in (HEIC, AVIF):
        image.save(file, "JPEG", quality=95, subsampling=0)
    else:
        image.save(file, "PNG")
    return file.getvalue()


def _plain_jpeg(data: bytes) -> bytes:
    parts: list[bytes] = []
    jfif: bytes = b""
    info: dict[str, bytes] = {}
    scanned = False
    for marker, body, coded in _segments(data):
        scanned = scanned or marker == _SOS
        if marker in _OF_PIXELS or (marker == _APP14 and body.startswith(b"Adobe")):
            parts.append(_segment(marker, body) + coded)
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14 and not jfif:
            # Its last two bytes are the size of a thumbnail.
            jfif = _segment(marker, body[:12] + b"\0\0")
        elif marker == _APP2 and body.startswith(_PROFILE):
            parts.append(_segment(marker, body))
        elif marker == _APP1 and not scanned:
            _note_app1(info, body)
    end = _EOI if jpeg_coding(data).has_end else b""
    turn = _exif(_orientation(info))
    note = _segment(_APP1, _EXIF + turn) if turn else b""
    return b"".join((_SOI, jfif, note, *parts, end))


def _note_app1(info: dict[str, bytes], body: bytes) -> None:
    """Adds what an APP1 says in the way in which Pillow reads it."""
    if body.startswith(_EXIF):
        info["exif"] = info["exif"] + body[len(_EXIF) :] if "exif" in info else body
    elif body.startswith(_XMP):
        info["xmp"] = body.split(b"\0", 1)[1]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields marker, body, and coded data after it (of a scan) up to the end of the picture."""
    place = 2
    while True:
        place = data.find(b"\xff", place)
        if not 0 <= place < len(data) - 3:
            return
        marker = data[place + 1]
        if marker == 0xFF:
            # Bytes that only fill.
            place += 1
            continue
        if marker == _EOI[1]:
            return
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            # No length follows these.
            place += 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + max(2, length)
        body = data[place + 4 : end]
        place = end
        coded = b""
        if marker == _SOS:
            place = _end_of_scan(data, end)
            coded = data[end:place]
        yield marker, body, coded


def _end_of_scan(data: bytes, place: int) -> int:
    """Returns where the next marker is that is no part of coded data."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            return len(data)
        following = data[place + 1]
        if following == 0xFF:
            place += 1
        elif following == 0x00 or 0xD0 <= following <= 0xD7:
            place += 2
        else:
            return place


def _plain_png(data: bytes) -> bytes:
    parts = [_PNG_START]
    end = len(_PNG_START)
    turn = _exif(_png_orientation(readable_png(data).data))
    for start, kind, _, end in png_chunks(data):
        if kind in _PNG_OF_PIXELS:
            parts.append(data[start:end])
        if kind == b"IHDR" and turn:
            parts.append(_chunk(b"eXIf", turn))
            turn = b""
    if data[end + 4 : end + 8] == b"IEND":
        parts.append(_chunk(b"IEND", b""))
    elif data[end + 4 : end + 8] in _PNG_OF_PIXELS:
        # A file that was cut off.
        parts.append(data[end:])
    return b"".join(parts)


def _png_orientation(data: bytes) -> int:
    """Returns what Pillow reads of the texts of a PNG, without a pixel of it."""
    notes = [data[start:end] for start, kind, _, end in png_chunks(data) if kind in _PNG_TEXT]
    if not notes:
        return 1
    pixel = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    coded = _chunk(b"IDAT", zlib.compress(b"\0\0"))
    file = b"".join((_PNG_START, pixel, *notes, coded, _chunk(b"IEND", b"")))
    try:
        with Image.open(io.BytesIO(file), formats=["PNG"]) as image:
            return orientation_of(image)
    except (OSError, SyntaxError, ValueError):
        # Nor can the picture itself be opened with such texts.
        return 1


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _plain_webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    chunks = list(_webp_chunks(data[12 : 8 + size]))
    flags = next((body[0] for kind, body in chunks if kind == b"VP8X" and body), 0)
    info: dict[str, bytes] = {}
    # As libwebp does, which looks for them only where the flags say so.
    for kind, name, flag in ((b"EXIF", "exif", _WEBP_EXIF), (b"XMP ", "xmp", _WEBP_XMP)):
        body = next((body for kind_, body in chunks if kind_ == kind), None)
        if body is not None and flags & flag:
            info[name] = body
    turn = _exif(_orientation(info))
    parts = []
    for kind, body in chunks:
        if kind == b"VP8X" and body:
            others = flags & ~(_WEBP_EXIF | _WEBP_XMP)
            parts.append((kind, bytes((others | (_WEBP_EXIF if turn else 0),)) + body[1:]))
        elif kind == b"ANMF":
            frame = b"".join(
                _webp_chunk(*part)
                for part in _webp_chunks(body[_FRAME_HEADER:])
                if part[0] in _WEBP_OF_PIXELS
            )
            parts.append((kind, body[:_FRAME_HEADER] + frame))
        elif kind in _WEBP_OF_PIXELS:
            parts.append((kind, body))
    if turn:
        parts.append((b"EXIF", turn))
    plain = b"WEBP" + b"".join(_webp_chunk(*part) for part in parts)
    return b"RIFF" + struct.pack("<I", len(plain)) + plain


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields type and body of each chunk; the last one may be cut off."""
    place = 0
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        yield data[place : place + 4], data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _orientation(info: dict[str, bytes]) -> int:
    """Returns the orientation that Pillow takes from a file with these notes."""
    shell = Image.new("L", (1, 1))
    shell.info.update(info)
    return orientation_of(shell)


def _exif(orientation: int) -> bytes:
    """Returns EXIF data that hold an orientation and nothing else; empty if it turns nothing."""
    if orientation == 1:
        return b""
    # Big-endian, the directory at 8: one entry (tag, SHORT, one value, left in its four bytes).
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
