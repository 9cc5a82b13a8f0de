"""What a camera writes beside the pixels goes; the pixels stay."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from floorlens.errors import ImageError
from floorlens.images.formats import format_of
from floorlens.images.loading import load_photo, orientation_of
from floorlens.images.metadata import without_metadata
from tests.doubles.mutations import mutated, originals

ROOMS = sorted((Path(__file__).resolve().parents[2] / "samples" / "rooms").glob("*.jpg"))
SECRET = b"Wohnzimmer 52.5200"
LOSSLESS = ("JPEG", "PNG", "WEBP")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="8" a="'
    + SECRET
    + b'"/></x:xmpmeta>'
)


def exif_of(orientation: int | None) -> Image.Exif:
    """EXIF as a telephone writes it: place, camera, maker's note, orientation."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif.get_ifd(0x8769)[0x927C] = SECRET
    return exif


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A picture of one of the lossless formats with all sorts of things around its pixels."""
    kind = draw(st.sampled_from(LOSSLESS))
    mode = draw(st.sampled_from({"JPEG": ("RGB", "L", "CMYK")}.get(kind, ("RGB", "RGBA", "L"))))
    width, height = draw(st.integers(17, 40)), draw(st.integers(17, 40))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    image = Image.fromarray(rng.integers(0, 255, (height, width, 3), np.uint8)).convert(mode)
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["exif"] = exif_of(draw(st.sampled_from((None, *range(1, 9)))))
    if mode != "CMYK" and draw(st.booleans()):
        options["icc_profile"] = PROFILE
    if kind == "JPEG":
        options["progressive"] = draw(st.booleans())
        options["restart_marker_blocks"] = draw(st.sampled_from((0, 2)))
        if draw(st.booleans()):
            options["comment"] = SECRET
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        for zipped in draw(st.lists(st.booleans(), max_size=3)):
            info.add_text("Comment", SECRET.decode(), zip=zipped)
        if draw(st.booleans()):
            info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = info
    elif draw(st.booleans()):
        options["xmp"] = XMP
    if kind == "WEBP":
        options["lossless"] = draw(st.booleans())
    file = io.BytesIO()
    image.save(file, kind, **options)
    trailing = draw(st.sampled_from((b"", SECRET, SECRET * 3000)))
    return kind, file.getvalue() + trailing


def pixels(data: bytes) -> NDArray[np.uint8]:
    return load_photo(data).pixels


@given(files())
@settings(max_examples=250, deadline=None, derandomize=True)
def test_nothing_stays_but_the_pixels(case: tuple[str, bytes]) -> None:
    kind, data = case
    plain = without_metadata(data)
    before, after = load_photo(data), load_photo(plain)
    assert np.array_equal(before.pixels, after.pixels)
    assert before.size == after.size
    assert format_of(plain) is format_of(data)
    assert SECRET not in plain
    with (
        Image.open(io.BytesIO(data), formats=[kind]) as old,
        Image.open(io.BytesIO(plain), formats=[kind]) as new,
    ):
        old.load()
        new.load()
        exif = new.getexif()
        assert set(exif) <= {0x0112}
        assert not exif.get_ifd(0x8825)
        assert not set(new.info) & {"comment", "Comment", "xmp", "XML:com.adobe.xmp"}
        assert new.info.get("icc_profile") == old.info.get("icc_profile")
        assert orientation_of(new) == orientation_of(old)
    assert without_metadata(plain) == plain


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.stem)
def test_the_sample_rooms_keep_every_pixel(path: Path) -> None:
    data = path.read_bytes()
    assert np.array_equal(pixels(data), pixels(without_metadata(data)))


@pytest.mark.parametrize("name", [name for name in originals() if "MPO" not in name])
def test_every_format_that_is_read_is_one_that_is_read_afterwards(name: str) -> None:
    """Of those that are decoded, the lossy ones may differ by a shade."""
    data = originals()[name]
    plain = without_metadata(data)
    before, after = load_photo(data), load_photo(plain)
    assert before.size == after.size
    assert (before.opaque is None) == (after.opaque is None)
    seen = np.ones(before.pixels.shape[:2], np.bool_)
    if before.opaque is not None and after.opaque is not None:
        assert np.array_equal(before.opaque, after.opaque)
        if not name.startswith(("PNG", "WebP")):
            seen = before.opaque
    difference = np.abs(before.pixels[seen].astype(int) - after.pixels[seen].astype(int))
    assert difference.max() <= (24 if name.startswith(("HEIC", "AVIF")) else 0)
    assert difference.mean() < 2


def test_a_second_picture_in_a_jpeg_goes() -> None:
    """Cameras' MPO holds one for the other eye, telephones' JPEGs hold a film."""
    data = originals()["JPEG: MPO"]
    assert data.count(b"\xff\xd8\xff") > 1
    plain = without_metadata(data)
    assert plain.count(b"\xff\xd8\xff") == 1
    assert b"MPF" not in plain
    assert np.array_equal(pixels(data), pixels(plain))


def _inserted(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    parts = (struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body for mark, body in segments)
    return data[:2] + b"".join(parts) + data[2:]


def test_segments_of_all_kinds_go_from_a_jpeg() -> None:
    """Thumbnails of JFIF, IPTC of Photoshop, XMP in several parts, notes of makers, comments."""
    file = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(file, "JPEG")
    jfif = b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x01" + SECRET[:6]
    data = _inserted(
        file.getvalue(),
        (0xE0, jfif),
        (0xE0, b"JFXX\0\x10" + SECRET),
        (0xED, b"Photoshop 3.0\0" + SECRET),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + SECRET),
        (0xE2, b"FPXR\0" + SECRET),
        (0xEB, b"JP\0\0" + SECRET),
        (0xFE, SECRET),
        (0xF3, SECRET),
    )
    plain = without_metadata(data)
    assert SECRET[:6] not in plain
    assert np.array_equal(pixels(file.getvalue()), pixels(plain))


def test_orientation_in_xmp_counts_as_it_does_for_the_decoder() -> None:
    for kind in LOSSLESS:
        file = io.BytesIO()
        picture = Image.fromarray(np.arange(20 * 30 * 3).reshape(20, 30, 3).astype(np.uint8))
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options: dict[str, Any] = {"pnginfo": info} if kind == "PNG" else {"xmp": XMP}
        picture.save(file, kind, **options)
        assert load_photo(file.getvalue()).size == (20, 30)
        plain = without_metadata(file.getvalue())
        assert load_photo(plain).size == (20, 30)
        assert b"xmpmeta" not in plain


def test_a_picture_that_lacks_its_end_stays_as_readable_as_it_was() -> None:
    data = originals()["JPEG: progressive"]
    for cut in (2, len(data) // 3):
        short = data[:-cut]
        readable = []
        for file in (short, without_metadata(short)):
            try:
                readable.append(load_photo(file).pixels.tobytes())
            except ImageError:
                readable.append(b"")
        assert readable[0] == readable[1]


def broken() -> Iterator[tuple[str, bytes]]:
    for number in range(600):
        name, data = mutated(number)
        if name.startswith(("JPEG", "PNG", "WebP")) and not name.startswith("JPEG 2000"):
            yield name, data


def test_broken_files_are_answered_too() -> None:
    """With a file that is no larger than what came, or an ImageError."""
    for _, data in broken():
        try:
            plain = without_metadata(data)
        except ImageError:
            continue
        # A new EXIF of 26 bytes, its segment, the end.
        assert len(plain) <= len(data) + 64


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0", b"RIFF", b"text"])
def test_what_is_no_picture_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageError):
        without_metadata(data)


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_a_start_alone_does_no_harm(start: bytes) -> None:
    for rest in (b"", b"\xff", b"\xda", b"\xff\xda\0", b"\0\0\0", b"VP8X", b"VP8X\x01\0\0\0\x08"):
        assert len(without_metadata(start + rest)) < 64
