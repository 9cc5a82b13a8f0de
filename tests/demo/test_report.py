"""The report of a demo: everything in it is there, and nothing in it is read as HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.demo.report import RoomOutcome, write_report
from floorlens.images.loading import load_photo
from floorlens.ranking import Word
from floorlens.reranking import Evidence

EVIL = '<img src=x onerror="alert(1)">&'


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_rooms_products_and_scores_are_in_it(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    result = lens.search(room)
    outcome = RoomOutcome("room.png", load_photo(room), result, truth="oak")
    text = read(write_report(tmp_path / "out" / "report.html", [outcome], title="A title"))
    assert "<title>A title</title>" in text
    assert "1 room photos, 6 products." in text
    assert "it comes first in 1 of 1 rooms" in text
    for match in result.matches:
        assert f'<span class="fl-rank">{match.rank}</span>' in text
        assert f'<p class="fl-name">{match.product.name}</p>' in text
    assert text.count('<figure class="fl-card fl-true">') == 1
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == 8
    for source in pictures:
        with Image.open(tmp_path / "out" / source) as picture:
            assert picture.format == "JPEG"
    assert not re.findall(r'(?:src|href)="(?:https?:|/)', text)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [("swatch", "by its swatch"), ("scene", "by its room scene"), ("both", "swatch and its room")],
)
def test_a_card_says_what_its_match_rests_on(
    lens: Floorlens, room: Path, tmp_path: Path, evidence: Evidence, words: str
) -> None:
    result = lens.search(room, limit=1)
    match = replace(result.matches[0], evidence=evidence)
    outcome = RoomOutcome("room.png", None, replace(result, matches=(match,)))
    assert words in read(write_report(tmp_path / "report.html", [outcome], title="t"))


def test_products_below_the_pictured_ones_are_listed(
    lens: Floorlens, room: Path, tmp_path: Path
) -> None:
    outcome = RoomOutcome("room.png", load_photo(room), lens.search(room))
    text = read(write_report(tmp_path / "report.html", [outcome], title="t", cards=2))
    assert "<summary>4 more products</summary>" in text
    assert text.count("<figure") == 4


def test_a_room_without_a_ranking_says_why(tmp_path: Path, blank: Path) -> None:
    outcomes = [
        RoomOutcome("blank.png", load_photo(blank), None, problem="no floor was found"),
        RoomOutcome("broken.jpg", None, None, problem="is truncated"),
    ]
    text = read(write_report(tmp_path / "report.html", outcomes, title="t"))
    assert "no floor was found" in text
    assert "is truncated" in text
    assert text.count("<img") == 1
    assert "2 room photos, 0 products." in text


def test_names_and_problems_are_never_html(tmp_path: Path, room: Path) -> None:
    from floorlens.testing import fake_stages

    folder = tmp_path / "shop"
    folder.mkdir()
    Image.new("RGB", (40, 40), "brown").save(folder / "a.png")
    name = EVIL.replace('"', '""')
    (folder / "list.csv").write_text(f'id,image,name\n"{name}",a.png,"{name}"\n', encoding="utf-8")
    with Floorlens.open(tmp_path / "evil", stages=fake_stages()) as lens:
        lens.add(folder / "list.csv")
        result = lens.search(room)
    outcomes = [
        RoomOutcome(EVIL, load_photo(room), result, truth=EVIL),
        RoomOutcome(EVIL, None, None, problem=EVIL),
    ]
    for cards in (0, 5):
        path = write_report(tmp_path / "report.html", outcomes, title=EVIL, cards=cards)
        assert "<img src=x" not in read(path)
        assert "&lt;img src=x" in read(path)


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_picture_that_is_gone_does_not_stop_the_report(
    lens: Floorlens, room: Path, tmp_path: Path, product_folder: Path, damage: str
) -> None:
    if damage == "gone":
        (product_folder / "oak.png").unlink()
    else:
        (product_folder / "oak.png").write_bytes(b"no picture")
    outcome = RoomOutcome("room.png", load_photo(room), lens.search(room))
    text = read(write_report(tmp_path / "report.html", [outcome], title="t"))
    assert "its picture cannot be read any more" in text
    assert '<p class="fl-name">Oak floor</p>' in text


def test_what_cannot_be_told_apart_is_one_group_and_far_products_have_no_figure(
    lens: Floorlens, room: Path, tmp_path: Path
) -> None:
    result = lens.search(room, limit=3)
    words: tuple[Word | None, ...] = ("very close", "close", None)
    matches = tuple(
        replace(match, word=word, score=score)
        for match, word, score in zip(result.matches, words, (0.7, 0.2, 0.1), strict=True)
    )
    calibrated = replace(result, matches=matches, equals=2, nothing_close=False)
    outcome = RoomOutcome("room.png", None, calibrated)
    text = read(write_report(tmp_path / "report.html", [outcome], title="t"))
    group, rest = text.split("<h3>Most likely one of these 2</h3>")[1].split("<h3>Then</h3>")
    assert group.count("fl-card") - group.count("fl-cards") == 2
    assert re.findall(r'fl-score">([^<]+)', group) == ["70%", "20%"]
    assert "fl-score" not in rest
    far = replace(calibrated, nothing_close=True)
    text = read(write_report(tmp_path / "report.html", [replace(outcome, result=far)], title="t"))
    assert "Most likely one" not in text
    assert "Nothing in this catalogue is close" in text


def test_a_piece_of_the_floor_is_shown(lens: Floorlens, room: Path, tmp_path: Path) -> None:
    outcome = RoomOutcome("room.png", load_photo(room), lens.search(room, limit=1))
    text = read(write_report(tmp_path / "report.html", [outcome], title="t"))
    assert "A piece of the floor" in text
    with Image.open(tmp_path / "pictures" / "floor-1.jpg") as picture:
        assert picture.width == picture.height
