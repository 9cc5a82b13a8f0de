"""Reading pictures: the right picture from every valid file, in whatever form it is given."""

from __future__ import annotations

import hashlib
import io
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from floorlens.errors import FloorlensError, ImageError
from floorlens.images.formats import media_type
from floorlens.images.loading import load_photo

EXIF_ORIENTATION = 0x0112
# What a camera stores for each orientation, so that applying it gives the upright picture.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b.astype(float)).max())


def png_of_rows(rows: bytes, width: int, height: int, depth: int, colour: int) -> bytes:
    """A PNG by hand, of kinds that Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


# -- what kinds of pictures there are ----------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "JPEG", "JPEG2000", "PPM", "AVIF"])
def test_each_format_gives_the_same_picture(picture: Any, kind: str) -> None:
    pixels = picture()
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    if kind in ("PNG", "BMP", "TIFF", "JPEG2000", "PPM"):
        options = {}
    photo = load_photo(encode(Image.fromarray(pixels), kind, **options))
    assert photo.pixels.dtype == np.uint8
    assert photo.size == (64, 48)
    assert difference(photo.pixels, pixels) <= (8 if kind in ("JPEG", "AVIF") else 1)


def test_cmyk_jpeg_is_not_inverted(picture: Any) -> None:
    data = encode(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=98)
    assert difference(load_photo(data).pixels, picture()) <= 12


def test_grey_jpeg_has_three_equal_channels(picture: Any) -> None:
    grey = Image.fromarray(picture()).convert("L")
    pixels = load_photo(encode(grey, "PNG")).pixels
    assert np.array_equal(pixels, np.repeat(np.asarray(grey)[..., None], 3, axis=2))


def test_sixteen_bit_grey_png_keeps_its_brightness() -> None:
    ramp = np.linspace(0, 65535, 64 * 32).round().astype(np.uint16).reshape(32, 64)
    pixels = load_photo(encode(Image.fromarray(ramp), "PNG")).pixels
    assert difference(pixels[..., 0], ramp / 257) <= 0.51


def test_sixteen_bit_rgb_png_keeps_its_colours(picture: Any) -> None:
    pixels = picture(32, 24)
    wide = (pixels.astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    assert difference(load_photo(png_of_rows(rows, 32, 24, 16, 2)).pixels, pixels) <= 1


def test_float_tiff_of_zero_to_one_keeps_its_brightness() -> None:
    ramp = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    pixels = load_photo(encode(Image.fromarray(ramp), "TIFF")).pixels
    assert difference(pixels[..., 0], ramp * 255) <= 0.51


def test_transparency_lies_on_white() -> None:
    """RGBA, LA and a palette with a transparent colour: what is see-through is white."""
    clear = np.zeros((32, 32, 4), np.uint8)
    clear[:, 16:] = (200, 30, 30, 255)
    image = Image.fromarray(clear)
    palette = Image.fromarray((clear[..., 0] > 0).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 200, 30, 30])
    for data in (
        encode(image, "PNG"),
        encode(image, "WEBP", lossless=True),
        encode(image.quantize(8), "PNG"),
        encode(palette, "PNG", transparency=0),
        encode(palette, "GIF", transparency=0),
    ):
        pixels = load_photo(data).pixels
        assert difference(pixels[:, :16], np.full((32, 16, 3), 255)) == 0
        assert difference(pixels[:, 16:], np.broadcast_to([200, 30, 30], (32, 16, 3))) <= 4
    grey = load_photo(encode(image.convert("LA"), "PNG")).pixels
    assert grey[0, 0].tolist() == [255, 255, 255]
    assert grey[0, 31, 0] < 100


def test_nothing_but_transparency_is_refused() -> None:
    """Laid on white it would be a white floor."""
    with pytest.raises(ImageError, match=r"oak\.png: is transparent all over"):
        load_photo(encode(Image.new("RGBA", (32, 32), (90, 60, 30, 0)), "PNG"), name="oak.png")
    faint = load_photo(encode(Image.new("RGBA", (32, 32), (90, 60, 30, 9)), "PNG"))
    assert faint.pixels[0, 0, 2] < 255


def test_half_transparency_is_blended_not_cut() -> None:
    half = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert abs(int(load_photo(encode(half, "PNG")).pixels[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize(
    "mode", ["1", "P", "LA", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "RGBX"]
)
def test_pil_images_of_every_mode_are_read(picture: Any, mode: str) -> None:
    image = Image.fromarray(picture())
    image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    assert load_photo(image).pixels.shape == (48, 64, 3)


# -- which way up ------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_gives_the_same_upright_picture(
    picture: Any, kind: str, orientation: int
) -> None:
    turn = STORED[orientation]
    stored = Image.fromarray(picture())
    stored = stored if turn is None else stored.transpose(turn)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 98} if kind == "JPEG" else {}
    data = encode(stored, kind, exif=exif, **options)
    for source in (data, Image.open(io.BytesIO(data))):
        photo = load_photo(source)
        assert photo.size == (64, 48)
        assert difference(photo.pixels, picture()) <= (8 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_a_large_jpeg(picture: Any, orientation: int) -> None:
    """Also where it is decoded at a smaller scale: size and pixels are of the upright one."""
    pixels = picture(2600, 390)
    turn = STORED[orientation]
    stored = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    data = encode(stored if turn is None else stored.transpose(turn), "JPEG", exif=exif, quality=90)
    photo = load_photo(data)
    assert photo.size == (2600, 390)
    assert photo.pixels.shape == (192, 1280, 3)
    expected = stored.resize((1280, 192), Image.Resampling.LANCZOS)
    assert difference(photo.pixels, np.asarray(expected)) <= 8


def test_broken_exif_does_not_refuse_the_picture(picture: Any) -> None:
    for exif in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0"):
        data = encode(Image.fromarray(picture()), "JPEG", exif=exif, quality=98)
        assert difference(load_photo(data).pixels, picture()) <= 8


# -- animations, profiles ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(kind: str) -> None:
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert load_photo(data).pixels[5, 5].tolist() == [255, 0, 0]


def linear_profile() -> bytes:
    """A grey profile cannot be made by Pillow; Lab and XYZ can, and sRGB: swap its gamma for 1."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        entry = profile.index(tag)
        start = int.from_bytes(profile[entry + 4 : entry + 8], "big")
        # A parametric curve of type 0 (y = x^g) with g = 1.0 as s15Fixed16.
        profile[start : start + 16] = b"para\0\0\0\0\0\0\0\0\0\x01\0\0"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "lRGB".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_embedded_profile_is_turned_into_srgb(kind: str) -> None:
    """A linear 55 is a much lighter sRGB grey: 255 * (1.055 * (55/255)^(1/2.4) - 0.055) = 128."""
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    image = Image.new("RGB", (32, 32), (55, 55, 55))
    pixels = load_photo(encode(image, kind, icc_profile=linear_profile(), **options)).pixels
    assert abs(int(pixels[3, 3, 0]) - 128) <= 2


def test_profile_of_a_palette_picture_counts() -> None:
    image = Image.new("RGB", (32, 32), (55, 55, 55)).quantize(4)
    pixels = load_photo(encode(image, "PNG", icc_profile=linear_profile())).pixels
    assert abs(int(pixels[3, 3, 0]) - 128) <= 2


def test_srgb_profile_and_broken_profile_change_nothing(picture: Any) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile", srgb[:200]):
        data = encode(Image.fromarray(picture()), "PNG", icc_profile=profile)
        assert np.array_equal(load_photo(data).pixels, picture())


# -- ways of handing a picture over ------------------------------------------------------------


def test_path_bytes_pil_and_array_give_equal_pixels(picture: Any, tmp_path: Path) -> None:
    data = encode(Image.fromarray(picture()), "PNG")
    file = tmp_path / "photo.png"
    file.write_bytes(data)
    sources = (file, str(file), data, bytearray(data), Image.open(file), picture())
    photos = [load_photo(source) for source in sources]
    assert all(np.array_equal(photo.pixels, picture()) for photo in photos)
    assert {photo.size for photo in photos} == {(64, 48)}
    assert photos[0].content_hash == photos[2].content_hash == hashlib.sha256(data).hexdigest()


def test_the_callers_own_image_and_array_stay_as_they_are(picture: Any) -> None:
    image = Image.fromarray(picture(2000, 100)).convert("RGBA")
    image.getexif()[EXIF_ORIENTATION] = 6
    before = image.tobytes()
    array = picture(2000, 100)
    load_photo(image)
    load_photo(array)
    assert (image.mode, image.size, image.tobytes()) == ("RGBA", (2000, 100), before)
    assert image.getexif()[EXIF_ORIENTATION] == 6
    assert np.array_equal(array, picture(2000, 100))


def test_array_with_negative_strides_is_read_as_seen(picture: Any) -> None:
    assert np.array_equal(load_photo(picture()[:, ::-1]).pixels, picture()[:, ::-1])


def test_content_hash_tells_pictures_apart(picture: Any) -> None:
    """Also two palette pictures that differ in nothing but the palette."""
    red, blue = (Image.new("RGB", (32, 32), c).quantize(2) for c in ("red", "blue"))
    photos = [load_photo(s) for s in (red, blue, picture(), picture(48, 64), picture()[::-1])]
    assert len({photo.content_hash for photo in photos}) == 5


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(16, 1500), st.integers(16, 200), st.integers(20, 600))
def test_longer_side_is_at_most_the_working_side(width: int, height: int, side: int) -> None:
    photo = load_photo(np.zeros((height, width, 3), np.uint8), working_side=side)
    rows, columns = photo.pixels.shape[:2]
    assert photo.size == (width, height)
    assert max(rows, columns) == min(side, max(width, height))
    assert min(rows, columns) >= 1


def test_a_small_picture_is_never_enlarged(picture: Any) -> None:
    assert load_photo(picture(20, 16)).pixels.shape == (16, 20, 3)


# -- size in memory ----------------------------------------------------------------------------

GROWTH = """
import resource, sys
from floorlens.errors import ImageError
from floorlens.images.loading import load_photo
load_photo(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photo = load_photo(sys.argv[1])
print(photo.size, photo.pixels.shape)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="no resource usage here")
def test_a_108_megapixel_jpeg_stays_within_400_mb(tmp_path: Path, picture: Any) -> None:
    tile = Image.fromarray(picture(1000, 1000)).convert("L")
    large = Image.new("L", (12_000, 9_000))
    for left in range(0, 12_000, 1000):
        for top in range(0, 9_000, 1000):
            large.paste(tile, (left, top))
    small = tmp_path / "small.jpg"
    Image.fromarray(picture()).save(small)
    colour = tmp_path / "large.jpg"
    Image.merge("RGB", (large, large, large)).save(colour, quality=60)
    result = subprocess.run(
        [sys.executable, "-c", GROWTH, str(colour), str(small)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.splitlines()
    assert result[0] == "(12000, 9000) (960, 1280, 3)"
    # Asked for are 400 MB; decoded at reduced scale it takes far less, and must stay so.
    assert int(result[1]) < 150 * 1024


# -- any damage --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=12),
    st.integers(0, 200),
)
def test_damaged_bytes_give_a_picture_or_a_clear_error(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    """Whatever Pillow raises on the way, a user sees Floorlens's own error."""
    stripes = np.zeros((20, 24, 3), np.uint8)
    stripes[::3] = (200, 120, 40)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    options = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    data = bytearray(encode(Image.fromarray(stripes), kind, **options))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        # Pillow may warn of broken EXIF data, which is no matter of ours.
        photo = load_photo(bytes(data[: len(data) - cut]))
    except FloorlensError as error:
        assert str(error).startswith("the image")
    else:
        assert photo.pixels.ndim == 3
        assert photo.pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("AVIF", "image/avif"),
        ("JPEG2000", "image/jp2"),
        ("PPM", "image/x-portable-anymap"),
    ],
)
def test_a_pictures_media_type_is_told_by_its_first_bytes(kind: str, expected: str) -> None:
    """Whatever can be read can be sent to a browser under its right name."""
    data = encode(Image.new("RGB", (32, 32), "tan"), kind)
    assert load_photo(data).size == (32, 32)
    assert media_type(data[:64]) == expected


def test_heif_brands_and_what_is_no_picture() -> None:
    """An AVIF may call itself mif1 first; a film has the same first word as a HEIC."""
    start = b"\x00\x00\x00\x20ftyp"
    assert media_type(start + b"heic\x00\x00\x00\x00mif1heic") == "image/heic"
    assert media_type(start + b"mif1\x00\x00\x00\x00mif1avif") == "image/avif"
    for other in (start + b"isom\x00", b"", b"<svg", b"%PDF-1.7", b"RIFF\x00\x00\x00\x00WAVE"):
        assert media_type(other) is None
