"""Reading pictures: what a user hands over becomes upright uint8 sRGB of a bounded size."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from floorlens.errors import ImageError, ImageTooLarge, MissingDependency
from floorlens.images.addresses import explain_fetching, is_address, shown_address
from floorlens.images.colour import coded_to_srgb, is_srgb
from floorlens.images.containers import (
    ColourCode,
    colour_code,
    jpeg_coding,
    readable_png,
    tiff_pages,
)
from floorlens.images.formats import (
    AVIF,
    HEIC,
    NAMES,
    PILLOW_FORMATS,
    Format,
    format_of,
    is_raw,
    without_mark,
)

WORKING_SIDE = 1280
MAX_MEGAPIXELS = 120.0
#: A JPEG is decoded at a reduced scale. Its header may name so many times the pixels allowed.
JPEG_HEADER = 10
MIN_SIDE = 16
#: A file with more bytes is not read into memory; 120 megapixels of four floats have fewer.
MAX_FILE = 2 << 30
PhotoSource = (
    str | Path | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[np.uint8]
)
"""What `load_photo` takes: a path, the bytes of a file, an open file, a PIL image, or a (h, w, 3)
RGB array."""
# What Pillow's decoders raise on files that do not keep to their format.
DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(AttributeError, OverflowError, RuntimeError, ZeroDivisionError, struct.error, zlib.error),
)
_RAW = "is a raw photo: export it as JPEG in the camera or in the program for its photos"
# The mark of the end of a JPEG.
_END = b"\xff\xd9"
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
    """Returns the picture behind a path, bytes, an open file, a PIL image or an RGB array.

    The picture is turned upright by its EXIF orientation, laid on white where it is transparent,
    converted to sRGB from an embedded colour profile or code, and from 16-bit grey to 8. Of an
    animation the first frame is taken, of a TIFF that begins with a small copy the picture itself.
    A JPEG is decoded at the smallest scale that still covers `working_side`.

    It decodes in this process, where nothing can stop a decoder: for files of other people there
    is `floorlens.images.decoding.decode_photo`.

    Args:
        source: the picture.
        working_side: the longer side in pixels that it is shrunk to; it is never enlarged.
        max_megapixels: a larger picture is refused, before its pixels are decoded. What counts is
            the size that it is decoded at, up to ten times as many in the file; of a progressive
            JPEG, which is decoded as a whole, and of all other formats that is the file's size.
        name: what errors call the picture; by default its path.

    Raises:
        ImageError: missing, a folder, empty, not an image, a raw photo, truncated, under 16 pixels
            a side, or transparent all over.
        ImageTooLarge: more than `max_megapixels`.
        MissingDependency: a HEIC picture without the extra `[heif]`.

    Example:
        >>> photo = load_photo("room.jpg")
        >>> photo.pixels.shape, photo.size
        ((768, 1024, 3), (1024, 768))
    """
    if hasattr(source, "read"):
        source = read_stream(source, name or "the image")
    if isinstance(source, np.ndarray):
        return _from_array(source, working_side, max_megapixels)
    if isinstance(source, Image.Image):
        return _from_pil(source, name or "the image", working_side, max_megapixels)
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), name or "the image"
    elif isinstance(source, str | Path):
        data, name = read_bytes(source), name or str(source)
    else:
        raise ImageError(
            f"cannot read an image from {type(source).__name__}: give a path, bytes, an open "
            "file, a PIL image or a uint8 RGB array"
        )
    digest = hashlib.sha256(data).hexdigest()
    data = without_mark(data)
    try:
        return _decode(data, name, digest, working_side, max_megapixels)
    except MemoryError as error:
        raise ImageTooLarge(f"{name}: needs more memory than there is; scale it down") from error


def read_bytes(path: str | Path) -> bytes:
    """Returns a file's bytes.

    Raises:
        ImageError: the file is missing, a folder, not readable, or an address on the web.
        ImageTooLarge: it has more than `MAX_FILE` bytes.

    Example:
        >>> from pathlib import Path
        >>> read_bytes(Path("room.jpg"))[:3]
        b'\\xff\\xd8\\xff'
    """
    if isinstance(path, str) and is_address(path):
        raise ImageError(f"{shown_address(path)} {explain_fetching(path)}")
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE:
                raise ImageTooLarge(
                    f"{path}: has {size / 1e9:.1f} gigabytes, more than any picture that is read; "
                    "save it anew as JPEG"
                )
            return file.read()
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path}: is a folder, not an image") from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ImageError(f"{str(path)!r} cannot be the name of a file") from error


def read_stream(file: Any, name: str = "the image") -> bytes:
    """Returns what is left to read in an open file, or in whatever has its `read`.

    Raises:
        ImageError: it was opened as text, is closed, or cannot be read.
        ImageTooLarge: it has more than `MAX_FILE` bytes.

    Example:
        >>> read_stream(io.BytesIO(b"JPEG"))
        b'JPEG'
    """
    try:
        data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: the file cannot be read ({error})") from error
    if not isinstance(data, bytes | bytearray):
        raise ImageError(f"{name}: the file does not give bytes: open it with mode 'rb'")
    if len(data) > MAX_FILE:
        raise ImageTooLarge(f"{name}: has more bytes than any picture that is read")
    return bytes(data)


def _decode(data: bytes, name: str, digest: str, working_side: int, max_megapixels: float) -> Photo:
    def decoded(file: bytes) -> Photo:
        opened = _open(file, name, max_megapixels)
        return _finish(opened, name, digest, working_side, max_megapixels)

    kind = format_of(data)
    if kind is None or kind.pillow != "JPEG" or jpeg_coding(data).has_end:
        return decoded(data)
    # Many programs leave out the mark of the end, and some lose the last bytes of a file. Only if
    # all pixels are there, further data before the mark change nothing.
    body = data.removesuffix(b"\xff")
    photo = decoded(body + _END)
    noise = np.random.default_rng(0).integers(0, 255, 1024 + len(data) // 50, np.uint8).tobytes()
    if not np.array_equal(photo.pixels, decoded(body + noise + _END).pixels):
        raise ImageError(f"{name}: is truncated; save or download it again")
    return photo


@dataclass(frozen=True)
class _Opened:
    """A file that Pillow has opened and not decoded.

    Attributes:
        image: the picture.
        page: which page of the file is the picture itself.
        colours: what its values mean, where a code says so.
        sequential: whether a decoder can reduce it while it reads: a JPEG that is not progressive.
    """

    image: Image.Image
    page: int = 0
    colours: ColourCode | None = None
    sequential: bool = False


def _open(data: bytes, name: str, max_megapixels: float) -> _Opened:
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)")
    if is_raw(data):
        raise ImageError(f"{name}: {_RAW}")
    kind = format_of(data)
    if kind is None:
        raise ImageError(f"{name}: is not an image that can be read ({NAMES})")
    if kind is HEIC:
        return _Opened(_open_heif(data, name, max_megapixels))
    profile = None
    if kind.pillow == "PNG":
        png = readable_png(data)
        data, profile = png.data, png.profile
    page = _main_page(data, name) if kind.pillow == "TIFF" else 0
    image = _open_as(kind, data, name)
    if profile is not None:
        image.info["icc_profile"] = profile
    return _Opened(
        image,
        page,
        colours=colour_code(data) if kind is AVIF else None,
        sequential=kind.pillow == "JPEG" and not jpeg_coding(data).whole_in_memory,
    )


def _open_as(kind: Format, data: bytes, name: str) -> Image.Image:
    try:
        with _WARNINGS, warnings.catch_warnings():
            # Pillow's own limit of size is too strict if ours was raised and too lax if ours was
            # lowered: `_check_size` applies ours before a pixel is unpacked.
            warnings.simplefilter("ignore")
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(io.BytesIO(data), formats=[kind.pillow or ""])
            finally:
                Image.MAX_IMAGE_PIXELS = limit
    except DAMAGED as error:
        raise ImageError(f"{name}: is a damaged {kind.name} picture") from error


def _main_page(data: bytes, name: str) -> int:
    """Returns the number of the page of a TIFF that is the picture itself: the first, mostly.

    Some files have a small copy of the picture first. Cameras' raw photos have nothing else that
    can be read.

    Raises:
        ImageError: it is a raw photo.
    """
    pages = tiff_pages(data)
    if not pages:
        return 0
    areas = [page.size[0] * page.size[1] for page in pages]
    first, page = pages[0], 0
    for number, other in enumerate(pages):
        across, down = other.size[0] * first.size[1], other.size[1] * first.size[0]
        enlarged = abs(across - down) <= 0.02 * across and areas[number] > 3 * areas[0]
        full = first.reduced and not other.reduced
        if (full or enlarged) and areas[number] > areas[page]:
            page = number
    inner = [one for page in pages for one in page.inner]
    if any(one.raw for one in (*pages, *inner)):
        raise ImageError(f"{name}: {_RAW}")
    if any(one.size[0] * one.size[1] > 2 * areas[page] for one in inner):
        raise ImageError(f"{name}: shows only a small copy of its picture: export it as JPEG")
    return page


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
        code = heif.info.get("nclx_profile")
        if code is None or "icc_profile" in heif.info:
            image: Image.Image = heif.to_pillow()
        else:
            colours = int(code["color_primaries"]), int(code["transfer_characteristics"])
            if is_srgb(*colours):
                image = heif.to_pillow()
            else:
                # In eight bits the dark tones of a curve for high dynamic range would be steps.
                fine = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
                image = _coded_image(np.asarray(fine[fine.primary_index]), colours)
    except DAMAGED as error:
        raise ImageError(f"{name}: is a damaged HEIC photo") from error
    # libheif has applied the rotation already; the EXIF tag would rotate a second time.
    image.info.pop("exif", None)
    image.getexif().clear()
    return image


def _coded_image(pixels: NDArray[Any], colours: tuple[int, int]) -> Image.Image:
    """Returns an image in sRGB of uint8 or uint16 (h, w) or (h, w, channels) in coded colours."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    colour = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
    image = Image.fromarray(coded_to_srgb(colour, *colours))
    if pixels.shape[2] in (2, 4):
        alpha = pixels[..., -1]
        image.putalpha(
            Image.fromarray(alpha if alpha.dtype == np.uint8 else (alpha >> 8).astype(np.uint8))
        )
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
    opened: _Opened, name: str, content_hash: str, working_side: int, max_megapixels: float
) -> Photo:
    image = opened.image
    most = max_megapixels * JPEG_HEADER if opened.sequential else max_megapixels
    _check_size(image.size, name, most)
    try:
        image.seek(opened.page)
        size = image.size
        _check_size(size, name, most)
        longer = max(size)
        if longer > working_side:
            shrink = working_side / longer
            image.draft(image.mode, (round(size[0] * shrink), round(size[1] * shrink)))
        if image.size[0] * image.size[1] > max_megapixels * 1e6:
            # The size that it is decoded at is what counts; named is the picture's own.
            _check_size(size, name, max_megapixels)
        image.load()
        # Only now: TIFF turns itself upright while it loads, PNG may carry its EXIF at the end.
        orientation = orientation_of(image)
        upright = (size[1], size[0]) if orientation in (5, 6, 7, 8) else size
        if image.format == "BMP" and image.mode == "RGBA" and not image.getchannel("A").getbbox():
            # Windows' clipboard names a channel for transparency and leaves it empty.
            image = image.convert("RGB")
        layers = [_to_srgb(image, opened.colours), *_alpha(image)]
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


def orientation_of(image: Image.Image) -> int:
    """Returns the EXIF orientation 1..8; 1 where there is none, or it cannot be read.

    Example:
        >>> with Image.open("room.jpg", formats=["JPEG"]) as image:
        ...     orientation_of(image)
        1
    """
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
    alpha = (image if image.mode == "RGBA" else image.convert("RGBA")).getchannel("A")
    return [alpha] if (np.asarray(alpha) < 128).any() else []


def _to_srgb(image: Image.Image, colours: ColourCode | None = None) -> Image.Image:
    """Returns an 8-bit RGB image, transparency on white, in sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image, profile = _in_eight_bits(image), None
    if _has_alpha(image):
        image = _on_white(image)
    if profile:
        image = image.convert("RGB") if image.mode == "P" else image
        image = _apply_profile(image, profile)
    elif colours is not None and not is_srgb(colours.primaries, colours.transfer):
        pixels = np.asarray(image.convert("RGB"))
        image = Image.fromarray(coded_to_srgb(pixels, colours.primaries, colours.transfer))
    return image if image.mode == "RGB" else image.convert("RGB")


def _strips(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yields first and last row of strips of a picture, for work that takes much memory a pixel."""
    rows = max(1, (1 << 20) // max(1, size[0]))
    for top in range(0, size[1], rows):
        yield top, min(top + rows, size[1])


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Returns an image of mode L of one whose grey values are wider: 16 bits, 32 bits or floats."""
    values = np.asarray(image)
    top = 65535.0 if image.mode != "F" or values.max(initial=0) > 1 else 1.0
    grey = np.empty(values.shape, np.uint8)
    for start, end in _strips(image.size):
        strip = np.nan_to_num(values[start:end].astype(np.float64))
        grey[start:end] = np.clip(strip / top * 255 + 0.5, 0, 255)
    return Image.fromarray(grey)


def _on_white(image: Image.Image) -> Image.Image:
    """Returns an image of mode RGB: one with transparency, laid on white."""
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    opaque = Image.new("RGB", layer.size)
    for start, end in _strips(layer.size):
        strip = layer.crop((0, start, layer.width, end))
        white = Image.new("RGBA", strip.size, "white")
        white.alpha_composite(strip)
        opaque.paste(white.convert("RGB"), (0, start))
    return opaque


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
    if image.format not in (None, "MPO", "HEIF", *PILLOW_FORMATS) and getattr(image, "tile", None):
        # Not decoded yet: to decode PostScript Pillow would start another program.
        raise ImageError(f"{name}: is {image.format}, which is not read ({NAMES} are)")
    try:
        # The caller's own image must stay as it is.
        own = image.copy()
        palette = bytes(own.getpalette() or ()) if own.mode in ("P", "PA") else b""
    except DAMAGED as error:
        raise ImageError(f"{name}: is truncated or damaged; save or download it again") from error
    digest = hashlib.sha256(f"{own.mode}{own.size}".encode() + palette + own.tobytes())
    return _finish(_Opened(own), name, digest.hexdigest(), working_side, max_megapixels)


def _from_array(array: NDArray[Any], working_side: int, max_megapixels: float) -> Photo:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ImageError(
            f"an array must be uint8 of shape (height, width, 3) in RGB order, not "
            f"{array.dtype} {array.shape}"
        )
    _check_size((array.shape[1], array.shape[0]), "the array", max_megapixels)
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(str(array.shape).encode() + array.tobytes()).hexdigest()
    opened = _Opened(Image.fromarray(array))
    return _finish(opened, "the array", digest, working_side, max_megapixels)
