"""Reading pictures: what a user hands over becomes upright uint8 sRGB of a bounded size."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from floorlens.errors import ImageError, ImageTooLarge, MissingDependency

WORKING_SIDE = 1280
MAX_MEGAPIXELS = 120.0
MIN_SIDE = 16
SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"),
        *("heic", "heif", "jp2", "ppm"),
    )
)
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
)
_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    **dict.fromkeys((b"GIF87a", b"GIF89a"), "image/gif"),
    **dict.fromkeys((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), "image/tiff"),
    b"BM": "image/bmp",
    **dict.fromkeys((b"\x00\x00\x00\x0cjP  \r\n", b"\xffO\xffQ"), "image/jp2"),
    **dict.fromkeys((b"P5", b"P6"), "image/x-portable-anymap"),
}
PhotoSource = str | Path | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8]
"""What `load_photo` takes: a path, the bytes of a file, a PIL image, or a (h, w, 3) RGB array."""
# What Pillow's decoders raise on files that do not keep to their format.
DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(AttributeError, OverflowError, RuntimeError, ZeroDivisionError, struct.error, zlib.error),
)
# EXIF orientation -> name of the `PIL.Image.Transpose` that makes it upright.
_TURNS = {
    **{2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"},
    **{6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"},
}
# Python's warning filters are process-wide; without the lock two threads could restore each
# other's. The window is the parsing of a header.
_WARNINGS = threading.Lock()


@dataclass(frozen=True)
class Photo:
    """A decoded picture.

    Attributes:
        pixels: uint8 (h, w, 3), sRGB, upright, longer side at most the working size.
        size: (width, height) of the picture itself, upright, in pixels.
        content_hash: SHA-256 of the file's bytes (of the pixels for an array), hexadecimal.
        opaque: bool (h, w), True where the picture is not transparent; None: all of it.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    content_hash: str
    opaque: NDArray[np.bool_] | None = None


def load_photo(
    source: PhotoSource,
    *,
    working_side: int = WORKING_SIDE,
    max_megapixels: float = MAX_MEGAPIXELS,
    name: str | None = None,
) -> Photo:
    """Returns the picture behind a path, bytes, a PIL image or a uint8 (h, w, 3) RGB array.

    The picture is turned upright by its EXIF orientation, laid on white where it is transparent,
    converted to sRGB from an embedded colour profile, and from 16-bit grey to 8. Of an animation
    the first frame is taken. A JPEG is decoded at the smallest scale that still covers
    `working_side`.

    Args:
        source: the picture.
        working_side: the longer side in pixels that it is shrunk to; it is never enlarged.
        max_megapixels: a larger picture is refused, before its pixels are decoded.
        name: what errors call the picture; by default its path.

    Raises:
        ImageError: missing, a folder, empty, not an image, truncated, under 16 pixels a side, or
            transparent all over.
        ImageTooLarge: more than `max_megapixels`.
        MissingDependency: a HEIC picture without the extra `[heif]`.

    Example:
        >>> photo = load_photo("room.jpg")
        >>> photo.pixels.shape, photo.size
        ((768, 1024, 3), (1024, 768))
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, working_side, max_megapixels)
    if isinstance(source, Image.Image):
        return _from_pil(source, name or "the image", working_side, max_megapixels)
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), name or "the image"
    elif isinstance(source, str) and is_address(source):
        raise ImageError(f"{shown_address(source)} {explain_fetching(source)}")
    elif isinstance(source, str | Path):
        data, name = read_bytes(Path(source)), name or str(source)
    else:
        raise ImageError(
            f"cannot read an image from {type(source).__name__}: give a path, bytes, a PIL image "
            "or a uint8 RGB array"
        )
    digest = hashlib.sha256(data)
    image = _open(data, name, max_megapixels)
    return _finish(image, name, digest.hexdigest(), working_side, max_megapixels)


def read_bytes(path: Path) -> bytes:
    """Returns a file's bytes.

    Raises:
        ImageError: the file is missing, a folder, or not readable.

    Example:
        >>> from pathlib import Path
        >>> read_bytes(Path("room.jpg"))[:3]
        b'\\xff\\xd8\\xff'
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path}: is a folder, not an image") from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ImageError(f"{str(path)!r} cannot be the name of a file") from error


def is_address(source: str) -> bool:
    """Returns whether a text is an address on the web, not the path of a file.

    Example:
        >>> is_address("https://example.com/room.jpg"), is_address("C:/pictures/room.jpg")
        (True, False)
    """
    return source[:8].lower().startswith(("http://", "https://"))


def shown_address(address: str) -> str:
    """Returns an address for a message: without its query, which may hold a key, and password.

    Example:
        >>> shown_address("https://me:secret@cdn.example.com/oak.jpg?token=secret")
        'https://cdn.example.com/oak.jpg'
    """
    bare = re.split(r"[?#]", address, maxsplit=1)[0]
    bare = re.sub(r"^(\w+:[/\\]*)[^/\\]*@", r"\1", bare)
    return "".join(letter for letter in bare if letter.isprintable())[:200]


def explain_fetching(address: str) -> str:
    """Returns how to allow an address to be fetched, for an error.

    Example:
        >>> explain_fetching("https://cdn.example.com/oak.jpg")
        'is an address, and nothing is fetched unless you ask for it: give --fetch (fetch=True) and
        name the host in FLOORLENS_FETCH_HOSTS=cdn.example.com'
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    except ValueError:
        host, port = "", ""
    return (
        "is an address, and nothing is fetched unless you ask for it: give --fetch (fetch=True) "
        f"and name the host in FLOORLENS_FETCH_HOSTS={host or 'cdn.example.com'}{port}"
    )


def media_type(data: bytes) -> str | None:
    """Returns the media type of a picture by its first bytes; 64 are enough.

    Returns None for what `load_photo` does not read.

    Example:
        >>> media_type(read_bytes(Path("room.jpg"))), media_type(b"%PDF-1.7")
        ('image/jpeg', None)
    """
    if data[4:8] == b"ftyp":
        if data[8:12] in (b"avif", b"avis") or b"avif" in data[8:64]:
            return "image/avif"
        return "image/heic" if data[8:12] in _HEIF_BRANDS else None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)


def _open(data: bytes, name: str, max_megapixels: float) -> Image.Image:
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)")
    # AVIF may call itself mif1 first and avif among its compatible brands; Pillow reads that.
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS and b"avif" not in data[8:64]:
        return _open_heif(data, name, max_megapixels)
    try:
        with _WARNINGS, warnings.catch_warnings():
            # Pillow's own limit of size is too strict if ours was raised and too lax if ours was
            # lowered: `_check_size` applies ours before a pixel is unpacked.
            warnings.simplefilter("ignore")
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(io.BytesIO(data))
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: is not an image that can be read (JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, "
            "HEIC are)"
        ) from error
    except DAMAGED as error:
        raise ImageError(f"{name}: is damaged and cannot be opened as an image") from error


def _open_heif(data: bytes, name: str, max_megapixels: float) -> Image.Image:
    try:
        import pi_heif
    except ImportError as error:
        raise MissingDependency(
            f"{name}: is a HEIC photo; install the extra with `pip install 'floorlens[heif]'`, "
            "or convert it to JPEG"
        ) from error
    try:
        heif = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        _check_size(heif.size, name, max_megapixels)
        image: Image.Image = heif.to_pillow()
    except (OSError, ValueError, EOFError, SyntaxError, RuntimeError) as error:
        raise ImageError(f"{name}: is a damaged HEIC photo") from error
    # libheif has applied the rotation already; the EXIF tag would rotate a second time.
    image.info.pop("exif", None)
    image.getexif().clear()
    return image


def _check_size(size: tuple[int, int], name: str, max_megapixels: float) -> None:
    width, height = size
    if width * height > max_megapixels * 1e6:
        raise ImageTooLarge(
            f"{name}: has {width * height / 1e6:.1f} megapixels, more than the allowed "
            f"{max_megapixels:g}; scale it down or raise FLOORLENS_MAX_MEGAPIXELS"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: is only {width} x {height} pixels; at least {MIN_SIDE} a side")


def _finish(
    image: Image.Image, name: str, content_hash: str, working_side: int, max_megapixels: float
) -> Photo:
    _check_size(image.size, name, max_megapixels)
    try:
        image.seek(0)
        size = image.size
        longer = max(size)
        if longer > working_side:
            shrink = working_side / longer
            image.draft(image.mode, (round(size[0] * shrink), round(size[1] * shrink)))
        image.load()
        # Only now: TIFF turns itself upright while it loads, PNG may carry its EXIF at the end.
        orientation = _orientation(image)
        upright = (size[1], size[0]) if orientation in (5, 6, 7, 8) else size
        layers = [_to_srgb(image), *_alpha(image)]
        if len(layers) > 1 and layers[1].getextrema() == (0, 0):
            raise ImageError(
                f"{name}: is transparent all over and shows nothing; save it without transparency"
            )
        if longer > working_side:
            width, height = (max(1, round(side * working_side / longer)) for side in size)
            lanczos = Image.Resampling.LANCZOS
            layers = [one.resize((width, height), lanczos, reducing_gap=3.0) for one in layers]
        if orientation in _TURNS:
            turn = Image.Transpose[_TURNS[orientation]]
            layers = [one.transpose(turn) for one in layers]
        pixels = np.asarray(layers[0])
        opaque = np.asarray(layers[1]) > 127 if len(layers) > 1 else None
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{name}: unpacks to more than is allowed; scale it down") from error
    except DAMAGED as error:
        raise ImageError(f"{name}: is truncated or damaged; save or download it again") from error
    return Photo(pixels, upright, content_hash, opaque)


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation 1..8; 1 where the EXIF data cannot be read."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except DAMAGED:
        # Broken notes about a picture are no reason to refuse the picture.
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _has_alpha(image: Image.Image) -> bool:
    return "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")


def _alpha(image: Image.Image) -> list[Image.Image]:
    """Returns the alpha channel as an 8-bit grey image, alone in a list; empty if all is opaque."""
    if not _has_alpha(image):
        return []
    alpha = image.convert("RGBA").getchannel("A")
    return [alpha] if (np.asarray(alpha) < 128).any() else []


def _to_srgb(image: Image.Image) -> Image.Image:
    """Returns an 8-bit RGB image, transparency on white, in sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode != "F" or values.max(initial=0) > 1 else 1.0
        image = Image.fromarray(np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8))
        profile = None
    if _has_alpha(image):
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        image = white.convert("RGB")
    if profile:
        image = image.convert("RGB") if image.mode == "P" else image
        image = _apply_profile(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode not in ("RGB", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        picture = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A broken or foreign profile is no reason to refuse a picture that decodes.
        return image
    return image if picture is None else picture


def _from_pil(image: Image.Image, name: str, working_side: int, max_megapixels: float) -> Photo:
    _check_size(image.size, name, max_megapixels)
    try:
        # The caller's own image must stay as it is.
        own = image.copy()
        palette = bytes(own.getpalette() or ()) if own.mode in ("P", "PA") else b""
    except DAMAGED as error:
        raise ImageError(f"{name}: is truncated or damaged; save or download it again") from error
    digest = hashlib.sha256(f"{own.mode}{own.size}".encode() + palette + own.tobytes())
    return _finish(own, name, digest.hexdigest(), working_side, max_megapixels)


def _from_array(array: NDArray[Any], working_side: int, max_megapixels: float) -> Photo:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(
            f"an array must be uint8 of shape (height, width, 3) in RGB order, not "
            f"{array.dtype} {array.shape}"
        )
    _check_size((array.shape[1], array.shape[0]), "the array", max_megapixels)
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(str(array.shape).encode() + array.tobytes()).hexdigest()
    return _finish(Image.fromarray(array), "the array", digest, working_side, max_megapixels)
