"""What stands in a picture file around its pixels, and which Pillow does not tell or chokes on.

Every function reads bytes that anybody may have written: none trusts a length or an offset.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes of text in a PNG that Pillow gets; more is left out. Its own limit is 1 MiB.
MAX_TEXT = 1 << 19
#: Bytes of a colour profile in a PNG; larger ones are ignored. Those of printers have up to 4 MB.
MAX_PROFILE = 1 << 24
#: Pages of a TIFF that are looked at.
MAX_PAGES = 64

_PNG_MARK = b"\x89PNG\r\n\x1a\n"
_PNG_START = len(_PNG_MARK)
_TEXT_WORK = 16 * MAX_TEXT
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt")
# Marks of a JPEG that no length follows: 00 is no mark at all, then TEM, RST0 to RST7 and SOI.
_WITHOUT_LENGTH = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
# TIFF tags (TIFF 6.0; TIFF/EP for raw photos; the DNG specification).
_NEW_SUBFILE, _WIDTH, _HEIGHT, _PHOTOMETRIC, _SUB_PAGES, _DNG = 254, 256, 257, 262, 330, 50706
_CFA, _LINEAR_RAW = 32803, 34892
# Types of TIFF values that hold whole numbers -> code of `struct`: BYTE, SHORT, LONG, IFD, LONG8.
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


# -- PNG -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Png:
    """A PNG that Pillow can open.

    Attributes:
        data: the file without texts and profiles that are too large for Pillow.
        profile: an ICC profile that was taken out of it; None if it is still there, or has none.
    """

    data: bytes
    profile: bytes | None = None


def readable_png(data: bytes) -> Png:
    """Returns a PNG without what Pillow refuses a whole picture for: large texts and profiles.

    Design programs store their history of a picture in its metadata, megabytes of it. Neither here
    nor in Pillow is more unpacked than `MAX_TEXT` of a text and `MAX_PROFILE` of a profile.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition, 11.3.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.images.masks import mask_png
        >>> file = mask_png(np.ones((48, 64), bool))
        >>> readable_png(file).data == file
        True
    """
    parts: list[bytes] = []
    profile, kept_to, room, work = None, 0, MAX_TEXT, _TEXT_WORK
    for start, kind, body, end in png_chunks(data):
        if kind in _PNG_TEXT:
            # Without the second limit thousands of texts would each be unpacked, to be left out.
            size = _text_size(kind, data[body : end - 4]) if work > 0 else MAX_TEXT + 1
            work -= size
            if size <= room:
                room -= size
                continue
        elif kind == b"iCCP":
            chunk = data[body : min(end - 4, body + MAX_PROFILE)]
            unpacked = _unpacked(chunk[chunk.find(b"\0") + 2 :], MAX_PROFILE)
            if unpacked is not None and len(unpacked) <= MAX_TEXT:
                continue
            profile = unpacked
        else:
            continue
        parts.append(data[kept_to:start])
        kept_to = end
    return Png(b"".join([*parts, data[kept_to:]]) if parts else data, profile)


def png_size(data: bytes) -> tuple[int, int] | None:
    """Returns (width, height) in pixels as the head of a PNG says; None if it is none.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition, 11.2.1.

    Example:
        >>> from floorlens.images.masks import mask_png
        >>> png_size(mask_png(np.ones((48, 64), bool)))
        (64, 48)
    """
    if not data.startswith(_PNG_MARK) or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def png_chunks(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yields the start, the type, the start of the body, and the end of each whole chunk.

    The last one, IEND, is left out, and so is what comes after it.

    Example:
        >>> from floorlens.images.masks import mask_png
        >>> [kind for _, kind, _, _ in png_chunks(mask_png(np.ones((48, 64), bool)))]
        [b'IHDR', b'IDAT']
    """
    start = _PNG_START
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        kind, end = data[start + 4 : start + 8], start + 12 + length
        if end > len(data) or kind == b"IEND":
            return
        yield start, kind, start + 8, end
        start = end


def _text_size(kind: bytes, chunk: bytes) -> int:
    """Returns the bytes of a text chunk once unpacked; if it is too large, more than `MAX_TEXT`."""
    key = chunk.find(b"\0")
    packed = None
    if kind == b"zTXt":
        packed = chunk[key + 2 :]
    elif kind == b"iTXt" and chunk[key + 1 : key + 2] == b"\x01":
        # Keyword, flag, method, language, keyword in that language, text.
        packed = chunk[key + 3 :].split(b"\0", 2)[-1]
    if packed is None:
        return len(chunk)
    text = _unpacked(packed, MAX_TEXT)
    return MAX_TEXT + 1 if text is None else max(len(text), len(chunk))


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """Returns deflated bytes unpacked, empty if they are broken; None if more than `most`."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, most)
    except zlib.error:
        return b""
    return None if unpacker.unconsumed_tail else plain


# -- JPEG ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Jpeg:
    """How a JPEG is coded.

    Attributes:
        whole_in_memory: whether a decoder needs all coefficients before it can make a pixel:
            the file is progressive, its components come one after the other, or that is unknown.
        has_end: whether the mark of its end is there.
    """

    whole_in_memory: bool
    has_end: bool


def jpeg_coding(data: bytes) -> Jpeg:
    """Returns how a JPEG is coded.

    Source: ITU-T T.81, annex B.

    Example:
        >>> from pathlib import Path
        >>> jpeg_coding(Path("room.jpg").read_bytes())
        Jpeg(whole_in_memory=False, has_end=True)
    """
    progressive, components, scanned, place = False, 0, 0, 2
    while True:
        # Decoders pass over what stands between two segments.
        place = data.find(b"\xff", place)
        if not 0 <= place <= len(data) - 4:
            place = len(data)
            break
        marker = data[place + 1]
        if marker == 0xFF:
            # Bytes that only fill.
            place += 1
            continue
        if marker in _WITHOUT_LENGTH:
            place += 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        if marker == 0xDA:
            scanned = data[place + 4] if place + 4 < len(data) else 0
            break
        # Frames: C0 to CF but for Huffman tables, extensions and arithmetic tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
            components = data[place + 9] if place + 9 < len(data) else 0
        place += 2 + max(2, length)
    # In the coded data a byte FF is followed by 00: this mark can only be the end of a picture.
    has_end = data.find(b"\xff\xd9", place) >= 0
    return Jpeg(progressive or not 0 < components <= scanned, has_end)


# -- TIFF ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TiffPage:
    """A picture in a TIFF.

    Attributes:
        size: (width, height) in pixels.
        reduced: whether the file says that it is a smaller copy of another one.
        raw: whether it holds what a sensor measured, or belongs to a file that does.
        inner: the pictures that it refers to, which no page of its own shows.
    """

    size: tuple[int, int]
    reduced: bool
    raw: bool
    inner: tuple[TiffPage, ...] = ()


def tiff_pages(data: bytes) -> list[TiffPage]:
    """Returns the first `MAX_PAGES` pages of a TIFF or BigTIFF; those that are broken end the list.

    Source: TIFF 6.0; TIFF/EP (ISO 12234-2) and the DNG specification 1.7 for raw photos.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (64, 48)).save(file, "TIFF")
        >>> tiff_pages(file.getvalue())
        [TiffPage(size=(64, 48), reduced=False, raw=False, inner=())]
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    pages: list[TiffPage] = []
    visited: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        # The mark of Canon's CR2, which has no other sign in its first page.
        canon = data[8:10] == b"CR" and not big
        while offset and offset not in visited and len(pages) < MAX_PAGES:
            visited.add(offset)
            tags, next_offset = _tiff_tags(data, offset, order, big)
            inner = [
                _tiff_page(_tiff_tags(data, place, order, big)[0], ())
                for place in tags.get(_SUB_PAGES, ())[:MAX_PAGES]
            ]
            page = _tiff_page(tags, tuple(inner))
            pages.append(TiffPage(page.size, page.reduced, page.raw or canon, page.inner))
            offset = next_offset
    except (struct.error, OverflowError):
        # A list that ends too early; Pillow says what is wrong with the pages that are needed.
        pass
    return pages


def _tiff_page(tags: dict[int, tuple[int, ...]], inner: tuple[TiffPage, ...]) -> TiffPage:
    def first(tag: int) -> int:
        return next(iter(tags.get(tag, ())), 0)

    raw = first(_PHOTOMETRIC) in (_CFA, _LINEAR_RAW) or _DNG in tags
    return TiffPage((first(_WIDTH), first(_HEIGHT)), bool(first(_NEW_SUBFILE) & 1), raw, inner)


def _tiff_tags(
    data: bytes, offset: int, order: str, big: bool
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Returns the whole numbers of a directory by tag, and the offset of the next directory."""
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    place, entry, inline = (offset + 8, 20, 8) if big else (offset + 2, 12, 4)
    tags: dict[int, tuple[int, ...]] = {}
    for _ in range(min(count, 4096)):
        tag, kind = struct.unpack_from(order + "HH", data, place)
        (number,) = struct.unpack_from(order + ("Q" if big else "I"), data, place + 4)
        if kind in _WHOLE and 0 < number <= MAX_PAGES:
            code = f"{order}{number}{_WHOLE[kind]}"
            where = place + (12 if big else 8)
            if struct.calcsize(code) > inline:
                (where,) = struct.unpack_from(order + ("Q" if big else "I"), data, where)
            tags[tag] = struct.unpack_from(code, data, where)
        place += entry
    (next_offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
    return tags, next_offset


# -- AVIF and HEIC -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColourCode:
    """Which colours the values of a picture mean, by the codes of ITU-T H.273.

    Attributes:
        primaries: 1 is BT.709, 9 BT.2020, 12 Display P3.
        transfer: 13 is that of sRGB, 16 PQ, 18 HLG.
    """

    primaries: int
    transfer: int


def colour_code(data: bytes) -> ColourCode | None:
    """Returns the first description of colours by code in an AVIF or HEIC; None if it has none.

    Source: ISO/IEC 14496-12, ColourInformationBox.

    Example:
        >>> colour_code(b"\\0\\0\\0\\x13colrnclx\\0\\x09\\0\\x10\\0\\x09\\x80")
        ColourCode(primaries=9, transfer=16)
    """
    # It stands in the box of metadata, before the coded picture.
    box = re.search(rb"colrnclx(....)", data[: 1 << 16], re.DOTALL)
    return None if box is None else ColourCode(*struct.unpack(">HH", box[1]))
