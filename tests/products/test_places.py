"""Places: the file that a name in a list means, and files that no list may name."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import ProductSourceError, UsageError
from floorlens.products.places import Places


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "shop"
    for name in ("oak.jpg", "bilder/Eiche gekälkt.jpg", "bilder/100% Wolle.png", "a/b/nuss.JPG"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private.jpg").touch()
    return folder


def found(folder: Path, name: str) -> str:
    return Path(Places(folder).find(name, "line 2")).relative_to(folder).as_posix()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("oak.jpg", "oak.jpg"),
        ("./oak.jpg", "oak.jpg"),
        ("bilder/../oak.jpg", "oak.jpg"),
        ("OAK.JPG", "oak.jpg"),
        ("a\\b\\nuss.jpg", "a/b/nuss.JPG"),
        (".\\A\\b\\\\nuss.jpg", "a/b/nuss.JPG"),
        ("C:\\Users\\shop\\a\\b\\nuss.jpg", "a/b/nuss.JPG"),
        ("c:/Users/shop/oak.jpg", "oak.jpg"),
        ("C:oak.jpg", "oak.jpg"),
        ("\\\\server\\share\\a\\b\\nuss.jpg", "a/b/nuss.JPG"),
        ("/home/anna/shop/bilder/EICHE GEKÄLKT.jpg", "bilder/Eiche gekälkt.jpg"),
        ("../shop-2/oak.jpg", "oak.jpg"),
        ("file:///C:/shop/oak.jpg", "oak.jpg"),
        ("file://localhost/home/anna/oak.jpg", "oak.jpg"),
        ("file:oak.jpg", "oak.jpg"),
        ("bilder/Eiche%20gek%C3%A4lkt.jpg", "bilder/Eiche gekälkt.jpg"),
        ("bilder/100% Wolle.png", "bilder/100% Wolle.png"),
        ("bilder/100% wolle.PNG", "bilder/100% Wolle.png"),
        ("oak.jpg?v=1672531", "oak.jpg"),
        ("bilder/Eiche\u00a0gekälkt.jpg", "bilder/Eiche gekälkt.jpg"),
        ("bilder/Eiche\u202fgek\u00adälkt.jpg", "bilder/Eiche gekälkt.jpg"),
        ("bilder/Eiche  gekälkt.jpg ", "bilder/Eiche gekälkt.jpg"),
    ],
)
def test_a_name_that_differs_in_what_a_system_does_not_mind(
    folder: Path, name: str, file: str
) -> None:
    assert found(folder, name) == file


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("oak", "oak.jpg"),
        ("oak.JPEG", "oak.jpg"),
        ("a/b/Nuss.jpeg", "a/b/nuss.JPG"),
        ("C:\\shop\\bilder\\eiche gekälkt", "bilder/Eiche gekälkt.jpg"),
        ("bilder/b 3.5", "bilder/b 3.5.png"),
    ],
)
def test_an_ending_may_lack_or_be_another_of_the_format(folder: Path, name: str, file: str) -> None:
    (folder / "bilder" / "b 3.5.png").touch()
    (folder / "oak.txt").touch()
    assert found(folder, name) == file


def test_an_ending_counts_where_it_tells_two_pictures_apart(folder: Path) -> None:
    (folder / "oak.png").touch()
    for name in ("oak", "oak.jpeg"):
        with pytest.raises(ProductSourceError, match=r"can be 'oak.jpg' or 'oak.png' in "):
            found(folder, name)
    assert found(folder, "OAK.jpg") == "oak.jpg"
    for name in ("oak.webp", "oak.txt", "bilder/100% Wolle.jpg"):
        with pytest.raises(ProductSourceError, match="cannot be found in"):
            found(folder, name)


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_list", ["NFC", "NFD"])
def test_accents_are_found_however_they_are_composed(
    tmp_path: Path, on_disk: str, in_list: str
) -> None:
    """A Mac's archive has them decomposed, a list that was typed has them composed."""
    place = tmp_path.resolve() / unicodedata.normalize(on_disk, "Böden")  # type: ignore[arg-type]
    place.mkdir()
    file = unicodedata.normalize(on_disk, "Eiche gekälkt Ångström.jpg")  # type: ignore[arg-type]
    (place / file).touch()
    name = unicodedata.normalize(in_list, "Böden/Eiche gekälkt Ångström.jpg")  # type: ignore[arg-type]
    assert Path(Places(tmp_path).find(name, "line 2")).exists()


def test_the_longest_end_of_a_foreign_path_is_taken(folder: Path) -> None:
    (folder / "a" / "oak.jpg").touch()
    assert found(folder, "D:\\x\\a\\oak.jpg") == "a/oak.jpg"
    assert found(folder, "D:\\x\\oak.jpg") == "oak.jpg"


def test_the_exact_name_comes_first_and_two_others_are_both_named(folder: Path) -> None:
    for name in ("Ash.jpg", "ash.JPG"):
        (folder / name).touch()
    if len(list(folder.glob("[Aa]sh.*"))) < 2:
        return  # This file system does not mind the case.
    assert found(folder, "Ash.jpg") == "Ash.jpg"
    assert found(folder, "ash.JPG") == "ash.JPG"
    with pytest.raises(ProductSourceError, match=r"can be 'Ash\.jpg' or 'ash\.JPG' in"):
        found(folder, "ash.jpg")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("oka.jpg", "oak.jpg"),
        ("oak.png", "oak.jpg"),
        ("bilder/Eiche gekalkt.jpg", "bilder/Eiche gekälkt.jpg"),
        ("D:\\shop\\bilder\\eiche_gekälkt.jpg", "bilder/Eiche gekälkt.jpg"),
        ("something-else.jpg", None),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_name(
    folder: Path, name: str, nearest: str | None
) -> None:
    with pytest.raises(ProductSourceError, match=r"^line 2: the image .* cannot be found in ") as e:
        found(folder, name)
    assert repr(name) in str(e.value)
    assert str(folder) in str(e.value)
    assert (f"the nearest is {nearest!r}" in str(e.value)) == (nearest is not None)


def test_a_picture_in_a_folder_that_the_list_leaves_out_is_named(tmp_path: Path) -> None:
    folder, outside = tmp_path / "shop", tmp_path / "elsewhere"
    for place in (folder / "fotos", outside):
        place.mkdir(parents=True)
    (folder / "fotos" / "oak.jpg").touch()
    (outside / "private.jpg").touch()
    (folder / "link").symlink_to(outside)
    for name in ("oak.JPG", "foto/oak.jpg"):
        with pytest.raises(ProductSourceError, match=r"the nearest is 'fotos/oak.jpg'"):
            Places(folder).find(name, "line 2")
    with pytest.raises(ProductSourceError) as caught:
        Places(folder).find("private.jpg", "line 2")
    assert "nearest" not in str(caught.value)


def test_a_list_of_wrong_names_is_refused_in_time(folder: Path) -> None:
    """To compare each of them with each file would take a time of both numbers' product."""
    places = Places(folder)
    hints = 0
    for number in range(300):
        with pytest.raises(ProductSourceError) as caught:
            places.find(f"oak{number}.jpg", "line 2")
        hints += "the nearest" in str(caught.value)
    assert 0 < hints <= 50


@pytest.mark.parametrize(
    "name",
    ["../elsewhere/private.jpg", "{0}/elsewhere/private.jpg", "link.jpg", "links/private.jpg"],
)
def test_a_file_outside_is_not_named_by_a_list(folder: Path, tmp_path: Path, name: str) -> None:
    """Who sends a list must not get this machine's files into a catalogue that is served."""
    outside = tmp_path.resolve() / "elsewhere"
    (folder / "link.jpg").symlink_to(outside / "private.jpg")
    (folder / "links").symlink_to(outside)
    name = name.format(tmp_path)
    for written in (name, name.upper() if "link" in name else name):
        with pytest.raises(
            ProductSourceError,
            match=re.escape(f"lies outside {folder}") + ".*" + re.escape(f"--pictures {outside}"),
        ):
            found(folder, written)


def test_a_file_outside_may_be_named_if_the_user_says_so(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path.resolve() / "elsewhere"
    with pytest.raises(UsageError, match="no such folder"):
        Places(folder, pictures=[outside / "gone"])
    places = Places(folder, pictures=[outside])
    for name in (
        "../elsewhere/private.jpg",
        f"{outside}/private.jpg",
        "PRIVATE.jpg",
        "x:/Private.jpg",
    ):
        assert places.find(name, "line 2") == str(outside / "private.jpg")
    (tmp_path / "other.jpg").touch()
    with pytest.raises(ProductSourceError, match="lies outside"):
        places.find("../other.jpg", "line 2")


def test_pictures_of_the_catalogue_may_be_named_wherever_they_lie(
    folder: Path, tmp_path: Path
) -> None:
    """They are served already: an export is read back from wherever it was written to."""
    private = tmp_path.resolve() / "elsewhere" / "private.jpg"
    places = Places(folder, known=lambda: {str(private)})
    assert places.find(str(private), "line 2") == str(private)
    (private.parent / "other.jpg").touch()
    with pytest.raises(ProductSourceError, match="lies outside"):
        places.find(str(private.parent / "other.jpg"), "line 2")


def test_what_cannot_be_the_name_of_a_file(folder: Path) -> None:
    (folder / "ring.jpg").symlink_to(folder / "ring.jpg")
    for name in ("a\0b.jpg", "ring.jpg", "x" * 5000):
        with pytest.raises(ProductSourceError, match=r"^line 2: the image .* cannot be found"):
            found(folder, name)


def test_an_address_is_what_fetching_makes_of_it(folder: Path) -> None:
    with pytest.raises(ProductSourceError, match=r"FLOORLENS_FETCH_HOSTS=a\.test$") as caught:
        found(folder, "https://a.test/oak.jpg?key=s3cret")
    assert "s3cret" not in str(caught.value)
    places = Places(folder, address=lambda address: address.upper())
    assert places.find("http://a.test/oak.jpg", "line 2") == "HTTP://A.TEST/OAK.JPG"
    assert places.find("//cdn.a.test/elm.jpg", "line 2") == "HTTPS://CDN.A.TEST/ELM.JPG"
    # That may also be the folder of another machine.
    assert places.find("//nas.local/oak.jpg", "line 2") == str(folder / "oak.jpg")


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.lists(st.sampled_from(["..", ".", "", "oak.jpg", "a", "b", "C:", "~", "\0", "%2e%2e", "é"]))
)
def test_no_name_leads_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    base = tmp_path_factory.getbasetemp().resolve() / "out"
    (base / "in" / "a" / "b").mkdir(parents=True, exist_ok=True)
    for place in (base, base / "a", base / "in" / "a" / "b"):
        place.mkdir(exist_ok=True)
        (place / "oak.jpg").touch()
    for mark in "/\\":
        try:
            picture = Places(base / "in").find(mark.join(parts), "line 2")
        except ProductSourceError as error:
            assert str(error).startswith("line 2: the image ")
        else:
            assert Path(picture).is_relative_to(base / "in")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    with pytest.raises(ProductSourceError, match="pipe or a device"):
        Places(folder).find("pipe.jpg", "list.csv, line 2")


def test_of_what_lies_outside_a_stranger_learns_nothing(tmp_path: Path) -> None:
    """Whether a file is there, a pipe, a folder, or nothing at all: the words are the same."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "shop" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    places = Places(tmp_path / "shop", silent=True)
    messages = set()
    for name in (
        "../secret.jpg",
        "../absent.jpg",
        "../pipe.jpg",
        "..",
        str(tmp_path / "secret.jpg"),
    ):
        with pytest.raises(ProductSourceError) as refusal:
            places.find(name, "line 2")
        messages.add(str(refusal.value).replace(repr(name), "X"))
    assert len(messages) == 1
    with pytest.raises(ProductSourceError, match="cannot be found"):
        places.find("link.jpg", "line 2")
