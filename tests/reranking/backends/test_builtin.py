"""The built-in re-ranker: scores that mean what they say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding import AspectName
from floorlens.embedding.pattern import CLASSES
from floorlens.embedding.signature import Detail, Signatures, pack, unpack
from floorlens.errors import CatalogueError
from floorlens.normalisation.trust import TRUST
from floorlens.reranking.backends import builtin
from floorlens.reranking.backends.builtin import BuiltinReranker

RERANKER = BuiltinReranker()
OAK = (62.0, 8.0, 24.0)


def detail(
    seed: int,
    lab: tuple[float, float, float] = OAK,
    spread: float = 5.0,
    patches: int = 6,
    pattern: str = "plank",
) -> Detail:
    """Returns an aspect whose texture is drawn from `seed` and whose colours lie around `lab`."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (patches, 128)) + 2 * rng.normal(0, 1, 128)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    whole = rows.mean(axis=0)
    colours = np.random.default_rng(0).normal(lab, (spread, 1, 2), (400, 3)).astype(np.float32)
    shares = np.full(len(CLASSES), 0.01)
    shares[CLASSES.index(pattern)] += 1 - shares.sum()
    whole /= np.linalg.norm(whole)
    return Detail(colours, shares, np.zeros(len(TRUST)), whole.astype(np.float32), rows)


def signature(seed: int, *args: Any, **kwargs: Any) -> bytes:
    """Returns a floor seen in a swatch alone."""
    return pack({"swatch": detail(seed, *args, **kwargs)})


def score(query: bytes, candidates: list[bytes]) -> NDArray[np.float64]:
    parts = RERANKER.compare(query, candidates).components
    total = sum(RERANKER.weights.values())
    weighted = [RERANKER.weights[name] / total * np.float64(parts[name]) for name in parts]
    return np.asarray(sum(weighted), np.float64)


def test_components_are_those_that_have_weights() -> None:
    parts = RERANKER.compare(signature(1), [signature(2), signature(3)]).components
    assert set(parts) == set(RERANKER.weights)
    for values in parts.values():
        assert values.shape == (2,)
        assert values.dtype == np.float32
        assert ((values >= 0) & (values <= 1)).all()


def test_a_texture_is_no_more_alike_than_equal() -> None:
    """Rounding of float32 takes a cosine beyond 1, and callers rely on -1..1."""
    for seed in range(40):
        looks = RERANKER.compare(signature(seed), [signature(seed)]).looks
        assert looks is not None
        assert 0.999 < looks.texture[0] <= 1


def test_products_that_are_compared_with_many_floors_are_unpacked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As feedback does, which compares the same 200 with each of 40."""
    read: list[int] = []

    def counted(signatures: Sequence[bytes]) -> Signatures:
        read.append(len(signatures))
        return unpack(signatures)

    monkeypatch.setattr(builtin, "unpack", counted)
    candidates = [signature(seed) for seed in range(100, 105)]
    comparisons = [RERANKER.compare(signature(seed), candidates) for seed in (1, 2, 1)]
    assert read == [1, 5, 1, 1]
    first, other, again = (one.components["texture"] for one in comparisons)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_floor_is_indistinguishable_from_itself() -> None:
    for values in RERANKER.compare(signature(1), [signature(1)]).components.values():
        assert values[0] == pytest.approx(1.0, abs=1e-3)


def test_a_clearly_different_floor_scores_below_one_half() -> None:
    assert score(signature(1), [signature(2, (30.0, 2.0, 3.0))])[0] < 0.5


def test_lightness_counts_less_than_hue() -> None:
    lighter, redder = (
        signature(1, (OAK[0] + 8, *OAK[1:])),
        signature(1, (OAK[0], OAK[1] + 8, OAK[2])),
    )
    colour = RERANKER.compare(signature(1), [lighter, redder]).components["colour"]
    assert colour[0] > colour[1]


def test_a_two_tone_floor_is_told_from_an_even_one_of_the_same_mean() -> None:
    colour = RERANKER.compare(
        signature(1, spread=20.0), [signature(1, spread=19.0), signature(1, spread=2.0)]
    ).components["colour"]
    assert colour[0] > colour[1]


def test_planks_are_told_from_herringbone_and_not_from_one_board() -> None:
    """A picture of one board says nothing about how it is laid."""
    others = [signature(1, pattern=name) for name in ("plank", "one board", "herringbone")]
    planks, board, herringbone = RERANKER.compare(signature(1), others).components["pattern"]
    assert planks > 0.99
    assert board > 0.8
    assert herringbone < 0.5


def test_swatch_and_scene_are_weighed_together() -> None:
    """A scene like the query raises the texture of a product; its light changes no colour."""
    alike, other = detail(1), detail(2, (30.0, 2.0, 3.0))
    products: list[dict[AspectName, Detail]] = [
        {"swatch": other},
        {"swatch": other, "scene": alike},
        {"swatch": alike, "scene": alike},
        {"scene": alike},
        {"swatch": alike, "scene": other},
    ]
    comparison = RERANKER.compare(pack({"scene": alike}), [pack(each) for each in products])
    assert comparison.evidence == ("swatch", "both", "both", "scene", "both")
    parts = comparison.components
    assert parts["texture"][0] < parts["texture"][1] - 0.2
    assert parts["texture"][1] == pytest.approx(parts["texture"][4], abs=1e-3)
    assert parts["colour"][0] == parts["colour"][1] < 0.5
    for values in parts.values():
        np.testing.assert_allclose(values[2:4], 1.0, atol=1e-3)
    assert parts["colour"][4] == pytest.approx(1.0, abs=1e-3)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.permutations(range(7)))
def test_a_score_depends_on_the_pair_alone(order: list[int]) -> None:
    """Whatever its neighbours are, and however many patches and aspects they have."""
    candidates = [signature(seed, patches=6 + seed % 2 * 6) for seed in range(6)]
    candidates.append(pack({"swatch": detail(6), "scene": detail(7, patches=9)}))
    expected = np.concatenate([score(signature(100), [candidate]) for candidate in candidates])
    scores = score(signature(100), [candidates[index] for index in order])
    np.testing.assert_allclose(scores, expected[order], atol=1e-7)


def test_equal_signatures_get_equal_scores() -> None:
    candidates = [signature(1), signature(2), signature(1), signature(3), signature(1)]
    scores = score(signature(9), candidates)
    assert scores[0] == scores[2] == scores[4]


def test_adapted_catalogues_are_scored_by_parameters_of_their_own() -> None:
    """And a query is never compared with products that another kind of projection described."""
    query: dict[AspectName, Detail] = {"scene": detail(1)}
    product: dict[AspectName, Detail] = {"swatch": detail(2)}
    plain = RERANKER.compare(pack(query), [pack(product)])
    adapted = RERANKER.compare(pack(query, adapted=True), [pack(product, adapted=True)])
    assert plain.components["texture"][0] != adapted.components["texture"][0]
    assert plain.emphasis != adapted.emphasis
    with pytest.raises(CatalogueError, match="different projections"):
        RERANKER.compare(pack(query, adapted=True), [pack(product)])


def test_no_candidates() -> None:
    nothing = RERANKER.compare(signature(1), [])
    assert all(values.shape == (0,) for values in nothing.components.values())
    assert nothing.evidence == ()


def test_other_bytes_are_refused() -> None:
    with pytest.raises(CatalogueError):
        RERANKER.compare(signature(1), [b"nonsense"])


def test_two_hundred_candidates_take_milliseconds() -> None:
    candidates = [signature(seed) for seed in range(200)]
    times = []
    for _ in range(5):
        start = time.process_time()
        RERANKER.compare(signature(1), candidates)
        times.append(time.process_time() - start)
    assert min(times) < 0.05


def test_looks_are_those_of_the_swatch_and_of_the_pattern_that_is_more_alike() -> None:
    """Of a product with a swatch of one board and a scene of planks, beside planks."""
    both = pack(
        {
            "swatch": detail(2, (50.0, 4.0, 10.0), spread=2, pattern="stone"),
            "scene": detail(3, (80.0, 8.0, 30.0), spread=9, pattern="plank"),
        }
    )
    scene = pack({"scene": detail(3, (80.0, 8.0, 30.0), spread=9, pattern="plank")})
    looks = RERANKER.compare(signature(1), [both, scene]).looks
    assert looks is not None
    np.testing.assert_allclose(looks.colour, [[50, 4, 10], [80, 8, 30]], atol=1.5)
    np.testing.assert_allclose(looks.floor_colour, OAK, atol=1)
    assert [looks.patterns[place] for place in looks.pattern.argmax(axis=1)] == ["plank", "plank"]
    # Between the 15th and the 85th percentile of a normal distribution lie 2.07 deviations.
    assert looks.floor_variation == pytest.approx(2.07 * 5, rel=0.15)
    assert looks.variation == pytest.approx([2.07 * 2, 2.07 * 9], rel=0.15)
    assert looks.texture.shape == looks.same_pattern.shape == (2,)


def test_nothing_to_compare_has_no_looks() -> None:
    assert RERANKER.compare(signature(1), []).looks is None
