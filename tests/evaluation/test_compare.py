"""Two files of one evaluation: which rooms changed, by how much, and what cannot be compared."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from floorlens.errors import DatasetError
from floorlens.evaluation.compare import compare_files, read_file, write_changes
from floorlens.evaluation.masks import evaluate_masks
from floorlens.evaluation.pairs import evaluate_pairs
from floorlens.evaluation.ranking import evaluate_ranking
from floorlens.evaluation.simulated import evaluate_simulated

if TYPE_CHECKING:
    from tests.evaluation.conftest import Folder, MasksFolder, PairsFolder, ScriptedLens


def write(path: Path, figures: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(figures), encoding="utf-8")
    return path


def of_ranks(path: Path, ranks: Mapping[str, int], **changes: Any) -> Path:
    """Writes what `eval pairs` wrote before it told the data: one room a letter."""
    rows = [
        {"room": f"{name}.png", "product": "oak.png", "rank": rank, "hard10_rank": min(rank, 10)}
        for name, rank in ranks.items()
    ]
    return write(path, {"products": 40, "per_query": rows, "stamp": {"weights": None}} | changes)


def test_differences_and_changes_by_hand(tmp_path: Path) -> None:
    one = of_ranks(tmp_path / "a.json", {"a": 1, "b": 2, "c": 20, "d": 3, "e": 1})
    two = of_ranks(tmp_path / "b.json", {"a": 1, "b": 1, "c": 10, "d": 4, "e": 1})
    comparison = compare_files(one, two)
    assert comparison.rows == 5
    top1 = comparison.differences["top1"]
    assert (top1.first, top1.second) == (0.4, 0.6)
    assert top1.difference == pytest.approx(0.2)
    assert comparison.differences["mrr"].difference == pytest.approx((1 / 2 + 1 / 20 - 1 / 12) / 5)
    assert comparison.differences["top10"].difference == pytest.approx(0.2)
    # By the change of 1 / rank: from 2 to 1 is more than from 20 to 10.
    steps = [(c.before.photo, c.before.place, c.after.place) for c in comparison.changes]
    assert steps == [("b.png", 2, 1), ("d.png", 3, 4), ("c.png", 20, 10)]
    figures = comparison.as_dict()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert (figures["better"], figures["worse"]) == (2, 1)


def test_a_file_does_not_differ_from_itself(tmp_path: Path) -> None:
    one = of_ranks(tmp_path / "a.json", {"a": 1, "b": 2, "c": 20})
    figures = compare_files(one, one).as_dict()
    assert figures["changes"] == []
    assert figures["settings"] == {}
    for row in figures["differences"].values():
        assert (row["difference"], row["ci95"], row["p"]) == (0, [0, 0], 1)


def test_the_other_way_round_every_sign_turns(tmp_path: Path) -> None:
    one = of_ranks(tmp_path / "a.json", {"a": 1, "b": 2, "c": 20, "d": 3})
    two = of_ranks(tmp_path / "b.json", {"a": 5, "b": 1, "c": 10, "d": 4})
    forth, back = compare_files(one, two), compare_files(two, one)
    for name, difference in forth.differences.items():
        other = back.differences[name]
        assert other.difference == pytest.approx(-difference.difference)
        assert (other.low, other.high) == pytest.approx((-difference.high, -difference.low))
        assert other.p == difference.p
    assert [c.gain for c in back.changes] == pytest.approx([-c.gain for c in forth.changes])


def test_rooms_of_one_file_alone_are_told_and_left_out(tmp_path: Path) -> None:
    one = of_ranks(tmp_path / "a.json", {"a": 1, "b": 2, "gone": 40})
    two = of_ranks(tmp_path / "b.json", {"a": 1, "b": 1, "new": 1})
    comparison = compare_files(one, two)
    assert comparison.only == (("gone.png oak.png",), ("new.png oak.png",))
    assert comparison.rows == 2
    assert comparison.differences["top1"].first == 0.5


def test_settings_that_differ_are_told(tmp_path: Path) -> None:
    stamps: list[dict[str, Any]] = [
        {"weights": {"colour": 0.3}, "preset": "builtin", "projection": {"version": "1"}},
        {"weights": None, "preset": "builtin", "projection": {"version": "own"}},
    ]
    paths = [of_ranks(tmp_path / f"{n}.json", {"a": 1}, stamp=s) for n, s in enumerate(stamps)]
    assert compare_files(*paths).settings == {
        "projection.version": ("1", "own"),
        "weights.colour": (0.3, None),
    }


def test_sources_are_told_apart(tmp_path: Path) -> None:
    rows = [
        {"room": f"{n}.png", "product": "p", "rank": 1 + n % 2, "hard10_rank": 1, "source": s}
        for n, s in enumerate(["brand", "brand", "home", "home"])
    ]
    one = write(tmp_path / "a.json", {"products": 9, "per_query": rows})
    better = [row | ({"rank": 1} if row["source"] == "home" else {}) for row in rows]
    two = write(tmp_path / "b.json", {"products": 9, "per_query": better})
    by_source = compare_files(one, two).by_source
    assert by_source["brand"]["top1"].difference == 0
    assert by_source["home"]["top1"].difference == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"products": 41}, "not of the same data: so many products: 40 and 41"),
        ({"command": "ranking", "per_query": {}}, "one is of `eval pairs`, the other of"),
        ({"per_query": []}, "no photo is in both"),
        ({"data": {"folder": "x", "products": "other"}}, r"the pictures in products/ differ"),
    ],
)
def test_files_of_other_data_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    one = of_ranks(tmp_path / "a.json", {"a": 1}, data={"folder": "x", "products": "these"})
    two = of_ranks(tmp_path / "b.json", {"a": 1}, **change)
    with pytest.raises(DatasetError, match=message):
        compare_files(one, two)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"per_query": [{"room": 1}]}'])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.json: is not"):
        read_file(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_file(tmp_path / "gone.json")


def pictures(page: Path) -> list[str]:
    return re.findall(r'<img src="([^"]+)"', page.read_text(encoding="utf-8"))


def test_pairs_as_they_are_written_with_pictures_while_the_data_are_there(
    pairs_folder: PairsFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    pairs_folder.write_pairs("a.png,p1.png,<b>wfs", "b.png,p2.png,<b>wfs")
    falling = {f"p{number}": 0.9 - number / 20 for number in range(12)}
    lens.scores = dict.fromkeys(pairs_folder.photos.values(), falling)
    one = evaluate_pairs(pairs_folder.path, opener=lens.open).as_dict()
    lens.scores = {photo: falling | {"p2": 0.99} for photo in pairs_folder.photos.values()}
    two = evaluate_pairs(pairs_folder.path, opener=lens.open).as_dict()
    comparison = compare_files(write(tmp_path / "one.json", one), write(tmp_path / "two.json", two))
    assert [(c.before.place, c.after.place) for c in comparison.changes] == [(3, 1), (2, 3)]
    page = write_changes(comparison, tmp_path / "page")
    text = page.read_text(encoding="utf-8")
    assert "b.png (&lt;b&gt;wfs): rank 3 → 1" in text
    assert "<b>wfs" not in text
    # The room, the true product, and five of each system; twice.
    assert len(pictures(page)) == 2 * (1 + 1 + 10)
    assert all((tmp_path / "page" / name).is_file() for name in pictures(page))
    shutil.rmtree(pairs_folder.path)
    page = write_changes(comparison, tmp_path / "later")
    assert pictures(page) == []
    assert "Without pictures" in page.read_text(encoding="utf-8")


def test_rankings_and_masks_as_they_are_written(
    ranking_folder: Folder, masks_folder: MasksFolder, lens: ScriptedLens, tmp_path: Path
) -> None:
    reports: dict[str, list[Path]] = {"ranking": [], "masks": []}
    for number, order in enumerate((["0", "1", "3"], ["3", "1", "0"])):
        lens.scores = {
            photo: {name: 0.9 - place / 10 for place, name in enumerate(order)}
            for photo in ranking_folder.photos.values()
        }
        lens.masks = {
            photo: np.full((24, 32), number == 0) for photo in masks_folder.photos.values()
        }
        ranking = evaluate_ranking(ranking_folder.path, opener=lens.open).as_dict()
        masks = evaluate_masks(masks_folder.path, opener=lens.open).as_dict()
        reports["ranking"].append(write(tmp_path / f"ranking-{number}.json", ranking))
        reports["masks"].append(write(tmp_path / f"masks-{number}.json", masks))
    comparison = compare_files(*reports["ranking"])
    differences = comparison.differences
    assert list(differences) == ["ndcg@10"]
    assert differences["ndcg@10"].first == json.loads(reports["ranking"][0].read_text())["ndcg@10"]
    assert [c.before.photo for c in comparison.changes] == ["2.png", "1.png"]
    assert len(pictures(write_changes(comparison, tmp_path / "page"))) == 2 * (1 + 3 + 3)

    comparison = compare_files(*reports["masks"])
    figures = json.loads(reports["masks"][0].read_text())
    for name in ("iou", "mean_iou", "boundary_f"):
        assert comparison.differences[name].first == pytest.approx(figures[name])
    # An empty mask claims no floor: pooled over all pixels it covers none.
    assert comparison.differences["iou"].second == 0
    assert comparison.changes[0].before.photo == "full"
    assert len(pictures(write_changes(comparison, tmp_path / "masks"))) == len(comparison.changes)


@pytest.mark.slow
def test_simulated_views_are_drawn_again(
    pairs_folder: PairsFolder, lens: ScriptedLens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number, best in enumerate(("p0", "p1")):
        answer = {f"p{n}": float(f"p{n}" == best) for n in range(12)}
        search = lens.search
        monkeypatch.setattr(lens, "scores", _Everything(answer))
        figures = evaluate_simulated(pairs_folder.path, views=3, opener=lens.open).as_dict()
        paths.append(write(tmp_path / f"{number}.json", figures))
        monkeypatch.setattr(lens, "search", search)
    comparison = compare_files(*paths)
    assert [c.before.name for c in comparison.changes] == [
        "view 0 of p0.png",
        "view 1 of p1.png",
    ]
    assert len(pictures(write_changes(comparison, tmp_path / "page"))) == 2 * (1 + 1 + 1 + 1)
    other = evaluate_simulated(pairs_folder.path, views=3, seed=1, opener=lens.open).as_dict()
    with pytest.raises(DatasetError, match="seed"):
        compare_files(paths[0], write(tmp_path / "other.json", other))


class _Everything(dict[bytes, Any]):
    """One answer for every photo."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def get(self, key: bytes, default: Any = None) -> Any:
        return self._answer
