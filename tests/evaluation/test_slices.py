"""Slices of a data set."""

from __future__ import annotations

from floorlens.embedding.pattern import CLASSES
from floorlens.evaluation.slices import material_of, sliced


def test_every_pattern_has_a_material() -> None:
    materials = {pattern: material_of(pattern) for pattern in CLASSES}
    assert materials["chevron"] == materials["one board"] == "boards"
    assert materials["hexagon tile"] == materials["mosaic"] == "tiles and mosaic"
    assert materials["plain"] == materials["terrazzo"] == "stone, terrazzo, concrete"
    assert len(set(materials.values())) == 4


def test_rows_fall_into_one_slice_each() -> None:
    slices = sliced(["b", "a", None, "b", "", "c"])
    assert list(slices.items()) == [("b", [0, 3]), ("a", [1]), ("c", [5])]
