"""Clicks: what they may be, what they do to a mask, and what they never do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.errors import RegionError
from floorlens.images.loading import Photo
from floorlens.segmentation import Click
from floorlens.segmentation.clicks import correct, parse_clicks

Mask = NDArray[np.bool_]
WALL, FLOOR, RUG = (225, 220, 210), (150, 110, 70), (60, 70, 120)


def room(height: int = 240, width: int = 320, seed: int = 0) -> NDArray[np.uint8]:
    """A wall over a floor with grain and light, and a rug on the floor; uint8 (h, w, 3)."""
    pixels = np.empty((height, width, 3), np.float64)
    pixels[:] = WALL
    pixels[height // 2 :] = FLOOR
    pixels[rug(height, width)] = RUG
    pixels += np.linspace(-12, 12, width)[None, :, None]
    pixels += np.random.default_rng(seed).normal(0, 5, (height, width, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def rug(height: int = 240, width: int = 320) -> Mask:
    mask = np.zeros((height, width), bool)
    mask[height * 2 // 3 : height * 5 // 6, width // 2 : width * 3 // 4] = True
    return mask


def lower(height: int = 240, width: int = 320) -> Mask:
    mask = np.zeros((height, width), bool)
    mask[height // 2 :] = True
    return mask


def sure(mask: Mask) -> NDArray[np.float32]:
    """What a segmenter says that has no doubts."""
    return mask.astype(np.float32)


def iou(claimed: Mask, true: Mask) -> float:
    return float((claimed & true).sum() / (claimed | true).sum())


# -- correct: where the segmenter agrees with the click ------------------------------------------


def test_a_click_adds_the_part_of_the_suggestion_that_holds_it() -> None:
    """And no other part of it, however much the suggestion differs elsewhere."""
    base = np.zeros((240, 320), bool)
    base[200:] = True
    near, far = np.zeros_like(base), np.zeros_like(base)
    near[100:150, 20:120] = True
    far[20:60, 200:300] = True
    result = correct(room(), base, sure(base | near | far), [Click(60, 120)])
    assert np.array_equal(result, base | near)


def test_a_click_removes_the_part_that_the_suggestion_leaves_out() -> None:
    base = lower()
    other = np.zeros_like(base)
    other[200:220, 10:60] = True
    result = correct(room(), base, sure(base & ~rug() & ~other), [Click(200, 180, False)])
    assert np.array_equal(result, base & ~rug())


def test_two_outlines_of_one_floor_connect_nothing() -> None:
    """The suggestion is a pixel wider all around; that is no bridge to its other part."""
    base = np.zeros((960, 1280), bool)
    base[480:, 100:1200] = True
    answer = np.zeros_like(base)
    answer[479:, 99:1201] = True
    near, far = np.zeros_like(base), np.zeros_like(base)
    near[401:479, 203:301] = True
    far[400:479, 900:1000] = True
    result = correct(room(960, 1280), base, sure(answer | near | far), [Click(250, 440)])
    assert (result & near).sum() == near.sum()
    assert (result & far).sum() == 0
    assert (result & ~base & ~near).sum() < 150


# -- correct: where colour has to do ------------------------------------------------------------


@pytest.mark.parametrize("size", [(240, 320), (960, 1280), (1280, 720)])
@pytest.mark.parametrize("suggestion", ["none", "wrong"])
def test_a_click_grows_over_the_surface_and_stops_at_its_edge(
    size: tuple[int, int], suggestion: str
) -> None:
    """Over all of the floor, neither up the wall nor over the rug."""
    height, width = size
    base = np.zeros(size, bool)
    answer = None if suggestion == "none" else sure(base)
    floor = lower(height, width) & ~rug(height, width)
    result = correct(room(height, width), base, answer, [Click(width / 5, height * 0.9)])
    assert iou(result, floor) > 0.93
    without = correct(room(height, width), ~base, None, [Click(width * 0.6, height * 0.75, False)])
    assert iou(~without, rug(height, width)) > 0.9


@pytest.mark.parametrize("scale", [1, 4])
def test_a_click_grows_over_a_pattern(scale: int) -> None:
    """Terrazzo: chips of other colours are part of the floor, and its grain ends no growing."""
    rng = np.random.default_rng(3)
    small = room(240, 320).astype(np.int16)
    chips = (rng.random((30, 80)) < 0.25).repeat(4, axis=0).repeat(4, axis=1)
    small[120:][chips] -= 45
    small[120:] += rng.normal(0, 14, (120, 320, 1)).astype(np.int16)
    pixels = np.clip(small, 0, 255).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    size = pixels.shape[0], pixels.shape[1]
    click = Click(40 * scale, 200 * scale)
    result = correct(pixels, np.zeros(size, bool), None, [click])
    assert iou(result, lower(*size) & ~rug(*size)) > 0.9


def test_on_a_busy_surface_more_is_similar() -> None:
    """A coarse carpet, whose tufts differ more than some floors do from their walls."""
    tufts = np.random.default_rng(2).normal(0, 36, (40, 107)).repeat(3, axis=0).repeat(3, axis=1)
    carpet = room().astype(np.float64)
    carpet[120:] += tufts[:, :320, None]
    pixels = np.clip(carpet, 0, 255).astype(np.uint8)
    result = correct(pixels, np.zeros((240, 320), bool), None, [Click(40, 200)])
    assert iou(result, lower() & ~rug()) > 0.85


def test_a_narrow_strip_of_the_floors_colour_is_no_way_up_the_wall() -> None:
    """A wooden door beyond a door frame of the same wood is not floor."""
    pixels = room()
    pixels[40:120, 60:63] = FLOOR
    pixels[20:60, 20:100] = FLOOR
    result = correct(pixels, np.zeros((240, 320), bool), None, [Click(40, 200)])
    assert not result[20:55, 20:100].any()
    assert iou(result, lower() & ~rug()) > 0.93


def test_growing_stays_on_its_side() -> None:
    """What the mask has already neither grows nor is it lost."""
    base = lower() & ~rug()
    base[:, :100] = False
    result = correct(room(), base, None, [Click(50, 200)])
    assert not (base & ~result).any()
    assert iou(result, lower() & ~rug()) > 0.93


def test_a_slow_gradient_does_not_carry_a_click_over_the_photo() -> None:
    """Neighbours never differ, but the other end does."""
    grey = np.linspace(20, 235, 320).astype(np.uint8)
    pixels = np.repeat(np.tile(grey, (240, 1))[:, :, None], 3, axis=2)
    result = correct(pixels, np.zeros((240, 320), bool), None, [Click(160, 120)])
    assert 0.02 < result.mean() < 0.4
    assert not result[:, :60].any()
    assert not result[:, 260:].any()


def test_where_all_is_of_one_colour_a_click_reaches_not_far() -> None:
    pixels = np.full((240, 320, 3), 128, np.uint8)
    result = correct(pixels, np.zeros((240, 320), bool), None, [Click(160, 120)])
    assert 0.1 < result.mean() < 0.2
    assert result[120, 110:210].all()


def test_a_click_turns_a_small_disk_at_least() -> None:
    """In noise, where nothing is connected with anything, that is all it turns."""
    pixels = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    rows, columns = np.ogrid[0:240, 0:320]
    disk = (rows - 100) ** 2 + (columns - 50) ** 2 <= 4**2
    added = correct(pixels, np.zeros((240, 320), bool), None, [Click(50.5, 100.5)])
    removed = ~correct(pixels, np.ones((240, 320), bool), None, [Click(50.5, 100.5, False)])
    for result in (added, removed):
        assert (result & disk).sum() == disk.sum()
        assert result.mean() < 0.05


def test_a_later_click_leaves_what_an_earlier_one_said() -> None:
    """Two clicks on one surface contradict each other: each keeps its surroundings."""
    pixels = np.full((240, 320, 3), 128, np.uint8)
    result = correct(
        pixels, lower(), None, [Click(160, 180, False), Click(165, 180), Click(10, 10)]
    )
    assert not result[180, 158:162].any()
    assert result[180, 164:168].all()


@pytest.mark.parametrize("floor", [True, False])
def test_a_colour_that_the_segmenter_contradicts_has_leaked(floor: bool) -> None:
    """A tap on a chair leg of the floor's colour must not take the floor away; nor add the wall."""
    pixels = np.full((240, 320, 3), 128, np.uint8)
    firm = sure(lower()) * 0.96 + 0.02
    click = Click(160, 60 if floor else 180, floor)
    turned = correct(pixels, lower(), firm, [click]) != lower()
    assert turned[int(click.y), 160]
    assert 0.001 < turned.mean() < 0.005
    # Where the segmenter is in two minds, the colour decides.
    unsure = np.where(lower(), 0.6, 0.4).astype(np.float32)
    turned = correct(pixels, lower(), unsure, [click]) != lower()
    assert turned.mean() > 0.05


def test_a_small_thing_turns_whatever_the_segmenter_says() -> None:
    pixels = room()
    pixels[200:216, 40:60] = (200, 40, 40)
    thing = np.zeros((240, 320), bool)
    thing[200:216, 40:60] = True
    turned = correct(pixels, lower(), sure(lower()), [Click(50, 208, False)]) != lower()
    assert iou(turned, thing) > 0.8


# -- correct: what always holds -----------------------------------------------------------------


@st.composite
def cases(
    draw: st.DrawFn,
) -> tuple[NDArray[np.uint8], Mask, NDArray[np.float32] | None, list[Click]]:
    """Pictures from noise to plain, any masks, and clicks that may contradict each other."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    contrast = draw(st.sampled_from([0, 6, 80]))
    pixels = (128 + contrast * rng.uniform(-1, 1, (height, width, 3))).astype(np.uint8)
    base = rng.random((height, width)) < draw(st.sampled_from([0, 0.3, 0.7, 1]))
    answer = rng.random((height, width), np.float32) ** draw(st.sampled_from([0.1, 1, 10]))
    points = st.tuples(
        st.floats(0, width, exclude_max=True), st.floats(0, height, exclude_max=True), st.booleans()
    )
    clicks = [Click(*point) for point in draw(st.lists(points, min_size=1, max_size=5))]
    return pixels, base, draw(st.sampled_from([answer, None])), clicks


@settings(deadline=None, derandomize=True, max_examples=150)
@given(cases())
def test_every_clicked_pixel_is_as_its_last_click_says(
    case: tuple[NDArray[np.uint8], Mask, NDArray[np.float32] | None, list[Click]],
) -> None:
    pixels, base, answer, clicks = case
    before = base.copy()
    result = correct(pixels, base, answer, clicks)
    assert result.dtype == bool and result.shape == base.shape
    assert np.array_equal(base, before)
    expected = {(int(click.y), int(click.x)): click.floor for click in clicks}
    assert all(result[place] == floor for place, floor in expected.items())


@settings(deadline=None, derandomize=True, max_examples=100)
@given(cases())
def test_clicks_that_agree_change_nothing_and_floor_clicks_only_add(
    case: tuple[NDArray[np.uint8], Mask, NDArray[np.float32] | None, list[Click]],
) -> None:
    pixels, base, answer, clicks = case
    agreeing = [Click(c.x, c.y, bool(base[int(c.y), int(c.x)])) for c in clicks]
    assert np.array_equal(correct(pixels, base, answer, agreeing), base)
    floor = [Click(c.x, c.y, True) for c in clicks]
    assert not (base & ~correct(pixels, base, answer, floor)).any()
    other = [Click(c.x, c.y, False) for c in clicks]
    assert not (correct(pixels, base, answer, other) & ~base).any()


# -- parse_clicks -------------------------------------------------------------------------------


def photo(width: int = 80, height: int = 60, shrink: int = 1) -> Photo:
    pixels = np.zeros((height // shrink, width // shrink, 3), np.uint8)
    return Photo(pixels, (width, height), "")


@pytest.mark.parametrize(
    "clicks",
    [
        [Click(40, 20), Click(8, 59, False)],
        [(40, 20), (8, 59, False)],
        ([40.0, 20, True], (np.float32(8), np.int64(59), np.bool_(False))),
        np.array([[40, 20, 1], [8, 59, 0]]),
        (point for point in [(40, 20), (8, 59, 0)]),
    ],
)
def test_clicks_become_pixels_of_the_working_picture(clicks: Any) -> None:
    points = parse_clicks(photo(80, 60, shrink=4), clicks)
    assert points == (Click(10, 5, True), Click(2, 14.75, False))
    assert all(type(click.floor) is bool for click in points)


def test_no_clicks() -> None:
    assert parse_clicks(photo(), ()) == ()


@pytest.mark.parametrize(
    ("clicks", "problem"),
    [
        ((40, 20), "a click is floorlens.Click, .*this is 40"),
        (Click(1, 2), "`clicks` is a list of them; this is Click"),
        (None, "this is None"),
        ("40,20", "this is '40,20'"),
        ({"x": 1}, "this is {'x': 1}"),
        (np.array(5), "`clicks` is a list of them"),
        ([np.array(5)], "two numbers in pixels"),
        ([(1, [2])], "two numbers in pixels"),
        ([(1,)], "two numbers in pixels"),
        ([(1, 2, True, 4)], "two numbers in pixels"),
        ([("1", "2")], "two numbers in pixels"),
        ([(True, 2)], "two numbers in pixels"),
        ([(1, 2, "other")], "True for floor or False"),
        ([(1, 2, 255)], "True for floor or False"),
        ([(1, 2, None)], "True for floor or False"),
        ([Click("1", 2)], "two numbers in pixels"),  # type: ignore[arg-type]
        ([(float("nan"), 2)], "must be finite"),
        ([(1, float("inf"), False)], "must be finite"),
        ([(10**400, 1)], "must be finite"),
        ([(80, 20)], "the click 80, 20 lies outside the photo, which is 80 x 60 pixels: give x"),
        ([(20, 60)], "from 0 to 79 and y from 0 to 59"),
        ([(3, 3), (-0.5, 20)], "the click -0.5, 20 lies outside"),
    ],
)
def test_clicks_without_meaning(clicks: Any, problem: str) -> None:
    with pytest.raises(RegionError, match=problem):
        parse_clicks(photo(80, 60, shrink=4), clicks)
