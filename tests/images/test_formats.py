"""One table of formats: only what stands in it is opened, anywhere, whatever a file is called."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from floorlens.errors import ImageError
from floorlens.images.formats import (
    FORMATS,
    NAMES,
    PILLOW_FORMATS,
    SUFFIXES,
    format_of,
    media_type,
    without_mark,
)
from floorlens.images.loading import load_photo

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("floorlens", "training", "benchmarks", "samples/make")
    for path in (ROOT / folder).rglob("*.py")
)
POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 225\n%%EndComments\nshowpage\n%%EOF\n"
)


def encode(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def opens_anything(source: str) -> list[int]:
    """Returns the lines in which a picture is opened without saying of which formats."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        limited = any(keyword.arg == "formats" for keyword in node.keywords)
        # A Parser takes no formats at all.
        if (re.search(r"(^|\.)Image\.open$", name) and not limited) or name.endswith(
            "ImageFile.Parser"
        ):
            lines.append(node.lineno)
    return lines


def test_no_picture_is_opened_without_saying_of_which_formats() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    opening = {path: text for path, text in sources.items() if re.search(r"open\(|Parser", text)}
    assert len(opening) > 10
    for path, text in opening.items():
        assert opens_anything(text) == [], path
    for path, text in sources.items():
        # Under another name the check above would not see it.
        assert not re.search(r"from PIL\.Image import|import .*\bImage as ", text), path


def test_an_open_without_formats_is_noticed() -> None:
    assert opens_anything("Image.open(path)\nPIL.Image.open(path, 'r')") == [1, 2]
    assert opens_anything("ImageFile.Parser()") == [1]
    assert opens_anything("Image.open(path, formats=PILLOW_FORMATS)") == []


RUN = """
import sys
from floorlens.errors import ImageError
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import load_photo
for load in (load_photo, decode_photo):
    for path in sys.argv[1:]:
        try:
            load(path)
        except ImageError as error:
            print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a script in the place of Ghostscript")
def test_postscript_never_starts_ghostscript(tmp_path: Path) -> None:
    """Whatever it is called, in this process and in a decoder's."""
    started = tmp_path / "started"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "gs"
    script.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    script.chmod(0o755)
    names = ("room.jpg", "room.eps", "room.png")
    for name in names:
        (tmp_path / name).write_bytes(POSTSCRIPT)
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-c", RUN, *(str(tmp_path / name) for name in names)],
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert all(f"is not an image that can be read ({NAMES})" in line for line in lines)
    assert not started.exists()


def test_an_image_of_pillow_that_is_postscript_is_not_decoded() -> None:
    """A caller may have opened it: Pillow would start Ghostscript only when its pixels are read."""
    with pytest.raises(ImageError, match="is EPS, which is not read"):
        load_photo(Image.open(io.BytesIO(POSTSCRIPT)))


@pytest.mark.parametrize("kind", ["TGA", "PCX", "SGI", "ICO", "EPS", "PDF", "MSP", "DDS"])
def test_other_formats_of_pillow_are_refused_with_what_is_read(kind: str) -> None:
    image = Image.new("1" if kind == "MSP" else "RGB", (64, 48))
    with pytest.raises(ImageError) as refusal:
        load_photo(encode(image, kind), name="photo.jpg")
    assert str(refusal.value) == f"photo.jpg: is not an image that can be read ({NAMES})"


@pytest.mark.parametrize(
    "start",
    [b"FUJIFILMCCD-RAW 0201FF", b"IIU\0\x18\0\0\0", b"IIRO\x08\0\0\0", b"\0\0\0\x18ftypcrx "],
)
def test_raw_photos_are_refused_with_the_cure(start: bytes) -> None:
    with pytest.raises(ImageError, match="is a raw photo: export it as JPEG"):
        load_photo(start + bytes(100))


@pytest.mark.parametrize("kind", [*PILLOW_FORMATS, "MPO"])
def test_each_format_is_known_by_its_first_bytes(kind: str) -> None:
    data = encode(Image.new("RGB", (64, 48)), kind)
    one = format_of(data[:64])
    assert one is not None
    assert one.pillow == ("JPEG" if kind == "MPO" else kind)
    assert media_type(data) == one.media_type
    assert load_photo(data).size == (64, 48)


def test_formats_have_their_own_endings() -> None:
    assert len(SUFFIXES) == sum(len(one.suffixes) for one in FORMATS)
    assert all(re.fullmatch(r"\.[a-z0-9]+", suffix) for suffix in SUFFIXES)
    assert {".jpg", ".hif", ".heic", ".tif", ".jp2"} <= SUFFIXES


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"\r\n\r\n\xef\xbb\xbf "])
def test_a_mark_that_a_script_wrote_before_a_picture_is_passed_over(
    picture: Any, before: bytes
) -> None:
    data = encode(Image.fromarray(picture()), "PNG")
    assert without_mark(before + data) == data
    assert (load_photo(before + data).pixels == picture()).all()
    assert without_mark(before + b"text") == before + b"text"


def test_the_pages_name_the_formats_of_the_table() -> None:
    for page in ("README.md", "docs/cli.md", "docs/service.md"):
        text = re.sub(r"\s+", " ", (ROOT / page).read_text(encoding="utf-8"))
        assert NAMES in text, page
