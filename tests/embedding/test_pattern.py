"""How alike two floors are laid: 1 for equals, and one board agrees with anything of wood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.pattern import (
    CLASSES,
    default_probe,
    load_probe,
    pattern_likeness,
    same_pattern,
    save_probe,
)
from floorlens.errors import CatalogueError
from floorlens.models.onnx import load_session, session_stamp


def shares(**named: float) -> NDArray[np.float64]:
    out = np.zeros(len(CLASSES))
    for name, share in named.items():
        out[CLASSES.index(name.replace("_", " "))] = share
    return out


def test_the_probe_belongs_to_the_encoder() -> None:
    assert default_probe().encoder == session_stamp(load_session("encoder.onnx", 1)).version


def test_a_probe_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    probe = default_probe()
    save_probe(probe, tmp_path / "pattern.npz")
    again = load_probe(tmp_path / "pattern.npz")
    assert (again.version, again.encoder) == (probe.version, probe.encoder)
    np.testing.assert_array_equal(again.matrix, probe.matrix)
    base = np.random.default_rng(0).normal(0, 1, (5, len(probe.mean) // 2))
    shares = probe.probabilities(base, np.ones(5))
    assert shares.shape == (len(CLASSES),)
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_array_equal(again.probabilities(base, np.ones(5)), shares)


def test_a_probe_of_other_classes_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "pattern.npz"
    save_probe(default_probe(), path)
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    older = {name: value for name, value in arrays.items() if name != "classes"}
    for content in (older, {**arrays, "classes": np.array(["plank", "tile"])}):
        np.savez(path, **content)
        with pytest.raises(CatalogueError, match=r"other patterns.*install the package anew"):
            load_probe(path)


def test_a_file_that_is_no_probe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pattern.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(CatalogueError, match=r"pattern\.npz is not a pattern probe"):
        load_probe(path)


def test_one_board_agrees_with_wood_and_not_with_tiles() -> None:
    floors = np.stack([shares(plank=1), shares(herringbone=1), shares(square_tile=1)])
    likeness = pattern_likeness(shares(one_board=1), floors)
    np.testing.assert_allclose(likeness, [1, 1, 0], atol=1e-6)
    planks = pattern_likeness(shares(plank=1), floors)
    np.testing.assert_allclose(planks, [1, 0, 0], atol=1e-6)


@pytest.mark.parametrize("face", ["stone", "terrazzo", "plain"])
def test_a_face_agrees_with_tiles_and_not_with_wood_or_carpet(face: str) -> None:
    floors = np.stack(
        [
            shares(**{name: 1})
            for name in ("square_tile", "hexagon_tile", "plank", "one_board", "carpet", "mosaic")
        ]
    )
    likeness = pattern_likeness(shares(**{face: 1}), floors)
    np.testing.assert_allclose(likeness, [1, 1, 0, 0, 0, 0], atol=1e-6)


def test_different_faces_do_not_agree() -> None:
    floors = np.stack([shares(stone=1), shares(terrazzo=1), shares(plain=1)])
    np.testing.assert_allclose(pattern_likeness(shares(stone=1), floors), [1, 0, 0], atol=1e-6)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 10_000))
def test_likeness_is_symmetric_between_0_and_1_and_1_for_itself(seed: int) -> None:
    one, two = np.random.default_rng(seed).dirichlet(np.full(len(CLASSES), 0.3), 2)
    there, back = pattern_likeness(one, two[None])[0], pattern_likeness(two, one[None])[0]
    assert there == pytest.approx(back, abs=1e-5)
    assert 0 <= there <= 1
    assert pattern_likeness(one, one[None])[0] == pytest.approx(1.0, abs=1e-5)


def test_the_probability_of_the_same_pattern() -> None:
    floor = shares(plank=0.8, herringbone=0.2)
    products = np.stack([shares(plank=0.9, strip=0.1), shares(herringbone=1), shares(one_board=1)])
    np.testing.assert_allclose(same_pattern(floor, products), [0.72, 0.2, 0.68], atol=1e-6)
