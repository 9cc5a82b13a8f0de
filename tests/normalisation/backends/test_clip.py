"""Crops for models of the hub: the box as the reference design takes it, and floor alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.models.hub import ModelFiles
from floorlens.models.options import ModelOptions
from floorlens.models.torch import preprocess
from floorlens.normalisation import FloorView
from floorlens.normalisation.backends import clip
from floorlens.normalisation.backends.clip import ClipNormaliser
from floorlens.normalisation.regions import PATCHES

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

OAK = (180, 140, 90)
BLUE = (20, 60, 200)


def normaliser(tiny: TinyModels, encoder: str = "clip", **options: Any) -> ClipNormaliser:
    models = {encoder: str(getattr(tiny, encoder))}
    return ClipNormaliser(ModelOptions(models=models, **options), encoder)


def room() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A blue room with an oak floor in its lower half, a blue table on it, a speck in a corner."""
    rng = np.random.default_rng(0)
    pixels = np.full((160, 240, 3), BLUE, np.uint8)
    mask = np.zeros((160, 240), np.bool_)
    mask[80:150, 20:230] = True
    mask[100:130, 150:180] = False
    pixels[mask] = np.clip(np.array(OAK) + rng.normal(0, 9, (int(mask.sum()), 3)), 0, 255)
    mask[3:8, 3:8] = True
    return pixels, mask


def published(tiny: TinyModels, picture: NDArray[np.uint8], encoder: str) -> NDArray[np.float32]:
    """The picture as the published image processor makes it of the whole, float32 (3, 64, 64)."""
    import transformers

    from tests.doubles.clip_checkpoints import with_pillow

    processor = transformers.AutoImageProcessor.from_pretrained(
        getattr(tiny, encoder), **with_pillow()
    )
    values = processor(images=Image.fromarray(picture), return_tensors="np")["pixel_values"]
    return np.asarray(values[0], np.float32)


@pytest.mark.parametrize("encoder", ["clip", "siglip2", "dinov2"])
def test_the_box_crop_equals_the_published_processor(encoder: str, tiny_models: TinyModels) -> None:
    """Its resizing rounds to bytes: nothing is lost where normalising is left to the embedder."""
    pixels, mask = room()
    view = normaliser(tiny_models, encoder).view(pixels, mask)
    rows, columns = np.nonzero(mask)
    box = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    expected = published(tiny_models, box, encoder)
    assert view.patches.shape == (1, 64, 64, 3)
    half = encoder == "siglip2"
    mean = 0.5 if half else np.array([0.48145466, 0.4578275, 0.40821073])
    spread = 0.5 if half else np.array([0.26862954, 0.26130258, 0.27577711])
    ours = ((view.patches[0] / 255 - mean) / spread).transpose(2, 0, 1)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_allclose(view.coverage, [mask.sum() / box[..., 0].size])
    assert len(view.lab) > 100


def blueness(view: FloorView) -> float:
    """The share of the patches' pixels that show the room, not its floor."""
    patches = view.patches.astype(int)
    return float((patches[..., 2] > patches[..., 0]).mean())


def test_the_mask_crop_shows_floor_alone(tiny_models: TinyModels) -> None:
    pixels, mask = room()
    assert blueness(normaliser(tiny_models).view(pixels, mask)) > 0.3, "the box takes walls along"
    for rerank in ("single", "patches"):
        view = normaliser(tiny_models, crop="mask", rerank=rerank).view(pixels, mask)
        assert blueness(view) < 0.01
        assert (view.coverage > 0.8).all()


def test_patches_follow_the_region(tiny_models: TinyModels) -> None:
    """The region is the same with and without them: it alone makes the vector."""
    pixels, mask = room()
    single = normaliser(tiny_models).view(pixels, mask)
    several = normaliser(tiny_models, rerank="patches").view(pixels, mask)
    assert len(single.patches) == PATCHES["single"] == 1
    assert len(several.patches) == PATCHES["patches"] == 5
    np.testing.assert_array_equal(several.patches[0], single.patches[0])
    assert blueness(FloorView(several.patches[1:], several.coverage[1:], several.lab)) < 0.01


@pytest.mark.parametrize("rerank", ["single", "patches"])
def test_a_product_picture_is_the_same_whatever_the_crop(
    tiny_models: TinyModels, rerank: Any
) -> None:
    """So a catalogue serves both crops, and the crop needs no place in the stamp's version."""
    pixels = room()[0]
    mask = np.ones(pixels.shape[:2], np.bool_)
    box = normaliser(tiny_models, crop="box", rerank=rerank)
    alone = normaliser(tiny_models, crop="mask", rerank=rerank)
    a, b = box.view(pixels, mask), alone.view(pixels, mask)
    np.testing.assert_array_equal(a.patches[0], b.patches[0])
    np.testing.assert_array_equal(a.coverage[0], 1)
    assert box.stamp.version == alone.stamp.version
    assert box.stamp != alone.stamp
    if rerank == "single":
        np.testing.assert_array_equal(a.patches, b.patches)


def test_other_patches_are_another_version(tiny_models: TinyModels) -> None:
    """What is stored of a product then has no patches to be compared with."""
    single, patches = normaliser(tiny_models), normaliser(tiny_models, rerank="patches")
    assert single.stamp.version != patches.stamp.version


@pytest.mark.parametrize("encoder", ["clip", "siglip2"])
def test_a_mask_of_one_row_is_no_waste_of_memory(
    encoder: str, tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enlarged to the model's side it would be many thousands of pixels long."""
    sizes = []

    def watched(files: ModelFiles, picture: Image.Image) -> NDArray[np.uint8]:
        sizes.append(picture.size)
        return preprocess(files, picture)

    monkeypatch.setattr(clip, "preprocess", watched)
    pixels, _ = room()
    mask = np.zeros(pixels.shape[:2], np.bool_)
    mask[120, 30:220] = True
    for options in ({}, {"crop": "mask"}, {"rerank": "patches"}):
        view = normaliser(tiny_models, encoder, **options).view(pixels, mask)
        assert view.patches.shape[1:] == (64, 64, 3)
        assert view.patches.dtype == np.uint8
    # SigLIP's processor stretches the picture to its square: that takes all of it, and no memory.
    assert sizes[0] == ((16, 1) if encoder == "clip" else (190, 1))


def test_a_strip_gives_what_its_middle_does(tiny_models: TinyModels) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 255, (10, 400, 3), dtype=np.uint8)
    mask = np.ones((10, 400), np.bool_)
    patch = normaliser(tiny_models).view(pixels, mask).patches[0]
    middle = pixels[:, 120:280]
    np.testing.assert_array_equal(
        patch, normaliser(tiny_models).view(middle, mask[:, 120:280]).patches[0]
    )


def test_it_is_never_straightened(tiny_models: TinyModels) -> None:
    assert normaliser(tiny_models).straightened(*room()) is None


def test_shapes_that_do_not_fit_are_refused(tiny_models: TinyModels) -> None:
    pixels, mask = room()
    with pytest.raises(ValueError, match="do not belong together"):
        normaliser(tiny_models).view(pixels, mask[1:])
    with pytest.raises(ValueError, match="no floor pixel"):
        normaliser(tiny_models).view(pixels, np.zeros_like(mask))
