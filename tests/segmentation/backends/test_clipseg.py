"""CLIPSeg: the reference design's probability; found means that any pixel exceeds one half."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import ModelUnavailable
from floorlens.models.options import ModelOptions
from floorlens.segmentation import Click
from floorlens.segmentation.backends.clipseg import ClipsegSegmenter

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow


def photo(height: int = 90, width: int = 133, seed: int = 1) -> NDArray[np.uint8]:
    """A picture of large smooth patches."""
    cells = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC))


def segmenter(tiny: TinyModels, **options: Any) -> ClipsegSegmenter:
    return ClipsegSegmenter(ModelOptions(models={"clipseg": str(tiny.clipseg)}, **options))


@pytest.mark.parametrize("size", [(90, 133), (64, 64), (300, 200), (40, 30)])
def test_probabilities_are_those_of_the_published_way(
    tiny_models: TinyModels, size: tuple[int, int]
) -> None:
    """Processor, sigmoid, bilinear: written out as transformers documents it."""
    import torch
    import transformers

    from tests.doubles.clip_checkpoints import with_pillow

    pixels = photo(*size)
    answer = segmenter(tiny_models).segment(pixels)
    processor = transformers.CLIPSegProcessor.from_pretrained(tiny_models.clipseg, **with_pillow())
    model = transformers.CLIPSegForImageSegmentation.from_pretrained(tiny_models.clipseg).eval()
    image = Image.fromarray(pixels)
    inputs = processor(text=["floor"], images=[image], padding="max_length", return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    likely = torch.sigmoid(logits).reshape(1, 1, 64, 64)
    expected = torch.nn.functional.interpolate(likely, size, mode="bilinear")[0, 0].numpy()
    assert answer.pixels.dtype == np.float32
    assert 0.02 < (expected > 0.5).mean() < 0.98, "there is nothing to be told"
    # Padding the prompt to another length changes the last bits of its embedding.
    np.testing.assert_allclose(answer.pixels, expected, rtol=0, atol=2e-4)


def scaled_both_ways(size: tuple[int, int]) -> float:
    """The largest difference of PyTorch's and Pillow's bilinear scaling of a map of 64 x 64."""
    torch = pytest.importorskip("torch", reason="needs the extra clip")
    likely = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    ours = torch.nn.functional.interpolate(
        torch.from_numpy(likely)[None, None], size, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    theirs = Image.fromarray(likely).resize(size[::-1], Image.Resampling.BILINEAR)
    return float(np.abs(ours - np.asarray(theirs)).max())


def test_for_which_photos_it_is_the_same_whichever_library_scales_the_mask() -> None:
    """docs/models.md says so: which of them the reference design takes is not known."""
    for size in ((64, 64), (64, 100), (65, 128), (256, 192)):
        assert scaled_both_ways(size) < 1e-5
    for size in ((63, 64), (100, 40), (40, 30)):
        assert scaled_both_ways(size) > 1e-3


def test_visible_is_the_surest_pixel(tiny_models: TinyModels) -> None:
    answer = segmenter(tiny_models).segment(photo())
    assert answer.visible == answer.pixels.max() > 0.5
    assert answer.rug_share == 0


def test_the_prompts_decide_and_stand_in_the_stamp(tiny_models: TinyModels) -> None:
    floor, carpet = segmenter(tiny_models), segmenter(tiny_models, prompts=("carpet", "tiles"))
    a, b = floor.segment(photo()).pixels, carpet.segment(photo()).pixels
    assert float(np.abs(a - b).max()) > 0.05
    assert floor.stamp.preprocessing.endswith("prompts: floor")
    assert carpet.stamp.preprocessing.endswith("prompts: carpet, tiles")
    assert floor.stamp.version == carpet.stamp.version
    assert floor.stamp.version.startswith("local-")
    assert (floor.stamp.model_id, floor.stamp.dimension) == ("clipseg", 0)


def test_every_prompt_counts(tiny_models: TinyModels) -> None:
    """Each must be the likelier one somewhere, whatever its place: none may be left out."""
    names = ("carpet", "tiles", "a wall")
    alone = [segmenter(tiny_models, prompts=(name,)).segment(photo()).pixels for name in names]
    for place, name in enumerate(names):
        others = [pixels for index, pixels in enumerate(alone) if index != place]
        assert float((alone[place] - np.max(others, axis=0)).max()) > 0.02, name
    answer = segmenter(tiny_models, prompts=names).segment(photo()).pixels
    # The largest is taken before it is scaled, which can only be more; padding costs last bits.
    assert (answer >= np.max(alone, axis=0) - 2e-4).all()
    assert float((answer - np.max(alone, axis=0)).mean()) < 0.02


def test_clicks_are_ignored(tiny_models: TinyModels) -> None:
    clipseg = segmenter(tiny_models)
    np.testing.assert_array_equal(
        clipseg.segment(photo()).pixels, clipseg.segment(photo(), [Click(3, 3)]).pixels
    )


def test_nothing_is_loaded_before_it_is_needed(tiny_models: TinyModels) -> None:
    """A catalogue's products can be listed without the models that made its features."""
    clipseg = ClipsegSegmenter(ModelOptions(models={"clipseg": str(tiny_models.clip.parent)}))
    with pytest.raises(ModelUnavailable):
        clipseg.segment(photo())
