"""Altered pictures: the label says where they were altered, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from training.products.alterations import (
    ALTERED,
    FINE,
    FLOOR,
    KINDS,
    SEEN,
    UNSEEN,
    Canvas,
    alter,
    as_published,
    compose,
)
from training.products.motifs import add_knots, draw_motif_floor

SIDE = 160


def grey(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((SIDE, SIDE, 3), value, np.uint8)


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=lambda kind: kind.__name__)
def test_the_label_of_each_kind_is_where_it_changed_the_floor(kind) -> None:  # type: ignore[no-untyped-def]
    floor = draw_motif_floor(np.random.default_rng(1), SIDE)
    large = Image.fromarray(floor).resize((SIDE * FINE, SIDE * FINE))
    somewhere = 0
    for seed in range(6):
        layer = Image.new("RGBA", large.size, (0, 0, 0, 0))
        other = Image.fromarray(grey(200))
        kind(Canvas(layer, large, other, other), np.random.default_rng(seed))
        picture = compose(floor, layer)
        change = np.abs(picture.rgb.astype(int) - floor).max(axis=2)
        assert change[picture.label == FLOOR].max(initial=0) <= UNSEEN + 1
        cover = np.asarray(layer)[..., 3].reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3)) / 255
        assert (picture.label[(change > SEEN + 1) & (cover > 0.1)] == ALTERED).all()
        somewhere += int((picture.label == ALTERED).any())
    assert somewhere >= 4


def test_a_picture_is_a_function_of_its_seed() -> None:
    floor, other = grey(120), grey(180)
    one, two = (alter(floor, other, other, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.rgb, two.rgb)
    np.testing.assert_array_equal(one.label, two.label)
    np.testing.assert_array_equal(floor, grey(120))


def test_floors_with_drawings_are_pictures() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        floor = draw_motif_floor(rng, SIDE)
        assert floor.shape == (SIDE, SIDE, 3)
        assert floor.dtype == np.uint8
        assert add_knots(floor, rng).shape == floor.shape
        assert as_published(floor, rng).shape == floor.shape
