"""Patches that correspond: alike, each in one pair, from several spots."""

from __future__ import annotations

import numpy as np

from floorlens.explanation.correspondence import corresponding

EYE = np.eye(6)


def test_the_most_alike_come_first_and_each_patch_is_in_one_pair() -> None:
    floor = EYE[[0, 1, 2]]
    product = np.stack([EYE[1] + 0.1 * EYE[5], 2 * EYE[0], EYE[0] + EYE[3]])
    pairs = corresponding(floor, product, 3)
    assert [(one, other) for one, other, _ in pairs] == [(0, 1), (1, 0)]
    assert pairs[0][2] == 1.0
    assert 0.99 < pairs[1][2] < 1.0


def test_not_all_come_from_one_spot() -> None:
    """Three patches of one spot look like the product, one elsewhere a little less."""
    floor = np.stack([EYE[0], EYE[1], EYE[2], EYE[3] + 0.5 * EYE[5]])
    product = EYE[:4]
    places = np.array([[100, 100, 80], [105, 100, 80], [100, 110, 80], [400, 100, 80]])
    together = corresponding(floor, product, 2)
    apart = corresponding(floor, product, 2, places)
    assert [one for one, _, _ in together] == [0, 1]
    assert [one for one, _, _ in apart] == [0, 3]
    # The same holds for the product's patches.
    assert [other for _, other, _ in corresponding(product, floor, 2, None, places)] == [0, 3]


def test_what_is_not_alike_is_no_pair() -> None:
    assert corresponding(EYE[:2], -EYE[:2], 4) == []
    assert len(corresponding(EYE[:2], EYE[:2], 4)) == 2


def test_a_small_patch_at_the_edge_of_a_large_one_is_another_spot() -> None:
    places = np.array([[150, 150, 300], [150, 160, 60], [40, 40, 60]])
    pairs = corresponding(EYE[:3], EYE[:3], 3, places)
    assert [one for one, _, _ in pairs] == [0, 2]
