"""What stands around the pixels: texts and profiles of PNG, marks of JPEG, pages of TIFF."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from floorlens.errors import ImageError, ImageTooLarge
from floorlens.images.containers import (
    ColourCode,
    colour_code,
    jpeg_coding,
    readable_png,
    tiff_pages,
)
from floorlens.images.loading import load_photo

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = "XML:com.adobe.xmp"


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b.astype(float)).max())


# -- PNG -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("international", [True, False])
def test_large_texts_of_a_png_are_left_out(picture: Any, packed: bool, international: bool) -> None:
    """The history that a design program keeps is no reason to refuse its picture."""
    info = PngImagePlugin.PngInfo()
    text = "photoshop:DocumentAncestors " * 60_000
    if international:
        info.add_itxt(XMP, text, zip=packed)
    else:
        info.add_text("Comment", text, zip=packed)
    data = encode(Image.fromarray(picture()), "PNG", pnginfo=info)
    assert np.array_equal(load_photo(data).pixels, picture())
    small = readable_png(data).data
    assert len(small) < len(data)
    assert np.array_equal(load_photo(small).pixels, picture())


def test_many_texts_are_left_out_together(picture: Any) -> None:
    """Each below the limit, and ten gigabytes in all once unpacked."""
    chunk = b"zTXtComment\0\0" + zlib.compress(b"a" * 400_000)
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = encode(Image.fromarray(picture()), "PNG")
    end = data.index(b"IDAT") - 4
    bomb = data[:end] + 25_000 * text + data[end:]
    assert np.array_equal(load_photo(bomb).pixels, picture())
    assert readable_png(bomb).data == data[:end] + text + data[end:]


def test_a_small_text_that_turns_the_picture_stays(picture: Any) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a" * 2_000_000)
    info.add_itxt(XMP, '<x tiff:Orientation="6"/>')
    stored = Image.fromarray(picture()).transpose(Image.Transpose.ROTATE_90)
    assert np.array_equal(load_photo(encode(stored, "PNG", pnginfo=info)).pixels, picture())


def large_profile(size: int, grey: int) -> bytes:
    """The profile of sRGB with a linear curve, made `size` bytes long: 55 becomes 128."""
    data = bytearray(PROFILE)
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        entry = data.index(tag)
        start = int.from_bytes(data[entry + 4 : entry + 8], "big")
        data[start : start + 16] = b"para\0\0\0\0\0\0\0\0" + grey.to_bytes(4, "big")
    data = data.replace("sRGB".encode("utf-16-be"), "lRGB".encode("utf-16-be"))
    data += bytes(size - len(data))
    data[:4] = struct.pack(">I", len(data))
    return bytes(data)


def test_a_large_profile_counts(picture: Any) -> None:
    """Those of scanners and printers have megabytes of tables: Pillow refuses the picture."""
    image = Image.new("RGB", (32, 32), (55, 55, 55))
    data = encode(image, "PNG", icc_profile=large_profile(1_500_000, 1 << 16))
    assert abs(int(load_photo(data).pixels[3, 3, 0]) - 128) <= 2


def test_a_profile_that_unpacks_to_more_than_is_sane_is_ignored() -> None:
    image = Image.new("RGB", (32, 32), (55, 55, 55))
    data = encode(image, "PNG", icc_profile=large_profile(40_000_000, 1 << 16))
    assert load_photo(data).pixels[3, 3, 0] == 55
    assert readable_png(data).profile is None


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 400))
def test_any_bytes_are_looked_through(noise: bytes, start: int, end: int) -> None:
    """Lengths, offsets and counts that lie: an answer, and no exception."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(XMP, "a" * 50, zip=True)
    image = Image.new("RGB", (16, 16))
    files = {
        "PNG": encode(image, "PNG", pnginfo=info, icc_profile=PROFILE[:200]),
        "JPEG": encode(image, "JPEG"),
        "TIFF": encode(image, "TIFF", save_all=True, append_images=[image]),
    }
    for kind, data in files.items():
        broken = data[:start] + noise + data[end:]
        if kind == "PNG":
            assert len(readable_png(broken).data) <= len(broken)
        jpeg_coding(broken)
        assert len(tiff_pages(broken)) <= 64
        colour_code(broken)


# -- JPEG ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise() -> Image.Image:
    values = np.random.default_rng(5).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((640, 480))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_the_mark_of_its_end_is_whole(
    noise: Image.Image, options: dict[str, Any], missing: int
) -> None:
    data = encode(noise, "JPEG", quality=80, **options)
    assert np.array_equal(load_photo(data[:-missing]).pixels, load_photo(data).pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("ended", [True, False])
def test_a_jpeg_that_is_cut_is_refused(
    noise: Image.Image, options: dict[str, Any], share: float, ended: bool
) -> None:
    """Its lower part would be grey, and taken for a floor. A mark of the end may not hide that."""
    data = encode(noise, "JPEG", quality=80, **options)
    cut = data[: int(len(data) * share)]
    with pytest.raises(ImageError, match="truncated"):
        load_photo(cut)
    assert jpeg_coding(data).has_end
    assert not jpeg_coding(cut).has_end


def test_how_a_jpeg_is_coded(noise: Image.Image) -> None:
    assert not jpeg_coding(encode(noise, "JPEG")).whole_in_memory
    assert jpeg_coding(encode(noise, "JPEG", progressive=True)).whole_in_memory
    # A scan of one component of three: the others follow in scans of their own.
    data = bytearray(encode(noise, "JPEG"))
    scan = data.index(b"\xff\xda")
    data[scan + 4] = 1
    assert jpeg_coding(bytes(data)).whole_in_memory


@pytest.mark.parametrize("between", [b"\xff\x00", b"\xff\xd0", b"\xff\xff", b"\x00", b"abcd"])
def test_what_stands_between_the_segments_of_a_jpeg_hides_nothing(
    noise: Image.Image, between: bytes
) -> None:
    """Decoders pass over it; a progressive file of 1,200 megapixels would be decoded as a whole."""
    data = encode(noise, "JPEG", progressive=True)
    frame = data.index(b"\xff\xc2")
    odd = data[:frame] + between + data[frame:]
    assert jpeg_coding(odd) == jpeg_coding(data)
    with pytest.raises(ImageTooLarge):
        load_photo(odd, max_megapixels=0.2)


def test_a_jpeg_whose_coding_is_unknown_counts_as_a_whole(noise: Image.Image) -> None:
    assert jpeg_coding(encode(noise, "JPEG")[:30]).whole_in_memory


def test_a_large_jpeg_counts_at_the_size_that_it_is_decoded_at() -> None:
    """Telephones take photos of 200 megapixels; a progressive one needs memory for them all."""
    image = Image.new("L", (4000, 3000), 90)
    photo = load_photo(encode(image, "JPEG"), max_megapixels=4)
    assert photo.size == (4000, 3000)
    assert photo.pixels.shape == (960, 1280, 3)
    for data in (encode(image, "JPEG", progressive=True), encode(image, "PNG")):
        with pytest.raises(ImageTooLarge, match=r"has 12\.0 megapixels, more than the allowed 4;"):
            load_photo(data, max_megapixels=4)
    # Ten times as much, and what it is decoded at, are limits too.
    with pytest.raises(ImageTooLarge, match=r"12\.0 megapixels"):
        load_photo(encode(image, "JPEG"), max_megapixels=1)
    with pytest.raises(ImageTooLarge, match=r"12\.0 megapixels"):
        load_photo(encode(image, "JPEG"), max_megapixels=4, working_side=4000)


# -- TIFF ----------------------------------------------------------------------------------------


def tiff(pages: list[dict[str, Any]], big: bool = False) -> bytes:
    """A TIFF by hand. A page: `image`, tags by number, and `inner`: pages that it refers to."""
    order = "<"
    word, head = ("Q", 16) if big else ("I", 8)
    entry = 20 if big else 12
    body = bytearray(head)

    def directory(page: dict[str, Any]) -> tuple[int, int]:
        """Writes a page; returns where it is, and where the offset of the next one stands."""
        image: Image.Image = page["image"]
        inner = [directory(one)[0] for one in page.get("inner", ())]
        pixels = len(body)
        body.extend(image.tobytes())
        channels = len(image.getbands())
        bits = len(body)
        body.extend(struct.pack("<" + "H" * channels, *([8] * channels)))
        tags = {
            **{256: image.width, 257: image.height, 259: 1, 262: 2 if channels == 3 else 1},
            **{273: pixels, 277: channels, 278: image.height},
            **{279: image.width * image.height * channels},
            **page.get("tags", {}),
        }
        if inner:
            tags[330] = inner[0]
        start = len(body)
        entries = [(tag, 4, 1, value) for tag, value in tags.items()]
        entries.append((258, 3, channels, bits) if channels == 3 else (258, 3, 1, 8))
        body.extend(struct.pack(order + ("Q" if big else "H"), len(entries)))
        for tag, kind, count, value in sorted(entries):
            # Three shorts fit where BigTIFF has its eight bytes for a value.
            if big and tag == 258 and channels == 3:
                value = 8 | 8 << 16 | 8 << 32
            body.extend(struct.pack(order + "HH" + word + word, tag, kind, count, value))
        body.extend(struct.pack(order + word, 0))
        assert len(body) == start + (8 if big else 2) + entry * len(entries) + (8 if big else 4)
        return start, len(body) - struct.calcsize(word)

    first = before = 0
    for page in pages:
        start, next_place = directory(page)
        if before:
            struct.pack_into(order + word, body, before, start)
        first, before = first or start, next_place
    mark = struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if big else b"II*\0"
    body[:head] = mark if big else mark + struct.pack("<I", first)
    return bytes(body)


@pytest.fixture(scope="module")
def full(picture: Any) -> Image.Image:
    return Image.fromarray(picture(320, 240))


@pytest.fixture(scope="module")
def small(full: Image.Image) -> Image.Image:
    return full.resize((80, 60))


def test_the_first_page_of_a_document_counts(full: Image.Image) -> None:
    other = Image.new("RGB", (320, 240), "red")
    for pages in (
        [full, other],
        [full, other.resize((200, 400))],
        [full, other.resize((400, 300))],
    ):
        data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        assert np.array_equal(load_photo(data).pixels, np.asarray(full))


@pytest.mark.parametrize("big", [False, True])
def test_a_small_copy_before_the_picture_is_passed_over(
    full: Image.Image, small: Image.Image, big: bool
) -> None:
    """By its size, where the proportions are the same, or because the file says so."""
    square = full.resize((60, 60))
    for first in ({"image": small}, {"image": square, "tags": {254: 1}}):
        data = tiff([first, {"image": full}], big=big)
        photo = load_photo(data)
        assert photo.size == (320, 240)
        assert np.array_equal(photo.pixels, np.asarray(full))
    # Smaller copies after the picture, as maps have them, change nothing.
    data = tiff([{"image": full}, {"image": small, "tags": {254: 1}}], big=big)
    assert np.array_equal(load_photo(data).pixels, np.asarray(full))


def test_raw_photos_are_refused_and_not_read_at_their_small_copy(
    full: Image.Image, small: Image.Image
) -> None:
    copy: dict[str, Any] = {"image": small, "tags": {254: 1}}
    sensor = {"image": full.convert("L"), "tags": {262: 32803}}
    files = {
        "dng": tiff([{"image": small, "tags": {254: 1, 50706: 0x401}, "inner": [{"image": full}]}]),
        "nef": tiff([{**copy, "inner": [sensor]}]),
        "raw after it": tiff([copy, sensor]),
    }
    for name, data in files.items():
        with pytest.raises(ImageError, match=rf"{name}: is a raw photo: export it as JPEG"):
            load_photo(data, name=name)


def test_a_picture_that_only_a_page_refers_to_is_not_passed_over_in_silence(
    full: Image.Image, small: Image.Image
) -> None:
    with pytest.raises(ImageError, match="shows only a small copy of its picture: export it"):
        load_photo(tiff([{"image": small, "inner": [{"image": full}]}]))
    # The other way round: overviews of a large picture.
    data = tiff([{"image": full, "inner": [{"image": small}]}])
    assert np.array_equal(load_photo(data).pixels, np.asarray(full))


def test_canons_mark_makes_a_raw_photo(small: Image.Image) -> None:
    data = tiff([{"image": small}])
    moved = data[:4] + struct.pack("<I", len(data)) + b"CR\x02\0" + data[12:]
    start = struct.unpack_from("<I", data, 4)[0]
    with pytest.raises(ImageError, match="is a raw photo"):
        load_photo(moved + data[start:])


def test_pages_that_refer_to_each_other_end(small: Image.Image) -> None:
    data = bytearray(tiff([{"image": small}, {"image": small}]))
    first = struct.unpack_from("<I", data, 4)[0]
    struct.pack_into("<I", data, len(data) - 4, first)
    assert len(tiff_pages(bytes(data))) == 2


# -- BMP, AVIF -----------------------------------------------------------------------------------


def bmp_of_the_clipboard(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> bytes:
    values = np.dstack([pixels[..., ::-1], alpha])[::-1].tobytes()
    height, width = pixels.shape[:2]
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(values), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + len(values), 0, 0, 122) + header + masks + values


def test_a_bmp_with_an_empty_channel_for_transparency_is_opaque(picture: Any) -> None:
    pixels = picture()
    for alpha in (0, 255):
        photo = load_photo(bmp_of_the_clipboard(pixels, np.full(pixels.shape[:2], alpha, np.uint8)))
        assert np.array_equal(photo.pixels, pixels)
        assert photo.opaque is None
    half = np.full(pixels.shape[:2], 255, np.uint8)
    half[24:] = 0
    clear = load_photo(bmp_of_the_clipboard(pixels, half)).opaque
    assert clear is not None
    assert clear[:24].all()
    assert not clear[24:].any()


def test_an_avif_of_high_dynamic_range_is_turned_into_srgb(picture: Any) -> None:
    """Pillow writes the codes of sRGB; with those of PQ the same values are other colours."""
    data = encode(Image.fromarray(picture()), "AVIF", quality=95)
    assert colour_code(data) == ColourCode(1, 13)
    place = data.index(b"colrnclx") + 8
    hdr = data[:place] + struct.pack(">HH", 9, 16) + data[place + 4 :]
    assert difference(load_photo(data).pixels, picture()) <= 8
    # 128/255 of PQ is 92 cd/m²: a dark grey beside a white of 203.
    grey = load_photo(hdr).pixels[24, 32]
    assert abs(int(grey[1]) - 179) <= 8


@pytest.mark.parametrize("name", ["pq", "hlg", "p3", "ten-bit", "second-primary"])
def test_heic_photos_show_their_colours(picture: Any, name: str) -> None:
    """What each file is stands in heic/README.md: all of them show the same picture."""
    pytest.importorskip("pi_heif", reason="needs the extra heif")
    photo = load_photo(Path(__file__).with_name("heic") / f"{name}.heic")
    assert photo.size == (64, 48)
    assert difference(photo.pixels, picture()) <= 4


def test_a_chunk_that_unpacks_without_end_takes_no_memory(picture: Any) -> None:
    """64 megabytes of text in 64 kilobytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    chunk = b"zTXtComment\0\0" + packed
    data = encode(Image.fromarray(picture()), "PNG")
    end = data.index(b"IDAT") - 4
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert readable_png(data[:end] + bomb + data[end:]).data == data
