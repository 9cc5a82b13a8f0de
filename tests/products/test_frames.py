"""Labels: each rule keeps the floor whole that it is for."""

from __future__ import annotations

import pytest

from floorlens.products import frames
from floorlens.products.cells import Rule
from floorlens.products.frames import NO_LABEL, Label
from floorlens.products.pictures import examine
from tests.products.made_pictures import WITH_A_LABEL


def test_each_rule_has_a_floor_of_its_own() -> None:
    assert sorted(rule.picture for rule in NO_LABEL) == sorted(WITH_A_LABEL)


@pytest.mark.parametrize("rule", NO_LABEL, ids=lambda rule: rule.name)
def test_without_its_rule_a_part_of_the_floor_would_pass_for_a_label(
    rule: Rule[Label], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = WITH_A_LABEL[rule.picture]()
    picture = examine(pixels)
    assert picture.kind == "swatch"
    assert picture.mask.all()
    monkeypatch.setattr(frames, "NO_LABEL", [other for other in NO_LABEL if other != rule])
    assert examine(pixels).kind == "framed"
