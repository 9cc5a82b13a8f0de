"""The discriminant: it must find what tells products apart, and be stored without loss of sense."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from floorlens.embedding.projection import (
    Projection,
    fit_discriminant,
    fit_products,
    load_projection,
    save_projection,
)
from floorlens.errors import CatalogueError
from floorlens.models.stamp import Stamp


def stamp(dimension: int) -> Stamp:
    return Stamp("test-projection", "1", dimension, "Apache-2.0", "none")


def views(
    seed: int, products: int = 12, each: int = 8, width: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns features whose first two columns tell products apart; the third is loud light."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(products), each)
    rows = rng.normal(0, 1, (labels.size, width))
    rows[:, :2] += rng.normal(0, 4, (products, 2))[labels]
    rows[:, 2] *= 30
    return rows, labels


def leave_one_out(descriptors: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    unit = descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -2)
    return float(np.mean(labels[alike.argmax(axis=1)] == labels))


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.integers(0, 1000))
def test_products_separate_better_than_in_the_raw_features(seed: int) -> None:
    rows, labels = views(seed)
    projection = fit_discriminant(rows, labels, stamp(3), "1")
    assert leave_one_out(projection.apply(rows), labels) >= leave_one_out(
        rows - rows.mean(axis=0), labels
    )


def written_plainly(
    rows: NDArray[np.float64], labels: NDArray[np.int64], dimension: int, shrinkage: float
) -> tuple[NDArray[np.float64], ...]:
    """Returns mean, scale and matrix by the formula, all rows at once."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale <= 1e-6] = 1
    rows = (rows - mean) / scale
    names, owner = np.unique(labels, return_inverse=True)
    centres = np.stack([rows[labels == name].mean(axis=0) for name in names])
    inside = rows - centres[owner]
    within = inside.T @ inside / (len(rows) - names.size)
    within += np.eye(len(within)) * (shrinkage * np.trace(within) / len(within) + 1e-9)
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values)
    _, _, result = np.linalg.svd((centres - centres.mean(axis=0)) @ whitening)
    return mean, scale, whitening @ result[:dimension].T


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_a_fit_in_blocks_follows_the_formula(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Products of unequal numbers of views, not side by side, in half precision, one constant."""
    monkeypatch.setattr("floorlens.embedding.scatter.BLOCK", block)
    exact, labels = views(11, products=14, each=9)
    keep = np.random.default_rng(0).permutation(len(exact))[:-20]
    exact[:, 4] = 3
    rows, labels = exact[keep].astype(np.float16), labels[keep]
    result = fit_discriminant(rows, labels, stamp(5), "1", shrinkage=0.2)
    mean, scale, matrix = written_plainly(rows.astype(np.float64), labels, 5, 0.2)
    np.testing.assert_allclose(result.mean, mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(result.scale, scale, rtol=1e-6)
    signs = np.sign((result.matrix * matrix).sum(axis=0))
    np.testing.assert_allclose(result.matrix, matrix * signs, rtol=1e-4, atol=1e-5)


def test_products_one_after_the_other_give_what_all_rows_give() -> None:
    rows, labels = views(4)
    at_once = fit_discriminant(rows, labels, stamp(3), "1")
    streamed = fit_products((rows[labels == name] for name in range(12)), stamp(3), "1")
    np.testing.assert_array_equal(streamed.matrix, at_once.matrix)
    np.testing.assert_array_equal(streamed.mean, at_once.mean)
    np.testing.assert_array_equal(streamed.scale, at_once.scale)


def test_little_is_held_beside_the_rows() -> None:
    """At 2,000 products float64 copies of all rows would be gigabytes."""
    rows, labels = views(0, products=1000, each=40, width=64)
    half = rows.astype(np.float16)
    tracemalloc.start()
    fit_discriminant(half, labels, stamp(8), "1")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * rows.nbytes


def test_views_of_one_product_have_unit_variance_without_shrinkage() -> None:
    rows, labels = views(3)
    result = fit_discriminant(rows, labels, stamp(4), "1", shrinkage=0.0).apply(rows)
    centres = np.stack([result[labels == label].mean(axis=0) for label in np.unique(labels)])
    inside = result - centres[labels]
    covariance = inside.T @ inside / (len(rows) - len(centres))
    np.testing.assert_allclose(covariance, np.eye(4), atol=1e-3)


def test_units_of_the_features_do_not_matter() -> None:
    rows, labels = views(5)
    one = fit_discriminant(rows, labels, stamp(3), "1").apply(rows)
    two = fit_discriminant(rows * 1000 + 7, labels, stamp(3), "1").apply(rows * 1000 + 7)
    np.testing.assert_allclose(one, two, atol=0.02)


def test_fewer_products_than_directions_leave_zeros() -> None:
    rows, labels = views(1, products=3)
    result = fit_discriminant(rows, labels, stamp(8), "1").apply(rows)
    assert result.shape == (24, 8)
    assert not result[:, 2:].any()


def test_constant_features_do_no_harm() -> None:
    rows, labels = views(2)
    rows[:, 4] = 3.0
    assert np.isfinite(fit_discriminant(rows, labels, stamp(3), "1").apply(rows)).all()


def test_it_is_stored_and_read_back(tmp_path: Path) -> None:
    rows, labels = views(7)
    projection = fit_discriminant(rows, labels, stamp(3), "enc-1")
    save_projection(projection, tmp_path / "p.npz")
    loaded = load_projection(tmp_path / "p.npz")
    assert isinstance(loaded, Projection)
    assert loaded.stamp == projection.stamp
    assert loaded.encoder == "enc-1"
    np.testing.assert_allclose(loaded.apply(rows), projection.apply(rows), rtol=0.01, atol=0.02)


def test_it_goes_through_an_open_file_too() -> None:
    """The catalogue keeps projections among its rows."""
    rows, labels = views(7)
    projection = fit_discriminant(rows, labels, stamp(3), "enc-1")
    file = io.BytesIO()
    save_projection(projection, file)
    file.seek(0)
    once = load_projection(file)
    again = io.BytesIO()
    save_projection(once, again)
    again.seek(0)
    np.testing.assert_array_equal(load_projection(again).matrix, once.matrix)
    assert once.stamp == projection.stamp
    for bad in (b"no projection", file.getvalue()[:200], b""):
        with pytest.raises(CatalogueError, match="what is stored is not a projection"):
            load_projection(io.BytesIO(bad))


def test_misuse_is_refused(tmp_path: Path) -> None:
    rows, labels = views(0)
    with pytest.raises(ValueError, match="belong together"):
        fit_discriminant(rows, labels[:-1], stamp(3), "1")
    with pytest.raises(ValueError, match="more views than products"):
        fit_discriminant(rows, np.arange(len(rows)), stamp(3), "1")
    with pytest.raises(ValueError, match="finite"):
        fit_discriminant(np.where(rows == rows[0, 0], np.nan, rows), labels, stamp(3), "1")
    for wrong in ([rows[:4], rows[4:8, :-1]], [rows[:4], rows[:0]], [rows[:4], rows[4]]):
        with pytest.raises(ValueError, match="do not belong to the others"):
            fit_products(wrong, stamp(3), "1")
    for few in ([], [rows], [rows[:1], rows[1:2]]):
        with pytest.raises(ValueError, match="more views than products"):
            fit_products(few, stamp(3), "1")
    (tmp_path / "bad.npz").write_bytes(b"not a projection")
    with pytest.raises(CatalogueError, match="not a projection"):
        load_projection(tmp_path / "bad.npz")
