"""Embedders on hub models: the published vector, kept exactly, the model named in the stamp."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.embedding.backends.clip import ClipEmbedder
from floorlens.embedding.clip_signature import MOST, unpack
from floorlens.errors import CatalogueError, ModelUnavailable
from floorlens.models.options import ModelOptions
from floorlens.normalisation import FloorView
from floorlens.testing import fake_projection

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

ENCODERS = ("clip", "siglip2", "dinov2")


def embedder(tiny: TinyModels, name: str = "clip", **options: Any) -> ClipEmbedder:
    models = {name: str(getattr(tiny, name))}
    return ClipEmbedder(ModelOptions(models=models, device="cpu", **options), name)


def view(count: int = 1, seed: int = 0) -> FloorView:
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 255, (count, 64, 64, 3), dtype=np.uint8)
    lab = rng.normal((60, 5, 20), 5, (900, 3)).astype(np.float32)
    return FloorView(patches, np.ones(count, np.float32), lab)


def published(tiny: TinyModels, name: str, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The unit vector as the models' pages make it, of a picture that has the model's size."""
    import torch
    import transformers

    from tests.doubles.clip_checkpoints import with_pillow

    folder = getattr(tiny, name)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, **with_pillow())
    model = transformers.AutoModel.from_pretrained(folder).eval()
    inputs = processor(
        images=list(patch[None]),
        do_resize=False,
        return_tensors="pt",
        input_data_format="channels_last",
    )
    with torch.no_grad():
        answer = getattr(model, "get_image_features", model)(**inputs)
    rows = answer if torch.is_tensor(answer) else answer.pooler_output
    return np.asarray((rows / rows.norm(dim=-1, keepdim=True))[0].numpy())


@pytest.mark.parametrize("name", ENCODERS)
def test_the_vector_is_the_published_one(name: str, tiny_models: TinyModels) -> None:
    """What is stored between is float16: the vector must not show it."""
    encoder, picture = embedder(tiny_models, name), view()
    embedding = encoder.describe(encoder.features({"swatch": picture}))
    assert embedding.vector.dtype == np.float32
    assert embedding.vector.shape == (encoder.stamp.dimension,)
    np.testing.assert_allclose(np.linalg.norm(embedding.vector), 1, atol=1e-6)
    expected = published(tiny_models, name, picture.patches[0])
    np.testing.assert_allclose(embedding.vector, expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(unpack([embedding.signature]).whole[0], embedding.vector, atol=1e-7)


def test_features_are_stored_in_half_precision_without_its_loss(tiny_models: TinyModels) -> None:
    encoder = embedder(tiny_models)
    features = encoder.features({"swatch": view()})
    swatch = features.aspects["swatch"]
    assert swatch.base.dtype == swatch.coverage.dtype == swatch.lab.dtype == np.float16
    assert swatch.base.shape == (1, 48)
    assert swatch.lab.shape == (512, 3)
    assert swatch.facts.size == 0
    rough = swatch.base[:, :24].astype(np.float32)
    exact = encoder.describe(features).vector
    assert float(np.abs(rough[0] - exact).max()) > 1e-5, "there is nothing to be saved"


def test_the_vector_is_of_the_region_alone(tiny_models: TinyModels) -> None:
    """Patches serve the re-ranker: with them the reference design's retrieval stays what it is."""
    single, several = embedder(tiny_models), embedder(tiny_models, rerank="patches")
    five = view(5)
    one = FloorView(five.patches[:1], five.coverage[:1], five.lab)
    a = single.describe(single.features({"swatch": one}))
    b = several.describe(several.features({"swatch": five}))
    np.testing.assert_allclose(a.vector, b.vector, atol=1e-6)
    rows = unpack([b.signature]).patches[0]
    assert len(rows) == 4
    for place, row in enumerate(rows):
        expected = published(tiny_models, "clip", five.patches[place + 1])
        np.testing.assert_allclose(row, expected, atol=0.01)


def test_of_several_pictures_the_mean_counts(tiny_models: TinyModels) -> None:
    encoder = embedder(tiny_models, rerank="patches")
    both = view(10)
    halves = [FloorView(both.patches[i : i + 5], both.coverage[:5], both.lab) for i in (0, 5)]
    vectors = [encoder.describe(encoder.features({"swatch": half})).vector for half in halves]
    mean = np.mean(vectors, axis=0)
    embedding = encoder.describe(encoder.features({"swatch": both}))
    np.testing.assert_allclose(embedding.vector, mean / np.linalg.norm(mean), atol=1e-6)
    assert len(unpack([embedding.signature]).patches[0]) == 8


def test_equal_views_get_equal_bytes_whatever_lies_beside_them(tiny_models: TinyModels) -> None:
    encoder = embedder(tiny_models)
    alone = encoder.features({"swatch": view(1, 7)})
    among = encoder.features({"swatch": view(1, 7), "scene": view(3, 1)})
    assert alone.base.tobytes() == among.aspects["swatch"].base.tobytes()


def test_the_stamp_names_model_revision_and_dimension(
    tiny_models: TinyModels, tmp_path: Path
) -> None:
    stamp = embedder(tiny_models).stamp
    assert (stamp.model_id, stamp.dimension) == ("clip", 24)
    assert stamp.version.startswith("1+local-")
    folder = tmp_path / "clip"
    shutil.copytree(tiny_models.clip, folder)
    same = ClipEmbedder(ModelOptions(models={"clip": str(folder)}, device="cuda"))
    assert same.stamp.version == stamp.version, "a catalogue may move, and to a GPU"
    half = ClipEmbedder(ModelOptions(models={"clip": str(folder)}, dtype="bfloat16"))
    assert half.stamp.version == f"{stamp.version}+bfloat16", "its vectors are others"
    assert "bfloat16" in half.stamp.preprocessing
    (folder / "preprocessor_config.json").write_text("{}")
    other = ClipEmbedder(ModelOptions(models={"clip": str(folder)}))
    assert other.stamp.version != stamp.version


def test_a_model_of_too_long_vectors_is_refused_before_it_is_run(
    tiny_models: TinyModels, tmp_path: Path
) -> None:
    """Its signature would not fit: said at once, not after the first picture."""
    folder = tmp_path / "long"
    shutil.copytree(tiny_models.clip, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))

    def made(numbers: int) -> ClipEmbedder:
        text = json.dumps(config | {"projection_dim": numbers})
        (folder / "config.json").write_text(text, "utf-8")
        return ClipEmbedder(ModelOptions(models={"clip": str(folder)}, device="cpu"))

    assert made(MOST).stamp.dimension == MOST
    text = r"FLOORLENS_CLIP_MODEL: the model long makes vectors of 2043 numbers; at most 2042 fit"
    with pytest.raises(ModelUnavailable, match=text):
        _ = made(MOST + 1).stamp
    with pytest.raises(ModelUnavailable, match=text):
        made(MOST + 1).features({"swatch": view()})


def test_it_cannot_be_adapted(tiny_models: TinyModels) -> None:
    encoder = embedder(tiny_models)
    assert encoder.projection is None
    assert encoder.prior is None
    assert encoder.pairs is None
    with pytest.raises(CatalogueError, match="takes no projection"):
        encoder.describe(encoder.features({"swatch": view()}), fake_projection("1"))
