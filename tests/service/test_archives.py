"""ZIPs of strangers: nothing lies outside the folder, and nothing grows without end."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import ProductSourceError
from floorlens.service.archives import Limits, unpack


def pack(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    """Writes a ZIP of names and bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def renamed(path: Path, old: bytes, new: bytes) -> Path:
    """Writes other names, as long as the old ones, into a ZIP, as no program would pack them."""
    assert len(old) == len(new)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def files(folder: Path) -> dict[str, bytes]:
    """Returns what lies in a folder, by its path from there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_list_at_the_top_is_the_source_else_the_folder(tmp_path: Path) -> None:
    """A ZIP is often a single folder; what systems put beside files is left out without a word."""
    first = pack(
        tmp_path / "a.zip",
        ("shop/products.csv", b"id,image"),
        ("shop/read me.txt", b"hello"),
        ("shop/pictures/oak.jpg", b"oak"),
        ("__MACOSX/shop/._oak.jpg", b"x"),
        ("shop/.DS_Store", b"x"),
        ("shop/empty/", b""),
    )
    unpacked = unpack(first, tmp_path / "a")
    assert unpacked.source == tmp_path / "a" / "shop" / "products.csv"
    assert unpacked.notes == ()
    assert files(tmp_path / "a").keys() == {
        "shop/products.csv",
        "shop/read me.txt",
        "shop/pictures/oak.jpg",
    }
    second = pack(tmp_path / "b.zip", ("shop/oak.jpg", b"oak"), ("shop/elm.jpg", b"elm"))
    assert unpack(second, tmp_path / "b").source == tmp_path / "b" / "shop"


def test_of_several_lists_one_must_be_meant(tmp_path: Path) -> None:
    """One that is called products is."""
    both = ("prices.csv", b"a"), ("stock.csv", b"b")
    with pytest.raises(ProductSourceError, match=r"prices\.csv, stock\.csv"):
        unpack(pack(tmp_path / "a.zip", *both), tmp_path / "a")
    named = pack(tmp_path / "b.zip", *both, ("Products.CSV", b"c"))
    assert unpack(named, tmp_path / "b").source.name == "Products.CSV"


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "shop/../../evil.jpg",
        "/etc/evil.jpg",
        "..\\evil.jpg",
        "shop\\..\\..\\evil.jpg",
        "\\\\server\\evil.jpg",
        "C:\\evil.jpg",
        "C:evil.jpg",
        "c:/evil.jpg",
        "evil\n.jpg",
        "evil\x1b[2J.jpg",
        "e" * 300 + ".jpg",
    ],
)
def test_names_that_lead_out_or_cannot_be_refuse_the_whole(tmp_path: Path, name: str) -> None:
    """No program that means well writes them."""
    archive = pack(tmp_path / "a.zip", ("oak.jpg", b"oak"), (name, b"evil"))
    with pytest.raises(ProductSourceError) as refusal:
        unpack(archive, tmp_path / "inner" / "content")
    assert "\x1b" not in str(refusal.value)
    outside = [path for path in tmp_path.rglob("*evil*") if path.is_file()]
    assert outside == []


def test_a_name_is_not_cut_at_a_nul(tmp_path: Path) -> None:
    """Python cuts it: `list.csv\\0.jpg` would become a list."""
    archive = pack(tmp_path / "a.zip", ("list.csv_.jpg", b"x"))
    renamed(archive, b"list.csv_.jpg", b"list.csv\0.jpg")
    with pytest.raises(ProductSourceError):
        unpack(archive, tmp_path / "content")


def test_names_of_windows_and_without_their_encoding_are_read(tmp_path: Path) -> None:
    """Older programs write backslashes, and UTF-8 without saying so."""
    archive = pack(tmp_path / "a.zip", ("shop_wood_oak.jpg", b"oak"), ("eiche_____.jpg", b"ash"))
    renamed(archive, b"shop_wood_oak.jpg", b"shop\\wood\\oak.jpg")
    renamed(archive, b"eiche_____.jpg", "eiche-hölz".encode().ljust(10, b"_") + b".jpg"[-3:])
    assert files(unpack(archive, tmp_path / "content").source).keys() == {
        "shop/wood/oak.jpg",
        "eiche-hölzjpg",
    }


def test_links_devices_and_archives_are_left_out(tmp_path: Path) -> None:
    """A link could lead to any file of the server, and an archive in it is not opened."""
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    device = zipfile.ZipInfo("device.jpg")
    device.external_attr = (stat.S_IFCHR | 0o666) << 16
    archive = pack(
        tmp_path / "a.zip",
        (link, b"/etc/passwd"),
        (device, b""),
        ("more.zip", b"PK"),
        ("oak.jpg", b"oak"),
    )
    unpacked = unpack(archive, tmp_path / "content")
    assert files(tmp_path / "content") == {"oak.jpg": b"oak"}
    assert unpacked.notes == (
        "2 of the ZIP left out: links and devices",
        "1 of the ZIP left out: archives in it",
    )


def test_a_second_file_of_a_name_does_not_take_the_place_of_the_first(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("oak_1.jpg", b"first"), ("oak_2.jpg", b"second"))
    renamed(archive, b"oak_2.jpg", b"oak_1.jpg")
    unpacked = unpack(archive, tmp_path / "content")
    assert files(tmp_path / "content") == {"oak_1.jpg": b"first"}
    assert len(unpacked.notes) == 1


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(files=2), "more than 2 files"),
        (Limits(file_bytes=1 << 20), "'b.jpg' with more than 1 MiB"),
        (Limits(total_bytes=3 << 20), "unpacks to more than 3 MiB"),
        (Limits(directory_bytes=100), "table of its files"),
    ],
)
def test_limits_hold(tmp_path: Path, limits: Limits, words: str) -> None:
    archive = pack(
        tmp_path / "a.zip", ("a.jpg", b"x"), ("b.jpg", bytes(2 << 20)), ("c.jpg", bytes(2 << 20))
    )
    with pytest.raises(ProductSourceError, match=words):
        unpack(archive, tmp_path / "content", limits=limits)


def test_a_bomb_is_known_by_what_comes_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ratio counts from some size on, since a list packs well."""
    monkeypatch.setattr("floorlens.service.archives._RATIO_FROM", 1 << 20)
    archive = pack(tmp_path / "a.zip", ("a.jpg", bytes(8 << 20)))
    assert archive.stat().st_size < (8 << 20) / 100
    with pytest.raises(ProductSourceError, match="unpacks to more than 1 MiB"):
        unpack(archive, tmp_path / "content")


def test_a_size_that_is_a_lie_does_not_count(tmp_path: Path) -> None:
    """The bytes are counted as they come out, whatever the entry promises."""
    archive = pack(tmp_path / "a.zip", ("a.jpg", bytes(2 << 20)))
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 2 << 20), struct.pack("<I", 10)))
    with pytest.raises(ProductSourceError):
        unpack(archive, tmp_path / "content", limits=Limits(file_bytes=1 << 20))
    assert sum(len(one) for one in files(tmp_path / "content").values()) <= 1 << 20


def test_entries_that_are_promised_are_counted_before_they_are_read(tmp_path: Path) -> None:
    """The table of a ZIP64 with a thousand million entries would not fit into memory."""
    archive = tmp_path / "a.zip"
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 10**9, 10**9, 10**10, 0)
    locator = struct.pack("<IIQI", 0x07064B50, 0, 0, 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    archive.write_bytes(end64 + locator + end)
    with pytest.raises(ProductSourceError, match="more than 100,000 files"):
        unpack(archive, tmp_path / "content")


def test_what_is_encrypted_damaged_or_no_zip_is_refused(tmp_path: Path) -> None:
    good = pack(tmp_path / "a.zip", ("oak.jpg", b"oak" * 100)).read_bytes()
    encrypted = bytearray(good)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[good.index(signature) + flags] |= 1
    archive = tmp_path / "b.zip"
    archive.write_bytes(bytes(encrypted))
    with pytest.raises(ProductSourceError, match="encrypted"):
        unpack(archive, tmp_path / "b")
    place = good.index(b"oak.jpg") + 8
    damaged = good[:place] + bytes([good[place] ^ 0xFF, good[place + 1] ^ 0x55]) + good[place + 2 :]
    for number, data in enumerate((damaged, good[:-30], b"", b"id,image\n", good[:40])):
        archive.write_bytes(data)
        with pytest.raises(ProductSourceError):
            unpack(archive, tmp_path / str(number))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(0, 40))
def test_whatever_is_broken_is_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, cut: int
) -> None:
    """Any byte may be any other, and the end may be missing; nothing lies outside."""
    folder = tmp_path_factory.mktemp("broken")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("shop/list.csv", "id,image\noak,oak.jpg\n")
        packed.writestr("shop/oak.jpg", b"oak" * 50)
    data = bytearray(file.getvalue())
    data[place % len(data)] = byte
    archive = folder / "a.zip"
    archive.write_bytes(bytes(data[: len(data) - cut]))
    with suppress(ProductSourceError):
        unpack(archive, folder / "content")
    assert {path.name for path in folder.iterdir()} <= {"a.zip", "content"}
