"""Reasons: what is said of a product was measured, would be noticed, and comes in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from floorlens.attributes import Attribute
from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.embedding.pattern import CLASSES
from floorlens.images.colour import srgb_to_lab
from floorlens.images.loading import load_photo
from floorlens.normalisation.backends.builtin import BuiltinNormaliser
from floorlens.normalisation.trust import TRUST
from floorlens.ranking.reasons import (
    _LIMITS,
    MOST,
    PHRASES,
    Doubt,
    Facts,
    doubts_of,
    facts_of,
    notable,
    sentence,
    with_attributes,
)
from floorlens.reranking import Looks
from floorlens.reranking.backends.builtin import BuiltinReranker
from floorlens.segmentation.region import doubts as doubts_of_region
from tests.conftest import ROOT

OAK = (60.0, 7.0, 22.0)


def shares(pattern: str, probability: float = 0.95) -> NDArray[np.float32]:
    """Returns probabilities of all patterns, of which one has this and the others the rest."""
    rest = (1 - probability) / (len(CLASSES) - 1)
    row = np.full(len(CLASSES), rest, np.float32)
    row[CLASSES.index(pattern)] = probability
    return row


def facts(
    colour: tuple[float, float, float] = OAK,
    *,
    floor: tuple[float, float, float] = OAK,
    patterns: tuple[str, str] = ("plank", "plank"),
    sure: tuple[float, float] = (0.95, 0.95),
    likeness: float = 1.0,
    variation: tuple[float, float] = (8.0, 8.0),
    texture: float = 0.4,
    doubts: tuple[Doubt, ...] = (),
    **kwargs: Any,
) -> Facts:
    """Returns the facts of one product beside an oak floor."""
    looks = Looks(
        patterns=CLASSES,
        floor_colour=np.array(floor, np.float32),
        colour=np.array([colour], np.float32),
        floor_variation=variation[0],
        variation=np.array([variation[1]], np.float32),
        floor_pattern=shares(patterns[0], sure[0]),
        pattern=shares(patterns[1], sure[1])[None],
        same_pattern=np.array([likeness], np.float32),
        texture=np.array([texture], np.float32),
    )
    return replace(facts_of(looks, doubts=doubts)[0], **kwargs)


def test_a_floor_is_the_same_as_itself() -> None:
    assert sentence(facts()) == "same plank pattern, same colour"


def test_lightness_is_told_in_per_cent_of_the_floors() -> None:
    assert "10 % lighter" in sentence(facts((66.0, 7.0, 22.0)))
    assert "20 % darker" in sentence(facts((48.0, 7.0, 22.0)))
    lighter = facts((66.0, 7.0, 22.0))
    assert lighter.lightness == pytest.approx(6.0)
    assert lighter.lightness_share == pytest.approx(0.1)
    assert lighter.delta_e == pytest.approx(6.0)


def test_what_nobody_would_notice_is_not_told() -> None:
    assert "same colour" in sentence(facts((61.5, 7.5, 22.5)))


@pytest.mark.parametrize(
    ("floor", "product", "tint"),
    [
        (OAK, (60, 13, 22), "redder"),
        (OAK, (60, 2, 23), "yellower"),
        (OAK, (60, 3, 11), "greyer"),
        (OAK, (60, 10, 32), "warmer"),
        ((60, 0, 1), (60, 4, 12), "warmer"),
        ((60, 0, 1), (60, -1, -6), "cooler"),
        ((60, 3, 8), (60, -1, -4), "cooler"),
        ((60, 0, 2), (60, -7, 5), "greener"),
        (OAK, (60, 7.5, 23), ""),
    ],
)
def test_a_tint_has_a_word(
    floor: tuple[float, float, float], product: tuple[float, float, float], tint: str
) -> None:
    told = facts(product, floor=floor)
    assert told.tint == tint
    assert tint in sentence(told)


def test_a_tint_is_slight_plain_or_strong() -> None:
    assert "slightly redder" in sentence(facts((60, 11, 22)))
    assert ", redder" in sentence(facts((60, 14, 21)))
    assert "much warmer" in sentence(facts((60, 12, 40)))


def test_the_larger_difference_of_colour_comes_first() -> None:
    assert "17 % lighter, slightly redder" in sentence(facts((70, 11, 22)))
    assert "redder, 5 % lighter" in sentence(facts((63, 15, 20)))


def test_other_patterns_are_told_first() -> None:
    told = sentence(facts((66, 7, 22), patterns=("plank", "herringbone"), likeness=0.02))
    assert told == "herringbone, not planks, 10 % lighter"
    assert sentence(facts(patterns=("herringbone",) * 2)).startswith("same herringbone")


def test_a_pattern_that_is_unsure_is_not_claimed() -> None:
    unsure = facts(patterns=("plank", "herringbone"), likeness=0.1, sure=(0.95, 0.6))
    assert sentence(unsure) == "same colour"
    assert sentence(facts(sure=(0.4, 0.95))) == "pattern unsure, same colour"
    # Two patterns of which either may be the other's.
    assert sentence(facts(patterns=("plank", "strip"), likeness=0.15)).startswith("strips, not")
    assert sentence(facts(patterns=("plank", "strip"), likeness=0.3)) == "same colour"
    assert sentence(facts(patterns=("plank", "plank"), likeness=0.4)) == "same colour"
    # A board may be laid as anything.
    assert sentence(facts(patterns=("plank", "one board"), likeness=0.98)) == "same colour"


def test_variation_is_told_where_one_floor_rarely_differs_so() -> None:
    assert "more variation" in sentence(facts(variation=(6, 12)))
    assert "less variation" in sentence(facts(variation=(12, 3)))
    # A room adds shadows and reflections.
    assert "variation" not in sentence(facts(variation=(12, 7)))
    # Both are even.
    assert "variation" not in sentence(facts(variation=(0.5, 1.5)))


def test_textures_are_alike_or_others() -> None:
    assert "similar texture" in sentence(facts(texture=0.7))
    assert "another texture" in sentence(facts(texture=0.1))


def measured(**values: float) -> dict[str, Attribute]:
    return {name: Attribute(value) for name, value in values.items()}


def test_knots_and_grain_are_told_where_both_were_measured() -> None:
    def told(floor: dict[str, Attribute], product: dict[str, Attribute]) -> str:
        return sentence(with_attributes(facts(), floor, product))

    assert "more knots" in told(measured(knots=0.3), measured(knots=1.2))
    assert "coarser grain" in told(measured(grain=2.0), measured(grain=4.0))
    assert "finer grain" in told(measured(grain=6.0), measured(grain=2.0))
    # A room's shadows count as knots: fewer of them says nothing. Nor do hardly any.
    plain = sentence(facts())
    assert told(measured(knots=1.2), measured(knots=0.3)) == plain
    assert told(measured(knots=0.0), measured(knots=0.3)) == plain
    assert told(measured(), measured(knots=9.0, grain=9.0)) == plain
    by_hand = {"knots": Attribute(9.0, origin="edited")}
    assert told(measured(knots=0.1), by_hand) == plain


def test_doubts_come_last_and_are_never_cut_off() -> None:
    told = facts(
        (80, 20, 22),
        patterns=("plank", "herringbone"),
        likeness=0.0,
        variation=(6, 20),
        texture=0.1,
        doubts=("warm light", "dark photo", "perhaps a rug"),
    )
    assert sentence(told) == (
        "herringbone, not planks, 33 % lighter, colour uncertain: warm light, "
        "floor uncertain: perhaps a rug"
    )


@settings(deadline=None, derandomize=True)
@given(
    st.tuples(st.floats(1, 100), st.floats(-40, 60), st.floats(-40, 80)),
    st.tuples(st.floats(1, 100), st.floats(-40, 60), st.floats(-40, 80)),
    st.sampled_from(CLASSES),
    st.sampled_from(CLASSES),
    st.floats(0, 1),
    st.floats(-1, 1),
)
def test_every_floor_gets_a_sentence(
    floor: tuple[float, float, float],
    product: tuple[float, float, float],
    one: str,
    other: str,
    likeness: float,
    texture: float,
) -> None:
    told = facts(product, floor=floor, patterns=(one, other), likeness=likeness, texture=texture)
    assert 1 <= len(notable(told)) <= MOST
    assert sentence(told)
    gap = np.array(product, np.float32) - np.array(floor, np.float32)
    assert told.delta_e == pytest.approx(np.linalg.norm(gap), abs=0.02)
    parts = np.array([told.lightness, told.chroma, told.hue])
    assert told.delta_e == pytest.approx(np.linalg.norm(parts), abs=0.1)


def test_another_language_brings_its_own_table() -> None:
    german = {key: f"<{text}>" for key, text in PHRASES.items()} | {"and": "; "}
    assert sentence(facts((66, 7, 22)), german) == "<same plank pattern>; <10 % lighter>"


def test_every_pattern_and_doubt_has_words() -> None:
    for name in CLASSES:
        assert PHRASES[name]
        assert PHRASES[f"same {name}"]
    for doubt in Doubt.__args__:  # type: ignore[attr-defined]
        assert PHRASES[doubt]


def test_light_is_doubted_by_its_numbers() -> None:
    for place, doubt in enumerate(_LIMITS):
        trust = np.zeros(len(TRUST))
        trust[place] = 50.0
        assert doubts_of(trust) == (doubt,)
    assert doubts_of(np.zeros(len(TRUST))) == ()
    assert doubts_of(np.empty(0)) == ()


def test_the_lights_own_colour_is_doubted() -> None:
    nothing = np.empty(0)
    assert doubts_of(nothing, tint=np.array([3.0, 16.0])) == ("warm light",)
    assert doubts_of(nothing, tint=np.array([-1.0, -9.0])) == ("cool light",)
    assert doubts_of(nothing, tint=np.array([1.0, 5.0])) == ()


def test_doubts_of_the_region_are_read_by_their_first_words() -> None:
    """The words are those that the segmentation really uses."""
    dark = np.zeros((48, 64, 3), np.uint8)
    mask = np.zeros((48, 64), bool)
    mask[0, 0] = True
    reasons = doubts_of_region(dark, mask, 0.1, 0.5)
    assert len(reasons) == 4
    assert doubts_of(np.empty(0), reasons) == (
        "dark photo",
        "perhaps a rug",
        "floor unsure",
        "little floor",
    )


# -- with the real models --------------------------------------------------------------------------


def signature(pixels: NDArray[np.uint8], aspect: Any = "swatch") -> bytes:
    """Returns the signature of a picture that is floor from edge to edge."""
    view = BuiltinNormaliser().view(pixels, np.ones(pixels.shape[:2], bool))
    embedder = BuiltinEmbedder(threads=1)
    return embedder.describe(embedder.features({aspect: view})).signature


def swatch(name: str) -> NDArray[np.uint8]:
    return load_photo(ROOT / "samples" / "products" / f"{name}.jpg").pixels


def told(query: NDArray[np.uint8], product: NDArray[np.uint8]) -> Facts:
    comparison = BuiltinReranker().compare(signature(query, "scene"), [signature(product)])
    assert comparison.looks is not None
    return facts_of(comparison.looks, comparison.evidence)[0]


@pytest.mark.slow
def test_a_floor_made_8_lighter_is_said_to_be_lighter_by_about_that() -> None:
    oak = swatch("oak-natural-plank")
    lab = Image.fromarray(oak).convert("RGB")
    # A gain that lifts the median by 8 L*.
    base = float(np.median(srgb_to_lab(oak)[..., 0]))
    gains = np.linspace(1.0, 1.5, 51)
    lifted = [np.clip(np.asarray(lab) * gain, 0, 255).astype(np.uint8) for gain in gains]
    rise = [float(np.median(srgb_to_lab(one)[..., 0])) - base for one in lifted]
    lighter = lifted[int(np.argmin(np.abs(np.array(rise) - 8)))]
    result = told(oak, lighter)
    assert result.lightness == pytest.approx(8, abs=1)
    assert f"{round(100 * result.lightness_share)} % lighter" in sentence(result)
    assert sentence(result).startswith("same plank pattern")
    assert told(lighter, oak).lightness == pytest.approx(-8, abs=1)


@pytest.mark.slow
def test_a_picture_beside_itself_is_the_same() -> None:
    herringbone = swatch("walnut-herringbone")
    assert sentence(told(herringbone, herringbone)) == (
        "same herringbone, same colour, similar texture"
    )


@pytest.mark.slow
def test_herringbone_beside_planks_says_so() -> None:
    text = sentence(told(swatch("oak-natural-plank"), swatch("walnut-herringbone")))
    assert text.startswith("herringbone, not planks, ")
