"""Folders: which of their files and sub-folders are products, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from floorlens.products.folders import Layout, read_folder
from floorlens.products.product import MAX_IMAGES


def fill(folder: Path, *names: str) -> Path:
    """Makes files, each with a content of its own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def pictures_of(folder: Path, layout: Layout = "auto") -> dict[str, list[str]]:
    """Returns id -> its pictures, relative to the folder."""
    return {
        product.id: [
            Path(image).relative_to(folder.resolve()).as_posix() for image in product.images
        ]
        for product in read_folder(folder, layout=layout).products
    }


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(["oak/1", "oak/2", "ash/1"], id="numbers that another has too"),
        pytest.param(["oak/front", "oak/detail", "ash/front"], id="views"),
        pytest.param(["oak/front-01", "oak/Detail (2)", "ash/room_3"], id="views with numbers"),
        pytest.param(["oak/IMG_0412", "oak/IMG_0413", "ash/P1010007"], id="of a camera"),
        pytest.param(
            ["oak/20261102_094107", "oak/WhatsApp Image 2026-11-02 at 09.41.07", "ash/1", "oak/1"],
            id="of a telephone",
        ),
        pytest.param(
            ["oak/DSC01", "oak/vorne", "ash/DSC01", "ash/vorne", "fir/vorne", "fir/DSC01"]
        ),
        pytest.param(["oak/oak-front", "oak/oak-1", "ash/ash-detail"], id="own name and a view"),
        pytest.param(["oak/oak", "oak/oak-1", "ash/ash", "ash/ash_2"], id="own name and a number"),
        pytest.param(["oak/oak", "ash/ash", "ash/ash-detail"], id="some with one picture"),
        pytest.param(["wood/oak/1", "wood/oak/2", "wood/ash/1"], id="within categories"),
        pytest.param(["oak/1", "oak/details/2", "ash/details/1"], id="views in folders"),
    ],
)
def test_a_folder_whose_files_name_no_product_is_one(tmp_path: Path, files: list[str]) -> None:
    folder = fill(tmp_path, *(f"{name}.jpg" for name in files))
    expected = {part for name in files for part in name.split("/")[:-1]} - {"wood", "details"}
    products = pictures_of(folder)
    assert products.keys() == expected
    assert sum(map(len, products.values())) == len(files)
    for product, images in products.items():
        assert all(product in Path(image).parts or Path(image).stem == product for image in images)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(["1", "2", "front", "IMG_0412"], id="no sub-folders"),
        pytest.param(["wood/oak", "wood/walnut", "stone/slate"], id="categories"),
        pytest.param(["wood/100234", "wood/100235", "stone/100300"], id="article numbers"),
        pytest.param(["wood/P1001", "wood/P1002", "stone/P2001"], id="article numbers with P"),
        pytest.param(["wood/12", "wood/13", "stone/14"], id="short article numbers"),
        pytest.param(["Classic/classic-1", "Classic/classic-2", "Rustic/rustic-3"], id="ranges"),
        pytest.param(["new/IMG_1000", "new/IMG_1001"], id="one sub-folder"),
        pytest.param(["Oak/oak", "Ash/ash"], id="each in a folder of its own name"),
        pytest.param(["wood/oak", "wood/front", "stone/slate"], id="one name of a product"),
        pytest.param([f"{n % 2}x/IMG_{n:04}" for n in range(40)], id="too many for a product"),
    ],
)
def test_other_files_are_a_product_each_by_their_name(tmp_path: Path, files: list[str]) -> None:
    """As they always were: the ids of catalogues stay."""
    folder = fill(tmp_path, *(f"{name}.jpg" for name in files))
    assert pictures_of(folder) == {Path(name).name: [f"{name}.jpg"] for name in files}
    assert read_folder(folder).notes == ()


def test_what_is_decided_is_said_and_can_be_decided_by_hand(tmp_path: Path) -> None:
    folder = fill(tmp_path, "oak/1.jpg", "oak/2.jpg", "ash/1.jpg", "ash/2.jpg", "fir.jpg")
    assert pictures_of(folder) == {
        "ash": ["ash/1.jpg", "ash/2.jpg"],
        "fir": ["fir.jpg"],
        "oak": ["oak/1.jpg", "oak/2.jpg"],
    }
    (note,) = read_folder(folder).notes
    assert note.startswith("2 sub-folders are a product each, with all their pictures")
    assert "--layout files" in note
    files = read_folder(folder, layout="files")
    assert [product.id for product in files.products] == ["ash/1", "ash/2", "fir", "oak/1", "oak/2"]
    (note,) = files.notes
    assert "'oak/2'" in note
    assert "--layout folders" in note


def test_equal_names_in_several_folders_are_products_of_their_own(tmp_path: Path) -> None:
    """Six floors: what three folders have is no view, if it is a word."""
    woods, looks = ("Eiche", "Nuss", "Esche"), ("natur", "ge\u00f6lt")
    folder = fill(tmp_path, *(f"{wood}/{look}.jpg" for wood in woods for look in looks))
    fill(folder, "Eiche/gekalkt.jpg", "natur.jpg")
    content = read_folder(folder)
    names = {product.id: product.name for product in content.products}
    doubled = {f"{wood}/{look}": f"{wood} {look}" for wood in woods for look in looks}
    assert names == {**doubled, "gekalkt": "gekalkt", "natur": "natur"}
    assert content.refusals == ()
    (note,) = content.notes
    assert note.startswith("ids with the folder before the name")


def test_sub_folders_of_one_name_are_products_of_their_own(tmp_path: Path) -> None:
    folder = fill(tmp_path, "a/oak/1.jpg", "a/oak/2.jpg", "b/oak/1.jpg", "fir.jpg")
    assert pictures_of(folder) == {
        "a/oak": ["a/oak/1.jpg", "a/oak/2.jpg"],
        "b/oak": ["b/oak/1.jpg"],
        "fir": ["fir.jpg"],
    }


def test_names_that_differ_in_what_nobody_sees_only_are_refused(tmp_path: Path) -> None:
    content = read_folder(fill(tmp_path, "oak.jpg", "oak\u200b.jpg", "fir.jpg"))
    assert [product.id for product in content.products] == ["fir"]
    assert [refusal.id for refusal in content.refusals] == ["oak", "oak"]
    assert "rename them" in content.refusals[0].cause


def test_every_sub_folder_is_a_product_if_the_user_says_so(tmp_path: Path) -> None:
    folder = fill(tmp_path, "oak/a.jpg", "oak/b.jpg", "ash/c.jpg", "fir.jpg")
    assert pictures_of(folder).keys() == {"a", "b", "c", "fir"}
    assert pictures_of(folder, "folders") == {
        "ash": ["ash/c.jpg"],
        "fir": ["fir.jpg"],
        "oak": ["oak/a.jpg", "oak/b.jpg"],
    }


def test_a_file_beside_the_folder_of_its_name_is_of_the_same_product(tmp_path: Path) -> None:
    folder = fill(tmp_path, "oak.jpg", "oak/1.jpg", "ash/1.jpg")
    assert pictures_of(folder) == {"ash": ["ash/1.jpg"], "oak": ["oak.jpg", "oak/1.jpg"]}


def test_folders_of_many_pictures_are_no_products(tmp_path: Path) -> None:
    """Such as those of the rooms and of the products of a data set; the user can say otherwise."""
    counts = {"rooms": 5, "masks": 5, "floors": 20}
    names = [f"{place}/{number}.jpg" for place in counts for number in range(counts[place])]
    products = read_folder(fill(tmp_path, *names))
    assert products.refusals == ()
    assert len(products.products) == len(names)
    assert pictures_of(tmp_path, "folders").keys() == counts.keys()


def test_pictures_are_in_order_of_name_with_2_before_10_and_at_most_8(tmp_path: Path) -> None:
    numbers = range(1, 13)
    names = [f"oak/{number}.jpg" for number in numbers]
    folder = fill(tmp_path, *names, "ash/1.jpg", "elm/1.jpg")
    products = read_folder(folder)
    images = [Path(image).stem for image in products.products[2].images]
    assert images == [str(number) for number in numbers[:MAX_IMAGES]]
    assert "4 files left out: 4 beyond the 8 pictures of a product" in products.notes


def test_a_twin_with_another_ending_is_another_picture(tmp_path: Path) -> None:
    folder = fill(tmp_path, "oak.jpg", "oak.webp", "ash.jpg")
    assert pictures_of(folder) == {"ash": ["ash.jpg"], "oak": ["oak.jpg", "oak.webp"]}
    (folder / "ash.jpeg").write_bytes((folder / "ash.jpg").read_bytes())
    assert len(pictures_of(folder)["ash"]) == 1
    assert read_folder(folder).notes == ("1 file left out: 1 equal to another of the product",)


def test_thumbnails_as_shops_write_them_are_left_out(tmp_path: Path) -> None:
    for name, size in {"oak": 400, "oak-150x150": 150, "oak-300x300": 300, "tile": 400}.items():
        Image.new("RGB", (size, size), "tan").save(tmp_path / f"{name}.jpg")
    # A tile of 60 x 60 centimetres, and one without a picture that it could be the thumbnail of.
    Image.new("RGB", (400, 400), "red").save(tmp_path / "tile-60x60.jpg")
    Image.new("RGB", (150, 150), "red").save(tmp_path / "slate-150x150.jpg")
    fill(tmp_path, "oak_thumb.jpg")
    products = read_folder(tmp_path)
    assert [p.id for p in products.products] == ["oak", "slate-150x150", "tile", "tile-60x60"]
    assert products.notes == ("3 files left out: 3 thumbnails",)


def test_pictures_are_told_by_their_content_too(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "tan").save(tmp_path / "phone.mpo", "JPEG")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "noending", "PNG")
    for name in ("oak.jpg.part", "old.bak"):
        Image.new("RGB", (40, 40)).save(tmp_path / name, "JPEG")
    Image.new("RGB", (40, 40)).save(tmp_path / "raw.dng", "TIFF")
    fill(tmp_path, "a.tga", "b.tga", "BMW.txt", "README", "._phone.mpo", ".git/x.jpg")
    products = read_folder(tmp_path)
    assert [product.id for product in products.products] == ["noending", "phone"]
    (note,) = products.notes
    assert note.startswith("9 files left out: 2 hidden, 2 .tga, ")
    for kind in ("1 .txt", "1 without an ending", "1 .part", "1 .bak", "1 .dng"):
        assert kind in note


def test_a_name_that_can_be_no_id_refuses_its_file_only(tmp_path: Path) -> None:
    try:
        folder = fill(tmp_path, "oak.jpg", "a\\b.jpg", "control\x07.jpg")
    except OSError:
        return  # This file system has no such names.
    products = read_folder(folder)
    assert "oak" in [product.id for product in products.products]
    assert all(refusal.cause for refusal in products.refusals)
    assert len(products.products) + len(products.refusals) == 3


def test_what_cannot_be_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    folder = fill(tmp_path, "oak.jpg")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "ring.jpg").symlink_to(folder / "ring.jpg")
    (folder / "oak.png").symlink_to(folder / "nowhere.png")
    assert [product.id for product in read_folder(folder).products] == ["oak", "ring"]


PARTS = st.sampled_from(
    ["oak", "ash", "1", "2", "front", "IMG_0412", "oak-1", "oak-thumb", "Ä ", "x"]
)
PLACES = st.lists(PARTS, max_size=2)
ENDINGS = st.sampled_from([".jpg", ".JPG", ".png", ".webp", ".txt", "", ".part"])


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.sets(st.tuples(PLACES.map("/".join), PARTS, ENDINGS), max_size=14),
    st.sampled_from(["auto", "files", "folders"]),
)
def test_no_picture_is_lost_or_used_twice(
    tmp_path_factory: pytest.TempPathFactory, names: set[tuple[str, str, str]], layout: Layout
) -> None:
    """Each file is a picture of one product, is refused, or is counted among those left out."""
    folder = tmp_path_factory.mktemp("tree")
    # A file that is called as a folder is there cannot be made.
    files = {f"{place}/{stem}{ending}".strip("/") for place, stem, ending in names}
    made = [name for name in files if not any(other.startswith(f"{name}/") for other in files)]
    fill(folder, *made)
    products = read_folder(folder, layout=layout)
    images = [image for product in products.products for image in product.images]
    assert len(set(images)) == len(images)
    ids = [product.id for product in products.products]
    assert ids == sorted(set(ids))
    left_out = [int(note.split()[0]) for note in products.notes if "left out" in note]
    rest = len(made) - len(images) - sum(left_out)
    assert (rest >= len(products.refusals)) if products.refusals else rest == 0
    assert read_folder(folder, layout=layout) == products


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "oak.jpg").write_bytes(b"\xff\xd8\xff")
    source = read_folder(tmp_path)
    assert [product.id for product in source.products] == ["oak"]
    assert any("1 pipes and devices" in note for note in source.notes)
