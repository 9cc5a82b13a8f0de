"""Pictures that cannot be read: each gets an error that says what is wrong and with which file."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import ImageError, ImageTooLarge, MissingDependency
from floorlens.images.loading import MAX_FILE, load_photo

HEIC = struct.pack(">I", 24) + b"ftypheic" + b"\0\0\0\0" + b"mif1heic"


def encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def huge_png(side: int) -> bytes:
    """A white 1-bit PNG of side x side in little data: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(1)
    row = b"\0" + b"\xff" * (side // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    """One such file among its products would end an import."""
    file = tmp_path / "backup.jpg"
    file.touch()
    # All of it is a hole, which takes no room on the disk.
    os.truncate(file, MAX_FILE + 1)
    with pytest.raises(ImageTooLarge, match=r"backup\.jpg: has 2\.1 gigabytes"):
        load_photo(file)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"hello, I am text\n" * 20, "is not an image"),
        (bytes(range(256)) * 4, "is not an image"),
        (b"\x89PNG\r\n\x1a\n", "is"),
    ],
)
def test_files_that_are_no_image(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=problem) as caught:
        load_photo(file)
    assert str(file) in str(caught.value)
    with pytest.raises(ImageError, match=rf"^the image: {problem}"):
        load_photo(content)
    with pytest.raises(ImageError, match=r"^upload 7: "):
        load_photo(content, name="upload 7")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_truncated_files(picture: Any, kind: str, share: float) -> None:
    """Half a picture must never be ranked as if it were a whole one."""
    noise = np.random.default_rng(5).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    data = encoded(noise, kind)
    with pytest.raises(ImageError, match=r"truncated|damaged|not an image"):
        load_photo(data[: int(len(data) * share)])


def test_a_callers_truncated_pil_image(picture: Any) -> None:
    """Pillow opens lazily: the damage shows only when we read the pixels."""
    data = encoded(picture(300, 300), "JPEG")
    with pytest.raises(ImageError, match="truncated"):
        load_photo(Image.open(io.BytesIO(data[: len(data) // 2])))


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 15)])
def test_pictures_of_next_to_no_pixels(picture: Any, size: tuple[int, int]) -> None:
    pixels = picture(*size)
    for source in (encoded(pixels, "PNG"), pixels, Image.fromarray(pixels)):
        with pytest.raises(ImageError, match=f"only {size[0]} x {size[1]} pixels; at least 16"):
            load_photo(source)


def test_missing_file_and_folder_and_impossible_name(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        load_photo(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        load_photo(tmp_path)
    with pytest.raises(ImageError, match="cannot be the name"):
        load_photo("a\0b.jpg")


@pytest.mark.parametrize("source", [None, 5, object(), ["photo.jpg"]])
def test_things_that_are_no_source(source: Any) -> None:
    with pytest.raises(
        ImageError, match="give a path, bytes, an open file, a PIL image or a uint8"
    ):
        load_photo(source)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((32, 32), np.uint8),
        np.zeros((32, 32, 4), np.uint8),
        np.zeros((32, 32, 3), np.float32),
        np.zeros((3, 32, 32), np.uint8),
        np.zeros((0, 32, 3), np.uint8),
        np.zeros(0, np.uint8),
    ],
)
def test_arrays_of_another_kind(array: Any) -> None:
    with pytest.raises(ImageError, match="array"):
        load_photo(array)


# -- too large ---------------------------------------------------------------------------------


def test_decompression_bomb_is_refused_unread() -> None:
    """900 megapixels in half a megabyte; nothing of it may be unpacked."""
    data = huge_png(30_000)
    assert len(data) < 1_000_000
    with pytest.raises(ImageTooLarge, match=r"900\.0 megapixels, more than the allowed 120"):
        load_photo(data)


def test_the_limit_is_120_megapixels_and_a_setting() -> None:
    with pytest.raises(ImageTooLarge, match="raise FLOORLENS_MAX_MEGAPIXELS"):
        load_photo(huge_png(11_200))
    with pytest.raises(ImageTooLarge, match="more than the allowed 100"):
        load_photo(huge_png(10_400), max_megapixels=100)


def test_a_raised_limit_counts_above_pillows_own(
    picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow warns above 89 and refuses above 179 megapixels; phones take photos of 200."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for kind in ("PNG", "JPEG"):
        assert load_photo(encoded(picture(), kind)).size == (64, 48)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_too_large_arrays_and_pil_images_are_refused_too(picture: Any) -> None:
    for source in (picture(200, 100), Image.fromarray(picture(200, 100))):
        with pytest.raises(ImageTooLarge):
            load_photo(source, max_megapixels=0.01)


# -- HEIC --------------------------------------------------------------------------------------


def test_heic_without_the_extra_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(MissingDependency, match=r"pip install 'floorlens\[heif\]'"):
        load_photo(HEIC + bytes(100))


def test_damaged_heic_is_a_clear_error() -> None:
    pytest.importorskip("pi_heif", reason="needs the extra heif")
    for content in (HEIC, HEIC + bytes(100), HEIC + bytes(range(256)) * 20):
        with pytest.raises(ImageError, match="damaged HEIC"):
            load_photo(content, name="IMG_0001.HEIC")


def test_heic_is_not_turned_twice(picture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """libheif hands over an upright picture whose EXIF data still ask for the turn.

    pi-heif cannot write HEIC, so a stand-in answers here as it does.
    """
    decoded = Image.fromarray(picture())
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded.info["exif"] = exif.tobytes()
    opened = SimpleNamespace(size=decoded.size, info={}, to_pillow=lambda: decoded)
    stand_in = SimpleNamespace(open_heif=lambda _file, convert_hdr_to_8bit: opened)
    monkeypatch.setitem(sys.modules, "pi_heif", stand_in)
    photo = load_photo(HEIC)
    assert photo.size == (64, 48)
    assert np.array_equal(photo.pixels, picture())
    with pytest.raises(ImageTooLarge):
        load_photo(HEIC, max_megapixels=0.001)
