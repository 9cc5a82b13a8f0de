"""The presets on hub models: data that becomes stages, and a catalogue from import to ranking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from floorlens import Floorlens
from floorlens.embedding.backends.clip import ClipEmbedder
from floorlens.errors import StampMismatch
from floorlens.images.loading import load_photo
from floorlens.models.hub import MODELS
from floorlens.models.options import ModelOptions
from floorlens.models.stamp import identity
from floorlens.normalisation.backends.clip import ClipNormaliser
from floorlens.pipeline import examine_product, product_features
from floorlens.presets import PRESETS, Stages, load_stages, preset_named
from floorlens.segmentation.backends.clipseg import ClipsegSegmenter
from floorlens.testing import check_stages

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

NAMES = ("clip", "siglip2", "dinov2")


def loaded(tiny: TinyModels, name: str = "clip", **options: Any) -> Stages:
    models = {model: str(getattr(tiny, model)) for model in MODELS}
    chosen = ModelOptions(models=models, device="cpu", **options)
    return load_stages(preset_named(name), models=chosen)


@pytest.mark.parametrize("rerank", ["single", "patches"])
@pytest.mark.parametrize("name", NAMES)
def test_their_backends_keep_the_promises_of_the_stages(
    name: str, rerank: str, tiny_models: TinyModels
) -> None:
    check_stages(loaded(tiny_models, name, rerank=rerank))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_runs_from_import_to_ranking(
    name: str, tiny_models: TinyModels, tmp_path: Path, product_folder: Path, room: Path
) -> None:
    with Floorlens.open(tmp_path / "lens", stages=loaded(tiny_models, name)) as lens:
        assert lens.add(product_folder).counts["added"] == 6
        assert lens.add(product_folder).counts["unchanged"] == 6
        result = lens.search(room)
        assert len(result.matches) == 6
        assert all(set(match.components or {}) == {"region"} for match in result.matches)
        stamp = lens.stamp
    assert stamp["preset"] == name
    assert stamp["embedder"]["model_id"] == name
    assert stamp["segmenter"]["model_id"] == "clipseg"
    # Opened anew, it is the same catalogue; with another encoder it is none.
    with Floorlens.open(tmp_path / "lens", stages=loaded(tiny_models, name)) as lens:
        assert [match.product.id for match in lens.search(room).matches] == [
            match.product.id for match in result.matches
        ]
    other = NAMES[(NAMES.index(name) + 1) % 3]
    with pytest.raises(StampMismatch):
        Floorlens.open(tmp_path / "lens", stages=loaded(tiny_models, other))


def test_the_crop_can_be_changed_and_patches_ask_for_a_rebuild(
    tiny_models: TinyModels, tmp_path: Path, product_folder: Path, room: Path
) -> None:
    """The crop acts on the photo alone; patches of the products are stored, or are not."""
    location = tmp_path / "lens"
    with Floorlens.open(location, stages=loaded(tiny_models)) as lens:
        lens.add(product_folder)
        boxed = lens.search(room)
    with Floorlens.open(location, stages=loaded(tiny_models, crop="mask")) as lens:
        masked = lens.search(room)
        assert lens.stamp["normaliser"]["preprocessing"].startswith("crop=mask")
    assert {m.product.id: m.score for m in boxed.matches} != {
        m.product.id: m.score for m in masked.matches
    }
    patches = loaded(tiny_models, rerank="patches")
    with pytest.raises(StampMismatch, match="index --rebuild --preset clip"):
        Floorlens.open(location, stages=patches)
    assert Floorlens.rebuild(location, stages=patches).counts["updated"] == 6
    with Floorlens.open(location, stages=patches) as lens:
        result = lens.search(room)
        assert all(set(m.components or {}) == {"region", "patches"} for m in result.matches)
        alone = lens.search(room, weights={"patches": 0})
        assert {m.product.id: pytest.approx(m.score, abs=1e-3) for m in boxed.matches} == {
            m.product.id: m.score for m in alone.matches
        }


def test_product_pictures_are_taken_whole(tiny_models: TinyModels) -> None:
    """As the reference design embeds them: white ground and all, and none is segmented."""
    pixels = np.full((320, 320, 3), 255, np.uint8)
    pixels[100:220, 40:280] = np.random.default_rng(0).integers(60, 190, (120, 240, 3))
    photo = load_photo(pixels)
    assert [p.kind for p in examine_product([photo], loaded_builtin())] == ["boards"]
    stages = loaded(tiny_models)
    picture = examine_product([photo], stages)[0]
    assert picture.kind == "swatch"
    assert picture.mask.all()
    features = product_features([photo], stages)
    whole = stages.normaliser.view(photo.pixels, np.ones((320, 320), np.bool_))
    expected = stages.embedder.features({"swatch": whole})
    np.testing.assert_array_equal(features.base, expected.base)


def loaded_builtin() -> Stages:
    return load_stages(preset_named("builtin"), threads=1)


def test_a_product_of_two_pictures_is_the_mean_of_both(tiny_models: TinyModels) -> None:
    stages = loaded(tiny_models)
    rng = np.random.default_rng(1)
    photos = [load_photo(rng.integers(0, 255, (80, 90, 3), dtype=np.uint8)) for _ in range(2)]
    both = stages.embedder.describe(product_features(photos, stages)).vector
    each = [stages.embedder.describe(product_features([p], stages)).vector for p in photos]
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(both, mean / np.linalg.norm(mean), atol=1e-6)


def test_options_go_before_the_presets_own_and_are_told(tiny_models: TinyModels) -> None:
    plain = loaded(tiny_models)
    assert (plain.preset.crop, plain.preset.rerank, plain.preset.prompts) == (
        *("box", "single"),
        ("floor",),
    )
    chosen = loaded(tiny_models, crop="mask", rerank="patches", prompts=("carpet", "tiles"))
    assert (chosen.preset.crop, chosen.preset.rerank) == ("mask", "patches")
    assert chosen.preset.prompts == ("carpet", "tiles")
    assert chosen.segmenter.stamp.preprocessing.endswith("carpet, tiles")
    assert set(chosen.reranker.weights) == {"region", "patches"}
    assert set(plain.reranker.weights) == {"region"}


def test_nothing_is_looked_for_before_it_is_needed() -> None:
    """Stages without their models can be made; `floorlens products list` needs none."""
    stages = load_stages(PRESETS["clip"])
    assert isinstance(stages.segmenter, ClipsegSegmenter)
    assert isinstance(stages.normaliser, ClipNormaliser)
    assert isinstance(stages.embedder, ClipEmbedder)


def test_the_revision_decides_whether_features_are_comparable(tiny_models: TinyModels) -> None:
    ours = loaded(tiny_models).stamp()
    other = {**ours, "embedder": {**ours["embedder"], "version": "1+0123"}}
    assert identity(ours) != identity(other)
    for dtype in ("bfloat16", "float16"):
        # Rounded weights give other vectors, and another order.
        assert identity(loaded(tiny_models, dtype=dtype).stamp()) != identity(ours)
    assert identity(loaded(tiny_models, dtype="float32").stamp()) == identity(ours)


@pytest.mark.parametrize("name", NAMES)
def test_descriptions_say_licence_size_and_dimension(name: str) -> None:
    """What is to be known before 600 MB are fetched; the numbers are those of the models."""
    model, text = MODELS[name], PRESETS[name].description
    assert model.licence in text
    assert f"about {model.megabytes} MB" in text
    assert f"{model.dimension} numbers" in text
    assert PRESETS[name].encoder == name
    assert PRESETS[name].segmenter == "clipseg"
