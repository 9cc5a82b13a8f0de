"""The pages of worst cases: right content, working pictures, nothing unescaped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from floorlens.evaluation.masks import evaluate_masks
from floorlens.evaluation.pairs import evaluate_pairs
from floorlens.evaluation.ranking import evaluate_ranking

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, MasksFolder, PairsFolder, ScriptedLens


def page_of(folder: Path) -> tuple[str, list[str]]:
    text = (folder / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)"', text)
    for name in pictures:
        with Image.open(folder / name) as picture:
            assert picture.format == "JPEG"
    return text, pictures


def test_pairs_show_room_truth_and_first_five_worst_first(
    pairs_folder: PairsFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,<b>wfs", "b.png,p2.png,wfs", "c.png,p2.png,wfs")
    scores = {f"p{number}": 0.9 - number / 20 for number in range(12)}
    lens.scores = {pairs_folder.photos["a"]: scores, pairs_folder.photos["b"]: scores}
    lens.masks = {pairs_folder.photos["a"]: np.ones((24, 32), dtype=bool)}
    evaluate_pairs(pairs_folder.path, opener=lens.open, html=tmp_path / "out" / "worst")
    text, pictures = page_of(tmp_path / "out" / "worst")
    assert text.index("c.png (wfs): rank 11 of 11") < text.index("b.png (wfs): rank 3 of 11")
    assert text.index("b.png (wfs)") < text.index("a.png (&lt;b&gt;wfs): rank 2 of 11")
    assert "no floor in this photo" in text
    assert "<b>wfs" not in text
    # A room and the true product each, and five matches for the two that were ranked.
    assert len(pictures) == 3 * 2 + 2 * 5
    # The file for programs says the same, case by case.
    cases = json.loads((tmp_path / "out" / "worst" / "cases.json").read_text())
    assert [case["name"] for case in cases] == ["c.png", "b.png", "a.png"]
    assert "no floor in this photo" in cases[0]["reason"]
    assert [one["file"] for case in cases for one in case["pictures"]] == pictures
    room, truth, *ranked = cases[1]["pictures"]
    assert (room["shows"], truth["product"], truth["place"]) == ("room", "p2", None)
    assert [(one["product"], one["place"], one["right"]) for one in ranked[:3]] == [
        ("p0", 1, False),
        ("p1", 2, False),
        ("p2", 3, True),
    ]
    # Each product is written once.
    assert len(list((tmp_path / "out" / "worst").glob("product-*.jpg"))) == 5


def test_masks_show_photo_truth_prediction_and_difference(
    masks_folder: MasksFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    lens.masks = {photo: np.eye(24, 32, dtype=bool) for photo in masks_folder.photos.values()}
    evaluate_masks(masks_folder.path, opener=lens.open, html=tmp_path / "worst")
    text, pictures = page_of(tmp_path / "worst")
    assert len(pictures) == 4 * 4
    cases = json.loads((tmp_path / "worst" / "cases.json").read_text())
    assert [one["file"] for case in cases for one in case["pictures"]] == pictures
    shown = [one["shows"] for one in cases[0]["pictures"]]
    assert shown == ["photo", "true", "predicted", "difference"]
    # Floor claimed where there is none is worse than any little overlap.
    assert text.index("none: IoU 0.000") < text.index("full: IoU")


def test_ranking_shows_grades(ranking_folder: Folder, lens: ScriptedLens, tmp_path: Path) -> None:
    lens.scores = {ranking_folder.photos["1"]: {"2": 0.9, "0": 0.5}}
    evaluate_ranking(ranking_folder.path, opener=lens.open, html=tmp_path / "worst")
    text, pictures = page_of(tmp_path / "worst")
    assert text.index("2.png: nDCG@10 0.000") < text.index("1.png: nDCG@10")
    assert "1. 2: <b>grade 0</b>" in text
    assert "2. 0: <b>grade 3</b>" in text
    assert len(pictures) == 2 + 2


def test_a_product_that_cannot_be_drawn_is_named(
    pairs_folder: PairsFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    (pairs_folder.path / "products" / "p1.png").write_bytes(b"broken")
    pairs_folder.write_pairs("a.png,p1.png,wfs")
    lens.scores = {pairs_folder.photos["a"]: {"p2": 0.5}}
    evaluate_pairs(pairs_folder.path, opener=lens.open, html=tmp_path / "worst")
    text, _ = page_of(tmp_path / "worst")
    assert "(no picture)" in text
