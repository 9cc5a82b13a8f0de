"""Robustness curves: what is done to masks, and how ranks become points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens
from floorlens.evaluation.curves import (
    CURVES,
    Curve,
    CurvePoint,
    measure_curve,
    sampled_pairs,
    scaled_mask,
    shifted_mask,
    with_furniture,
)
from floorlens.evaluation.datasets import TrueMask, read_pairs
from floorlens.evaluation.robustness import Sample
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.evaluation.conftest import PairsFolder

MASKS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).random((24, 32)) < 0.4
)


def square() -> NDArray[np.bool_]:
    mask = np.zeros((40, 40), np.bool_)
    mask[10:30, 10:30] = True
    return mask


def test_grown_and_shrunk_by_a_share_of_the_longer_side() -> None:
    shrunk = scaled_mask(square(), -0.05)
    assert shrunk.sum() == 16 * 16
    grown = scaled_mask(square(), 0.05)
    assert grown[8, 15]
    assert not grown[7, 15]
    # Round at the corners: 2 px to the side and 2 up is farther than 2.
    assert not grown[8, 8]
    assert scaled_mask(square(), 0).tolist() == square().tolist()


def test_a_mask_does_not_grow_in_from_the_edge_of_the_picture() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[20, 20] = True
    grown = scaled_mask(mask, 0.1)
    assert not grown[0].any()
    assert grown.sum() == 49
    assert not scaled_mask(np.zeros((8, 8), np.bool_), 0.5).any()


def test_moved_up_and_to_the_right() -> None:
    moved = shifted_mask(square(), 0.1)
    assert moved[6:26, 14:34].all()
    assert moved.sum() == 400
    # What would leave the picture stays.
    assert shifted_mask(square(), 1).tolist() == square().tolist()
    assert shifted_mask(square(), 0.9).tolist() == square().tolist()


def test_furniture_is_taken_from_the_nearest_on() -> None:
    mask = np.zeros((30, 30), np.bool_)
    mask[2:28, 2:28] = True
    mask[10:20, 10:20] = False
    half = with_furniture(mask, 0.5)
    assert half.sum() - mask.sum() == 50
    assert half[10, 10:20].all()
    assert not half[14:16, 14:16].any()
    assert with_furniture(mask, 1)[2:28, 2:28].all()
    assert with_furniture(mask, 1).sum() == 26 * 26


@settings(deadline=None, derandomize=True, max_examples=40)
@given(MASKS, st.floats(0.01, 0.3))
def test_more_takes_more(mask: NDArray[np.bool_], share: float) -> None:
    assert (scaled_mask(mask, share) >= mask).all()
    shrunk = scaled_mask(mask, -share)
    assert (shrunk <= mask).all()
    assert shrunk.any() == mask.any()
    assert (with_furniture(mask, share) >= mask).all()
    assert (with_furniture(mask, min(1, 2 * share)) >= with_furniture(mask, share)).all()


def test_every_disturbance_leaves_a_photo_and_a_floor() -> None:
    """And none is the unchanged photo."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (96, 128, 3)).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(pixels).resize((640, 480)))
    mask = np.zeros((240, 320), np.bool_)
    mask[120:200, 40:250] = True
    mask[150:170, 100:140] = False
    for curve in CURVES:
        assert curve.unchanged not in {*curve.photo, *curve.mask}
        for change in curve.photo.values():
            nothing = np.zeros(pixels.shape[:2], np.bool_)
            changed = change(Sample(pixels, TrueMask(nothing, nothing))).pixels
            assert changed.dtype == np.uint8
            assert min(changed.shape[:2]) > 60 or curve.name == "size"
            assert curve.name == "size" or not np.array_equal(changed, pixels)
        for change_mask in curve.mask.values():
            changed_mask = change_mask(mask)
            assert changed_mask.any()
            assert not np.array_equal(changed_mask, mask)


@pytest.fixture
def greys(pairs_folder: PairsFolder) -> PairsFolder:
    """Rooms whose floors are the greys 40, 80, 120, of p2, p4 and p6; that of d is no product's."""
    for number, name in enumerate("abcd"):
        pixels = np.full((48, 64, 3), 250, np.uint8)
        pixels[24:] = 40 * (number + 1)
        Image.fromarray(pixels).save(pairs_folder.path / "rooms" / f"{name}.png")
    pairs_folder.write_pairs(
        "a.png,p2.png,x", "b.png,p4.png,x", "a.png,p3.png,x", "c.png,p6.png,x", "d.png,p11.png,x"
    )
    return pairs_folder


def test_points_by_hand(greys: PairsFolder, tmp_path: Path) -> None:
    """Two stops less make the greys of the rooms those of darker products."""
    data = read_pairs(greys.path)
    pairs = sampled_pairs(data, 10)
    assert [(pair.room, pair.product) for pair in pairs] == [
        ("a.png", "p2.png"),
        ("b.png", "p4.png"),
        ("c.png", "p6.png"),
        ("d.png", "p11.png"),
    ]
    seen: list[tuple[int, int]] = []
    curve = next(curve for curve in CURVES if curve.name == "exposure")
    with Floorlens.open(tmp_path / "kept", stages=fake_stages()) as lens:
        lens.add(greys.path / "products", adapt=False)
        points = measure_curve(curve, lens, data, pairs, progress=lambda *call: seen.append(call))
        again = measure_curve(curve, lens, data, pairs, unchanged=points[2].ranks)
    assert again == points
    assert [point.strength for point in points] == [-2, -1, 0, 1, 2]
    assert points[2].ranks[:3] == (1, 1, 1)
    assert min(points[0].ranks) > 1
    assert seen[-1] == (20, 20)
    figures = points[2].as_dict()
    assert figures["top1"] == 0.75
    assert figures["mrr"] == pytest.approx(np.mean(1 / np.array(figures["ranks"])))


def test_mask_errors_take_the_wall_along(greys: PairsFolder, tmp_path: Path) -> None:
    """A floor that takes all of the wall along has another mean colour."""
    data = read_pairs(greys.path)
    curve = Curve("all", "%", 0.0, mask={100: np.ones_like})
    with Floorlens.open(tmp_path / "kept", stages=fake_stages()) as lens:
        lens.add(greys.path / "products", adapt=False)
        before, after = measure_curve(curve, lens, data, sampled_pairs(data, 3))
    assert before.ranks == (1, 1, 1)
    assert min(after.ranks) > 1


def test_what_cannot_be_searched_comes_last(greys: PairsFolder, tmp_path: Path) -> None:
    (greys.path / "rooms" / "a.png").write_bytes(b"x")
    Image.new("RGB", (64, 48), (9, 9, 9)).save(greys.path / "rooms" / "b.png")
    greys.write_pairs("a.png,p2.png,x", "b.png,p4.png,x", "c.png,gone.png,x")
    data = read_pairs(greys.path)
    for curve in (CURVES[0], CURVES[-1]):
        with Floorlens.open(tmp_path / "kept", stages=fake_stages()) as lens:
            lens.add(greys.path / "products", adapt=False)
            points = measure_curve(curve, lens, data, sampled_pairs(data))
        assert {point.ranks for point in points} == {(11, 11, 11)}


def test_rooms_are_spread_over_the_file(greys: PairsFolder) -> None:
    data = read_pairs(greys.path)
    assert [pair.room for pair in sampled_pairs(data, 2)] == ["a.png", "c.png"]


def test_a_point_is_plain_json() -> None:
    figures: dict[str, Any] = CurvePoint(2, (1, 4)).as_dict()
    assert figures["top1"] == 0.5
    assert figures["mrr"] == 0.625
    assert figures["ci95"]["mrr"] == [0.25, 1.0]


def test_a_bug_of_one_photo_does_not_end_the_curve(
    greys: PairsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_pairs(greys.path)
    with Floorlens.open(tmp_path / "kept", stages=fake_stages()) as lens:
        lens.add(greys.path / "products", adapt=False)
        search, searches = lens.search, 0

        def broken(*arguments: Any, **options: Any) -> Any:
            nonlocal searches
            searches += 1
            if searches == 1:
                raise ZeroDivisionError
            return search(*arguments, **options)

        def failing(_photo: Any) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr(lens, "search", broken)
        monkeypatch.setattr(lens, "mask", failing)
        points = measure_curve(Curve("none", "%", 0.0), lens, data, sampled_pairs(data, 3))
    assert points == (CurvePoint(0.0, (11, 1, 1)),)
