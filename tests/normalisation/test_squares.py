"""Squares of floor: the largest clean one, and which stay where they were when a mask changes."""

from __future__ import annotations

import numpy as np

from floorlens.normalisation import Cuts
from floorlens.normalisation.squares import are_untouched, largest_square, same_squares

PLACES = np.array([[50, 50, 40], [120, 50, 40], [50, 120, 20]], np.float32)
CUTS = Cuts(PLACES, np.array([1.0, 1.0, 0.95], np.float32))


def test_the_largest_square_has_nothing_but_floor_and_is_the_lowest() -> None:
    mask = np.zeros((192, 192), np.bool_)
    mask[10:60, 20:70] = mask[100:150, 100:150] = True
    square = largest_square(mask)
    assert square is not None
    assert (square.left, square.top, square.side) == (100, 100, 50)
    assert largest_square(np.zeros((192, 192), np.bool_)) is None


def test_an_earlier_square_stands_for_one_other_at_most() -> None:
    near = np.array([[52, 50, 40], [49, 50, 40], [120, 50, 60]], np.float32)
    # The second lies nearer, but the first was there first; the third is too large.
    assert same_squares(near, np.ones(3), CUTS).tolist() == [0, -1, -1]
    assert same_squares(PLACES, np.array([1.0, 0.9, 0.95]), CUTS).tolist() == [0, -1, 2]


def test_squares_are_untouched_where_the_mask_changed_beside_them() -> None:
    changed = np.zeros((192, 192), np.bool_)
    cuts = Cuts(CUTS.places, CUTS.coverage, changed=changed)
    changed[150:, :] = True
    assert are_untouched(cuts)
    changed[115:125, 45:55] = True
    assert not are_untouched(cuts)
    assert not are_untouched(CUTS), "nothing is known of what changed"
