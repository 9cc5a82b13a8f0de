"""What the scores weigh: learned where the pairs say something, by the formula that is served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from floorlens.reranking.backends.builtin import (
    colour_score,
    default_parameters,
    texture_score,
)
from training.matching.fit_ranker import PARTS, Ranker, Scalars, learn, ranks_of


def scalars(seed: int = 0, rooms: int = 40, products: int = 150) -> Scalars:
    """Returns rooms whose product shares their a*, while L*, b* and texture are chance."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, products, rooms)
    gaps = np.abs(rng.normal(0, 10, (rooms, products, 6)))
    gaps[np.arange(rooms), truth, 1] = np.abs(rng.normal(0, 0.3, rooms))
    return Scalars(
        gaps.astype(np.float32),
        rng.uniform(-0.2, 0.9, (rooms, products, 3)).astype(np.float32),
        rng.uniform(0, 1, (rooms, products)).astype(np.float32),
        truth,
        np.array(["one", "two"])[np.arange(rooms) % 2],
    )


def test_it_learns_what_tells_products_apart() -> None:
    look, start = scalars(), default_parameters()
    first = np.flatnonzero(look.shop == "one")
    others = np.flatnonzero(look.shop == "two")
    ranker = learn((look, look), first, start, steps=120)
    before, after = ranks_of(Ranker(start), look, others), ranks_of(ranker, look, others)
    assert (1 / after).mean() > 1.5 * (1 / before).mean()
    learned = ranker.parameters_of()
    assert (
        learned.adapted.lab[1] / learned.adapted.lab[0]
        > start.adapted.lab[1] / start.adapted.lab[0]
    )
    assert learned.weights["colour"] > start.weights["colour"]


def test_what_is_learned_is_what_is_served() -> None:
    look = scalars()
    ranker = Ranker(default_parameters())
    served = ranker.parameters_of()
    rooms = np.arange(3)
    scores = ranker(*look.tensors(rooms)).detach().numpy() / float(ranker.sharpness.exp())
    for room in rooms:
        cosines = {name: look.cosines[room, :, place] for place, name in enumerate(PARTS)}
        components = {
            "colour": colour_score(look.gaps[room], served.adapted),
            "texture": texture_score(cosines, served.shares, served.adapted),
            "pattern": look.pattern[room],
        }
        expected = sum(served.weights[name] * values for name, values in components.items())
        np.testing.assert_allclose(scores[room], expected, atol=2e-3)


def test_a_start_with_a_weight_of_zero_can_be_learned_from() -> None:
    start = default_parameters()
    start = replace(start, weights={**start.weights, "pattern": 0.0})
    assert learn((scalars(), scalars()), np.arange(40), start, steps=2).parameters_of()
