"""Regions by hand, in pixels of the photo itself, also where we work at a smaller size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import NoFloorFound, RegionError
from floorlens.images.loading import Photo
from floorlens.segmentation import Click, FloorProbability, FloorRegion
from floorlens.segmentation.region import (
    correct_region,
    doubts,
    region_by_hand,
    region_from_probability,
)


def photo(width: int = 80, height: int = 60, shrink: int = 1) -> Photo:
    """A photo of that size, worked on at 1/shrink of it."""
    pixels = np.zeros((height // shrink, width // shrink, 3), np.uint8)
    return Photo(pixels, (width, height), "")


@pytest.mark.parametrize("shrink", [1, 4])
def test_box_in_photo_pixels(shrink: int) -> None:
    region = region_by_hand(photo(80, 60, shrink), (8, 20, 40, 60))
    expected = np.zeros((60, 80), bool)
    expected[20:60, 8:40] = True
    assert region.box == (8, 20, 40, 60)
    assert region.source == "box"
    assert region.confidence == 1
    assert region.mask.shape == (60, 80)
    assert np.mean(region.mask != expected) < 0.02
    assert region.share == pytest.approx(40 * 32 / 4800)


def test_box_is_cut_at_the_edges() -> None:
    assert region_by_hand(photo(), [-50.0, 30, 500, 1e9]).box == (0, 30, 80, 60)


@pytest.mark.parametrize("shrink", [1, 4])
def test_polygon_in_photo_pixels(shrink: int) -> None:
    triangle = [(0, 60), (80, 60), (40, 0)]
    region = region_by_hand(photo(80, 60, shrink), triangle)
    assert region.source == "polygon"
    assert region.share == pytest.approx(0.5, abs=0.06)
    assert region.mask[58, 40]
    assert region.mask[40, 40]
    assert not region.mask[5, 5]
    assert not region.mask[5, 75]


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, int])
@pytest.mark.parametrize("shrink", [1, 4])
def test_mask_of_the_photos_or_the_working_size(kind: Any, shrink: int) -> None:
    picture = photo(80, 60, shrink)
    for shape in ((60, 80), picture.pixels.shape[:2]):
        mask = np.zeros(shape, kind)
        mask[shape[0] * 32 // 60 :] = 1 if kind is bool else 255
        region = region_by_hand(picture, mask)
        assert region.source == "mask"
        assert region.box == (0, 32, 80, 60)
        assert region.mask.shape == (60, 80)
        assert region.mask[33:].all()
        assert not region.mask[:31].any()


def test_a_mask_may_be_a_list_of_rows() -> None:
    rows = np.ones((60, 80), int).tolist()
    assert region_by_hand(photo(), rows).share == 1


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        ("floor", "a region is a box"),
        (b"floor", "a region is a box"),
        (5, r"this has the shape \(\)"),
        ({"left": 1}, "a region is a box"),
        ([(1, 2), (3,), (4, 5)], "a region is a box"),
        ([1, 2, 3], r"this has the shape \(3,\)"),
        ([None, 1, 2, 3], "a region is a box"),
        ([1 + 2j] * 4, "a region is a box"),
        (np.zeros((60, 80, 3)), r"this has the shape \(60, 80, 3\)"),
        ([0, 0, float("nan"), 5], "must be finite"),
        ([(0, 0), (5, float("inf")), (5, 5)], "must be finite"),
        ([10, 10, 10, 20], "the box 10, 10, 10, 20 has no area"),
        ([30, 10, 10, 20], "no area: it is left, top, right, bottom"),
        ([100, 10, 120, 20], "the box covers no pixel of the photo, which is 80 x 60"),
        ([-20, -20, -5, -5], "the box covers no pixel"),
        ([(100, 100), (120, 100), (110, 120)], "the polygon covers no pixel"),
        ([(1e300, 1e300), (-1e300, 1e300), (5e299, 2e300)], "polygon"),
        (np.ones((80, 60), bool), "the mask has 60 x 80 pixels, the photo 80 x 60"),
        (np.zeros((60, 80), bool), "the mask covers no pixel"),
    ],
)
def test_regions_without_meaning(region: Any, problem: str) -> None:
    with pytest.raises(RegionError, match=problem):
        region_by_hand(photo(), region)


@settings(deadline=None, derandomize=True)
@given(
    st.integers(0, 70),
    st.integers(0, 50),
    st.integers(4, 200),
    st.integers(4, 200),
    st.sampled_from([1, 2, 4]),
)
def test_the_box_of_a_box_is_that_box(
    left: int, top: int, width: int, height: int, shrink: int
) -> None:
    """Up to the rounding to the working size, and cut at the edges of the photo."""
    box = (left, top, left + width, top + height)
    result = region_by_hand(photo(80, 60, shrink), box).box
    assert result is not None
    expected = (left, top, min(80, left + width), min(60, top + height))
    assert np.abs(np.subtract(result, expected)).max() < shrink


def test_the_box_of_an_empty_mask_is_none() -> None:
    empty = FloorRegion(np.zeros((6, 8), bool), 0, 0, "automatic", (80, 60))
    assert empty.box is None
    assert empty.as_dict()["box"] is None


def limits() -> dict[str, float]:
    return {"threshold": 0.5, "min_visible": 0.5, "min_share": 0.01}


def test_automatic_region_is_what_exceeds_the_threshold() -> None:
    probability = np.full((60, 80), 0.2, np.float32)
    probability[30:] = 0.8
    region = region_from_probability(photo(), FloorProbability(probability, 0.9), **limits())
    assert region.source == "automatic"
    assert region.share == 0.5
    assert region.confidence == pytest.approx(0.72)
    assert region.visible == 0.9


@pytest.mark.parametrize(("share", "visible"), [(0.0, 1.0), (0.005, 1.0), (0.5, 0.4)])
def test_no_floor_says_what_to_do(share: float, visible: float) -> None:
    probability = np.zeros((60, 80), np.float32)
    probability.flat[: int(share * 4800)] = 1
    with pytest.raises(NoFloorFound, match=r"Take the photo so.*or mark the floor yourself"):
        region_from_probability(photo(), FloorProbability(probability, visible), **limits())


def lit(level: int = 128) -> Photo:
    """A grey photo of 80 x 60 pixels, of one brightness."""
    return Photo(np.full((60, 80, 3), level, np.uint8), (80, 60), "")


def probability(rows: slice, value: float, visible: float, rug: float = 0.0) -> FloorProbability:
    pixels = np.full((60, 80), 0.2, np.float32)
    pixels[rows] = value
    return FloorProbability(pixels, visible, rug)


@pytest.mark.parametrize(
    ("rows", "level", "confidence", "rug", "expected"),
    [
        (slice(30, 60), 128, 1.0, 0.0, []),
        (slice(30, 60), 40, 0.6, 0.5, []),
        (slice(58, 60), 128, 1.0, 0.0, []),
        (slice(59, 60), 128, 1.0, 0.0, ["too small: the floor is only 1.7% of the photo"]),
        (slice(30, 60), 20, 1.0, 0.0, ["too dark: half of the floor is darker than L* 6 of 100"]),
        (slice(30, 60), 128, 1.0, 0.51, ["mostly rug: rugs cover 51.0% of the photo, the floor"]),
        (slice(30, 60), 128, 0.59, 0.0, ["unsure: the floor was found with a confidence of only"]),
        (slice(59, 60), 0, 0.1, 0.2, ["too small:", "too dark:", "mostly rug:", "unsure:"]),
        (slice(0, 0), 0, 1.0, 0.0, ["too small:"]),
    ],
)
def test_doubtful_regions_say_why(
    rows: slice, level: int, confidence: float, rug: float, expected: list[str]
) -> None:
    mask = np.zeros((60, 80), bool)
    mask[rows] = True
    reasons = doubts(lit(level).pixels, mask, confidence, rug)
    assert len(reasons) == len(expected)
    assert all(reason.startswith(start) for reason, start in zip(reasons, expected, strict=True))


def test_the_rest_of_the_photo_may_be_dark() -> None:
    """Only the floor's own brightness counts, and half of it, not its mean."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[40:] = True
    pixels[40:, :60] = 90
    assert doubts(pixels, mask) == ()
    pixels[40:, 30:] = 0
    assert [reason.split(":")[0] for reason in doubts(pixels, mask)] == ["too dark"]


def test_regions_carry_their_reasons() -> None:
    region = region_from_probability(
        lit(20), probability(slice(30, 60), 0.7, 0.8, 0.6), **limits() | {"min_share": 0.0}
    )
    assert [reason.split(":")[0] for reason in region.reasons] == [
        "too dark",
        "mostly rug",
        "unsure",
    ]
    assert region.as_dict()["reasons"] == list(region.reasons)
    by_hand = region_by_hand(lit(), (0, 0, 8, 6))
    assert [reason.split(":")[0] for reason in by_hand.reasons] == ["too small"]
    assert region_by_hand(lit(), (0, 0, 80, 30)).reasons == ()


def test_a_corrected_region_is_as_sure_as_before_and_sure_of_the_clicks() -> None:
    """The mean of what the segmenter first, and 1 for what was added by hand."""
    first = probability(slice(40, 60), 0.7, 0.8)
    base = region_from_probability(lit(), first, **limits())
    suggestion = probability(slice(20, 60), 0.9, 0.9)
    clicks = (Click(10, 25),)
    region = correct_region(lit(), base, suggestion, clicks, threshold=0.5)
    assert region.source == "automatic+clicks"
    assert region.box == (0, 20, 80, 60)
    assert region.visible == 1
    assert region.confidence == pytest.approx((0.7 + 1) / 2)
    assert base.reasons and not region.reasons
    away = (Click(10, 55, False),)
    smaller = probability(slice(40, 50), 0.9, 0.9, rug=0.4)
    region = correct_region(lit(), base, smaller, away, threshold=0.5)
    assert region.box == (0, 40, 80, 50)
    assert region.visible == 0.8
    assert region.confidence == pytest.approx(0.7 * 0.8)
    assert [reason.split(":")[0] for reason in region.reasons] == ["mostly rug", "unsure"]


def test_a_region_by_hand_is_corrected_alike() -> None:
    base = region_by_hand(lit(), (0, 40, 80, 60))
    suggestion = probability(slice(20, 60), 0.9, 0.1, rug=0.9)
    clicks = (Click(10, 25),)
    region = correct_region(lit(), base, suggestion, clicks, threshold=0.5)
    assert (region.source, region.confidence, region.visible) == ("box+clicks", 1, 1)
    assert region.box == (0, 20, 80, 60)
    assert region.reasons == ()


def test_clicks_that_leave_nothing_say_so() -> None:
    base = region_by_hand(lit(), (0, 40, 80, 60))
    suggestion = probability(slice(0, 0), 0, 1)
    with pytest.raises(RegionError, match=r"leave nothing of the floor: take back one"):
        correct_region(lit(), base, suggestion, (Click(10, 50, False),), threshold=0.5)


def test_a_floor_that_is_not_surely_there_is_doubtful() -> None:
    probability = np.ones((60, 80), np.float32)
    for visible, doubted in ((0.7, True), (0.8, False)):
        region = region_from_probability(
            lit(), FloorProbability(probability, visible), **limits(), sure_visible=0.75
        )
        assert bool(region.reasons) == doubted
        assert all(reason.startswith("unsure: that the photo") for reason in region.reasons)
    # One reason says enough.
    region = region_from_probability(
        lit(), FloorProbability(probability, 0.55), **limits(), sure_visible=0.75
    )
    assert len(region.reasons) == 1


def test_a_photo_on_its_side_says_so() -> None:
    probability = np.ones((60, 80), np.float32)
    region = region_from_probability(
        lit(), FloorProbability(probability, 0.9, upright=0.1), **limits()
    )
    assert [reason.split(":")[0] for reason in region.reasons] == ["sideways"]
    with pytest.raises(NoFloorFound, match="lies on its side, turn it upright"):
        region_from_probability(lit(), FloorProbability(probability, 0.1, upright=0.1), **limits())


def test_a_dark_floor_of_single_lines_is_doubted() -> None:
    """None of its pixels is among those that are looked at first."""
    pixels = np.full((480, 640, 3), 200, np.uint8)
    mask = np.zeros((480, 640), bool)
    mask[1::2, 1::2] = True
    pixels[mask] = 10
    assert [reason.split(":")[0] for reason in doubts(pixels, mask)] == ["too dark"]
