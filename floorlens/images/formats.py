"""The formats of pictures that are read: one table, from which messages, lists and checks are made.

Pillow opens many more, some with the help of other programs: it starts Ghostscript for PostScript,
whatever the file is called. So nothing is opened that is not recognised here by its first bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format of pictures.

    Attributes:
        name: for people.
        media_type: as in HTTP's Content-Type.
        suffixes: endings of file names, in lower case, the usual one first.
        pillow: what Pillow calls it; None where another library reads it.
        starts: the first bytes of its files; empty where `format_of` looks further in.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    pillow: str | None
    starts: tuple[bytes, ...] = ()


HEIC = Format("HEIC", "image/heic", (".heic", ".heif", ".hif"), None)
AVIF = Format("AVIF", "image/avif", (".avif",), "AVIF")
WEBP = Format("WebP", "image/webp", (".webp",), "WEBP")
PPM = Format("PPM", "image/x-portable-anymap", (".ppm",), "PPM")
FORMATS = (
    # Pillow's opener of JPEG also opens MPO: several JPEGs in a file, of which the first counts.
    Format("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG", (b"\xff\xd8\xff",)),
    Format("PNG", "image/png", (".png",), "PNG", (b"\x89PNG\r\n\x1a\n",)),
    WEBP,
    HEIC,
    AVIF,
    Format(
        *("TIFF", "image/tiff", (".tif", ".tiff"), "TIFF"),
        (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ),
    Format("BMP", "image/bmp", (".bmp",), "BMP", (b"BM",)),
    Format("GIF", "image/gif", (".gif",), "GIF", (b"GIF87a", b"GIF89a")),
    Format(
        *("JPEG 2000", "image/jp2", (".jp2",), "JPEG2000"),
        (b"\x00\x00\x00\x0cjP  \r\n", b"\xffO\xffQ"),
    ),
    PPM,
)
#: Endings of the files that are read, in lower case.
SUFFIXES = frozenset(suffix for one in FORMATS for suffix in one.suffixes)
#: `formats=` of every `Image.open`: without it Pillow would open whatever it knows.
PILLOW_FORMATS = tuple(one.pillow for one in FORMATS if one.pillow is not None)
#: The formats as a part of a sentence.
NAMES = ", ".join(one.name for one in FORMATS[:-1]) + f" or {FORMATS[-1].name}"

_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
)
# Of Fujifilm, Panasonic, Olympus, Sigma and Minolta. Those of other makers are TIFF files.
_RAW_STARTS = (*(b"FUJIFILMCCD-RAW", b"IIU\x00", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\x00MRM"),)
_MARK = b"\xef\xbb\xbf"


def format_of(data: bytes) -> Format | None:
    """Returns the format of a picture by its first bytes, of which 64 are enough.

    Returns None for what is not read.

    Example:
        >>> from pathlib import Path
        >>> format_of(Path("room.jpg").read_bytes()).name
        'JPEG'
        >>> format_of(b"%!PS-Adobe-3.0 EPSF-3.0")
    """
    if data[4:8] == b"ftyp":
        # AVIF may call itself mif1 first and avif among its compatible brands.
        if data[8:12] in (b"avif", b"avis") or b"avif" in data[8:64]:
            return AVIF
        return HEIC if data[8:12] in _HEIF_BRANDS else None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6") and data[2:3] in b" \t\r\n#":
        return PPM if len(data) > 2 else None
    return next((one for one in FORMATS if one.starts and data.startswith(one.starts)), None)


def media_type(data: bytes) -> str | None:
    """Returns the media type of a picture by its first bytes; None for what is not read.

    Example:
        >>> media_type(b"GIF89a"), media_type(b"%PDF-1.7")
        ('image/gif', None)
    """
    one = format_of(data)
    return None if one is None else one.media_type


def is_raw(data: bytes) -> bool:
    """Returns whether a file is a raw photo by its first bytes; those in TIFF files are not seen.

    Example:
        >>> is_raw(b"FUJIFILMCCD-RAW 0201")
        True
    """
    return data.startswith(_RAW_STARTS) or data[4:12] == b"ftypcrx "


def without_mark(data: bytes) -> bytes:
    """Returns a picture's bytes without a byte-order mark or blank lines before them.

    Faulty scripts of shops write those before every file that they send.

    Example:
        >>> without_mark(b"\\n\\xff\\xd8\\xff")
        b'\\xff\\xd8\\xff'
    """
    head = data[:64]
    if format_of(head) is not None:
        return data
    rest = head.lstrip(b" \t\r\n").removeprefix(_MARK).lstrip(b" \t\r\n")
    return data[len(head) - len(rest) :] if format_of(rest) is not None else data
