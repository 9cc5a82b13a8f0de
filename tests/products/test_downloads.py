"""Downloads: what was fetched lies in the catalogue's folder, and follows what the server has."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from floorlens.errors import ImageError, ImageTooLarge
from floorlens.images.fetching import Fetcher
from floorlens.products.downloads import Downloads, downloads_folder
from tests.doubles.picture_server import fetcher, png, response, serving, url


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_picture_is_kept_by_the_hash_of_its_content(tmp_path: Path) -> None:
    with serving(lambda *_: response(png())) as server:
        downloads = Downloads(tmp_path / "pictures", fetcher(server))
        path = downloads.picture(url(server, "/oak?size=large"))
        assert downloads.picture(url(server, "/the-same")) == path
    assert path == tmp_path / "pictures" / f"{hashlib.sha256(png()).hexdigest()}.png"
    assert path.read_bytes() == png()
    assert files(tmp_path / "pictures") == [path.name]


def test_a_picture_is_sent_again_only_if_it_has_changed(tmp_path: Path) -> None:
    bodies = {'"1"': png("tan"), '"2"': png("red")}
    tag = '"1"'

    def answer(_path: str, headers: dict[str, str]) -> bytes:
        if headers.get("If-None-Match") == tag:
            return response(status="304 Not Modified", Content_Length="")
        return response(bodies[tag], ETag=tag)

    with serving(answer) as server:
        downloads = Downloads(tmp_path, fetcher(server))
        first = downloads.picture(url(server))
        assert downloads.picture(url(server)) == first
        tag = '"2"'
        second = downloads.picture(url(server))
        assert second.read_bytes() == png("red")
        # An older product may still show it.
        assert first.exists()
        # What was lost on the disk is fetched, whatever the note says.
        second.unlink()
        assert downloads.picture(url(server)).read_bytes() == png("red")


def test_what_a_camera_wrote_is_not_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera at home"
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "tan").save(file, "JPEG", exif=exif)
    assert b"at home" in file.getvalue()
    with serving(lambda *_: response(file.getvalue())) as server:
        kept = Downloads(tmp_path, fetcher(server)).picture(url(server))
    assert b"at home" not in kept.read_bytes()


def test_the_limits_hold_for_what_is_decoded_for_that(tmp_path: Path) -> None:
    file = tmp_path / "oak.bmp"
    Image.new("RGB", (40, 40), "tan").save(file)
    with pytest.raises(ImageTooLarge):
        Downloads(tmp_path / "pictures", max_megapixels=0.001).copy(str(file))


def test_a_picture_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    with serving(lambda *_: response(png())) as server:
        downloads = Downloads(tmp_path, fetcher(server))
        path = downloads.picture(url(server))
        for damaged in (b"", png()[:-5], png()[:-20] + bytes(20)):
            path.write_bytes(damaged)
            assert downloads.picture(url(server)) == path
            assert path.read_bytes() == png()


def test_without_a_fetcher_only_what_is_here_is_given(tmp_path: Path) -> None:
    with serving(lambda *_: response(png())) as server:
        address = url(server)
        path = Downloads(tmp_path, fetcher(server)).picture(address)
    offline = Downloads(tmp_path)
    assert offline.name(address) == str(offline.picture(address)) == str(path)
    assert offline.name(f"{address}?other") is None
    with pytest.raises(ImageError, match="nothing is fetched unless you ask for it"):
        offline.picture(f"{address}?other")


def test_a_note_that_is_damaged_is_as_good_as_none(tmp_path: Path) -> None:
    with serving(lambda *_: response(png())) as server:
        downloads = Downloads(tmp_path, fetcher(server))
        path = downloads.picture(url(server))
        (note,) = (tmp_path / "addresses").iterdir()
        outside = tmp_path.parent / "private.png"
        outside.write_bytes(png("red"))
        for text in ("", "[]", "{}", '{"file": 5}', '{"file": "../private.png", "etag": ""}'):
            note.write_text(text)
            assert Downloads(tmp_path).name(url(server)) is None
            assert downloads.picture(url(server)) == path


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        serving(lambda *_: response(png())) as server,
        pytest.raises(ImageError, match="cannot be written"),
    ):
        Downloads(tmp_path / "file", fetcher(server)).picture(url(server))


def test_nothing_is_kept_of_what_fails(tmp_path: Path) -> None:
    page = response(b"<html>" * 20)
    with serving(lambda *_: page) as server, pytest.raises(ImageError, match="is no picture"):
        Downloads(tmp_path / "pictures", fetcher(server)).picture(url(server))
    with pytest.raises(ImageError, match="may not be asked"):
        Downloads(tmp_path / "pictures", Fetcher(())).picture("https://a.test/x")
    assert not (tmp_path / "pictures").exists()


def test_pictures_of_a_catalogue_on_a_server_lie_in_the_users_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert downloads_folder(tmp_path) == tmp_path / "pictures"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert downloads_folder(None) == tmp_path / "data" / "floorlens" / "pictures"
