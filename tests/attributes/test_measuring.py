"""What is measured of floors that are made so: their tone, colour, joints, marks and gloss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.attributes.measuring import measure
from floorlens.attributes.vocabulary import NAMES
from floorlens.embedding.pattern import CLASSES

Rgb = NDArray[np.uint8]


def whole(pixels: Rgb) -> NDArray[np.bool_]:
    """Returns a mask of all pixels."""
    return np.ones(pixels.shape[:2], bool)


def surely(name: str) -> NDArray[np.float32]:
    """Returns the probabilities of a picture that surely shows a pattern."""
    return np.array([one == name for one in CLASSES], np.float32)


def grained(colour: tuple[int, int, int]) -> Rgb:
    """Returns a plain picture with some noise."""
    noise = np.random.default_rng(0).normal(0, 3, (400, 600, 1))
    return np.asarray(np.clip(np.array(colour) + noise, 0, 255), np.uint8)


def planks(width: int, colour: tuple[int, int, int] = (176, 140, 96)) -> Rgb:
    """Returns level planks, `width` pixels wide, with dark joints."""
    picture = grained(colour)
    picture[width::width] = 60
    return picture


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        ((45, 30, 20), ("dark", "brown", "warm")),
        ((215, 190, 155), ("light", "beige", "warm")),
        ((128, 128, 130), ("medium", "grey", "neutral")),
        ((110, 125, 150), ("medium", "blue", "cool")),
        ((245, 245, 245), ("light", "white", "neutral")),
        ((25, 25, 25), ("dark", "black", "neutral")),
        ((160, 40, 30), ("dark", "red", "warm")),
        ((70, 120, 60), ("medium", "green", "warm")),
    ],
)
def test_the_words_of_colour(colour: tuple[int, int, int], words: tuple[str, str, str]) -> None:
    picture = grained(colour)
    values = measure(picture, whole(picture))
    assert tuple(values[name].value for name in ("tone", "colour", "undertone")) == words


def test_a_chequered_floor_has_several_colours() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    rows, columns = np.indices((400, 400)) // 50
    picture[(rows + columns) % 2 == 0] = 240
    assert measure(picture, whole(picture))["colour"].value == "multicolour"


@pytest.mark.parametrize("width", [40, 80, 130])
def test_planks_are_as_wide_as_they_were_made(width: int) -> None:
    picture = planks(width)
    values = measure(picture, whole(picture), surely("plank"))
    assert values["joints"].value is True
    assert values["piece_width"].value == pytest.approx(width / 600, rel=0.1)
    assert "piece_length" not in values
    turned = np.ascontiguousarray(picture.swapaxes(0, 1))
    again = measure(turned, whole(turned), surely("plank"))
    assert again["piece_width"].value == values["piece_width"].value


def test_tiles_have_two_sides() -> None:
    picture = planks(80, (150, 150, 150))
    picture[:, 120::120] = 60
    values = measure(picture, whole(picture), surely("square tile"))
    assert values["piece_width"].value == pytest.approx(80 / 600, rel=0.1)
    assert values["piece_length"].value == pytest.approx(120 / 600, rel=0.1)
    assert values["material"].value == "stone look"


def test_what_a_picture_does_not_show_is_left_out() -> None:
    """Sizes without joints; gloss of white; pattern and material without the embedder's facts."""
    bare = grained((150, 110, 80))
    assert "piece_width" not in measure(bare, whole(bare), surely("one board"))
    white = grained((240, 240, 240))
    assert "gloss" not in measure(white, whole(white))
    assert not {"pattern", "material", "joints"} & measure(bare, whole(bare)).keys()
    herringbone = planks(60)
    assert "piece_width" not in measure(herringbone, whole(herringbone), surely("herringbone"))


def test_knots_veins_and_highlights_that_were_put_in_are_seen() -> None:
    board = grained((180, 150, 110))
    clean = measure(board, whole(board), surely("one board"))
    assert (clean["marks"].value, clean["gloss"].value) == ("few", "matt")
    for x in (80, 250, 420, 560):
        board[100:122, x : x + 20] = (70, 50, 35)
    knotty = measure(board, whole(board), surely("one board"))
    assert knotty["marks"].value != "few"
    area = 100 * 4 * 22 * 20 / (400 * 600)
    assert knotty["knots"].value == pytest.approx(area, rel=0.35)
    stone = grained((150, 150, 155))
    for x in range(40, 500):
        y = 60 + x // 2 + round(12 * np.sin(x / 30))
        stone[y : y + 6, x] = 235
    veins = measure(stone, whole(stone), surely("stone"))["veins"].value
    assert isinstance(veins, float) and veins > 0.5
    shiny = grained((90, 60, 40))
    shiny[100:200, 200:330] = 255
    assert measure(shiny, whole(shiny))["gloss"].value == "glossy"


def test_what_lies_outside_the_floor_does_not_count() -> None:
    picture = grained((120, 90, 60))
    mask = whole(picture)
    mask[:150] = mask[:, 400:] = False
    alone = measure(picture, mask)
    picture[~mask] = (20, 200, 240)
    beside = measure(picture, mask)
    for name in ("tone", "colour", "undertone", "variation", "marks"):
        assert beside[name].value == alone[name].value
    assert beside["lightness"].value == pytest.approx(alone["lightness"].value, abs=0.5)


def test_an_enlarged_picture_says_the_same() -> None:
    picture = planks(60)
    large = picture.repeat(3, axis=0).repeat(3, axis=1)
    small, enlarged = (measure(each, whole(each), surely("plank")) for each in (picture, large))
    assert enlarged["tone"].value == small["tone"].value
    assert enlarged["piece_width"].value == pytest.approx(small["piece_width"].value, rel=0.05)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
)
def test_any_floor_has_values_of_the_vocabulary(
    shape: tuple[int, int], level: int, seed: int
) -> None:
    """However small it is and whatever it shows; and each confidence is one."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, level + 1, (*shape, 3), dtype=np.uint8, endpoint=False)
    mask = rng.random(shape) < 0.7
    mask[0, 0] = True
    values = measure(picture, mask, rng.dirichlet(np.ones(len(CLASSES))))
    for name, attribute in values.items():
        meaning = NAMES[name]
        assert 0 <= attribute.confidence <= 1
        assert attribute.unit == meaning.unit
        if meaning.words:
            assert attribute.value in meaning.words
        elif meaning.is_flag:
            assert isinstance(attribute.value, bool)
        else:
            assert isinstance(attribute.value, float)
            assert meaning.low <= attribute.value <= meaning.high
