"""Metrics against brute force and against their own definitions."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.evaluation.metrics import (
    auroc,
    auroc_interval,
    bootstrap_interval,
    boundary_f,
    ndcg,
    nearest_indices,
    overlap,
    pessimistic_order,
    rank_rates,
    resize_nearest,
    tied_rank,
)

steady = settings(deadline=None, derandomize=True, max_examples=60)
few_scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12)
grades = st.lists(st.integers(0, 3), min_size=1, max_size=14)
seeds = st.integers(0, 10_000)


def masks(seed: int, count: int) -> list[NDArray[np.bool_]]:
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 24, 2)
    return [generator.random((height, width)) < generator.random() for _ in range(count)]


@steady
@given(few_scores, st.data())
def test_a_tied_rank_is_the_worst_place_that_any_sorting_could_give(
    scores: list[float], data: st.DataObject
) -> None:
    true = data.draw(st.integers(0, len(scores) - 1))
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i == true))
    assert tied_rank(scores[true], scores) == order.index(true) + 1


def test_rates_of_known_ranks() -> None:
    rates = rank_rates([1, 2, 6, 11])
    assert (rates.n, rates.top1, rates.top5, rates.top10) == (4, 0.25, 0.5, 0.75)
    assert rates.mrr == pytest.approx((1 + 1 / 2 + 1 / 6 + 1 / 11) / 4)
    assert rates.median_rank == 4.0


@pytest.mark.parametrize("ranks", [[], [0, 3]])
def test_rates_refuse_ranks_that_cannot_be(ranks: list[int]) -> None:
    with pytest.raises(ValueError, match="rank"):
        rank_rates(ranks)


def test_nearest_leaves_out_what_has_no_distance_and_keeps_the_order_of_equals() -> None:
    assert nearest_indices([3.0, np.nan, 1.0, np.inf, 1.0], 9).tolist() == [2, 4, 0]
    assert nearest_indices([3.0, 2.0, 1.0], 2).tolist() == [2, 1]


@steady
@given(grades, st.randoms(use_true_random=False))
def test_ndcg_is_a_rate_and_one_for_the_ideal_order(judged: list[int], random: Random) -> None:
    ranked = list(judged)
    random.shuffle(ranked)
    assert 0.0 <= ndcg(ranked, judged) <= 1.0
    ideal = ndcg(sorted(judged, reverse=True), judged)
    assert ideal == pytest.approx(1.0 if any(judged) else 0.0)


def test_ndcg_by_hand() -> None:
    # Gains 0, 7, 1 at places 1, 2, 3 against the ideal 7, 3, 1 (one judged product not ranked).
    found = 7 / np.log2(3) + 1 / np.log2(4)
    ideal = 7 + 3 / np.log2(3) + 1 / np.log2(4)
    assert ndcg([0, 3, 1], [1, 3, 2]) == pytest.approx(found / ideal)


def test_ndcg_counts_ten_places() -> None:
    assert ndcg([0] * 10 + [3], [3]) == 0.0
    assert ndcg([0] * 9 + [3], [3]) > 0.0


def test_equal_scores_are_put_in_the_order_that_earns_least() -> None:
    order = pessimistic_order(["a", "b", "c", "d"], [0.5, 0.9, 0.5, 0.5], {"a": 3, "d": 1})
    assert order == ["b", "c", "d", "a"]


@steady
@given(seeds)
def test_overlap_is_symmetric_and_blind_to_ignored_pixels(seed: int) -> None:
    one, two, ignored, noise = masks(seed, 4)
    there, back = overlap(one, two, ignored), overlap(two, one, ignored)
    assert (there.intersection, there.union) == (back.intersection, back.union)
    assert 0.0 <= there.iou <= 1.0
    assert overlap(one ^ (noise & ignored), two, ignored) == there


def test_overlap_by_hand() -> None:
    predicted = np.array([[True, True, False, True]])
    truth = np.array([[True, False, True, True]])
    ignored = np.array([[False, False, False, True]])
    found = overlap(predicted, truth, ignored)
    assert (found.intersection, found.union) == (1, 3)
    assert found.floor_share == pytest.approx(2 / 3)


def test_two_empty_masks_agree() -> None:
    nothing = np.zeros((4, 5), dtype=bool)
    assert overlap(nothing, nothing, nothing).iou == 1.0
    assert boundary_f(nothing, nothing, nothing) == 1.0


@steady
@given(seeds)
def test_boundary_f_is_one_for_equal_masks_and_symmetric(seed: int) -> None:
    one, two, ignored = masks(seed, 3)
    assert boundary_f(one, one, ignored) == pytest.approx(1.0)
    forth, back = boundary_f(one, two, ignored), boundary_f(two, one, ignored)
    assert 0.0 <= forth <= 1.0
    assert forth == pytest.approx(back)


@settings(steady, max_examples=15)
@given(seeds, st.floats(0.0, 6.0))
def test_boundary_f_matches_pairwise_distances(seed: int, tolerance: float) -> None:
    one, two = masks(seed, 2)
    lines = []
    for mask in (one, two):
        framed = np.pad(mask, 1, mode="edge")
        height, width = mask.shape
        lines.append(
            [
                (y, x)
                for y in range(height)
                for x in range(width)
                if mask[y, x]
                and not all(
                    framed[y + 1 + dy, x + 1 + dx] for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
                )
            ]
        )
    # Scaled so that the radius is the tolerance itself at these small sizes.
    scaled = tolerance * 640 / max(one.shape)
    radius = scaled * max(one.shape) / 640

    def share(points: list[tuple[int, int]], others: list[tuple[int, int]]) -> float:
        near = [any(np.hypot(y - v, x - u) <= radius for v, u in others) for y, x in points]
        return sum(near) / len(near)

    if not lines[0] or not lines[1]:
        expected = float(not lines[0] and not lines[1])
    else:
        precision, recall = share(*lines), share(*lines[::-1])
        both = precision + recall
        expected = 2 * precision * recall / both if both else 0.0
    assert boundary_f(one, two, np.zeros_like(one), scaled) == pytest.approx(expected)


@pytest.mark.parametrize(("shift", "expected"), [(3, 1.0), (4, 0.0)])
@pytest.mark.parametrize("scale", [1, 2])
def test_the_tolerance_is_three_pixels_at_640_and_grows_with_the_picture(
    shift: int, expected: float, scale: int
) -> None:
    truth = np.zeros((480 * scale, 640 * scale), dtype=bool)
    truth[200 * scale :] = True
    shifted = np.roll(truth, -shift * scale, axis=0)
    shifted[:10] = False
    shifted[400 * scale :] = True
    assert boundary_f(shifted, truth, np.zeros_like(truth)) == expected


def test_a_boundary_beside_ignored_pixels_costs_nothing() -> None:
    truth = np.zeros((480, 640), dtype=bool)
    truth[200:] = True
    ignored = np.zeros_like(truth)
    ignored[300:400, 200:400] = True
    hole = truth.copy()
    hole[ignored] = False
    assert boundary_f(hole, truth, ignored) == 1.0
    assert boundary_f(hole, truth, np.zeros_like(truth)) < 1.0


@steady
@given(seeds)
def test_resizing_to_a_multiple_and_back_changes_nothing(seed: int) -> None:
    (mask,) = masks(seed, 1)
    larger = resize_nearest(mask, (mask.shape[0] * 3, mask.shape[1] * 2))
    assert larger.mean() == pytest.approx(mask.mean())
    assert np.array_equal(resize_nearest(larger, mask.shape), mask)


def test_the_interval_is_repeatable_and_holds_the_mean() -> None:
    values = np.random.default_rng(3).random(80)
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    assert low < values.mean() < high
    # The normal approximation of the same interval.
    half = 1.96 * values.std() / np.sqrt(80)
    assert high - low == pytest.approx(2 * half, rel=0.15)


def test_queries_of_one_room_are_drawn_together() -> None:
    values = np.tile([0.0, 1.0], 50)
    rooms = [str(index // 2) for index in range(100)]
    assert bootstrap_interval(values, groups=rooms) == (0.5, 0.5)
    low, high = bootstrap_interval(values)
    assert low < 0.5 < high


def test_a_pooled_interval_weighs_by_the_denominator() -> None:
    low, high = bootstrap_interval([90, 0], [100, 1])
    assert low == 0.0
    assert high == pytest.approx(0.9)


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])


@steady
@given(few_scores, few_scores)
def test_auroc_is_the_share_of_pairs_in_order(
    positives: list[float], negatives: list[float]
) -> None:
    won = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    assert auroc(positives, negatives) == pytest.approx(sum(won) / len(won))
    low, high = auroc_interval(positives, negatives, draws=100)
    assert 0 <= low <= high <= 1


def test_auroc_intervals() -> None:
    generator = np.random.default_rng(3)
    positives, negatives = generator.normal(1, 1, 200), generator.normal(0, 1, 100)
    low, high = auroc_interval(positives, negatives)
    assert low < auroc(positives, negatives) < high
    # Hanley and McNeil's standard error of this area is about .027.
    assert high - low == pytest.approx(4 * 0.027, rel=0.25)
    assert auroc_interval([0.9, 0.8], [0.1]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="a positive and a negative"):
        auroc([], [0.5])
    with pytest.raises(ValueError, match="a positive and a negative"):
        auroc_interval([0.5], [])
