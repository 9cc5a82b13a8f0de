"""The scatter of products: two added are as good as all at once, and a file keeps what counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.embedding.projection import fit_products
from floorlens.embedding.scatter import load_scatter, save_scatter, scatter_of
from floorlens.errors import CatalogueError
from floorlens.models.stamp import Stamp

STAMP = Stamp("p", "1", 4, "Apache-2.0", "none")


def products(count: int, seed: int) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(rng.normal(0, 3, 9), 1, (5 + seed % 3, 9)) for _ in range(count)]


def test_a_prior_counts_as_if_its_products_were_there() -> None:
    own, others = products(6, 0), products(10, 1)
    joined = fit_products(own, STAMP, "1", prior=scatter_of(others))
    together = fit_products([*own, *others], STAMP, "1")
    np.testing.assert_allclose(joined.matrix, together.matrix, atol=1e-5)
    np.testing.assert_allclose(joined.mean, together.mean, atol=1e-5)
    alone = fit_products(own, STAMP, "1")
    assert np.abs(alone.matrix - together.matrix).max() > 0.01


def test_a_file_gives_the_same_projection(tmp_path: Path) -> None:
    own, prior = products(6, 0), scatter_of(products(10, 1))
    save_scatter(prior, "1", tmp_path / "prior.npz")
    read = load_scatter(tmp_path / "prior.npz", "1")
    np.testing.assert_array_equal(read.counts, prior.counts)
    one = fit_products(own, STAMP, "1", prior=prior).apply(own[0])
    two = fit_products(own, STAMP, "1", prior=read).apply(own[0])
    np.testing.assert_allclose(one, two, atol=0.05)


def test_other_files_and_other_encoders_are_refused(tmp_path: Path) -> None:
    save_scatter(scatter_of(products(3, 0)), "1", tmp_path / "prior.npz")
    with pytest.raises(CatalogueError, match="belongs to encoder 1, not 2"):
        load_scatter(tmp_path / "prior.npz", "2")
    (tmp_path / "no.npz").write_bytes(b"nothing")
    with pytest.raises(CatalogueError, match="is not a scatter"):
        load_scatter(tmp_path / "no.npz", "1")
    with pytest.raises(ValueError, match="different features"):
        scatter_of(products(2, 0)).join(scatter_of([np.zeros((3, 4))]))


@pytest.mark.slow
def test_the_package_carries_that_of_a_hundred_made_products() -> None:
    prior = BuiltinEmbedder(threads=1).prior
    assert prior.means.shape == (100, 1104)
    assert np.linalg.eigvalsh(prior.within).min() > -1e-3 * np.trace(prior.within) / 1104
