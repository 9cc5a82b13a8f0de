"""The built-in embedder: pinned outputs, so that a changed preprocessing or file is noticed."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.embedding import ASPECTS, MOST_COLOURS, FloorEmbedding
from floorlens.embedding.backends.builtin import BuiltinEmbedder, colour_code, default_projection
from floorlens.embedding.projection import ADAPTED, Projection
from floorlens.embedding.signature import LIMIT, unpack
from floorlens.errors import CatalogueError
from floorlens.models.onnx import WEIGHTS
from floorlens.normalisation import FloorView
from floorlens.normalisation.backends.builtin import BuiltinNormaliser


def boards(
    colour: tuple[int, int, int], width: int = 40, size: tuple[int, int] = (320, 320)
) -> NDArray[np.uint8]:
    """Returns boards with grain and joints, from plain arithmetic."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    board = x // width
    tone = 12 * np.sin(board * 2.3) + 8 * np.sin(x * 0.9 + np.sin(y * 0.03 + board) * 3)
    tone -= 45 * (x % width < 2)
    return np.asarray(np.clip(np.array(colour) + tone[..., None], 0, 255), np.uint8)


def embed(embedder: BuiltinEmbedder, *views: FloorView) -> list[FloorEmbedding]:
    return [embedder.describe(embedder.features({"swatch": view})) for view in views]


def view_of(pixels: NDArray[np.uint8]) -> FloorView:
    return BuiltinNormaliser().view(pixels, np.ones(pixels.shape[:2], np.bool_))


@pytest.fixture(scope="module")
def embedder() -> BuiltinEmbedder:
    return BuiltinEmbedder(threads=1)


def test_the_files_fit_each_other_and_their_stamps(embedder: BuiltinEmbedder) -> None:
    stamp = embedder.stamp
    assert stamp.model_id == "floorlens-embedder-builtin"
    assert stamp.dimension <= 256
    assert stamp.licence
    for name in ("encoder.onnx", "projection.npz", "pattern.npz"):
        assert (WEIGHTS / name).stat().st_size <= 12_000_000


def test_canonical_features(embedder: BuiltinEmbedder) -> None:
    features = embedder.encode(view_of(boards((170, 130, 90))).patches[:1])
    expected = np.array(CANONICAL_FEATURES, np.float32)
    assert features.shape == (1, 1104)
    np.testing.assert_allclose(features[0, : expected.size], expected, rtol=0.02, atol=0.01)


def test_canonical_vector(embedder: BuiltinEmbedder) -> None:
    vector = embed(embedder, view_of(boards((170, 130, 90))))[0].vector
    expected = np.array(CANONICAL_VECTOR, np.float32)
    np.testing.assert_allclose(vector[: expected.size], expected, rtol=0.05, atol=0.004)


def test_a_signature_says_whether_the_projection_is_a_catalogues_own(
    embedder: BuiltinEmbedder,
) -> None:
    features = embedder.features({"swatch": view_of(boards((170, 130, 90)))})
    own = embedder.projection
    adapted = replace(own, stamp=replace(own.stamp, version=f"{ADAPTED}1"))
    another = replace(own, stamp=replace(own.stamp, version="0.4.0"))
    for projection, expected in ((None, False), (another, False), (adapted, True)):
        signature = embedder.describe(features, projection).signature
        assert unpack([signature]).adapted is expected


def test_an_embedding_keeps_its_promises(embedder: BuiltinEmbedder) -> None:
    views = [view_of(boards((170, 130, 90))), view_of(boards((90, 70, 60)))]
    for view in views:
        features = embedder.features({"swatch": view}).aspects["swatch"]
        for stored in (
            features.base,
            features.coverage,
            features.lab,
            features.facts,
            features.trust,
        ):
            assert stored.dtype == np.float16
            assert np.isfinite(stored).all()
        assert features.base.shape == (12, 1104)
        assert features.coverage.shape == (12,)
        assert features.lab.shape == (MOST_COLOURS, 3)
    one, two = embed(embedder, *views)
    for embedding in (one, two):
        assert embedding.vector.shape == (embedder.stamp.dimension,)
        assert embedding.vector.dtype == np.float32
        assert np.linalg.norm(embedding.vector) == pytest.approx(1.0, abs=1e-5)
        assert 0 < len(embedding.signature) <= LIMIT
    assert float(one.vector @ two.vector) < 0.95


def test_equal_pictures_get_equal_bytes_whatever_lies_beside_them(
    embedder: BuiltinEmbedder,
) -> None:
    oak, walnut = view_of(boards((170, 130, 90))), view_of(boards((90, 70, 60), 25))
    alone = embedder.features({"swatch": oak})
    beside = embedder.features({"swatch": oak, "scene": walnut})
    np.testing.assert_array_equal(beside.aspects["swatch"].base, alone.aspects["swatch"].base)
    again = embedder.features({"swatch": oak})
    result, expected = embedder.describe(again), embedder.describe(alone)
    np.testing.assert_array_equal(result.vector, expected.vector)
    assert result.signature == expected.signature


def test_swatch_and_scene_share_vector_and_signature(embedder: BuiltinEmbedder) -> None:
    """The one vector lies between both; the signature keeps them apart, within its limit."""
    views = [view_of(boards((170, 130, 90))), view_of(boards((150, 120, 90), 60))]
    swatch, scene = (embedding.vector for embedding in embed(embedder, *views))
    many = np.repeat(views[1].patches, 3, axis=0), np.repeat(views[1].coverage, 3)
    crowded = replace(views[1], patches=many[0], coverage=many[1])
    both = embedder.describe(embedder.features({"swatch": views[0], "scene": crowded}))
    mean = swatch + scene
    np.testing.assert_allclose(both.vector, mean / np.linalg.norm(mean), atol=1e-4)
    assert len(both.signature) <= LIMIT
    parts = unpack([both.signature])
    assert [ASPECTS[number] for number in parts.aspect] == ["swatch", "scene"]
    assert min(parts.counts) >= 12


def test_a_projection_of_ones_own_is_used(embedder: BuiltinEmbedder) -> None:
    features = embedder.features({"swatch": view_of(boards((170, 130, 90)))})
    own = default_projection()
    turned = replace(own, matrix=np.ascontiguousarray(own.matrix[:, ::-1]))
    usual, other = embedder.describe(features), embedder.describe(features, turned)
    np.testing.assert_array_equal(embedder.describe(features, own).vector, usual.vector)
    np.testing.assert_allclose(other.vector[:128], usual.vector[127::-1], atol=1e-5)
    assert other.signature != usual.signature
    foreign = replace(own, encoder="0.0.0")
    with pytest.raises(CatalogueError, match="belongs to encoder"):
        embedder.describe(features, foreign)


def test_a_floor_is_nearer_to_its_recompressed_half_than_to_another_floor(
    embedder: BuiltinEmbedder,
) -> None:
    pixels = boards((170, 130, 90), 30, (480, 480))
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=70)
    again = np.asarray(Image.open(data))[:, :300]
    tiles = np.full((480, 480, 3), (150, 150, 155), np.uint8)
    tiles[::60], tiles[:, ::60] = 90, 90
    whole, half, other = (
        embedding.vector
        for embedding in embed(embedder, view_of(pixels), view_of(again), view_of(tiles))
    )
    assert float(whole @ half) > float(whole @ other) + 0.2


def test_many_pictures_of_one_product_still_fit_the_signature(embedder: BuiltinEmbedder) -> None:
    view = view_of(boards((170, 130, 90)))
    many = FloorView(np.repeat(view.patches, 6, axis=0), np.repeat(view.coverage, 6), view.lab)
    assert len(embed(embedder, many)[0].signature) <= LIMIT


@pytest.mark.parametrize("distance", [0.0, 4.0, 8.0, 16.0])
def test_colour_codes_multiply_to_a_gaussian_of_the_difference(distance: float) -> None:
    one, two = (
        colour_code(np.array([55.0, 6.0, 12.0])),
        colour_code(np.array([55.0, 6.0, 12.0 + distance])),
    )
    assert float(one @ two) == pytest.approx(np.exp(-(distance**2) / 256), abs=0.06)


def test_colours_off_the_lattice_are_still_colours() -> None:
    for lab in ((50.0, -60.0, 60.0), (30.0, 20.0, -80.0), (0.0, 0.0, 0.0), (100.0, 0.0, 0.0)):
        assert np.linalg.norm(colour_code(np.array(lab))) == pytest.approx(1.0, abs=1e-5)


def test_a_projection_of_another_encoder_is_refused() -> None:
    own = default_projection()
    foreign = Projection(own.mean, own.scale, own.matrix, own.stamp, "0.0.0")
    with pytest.raises(CatalogueError, match="belongs to encoder"):
        _ = BuiltinEmbedder(foreign).stamp


# Measured with encoder 0.1.0 and projection 0.1.0; change them only together with a version.
CANONICAL_FEATURES = [-9.7987, 8.1060, 5.5928, 9.2389, 12.7934, 14.6374, -4.5799, -8.3897]
CANONICAL_VECTOR = [0.1087, -0.0570, -0.0868, 0.1719, 0.0821, -0.0477, -0.0398, 0.0581]
