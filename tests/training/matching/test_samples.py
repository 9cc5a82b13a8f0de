"""Made products: neighbours in a range are near twins, and what a swatch shows is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")

from training.matching.samples import RANGE, draw_product, draw_swatches, make_product

pytestmark = pytest.mark.slow


def test_a_range_shares_its_construction_and_differs_in_what_it_looks_like() -> None:
    for first in range(0, 30, RANGE):
        designs = [draw_product(first + place, 0)[0] for place in range(RANGE)]
        assert len({design.layout for design in designs}) == 1
        assert len({design.family for design in designs}) == 1
        assert len({design.surface for design in designs}) == RANGE


def test_other_ranges_are_other_floors() -> None:
    layouts = {draw_product(first, 0)[0].layout for first in range(0, 30, RANGE)}
    assert len(layouts) == 10


def test_some_near_swatches_of_wood_show_one_board_and_no_far_one_does() -> None:
    pairs = [draw_swatches(*draw_product(number, 0)) for number in range(60)]
    assert any(near.one_board for near, _ in pairs)
    assert not all(near.one_board for near, _ in pairs)
    assert not any(far.one_board for _, far in pairs)


def test_a_product_is_made_of_swatches_and_rooms_and_is_always_the_same() -> None:
    views = make_product(4, rooms=1)
    assert [bool(view.mask.all()) for view in views] == [True, True, False]
    for one, two in zip(views, make_product(4, rooms=1), strict=True):
        np.testing.assert_array_equal(one.rgb, two.rgb)
