"""Regions for models of the hub: the mask's box, and the mask without specks."""

from __future__ import annotations

import numpy as np

from floorlens.normalisation.regions import bounding_box, without_specks


def test_the_box_holds_the_first_and_the_last_pixel() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[4, 7] = mask[9, 22] = True
    assert bounding_box(mask) == (slice(4, 10), slice(7, 23))


def test_specks_are_dropped_unless_nothing_else_is_there() -> None:
    mask = np.zeros((160, 240), np.bool_)
    mask[80:150, 20:230] = mask[3:8, 3:8] = True
    floor = without_specks(mask)
    assert not floor[:20].any()
    assert floor[80:].sum() > 0.99 * mask[80:].sum()
    lone = np.zeros((160, 240), np.bool_)
    lone[5, 5] = True
    np.testing.assert_array_equal(without_specks(lone), lone)
    whole = np.ones((8, 8), np.bool_)
    assert without_specks(whole) is whole
