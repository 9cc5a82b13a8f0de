"""The scatter of products: two added are as good as all at once, and a file keeps what counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.embedding.projection import fit_products
from floorlens.embedding.scatter import (
    PairScatter,
    load_pair_scatter,
    load_scatter,
    pair_scatter_of,
    save_pair_scatter,
    save_scatter,
    scatter_of,
)
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


def real_pairs(count: int, seed: int = 0) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Rooms that differ from their swatches mostly in feature 2, and all alike in feature 3."""
    rng = np.random.default_rng(seed)
    swatches = [rng.normal(rng.normal(0, 3, 9), 1, (4, 9)) for _ in range(count)]
    shifts = rng.normal([0, 0, 0, 50, 0, 0, 0, 0, 0], [1, 1, 9, 1, 1, 1, 1, 1, 1], (count, 9))
    return [
        (rng.normal(swatch.mean(axis=0) + shift, 1, (6, 9)), swatch)
        for swatch, shift in zip(swatches, shifts, strict=True)
    ]


def test_pairs_show_where_rooms_differ_from_swatches() -> None:
    """In which directions, but not by how much all of them do alike."""
    scatter = pair_scatter_of(real_pairs(200))
    assert (scatter.pairs, scatter.rows) == (200, 1200)
    variance = np.diag(scatter.within) / scatter.rows
    assert variance.argmax() == 2
    assert variance[3] < 4 < 60 < variance[2]


def test_directions_in_which_rooms_differ_from_swatches_count_less() -> None:
    own, scatter = products(12, 0), pair_scatter_of(real_pairs(200))
    alone = fit_products(own, STAMP, "1")
    paired = fit_products(own, STAMP, "1", pairs=scatter)
    lengths = [np.linalg.norm(one.matrix / one.scale[:, None], axis=1) for one in (alone, paired)]
    assert lengths[1][2] < 0.5 * lengths[0][2]
    assert lengths[1][4] > 0.5 * lengths[0][4]
    # What counts is the mean over the rows, not how many there are.
    doubled = fit_products(own, STAMP, "1", pairs=scatter.blend(scatter, 0.3))
    np.testing.assert_allclose(doubled.matrix, paired.matrix, atol=1e-6)
    with pytest.raises(ValueError, match="pairs of"):
        fit_products(own, STAMP, "1", pairs=PairScatter(np.eye(4), 1, 1))


def test_a_file_of_pairs_gives_the_same_projection(tmp_path: Path) -> None:
    own, scatter = products(6, 0), pair_scatter_of(real_pairs(30))
    save_pair_scatter(scatter, "1", tmp_path / "pairs.npz")
    read = load_pair_scatter(tmp_path / "pairs.npz", "1")
    assert (read.pairs, read.rows) == (30, 180)
    one = fit_products(own, STAMP, "1", pairs=scatter).apply(own[0])
    two = fit_products(own, STAMP, "1", pairs=read).apply(own[0])
    np.testing.assert_allclose(one, two, atol=0.05)
    assert read.version == load_pair_scatter(tmp_path / "pairs.npz", "1").version
    assert read.version != pair_scatter_of(real_pairs(30, seed=1)).version


def test_pairs_that_are_none_are_refused(tmp_path: Path) -> None:
    save_pair_scatter(pair_scatter_of(real_pairs(3)), "1", tmp_path / "pairs.npz")
    with pytest.raises(CatalogueError, match="belongs to encoder 1, not 2"):
        load_pair_scatter(tmp_path / "pairs.npz", "2")
    save_scatter(scatter_of(products(3, 0)), "1", tmp_path / "prior.npz")
    with pytest.raises(CatalogueError, match=r"prior\.npz is not a scatter"):
        load_pair_scatter(tmp_path / "prior.npz", "1")
    whole = (tmp_path / "pairs.npz").read_bytes()
    (tmp_path / "pairs.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CatalogueError, match="is not a scatter"):
        load_pair_scatter(tmp_path / "pairs.npz", "1")
    for pairs in ([], [(np.zeros((3, 4)), np.zeros((3, 5)))], [(np.zeros((0, 4)), np.eye(4))]):
        with pytest.raises(ValueError, match=r"no pair|belong together"):
            pair_scatter_of(pairs)
    with pytest.raises(ValueError, match="not finite"):
        pair_scatter_of([(np.full((1, 2), np.nan), np.eye(2))])
    with pytest.raises(ValueError, match="different features"):
        pair_scatter_of(real_pairs(3)).blend(PairScatter(np.eye(4), 1, 1), 0.5)


@pytest.mark.slow
def test_the_package_carries_that_of_real_pairs() -> None:
    pairs = BuiltinEmbedder(threads=1).pairs
    assert pairs.within.shape == (1104, 1104)
    assert pairs.rows > 6 * pairs.pairs > 6 * 400
    assert np.linalg.eigvalsh(pairs.within).min() > -1e-3 * np.trace(pairs.within) / 1104


@pytest.mark.slow
def test_the_package_carries_that_of_a_hundred_made_products() -> None:
    prior = BuiltinEmbedder(threads=1).prior
    assert prior.means.shape == (100, 1104)
    assert np.linalg.eigvalsh(prior.within).min() > -1e-3 * np.trace(prior.within) / 1104
