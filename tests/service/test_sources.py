"""What an import may read: folders that are allowed, and what was sent."""

from __future__ import annotations

import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from floorlens.errors import ImageError, ProductSourceError, SettingsError, UsageError
from floorlens.service.sources import Source, allowed_folder, fetched, uploaded
from tests.doubles.picture_server import HOST, png, reachable, response, serving, url


def test_folders_lie_inside_those_that_are_allowed(tmp_path: Path) -> None:
    """After links: one inside may lead out, and one outside in."""
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    (allowed / "spring").mkdir(parents=True)
    (outside / "secret").mkdir(parents=True)
    (allowed / "way out").symlink_to(outside)
    (tmp_path / "way in").symlink_to(allowed)
    (allowed / "file.csv").write_text("id")
    for name in ("spring", str(allowed / "spring"), str(tmp_path / "way in" / "spring"), "."):
        assert allowed_folder(name, [allowed]).is_relative_to(allowed)
    for name in (
        "../outside",
        "way out",
        "way out/secret",
        "spring/../../outside",
        str(outside),
        str(tmp_path),
        "/",
        "absent",
        "file.csv",
        "a\0b",
        "x" * 5000,
    ):
        with pytest.raises(UsageError) as refusal:
            allowed_folder(name, [allowed])
        assert str(tmp_path) not in str(refusal.value)
    with pytest.raises(UsageError):
        allowed_folder("spring", [])


def test_a_folder_of_a_similar_name_is_not_inside(tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed-not").mkdir()
    with pytest.raises(UsageError):
        allowed_folder(str(tmp_path / "allowed-not"), [tmp_path / "allowed"])


def test_an_excel_file_is_no_archive_although_it_is_a_zip(tmp_path: Path) -> None:
    for name in ("list.xlsx", "list.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr("oak.jpg", b"oak")
    assert uploaded(tmp_path / "list.xlsx", tmp_path, 10, print).products == tmp_path / "list.xlsx"
    source = uploaded(tmp_path / "list.zip", tmp_path, 10, lambda *_: None)
    assert source.products == tmp_path / "content"
    (tmp_path / "lie.zip").write_bytes(b"id,image\n")
    with pytest.raises(ProductSourceError, match="no ZIP"):
        uploaded(tmp_path / "lie.zip", tmp_path / "lie", 10, print)


def test_what_lies_at_an_address_is_told_by_its_name_or_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list, a ZIP, or one picture, which is one product."""
    reachable(monkeypatch)
    long = "木" * 100
    answers = {
        "/spring.csv?key=secret": response(b"id,image\n"),
        "/export": response(b"[]", Content_Type="application/json; charset=utf-8"),
        "/oak%20natural.png": response(png()),
        quote(f"/{long}.csv"): response(b"id,image\n"),
        "/page": response(b"<html>", Content_Type="text/html"),
        "/large.csv": response(bytes(2_000_000)),
    }
    with serving(lambda path, _: answers.get(path, response(status="404 Not Found"))) as server:
        hosts = [f"{HOST}:{server.port}"]

        def source(path: str, folder: str) -> Source:
            return fetched(url(server, path), hosts, tmp_path / folder, 1, lambda *_: None)

        assert source("/spring.csv?key=secret", "a").products == tmp_path / "a" / "spring.csv"
        assert source("/export", "b").products == tmp_path / "b" / "export.json"
        products = source("/oak%20natural.png", "c").products
        assert isinstance(products, list)
        assert [product.id for product in products] == ["oak natural"]
        # Of three bytes each: a name of a hundred letters would be too long for a file.
        assert source(quote(f"/{long}.csv"), "i").products == tmp_path / "i" / f"{long[:33]}.csv"
        with pytest.raises(ProductSourceError, match="neither a picture, a list"):
            source("/page", "d")
        with pytest.raises(ImageError, match="more than 1 megabytes"):
            source("/large.csv", "e")
        with pytest.raises(ImageError, match="404"):
            source("/absent", "f")
        with pytest.raises(ImageError, match="may not be asked"):
            fetched("https://other.test/x.csv", hosts, tmp_path / "g", 1, print)
    with pytest.raises(SettingsError):
        fetched("https://other.test/x.csv", [], tmp_path / "h", 1, print)


def test_nothing_is_fetched_from_this_network(tmp_path: Path) -> None:
    """Not even of a host that is allowed: an address in a request must not reach what is inside."""
    words = "no address of the public internet"
    with (
        serving(lambda *_: response(b"id,image")) as server,
        pytest.raises(ImageError, match=words),
    ):
        host = f"127.0.0.1:{server.port}"
        fetched(f"http://{host}/list.csv", [host], tmp_path / "a", 1, print)
