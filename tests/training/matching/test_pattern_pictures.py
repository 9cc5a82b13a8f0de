"""Pictures of a known pattern: labels that the probe knows, and made floors that show them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")

from floorlens.embedding.pattern import CLASSES
from training.matching.pattern_pictures import (
    further_pictures,
    labelled_pictures,
    made_design,
    read_labels,
)

pytestmark = pytest.mark.slow


def test_labels_are_of_the_classes_and_no_picture_has_two() -> None:
    rows = read_labels()
    assert {row["class"] for row in rows} == set(CLASSES)
    assert {row["picture"] for row in rows} == {"room", "product", "swatch", "texture"}
    assert max(Counter(row["file"] for row in rows).values()) == 1
    kinds = Counter(row["picture"] for row in rows if "train_pairs" in row["file"])
    assert sum(kinds.values()) >= 400 and kinds["room"] >= 150


def test_pictures_of_one_shop_have_one_source() -> None:
    sources = {picture.source for picture, _ in labelled_pictures()}
    assert "argil" in sources and "argilspc" not in sources


def test_what_is_made_of_a_swatch_stays_with_its_shop() -> None:
    real = {picture.group: picture.source for picture, _ in labelled_pictures()}
    further = [picture for picture, _ in further_pictures(Path("nowhere"))]
    assert len({picture.name for picture in further}) == len(further)
    assert all(real[p.group] == p.source for p in further if p.source != "made")
    # The rare patterns, of which shops have few rooms, are laid and simulated.
    rooms = Counter(CLASSES[picture.pattern] for picture in further if picture.room)
    assert min(rooms[name] for name in CLASSES if name != "one board") >= 20


@pytest.mark.parametrize(
    ("pattern", "layouts"),
    [
        ("hexagon tile", {"hexagon"}),
        ("mosaic", {"grid", "brick"}),
        ("square tile", {"grid", "brick"}),
        ("stone", {"sheet"}),
        ("plain", {"sheet"}),
        ("chevron", {"chevron"}),
    ],
)
def test_a_made_floor_is_laid_in_its_pattern(pattern: str, layouts: set[str]) -> None:
    designs = [made_design(pattern, np.random.default_rng(seed)) for seed in range(8)]
    assert {design.layout.pattern for design in designs} <= layouts
