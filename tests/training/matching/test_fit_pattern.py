"""The pattern probe: it finds what is there to be found, and is judged by shops it never saw."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="needs the extra train")
pytest.importorskip("torch", reason="needs the extra train")

from floorlens.embedding.pattern import CLASSES
from training.matching.fit_pattern import (
    LeftOut,
    agreeing,
    fit_probe,
    fit_rows,
    leave_out,
    parts_of,
    report,
    summaries,
    temperature_of,
)
from training.matching.pattern_features import KnownFeatures
from training.matching.pattern_pictures import REAL, KnownPicture

pytestmark = pytest.mark.slow

SHOPS = ("jean", "titan", "textures", "made")


def features(seed: int = 0, spread: float = 0.4) -> list[KnownFeatures]:
    """Returns pictures of all patterns, 4 patches of 16 features each."""
    centres = np.random.default_rng(1).normal(0, 1, (len(CLASSES), 16))
    rng, known = np.random.default_rng(seed), []
    for number in range(20 * len(CLASSES)):
        pattern = number % len(CLASSES)
        source = SHOPS[number // len(CLASSES) % len(SHOPS)]
        how = "made" if source == "made" else REAL
        picture = KnownPicture(f"{number}", how, number % 3 == 0, source, f"{number}", pattern)
        base = centres[pattern] + rng.normal(0, spread, (4, 16))
        known.append(KnownFeatures(picture, base.astype(np.float16), np.ones(4, np.float32)))
    return known


def test_a_probe_finds_patterns_that_features_tell() -> None:
    known = features()
    probe = fit_probe(known, "1", temperature=1.0)
    for one in known[: len(CLASSES)]:
        shares = probe.probabilities(one.base, one.coverage)
        assert shares.sum() == pytest.approx(1.0, abs=1e-5)
        assert int(shares.argmax()) == one.picture.pattern


def test_a_lower_temperature_makes_it_surer() -> None:
    known = features()
    soft, sure = (
        fit_probe(known, "1", temperature).probabilities(known[0].base, known[0].coverage)
        for temperature in (2.0, 0.5)
    )
    assert sure.max() > soft.max()
    assert sure.argmax() == soft.argmax()


def test_every_real_picture_is_judged_once_by_a_fit_without_its_shop() -> None:
    known = features()
    pictures = [one.picture for one in known]
    rows = summaries(known)
    parts = list(parts_of(pictures))
    assert [name for name, _ in parts][:2] == ["jean", "titan"] and len(parts) == 7
    assert sum(int(out.sum()) for _, out in parts) == sum(p.source != "made" for p in pictures)
    left_out = leave_out(rows, pictures)
    assert sorted(p.name for p in left_out.pictures) == sorted(
        p.name for p in pictures if p.how == REAL
    )
    # A shop whose labels are all wrong would be learned by heart if it were seen.
    wrong = [
        KnownPicture(p.name, p.how, p.room, p.source, p.group, (p.pattern + 1) % len(CLASSES))
        if p.source == "jean"
        else p
        for p in pictures
    ]
    judged = leave_out(rows, wrong)
    told = judged.logits.argmax(axis=1)
    seen = [
        int(told[place]) == p.pattern
        for place, p in enumerate(judged.pictures)
        if p.source == "jean"
    ]
    assert np.mean(seen) < 0.2


def test_rare_patterns_are_not_drowned() -> None:
    known = features(spread=1.2)
    pictures = [one.picture for one in known]
    common = [p for p in pictures if p.pattern == 0]
    rows = summaries(known)
    places = [place for place, p in enumerate(pictures) if p.pattern == 0]
    many = np.concatenate([rows, *[rows[places]] * 8])
    fit = fit_rows(many, [*pictures, *common * 8])
    told = fit.logits(rows).argmax(axis=1)
    rare = [told[place] == p.pattern for place, p in enumerate(pictures) if p.pattern != 0]
    assert np.mean(rare) > 0.7


def test_the_temperature_makes_chances_as_right_as_they_say() -> None:
    rng = np.random.default_rng(2)
    count = 4000
    logits = rng.normal(0, 1.5, (count, len(CLASSES))).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [int(rng.choice(len(CLASSES), p=row / row.sum())) for row in chances.astype(float)]
    pictures = [KnownPicture(str(n), REAL, False, "jean", "", t) for n, t in enumerate(truth)]
    assert temperature_of(LeftOut(pictures, 2 * logits)) == pytest.approx(2.0, rel=0.15)
    assert temperature_of(LeftOut(pictures, logits)) == pytest.approx(1.0, rel=0.15)


def test_the_report_counts_rooms_and_swatches_apart() -> None:
    plank, board = CLASSES.index("plank"), CLASSES.index("one board")
    pictures = [
        KnownPicture("a", REAL, True, "jean", "", plank),
        KnownPicture("b", REAL, False, "jean", "", plank),
    ]
    lines = list(report(LeftOut(pictures, _told(plank, board))))
    row = next(line for line in lines if line.startswith("| plank"))
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[2].startswith("0.500") and cells[3].startswith("1.000")
    assert cells[4].startswith("0.000") and cells[5].startswith("1.000")
    assert "one board 1" in cells[7]


def test_one_piece_agrees_with_what_it_is_laid_as() -> None:
    plank, board, stone, tile = map(CLASSES.index, ("plank", "one board", "stone", "square tile"))
    assert agreeing(plank, board) and agreeing(board, plank) and agreeing(stone, tile)
    assert not agreeing(board, tile) and not agreeing(plank, stone)


def _told(*patterns: int) -> NDArray[np.float32]:
    return np.eye(len(CLASSES), dtype=np.float32)[list(patterns)]
