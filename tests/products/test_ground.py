"""Boards on a ground: each rule keeps the floor whole that it is for."""

from __future__ import annotations

import pytest

from floorlens.products import ground
from floorlens.products.cells import Rule
from floorlens.products.ground import NO_GROUND, NO_PRODUCT, Layout
from floorlens.products.pictures import examine
from tests.products.made_pictures import ON_GROUND


def test_each_rule_has_a_floor_of_its_own() -> None:
    pictures = [rule.picture for rule in (*NO_GROUND, *NO_PRODUCT)]
    assert sorted(pictures) == sorted(ON_GROUND)


@pytest.mark.parametrize("rule", NO_GROUND, ids=lambda rule: rule.name)
def test_a_floor_without_a_ground_is_a_certain_swatch(
    rule: Rule[Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the rule the picture would be cut down, or in doubt."""
    pixels = ON_GROUND[rule.picture]()
    picture = examine(pixels)
    assert (picture.kind, picture.confidence) == ("swatch", 1)
    monkeypatch.setattr(ground, "NO_GROUND", [other for other in NO_GROUND if other != rule])
    doubtful = examine(pixels)
    assert doubtful.kind != "swatch" or doubtful.confidence == 0.5


@pytest.mark.parametrize("rule", NO_PRODUCT, ids=lambda rule: rule.name)
def test_without_its_rule_a_floor_would_be_cut_down(
    rule: Rule[Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = ON_GROUND[rule.picture]()
    picture = examine(pixels)
    assert (picture.kind, picture.confidence) == ("swatch", 0.5)
    assert picture.mask.all()
    monkeypatch.setattr(ground, "NO_PRODUCT", [other for other in NO_PRODUCT if other != rule])
    assert examine(pixels).kind != "swatch"
