"""The evaluation of masks against a scripted lens, with figures worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import DatasetError, ImageError, NoFloorFound, StampMismatch
from floorlens.evaluation.masks import evaluate_masks
from floorlens.evaluation.robustness import CHANGES
from floorlens.images.loading import load_photo
from tests.evaluation.conftest import encoded

if TYPE_CHECKING:
    from tests.evaluation.conftest import MasksFolder, ScriptedLens

pytestmark = pytest.mark.slow


def test_masks_by_hand(masks_folder: MasksFolder, lens: ScriptedLens) -> None:
    half = masks_folder.truth["half"] == 255
    quarter = half.copy()
    quarter[:, :16] = False
    lens.masks = {
        masks_folder.photos["full"]: half,
        # Twice as large as the true mask: compared at the true mask's size.
        masks_folder.photos["half"]: quarter.repeat(2, axis=0).repeat(2, axis=1),
        masks_folder.photos["rug"]: half,
    }
    calls: list[tuple[int, ...]] = []
    report = evaluate_masks(
        masks_folder.path, opener=lens.open, progress=lambda *call: calls.append(call)
    )
    figures = report.as_dict()
    each = {outcome.stem: outcome.overlap.iou for outcome in report.outcomes}
    assert each == {"full": 0.5, "half": 0.5, "none": 1.0, "rug": 1.0}
    assert figures["n"] == 4
    assert figures["iou"] == pytest.approx((384 + 192 + 192) / (768 + 384 + 192))
    assert figures["mean_iou"] == pytest.approx(2 / 3)
    assert figures["n_with_floor"] == 3
    assert figures["false_floor"] == 0.0
    # No floor found where there is none is right, not failed.
    assert figures["failed"] == []
    assert set(figures["per_image"]) == {"full", "half", "none", "rug"}
    assert figures["ci95"]["iou"][0] <= figures["iou"] <= figures["ci95"]["iou"][1]
    assert calls[-1] == (4, 4)


def test_masks_that_fail_count_as_empty_and_are_listed(
    masks_folder: MasksFolder, lens: ScriptedLens, broken_photo: ImageError
) -> None:
    path = masks_folder.path
    (path / "images" / "rug.png").unlink()
    Image.fromarray(np.full((8, 8), 7, dtype=np.uint8)).save(path / "masks" / "none.png")
    (path / "images" / "spare.png").write_bytes(masks_folder.photos["full"])
    lens.masks = {masks_folder.photos["half"]: broken_photo}
    report = evaluate_masks(path, opener=lens.open)
    assert {outcome.stem: outcome.overlap.iou for outcome in report.outcomes} == {
        "full": 0.0,
        "half": 0.0,
        "rug": 0.0,
    }
    failed = {failure.file: failure.reason for failure in report.failed}
    assert failed["images/full.png"] == "no floor in this photo"
    assert failed["images/half.png"] == "the image: is truncated or damaged"
    assert failed["images/rug"] == "there is a mask of that stem, but no photo"
    assert "may hold only" in failed["masks/none.png"]
    assert failed["images/spare.png"].startswith("not counted")
    assert report.as_dict()["iou"] == 0.0


def test_masks_without_a_readable_truth_are_refused(
    masks_folder: MasksFolder, lens: ScriptedLens
) -> None:
    for path in (masks_folder.path / "masks").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DatasetError, match="no true mask"):
        evaluate_masks(masks_folder.path, opener=lens.open)


def test_whether_photos_with_a_floor_are_told_from_others(
    masks_folder: MasksFolder, lens: ScriptedLens, tmp_path: Path, broken_photo: ImageError
) -> None:
    photos, negatives = masks_folder.photos, tmp_path / "walls"
    (negatives / "more").mkdir(parents=True)
    walls = [encoded((number, 200, 200)) for number in range(4)]
    for number, data in enumerate(walls):
        folder = negatives / "more" if number == 3 else negatives
        (folder / f"{number}.png").write_bytes(data)
    ceiling = np.zeros((24, 32), dtype=bool)
    ceiling[:6] = True
    # Floors .9, .8 and .4 (refused); none .3, .8 and .5 (both taken for floor); one unreadable.
    lens.visible = {
        photos["full"]: 0.9,
        photos["half"]: 0.8,
        photos["rug"]: 0.4,
        photos["none"]: 0.3,
        walls[0]: 0.8,
        walls[3]: 0.5,
    }
    whole = np.ones((24, 32), dtype=bool)
    lens.masks = {
        photos["full"]: whole,
        photos["half"]: whole,
        walls[0]: ceiling,
        walls[1]: broken_photo,
        walls[3]: ceiling,
    }
    report = evaluate_masks(masks_folder.path, negatives=negatives, opener=lens.open)
    figures = report.as_dict()
    # Of nine comparisons .9 wins 3, .8 wins 2.5, .4 wins 1.
    assert figures["visible_auroc"] == pytest.approx(6.5 / 9)
    assert figures["refused"] == pytest.approx(1 / 3)
    assert figures["accepted_floorless"] == pytest.approx(2 / 3)
    for name in ("visible_auroc", "refused", "accepted_floorless"):
        low, high = figures["ci95"][name]
        assert 0 <= low <= figures[name] <= high <= 1
    assert (figures["n"], figures["n_floorless"], figures["n_negatives"]) == (4, 1, 2)
    assert figures["per_negative"] == {
        "0.png": {"visible": 0.8, "refused": False},
        "more/3.png": {"visible": 0.5, "refused": False},
    }
    assert figures["per_image"]["rug"]["visible"] == 0.4
    assert figures["per_image"]["rug"]["refused"] is True
    failed = {failure.file: failure.reason for failure in report.failed}
    assert failed["negatives/1.png"] == "not counted: the image: is truncated or damaged"
    # The segmenter was not even called for this one.
    assert failed["negatives/2.png"].startswith("not counted")


def test_what_cannot_be_measured_is_left_out(masks_folder: MasksFolder, lens: ScriptedLens) -> None:
    """A lens that says nothing of whether a floor is visible has no such figures."""
    figures = evaluate_masks(masks_folder.path, opener=lens.open).as_dict()
    absent = {"visible_auroc", "refused", "accepted_floorless", "robustness"}
    assert not absent & set(figures)
    assert "mean_iou_after_clicks" not in figures


def test_a_folder_of_negatives_must_hold_pictures(
    masks_folder: MasksFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    (tmp_path / "void").mkdir()
    for name, message in (("void", "holds no pictures"), ("absent", "no such folder")):
        with pytest.raises(DatasetError, match=message):
            evaluate_masks(masks_folder.path, negatives=tmp_path / name, opener=lens.open)


def test_clicks_by_hand(masks_folder: MasksFolder, lens: ScriptedLens) -> None:
    """One photo, twice the size of its true mask, whose floor is the lower half."""
    for stem in ("full", "rug"):
        (masks_folder.path / "images" / f"{stem}.png").unlink()
        (masks_folder.path / "masks" / f"{stem}.png").unlink()
    photo = encoded((9, 9, 9), size=(64, 48))
    (masks_folder.path / "images" / "half.png").write_bytes(photo)
    half = masks_folder.truth["half"] == 255
    quarter = half.copy()
    quarter[:, :16] = False
    lens.after_clicks = {1: quarter, 2: NoFloorFound("none"), 3: half}
    report = evaluate_masks(masks_folder.path, clicks=5, opener=lens.open)
    figures = report.as_dict()
    # Refused at first and after the second click; after the third nothing is left to correct.
    assert figures["mean_iou_after_clicks"] == [0.0, 0.5, 0.0, 1.0, 1.0, 1.0]
    assert len(figures["ci95"]["mean_iou_after_clicks"]) == 6
    assert figures["per_image"]["half"]["iou_after_clicks"] == figures["mean_iou_after_clicks"]
    assert "iou_after_clicks" not in figures["per_image"]["none"]
    assert [len(clicks) for clicks in lens.clicked] == [1, 2, 3]
    assert all(click.floor and 24 < click.y < 48 for click in lens.clicked[-1])
    # The middle of the lower half first, then that of its left half.
    assert lens.clicked[0][0].y == pytest.approx(36, abs=2)
    assert lens.clicked[1][1].x < 32
    assert len(set(lens.clicked[-1])) == 3


def test_photos_that_fail_count_as_empty_everywhere(
    masks_folder: MasksFolder, lens: ScriptedLens, broken_photo: ImageError
) -> None:
    lens.masks = dict.fromkeys(masks_folder.photos.values(), broken_photo)
    (masks_folder.path / "images" / "rug.png").unlink()
    report = evaluate_masks(masks_folder.path, clicks=2, robustness=True, opener=lens.open)
    figures = report.as_dict()
    assert figures["mean_iou_after_clicks"] == [0.0, 0.0, 0.0]
    assert {row["mean_iou"] for row in figures["robustness"].values()} == {0.0}
    assert {row["ratio"] for row in figures["robustness"].values()} == {1.0}
    assert lens.clicked == []


def test_robustness(masks_folder: MasksFolder, lens: ScriptedLens) -> None:
    """The scripted lens calls light pixels floor: dark photos lose it, mirrored ones do not."""
    rng = np.random.default_rng(0)
    pixels = np.full((240, 320, 3), 40, dtype=np.uint8)
    pixels[120:, :200] = 190
    pixels += rng.integers(0, 5, pixels.shape, dtype=np.uint8)
    truth = np.zeros((240, 320), dtype=np.uint8)
    truth[120:, :200] = 255
    for folder, picture in (("images", pixels), ("masks", truth)):
        for path in (masks_folder.path / folder).iterdir():
            if path.stem != "none":
                path.unlink()
        Image.fromarray(picture).save(masks_folder.path / folder / "room.png")
    report = evaluate_masks(masks_folder.path, robustness=True, opener=lens.open)
    figures = report.as_dict()
    table: dict[str, Any] = figures["robustness"]
    assert list(table) == list(CHANGES)
    assert figures["n_robustness"] == 1
    assert table["clean"]["mean_iou"] == table["clean"]["ratio"] == 1.0
    assert table["mirrored"]["mean_iou"] == 1.0
    assert table["rotated +15 deg"]["mean_iou"] > 0.97
    assert table["longer side 4000 px"]["mean_iou"] > 0.97
    assert table["exposure -2 EV"]["mean_iou"] == 0.0
    assert table["exposure -2 EV"]["ci95"] == {"mean_iou": [0.0, 0.0], "ratio": [0.0, 0.0]}
    assert set(figures["per_image"]["room"]["robustness"]) == set(CHANGES)
    assert "robustness" not in figures["per_image"]["none"]


def test_a_change_that_fails_is_listed(
    masks_folder: MasksFolder, lens: ScriptedLens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pixels: NDArray[np.uint8]) -> NDArray[np.bool_] | Exception:
        return ImageError("too large") if max(pixels.shape) == 4000 else NoFloorFound("none")

    monkeypatch.setattr(lens, "of_pixels", refuse)
    report = evaluate_masks(masks_folder.path, robustness=True, limit=1, opener=lens.open)
    failed = {failure.file: failure.reason for failure in report.failed}
    assert failed["images/full.png (longer side 4000 px)"] == "too large"
    assert not any("mirrored" in name for name in failed)


def test_a_photo_over_the_default_limit_is_measured_where_the_pipeline_takes_it(
    masks_folder: MasksFolder,
    lens: ScriptedLens,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With `FLOORLENS_MAX_MEGAPIXELS` raised, its clicks, changes and pictures work as well."""
    lens.masks = {masks_folder.photos["half"]: masks_folder.truth["rug"] > 0}
    defaults = load_photo.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "max_megapixels", 1e-5)
    report = evaluate_masks(
        masks_folder.path, clicks=1, robustness=True, html=tmp_path / "html", opener=lens.open
    )
    assert not any("(" in failure.file for failure in report.failed)
    assert lens.clicked
    assert list((tmp_path / "html").rglob("*.jpg"))


def test_a_limit_spreads_over_the_folder(masks_folder: MasksFolder, lens: ScriptedLens) -> None:
    for limit, stems in ((2, ["full", "none"]), (3, ["full", "half", "none"])):
        report = evaluate_masks(masks_folder.path, limit=limit, opener=lens.open)
        assert [outcome.stem for outcome in report.outcomes] == stems
    assert len(evaluate_masks(masks_folder.path, limit=9, opener=lens.open).outcomes) == 4
    for clicks, most in ((0, 0), (-1, 1)):
        with pytest.raises(ValueError, match="limit"):
            evaluate_masks(masks_folder.path, clicks=clicks, limit=most, opener=lens.open)


def test_an_unusable_catalogue_ends_the_measurement(
    masks_folder: MasksFolder, lens: ScriptedLens
) -> None:
    lens.masks = {masks_folder.photos["full"]: StampMismatch("made with another preset")}
    with pytest.raises(StampMismatch):
        evaluate_masks(masks_folder.path, opener=lens.open)
    assert lens.closed == 1
