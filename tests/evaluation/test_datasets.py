"""What an evaluation folder must hold: anything else is said plainly, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import DatasetError, ImageError
from floorlens.evaluation.datasets import (
    mean_colours,
    read_masks,
    read_pairs,
    read_products,
    read_ranking,
    read_true_mask,
)

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, MasksFolder, PairsFolder


def test_byte_identical_products_are_one(pairs_folder: PairsFolder) -> None:
    products = read_products(pairs_folder.path / "products")
    assert len(products.files) == 12
    assert products.count == 11
    assert products.group_of["p10"] == products.group_of["p11"]
    assert products.group_of_file("p3.jpg") is None


def test_hidden_files_and_lists_are_no_products(pairs_folder: PairsFolder) -> None:
    folder = pairs_folder.path / "products"
    for name in (".DS_Store", "._p1.png", "prices.csv"):
        (folder / name).write_bytes(b"x")
    assert len(read_products(folder).files) == 12


def test_mean_colours_are_lab_of_the_whole_picture_and_missing_where_it_is_broken(
    pairs_folder: PairsFolder,
) -> None:
    folder = pairs_folder.path / "products"
    (folder / "p5.png").write_bytes(b"no picture")
    halves = np.zeros((40, 40, 3), dtype=np.uint8)
    halves[20:] = 255
    Image.fromarray(halves).save(folder / "p6.png")
    products = read_products(folder)
    colours = mean_colours(products)
    assert np.isnan(colours[products.group_of["p5"]]).all()
    # Half black, half white: L* 50, not the L* of the mean code value.
    assert colours[products.group_of["p6"]] == pytest.approx([50, 0, 0], abs=0.02)


def test_a_spreadsheets_byte_order_mark_hides_no_column(pairs_folder: PairsFolder) -> None:
    text = "\ufeffroom,product,source\n\na.png,p1.png,wfs\n,,\n"
    (pairs_folder.path / "pairs.csv").write_text(text, encoding="utf-8")
    (pair,) = read_pairs(pairs_folder.path).pairs
    assert (pair.room, pair.product, pair.source) == ("a.png", "p1.png", "wfs")


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("room,product", "a.png,p1.png", "lacks the column source"),
        ("room,source", "a.png,wfs", "lacks the column product"),
        ("room,product,source", "../secret.png,p1.png,wfs", "inside the evaluation folder"),
        ("room,product,source", "a.png,..\\p1.png,wfs", "inside the evaluation folder"),
        ("room,product,source", "/etc/hostname,p1.png,wfs", "inside the evaluation folder"),
        ("room,product,source", "C:\\a.png,p1.png,wfs", "inside the evaluation folder"),
        ("room,product,source", "a.png,,wfs", "inside the evaluation folder"),
        ("room,product,source", ",,", "holds no rows"),
    ],
)
def test_pairs_that_cannot_be_meant_are_refused(
    pairs_folder: PairsFolder, header: str, row: str, says: str
) -> None:
    pairs_folder.write_pairs(row, header=header)
    with pytest.raises(DatasetError, match=says):
        read_pairs(pairs_folder.path)


def test_a_missing_or_unreadable_list_is_refused(pairs_folder: PairsFolder) -> None:
    with pytest.raises(DatasetError, match=r"pairs\.csv: cannot be read"):
        read_pairs(pairs_folder.path)
    (pairs_folder.path / "pairs.csv").write_bytes(b"room,product,source\n\xff\xfe,a,b\n")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_pairs(pairs_folder.path)


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        read_products(tmp_path / "products")
    (tmp_path / "products").mkdir()
    with pytest.raises(DatasetError, match="no product pictures"):
        read_products(tmp_path / "products")


def test_two_pictures_of_one_id_are_refused(pairs_folder: PairsFolder) -> None:
    (pairs_folder.path / "products" / "p1.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"p1\.jpg and p1\.png share a stem"):
        read_products(pairs_folder.path / "products")


@pytest.mark.parametrize("grade", ["", "-1", "1.5", "high", "31", "²"])
def test_a_grade_is_a_small_whole_number(ranking_folder: Folder, grade: str) -> None:
    text = f"query,product,grade\n1.png,0.png,{grade}\n"
    (ranking_folder.path / "judgments.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match="is not one of 0 to 30"):
        read_ranking(ranking_folder.path)


def test_a_judgment_may_be_repeated_but_not_contradicted(ranking_folder: Folder) -> None:
    path = ranking_folder.path / "judgments.csv"
    path.write_text("query,product,grade\n1.png,0.png,2\n1.png,0.png,2\n", encoding="utf-8")
    assert read_ranking(ranking_folder.path).grades == {"1.png": {"0.png": 2}}
    path.write_text("query,product,grade\n1.png,0.png,2\n1.png,0.png,3\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="judged twice"):
        read_ranking(ranking_folder.path)


def test_masks_are_paired_by_stem_and_split(masks_folder: MasksFolder) -> None:
    path = masks_folder.path
    assert [p.stem for p in read_masks(path)] == ["full", "half", "none", "rug"]
    (path / "split.csv").write_text(
        "stem,split\nhalf,test\nfull,train\ngone,test\n", encoding="utf-8"
    )
    half, missing = sorted(read_masks(path, split="test"), key=lambda pair: pair.stem, reverse=True)
    assert half.image is not None and half.mask is not None
    assert (missing.stem, missing.image, missing.mask) == ("gone", None, None)
    with pytest.raises(DatasetError, match="no split 'guard'; it has test, train"):
        read_masks(path, split="guard")


def test_other_folder_names_stay_inside(masks_folder: MasksFolder) -> None:
    with pytest.raises(DatasetError, match="inside the evaluation folder"):
        read_masks(masks_folder.path, images="../images")
    with pytest.raises(DatasetError, match="no such folder"):
        read_masks(masks_folder.path, images="queries")


def test_folders_without_a_common_stem_are_refused(masks_folder: MasksFolder) -> None:
    for path in (masks_folder.path / "images").iterdir():
        path.rename(path.with_name(f"photo-{path.name}"))
    with pytest.raises(DatasetError, match="no photo"):
        read_masks(masks_folder.path)


def test_a_true_mask_has_three_values_and_no_other(
    masks_folder: MasksFolder, tmp_path: Path
) -> None:
    truth = read_true_mask(masks_folder.path / "masks" / "rug.png")
    assert truth.floor.sum() == 6 * 32
    assert truth.ignored.sum() == 6 * 32
    Image.fromarray(np.ones((8, 8), dtype=np.uint8)).save(tmp_path / "labels.png")
    with pytest.raises(DatasetError, match="may hold only 255"):
        read_true_mask(tmp_path / "labels.png")
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(ImageError, match="not a mask"):
        read_true_mask(tmp_path / "broken.png")


def test_a_mask_that_pillow_takes_for_a_bomb_is_a_clear_error(
    masks_folder: MasksFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ImageError, match="not a mask"):
        read_true_mask(masks_folder.path / "masks" / "rug.png")
