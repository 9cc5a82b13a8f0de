"""Preset `clip` is the reference design: beside a straight transcription of what that computes.

With tiny random checkpoints always; with the published weights where they lie in the hub's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens
from floorlens.errors import NoFloorFound
from floorlens.models.hub import find_files, model_named
from floorlens.models.options import ModelOptions
from floorlens.presets import load_stages, preset_named

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parent.parent / "samples"
ROOMS = sorted((SAMPLES / "rooms").iterdir())[:3]
#: What float32 leaves of a cosine when it is computed in another order.
ROUNDING = 2e-6


@dataclass(frozen=True)
class Models:
    """Folders of the two models."""

    clip: Path
    clipseg: Path

    def options(self, **more: Any) -> ModelOptions:
        """Returns what makes the preset take them."""
        names = {"clip": str(self.clip), "clipseg": str(self.clipseg)}
        return ModelOptions(models=names, device="cpu", **more)


@pytest.fixture(scope="module", params=["tiny", "published"])
def models(request: pytest.FixtureRequest, tiny_models: TinyModels) -> Models:
    """The tiny checkpoints, then the published weights."""
    if request.param == "tiny":
        return Models(tiny_models.clip, tiny_models.clipseg)
    clip, clipseg = (find_files(model_named(name)) for name in ("clip", "clipseg"))
    if clip is None or clipseg is None:
        pytest.skip(
            "the published weights are not in the hub's cache: `floorlens models pull clip`"
        )
    return Models(clip.folder, clipseg.folder)


class Transcription:
    """The reference design's computation, line by line, with transformers alone."""

    def __init__(self, models: Models) -> None:
        import transformers as tf

        from tests.doubles.clip_checkpoints import with_pillow

        self.clip = tf.CLIPModel.from_pretrained(models.clip).eval()
        self.clip_processor = tf.CLIPProcessor.from_pretrained(models.clip, **with_pillow())
        self.clipseg = tf.CLIPSegForImageSegmentation.from_pretrained(models.clipseg).eval()
        self.clipseg_processor = tf.CLIPSegProcessor.from_pretrained(
            models.clipseg, **with_pillow()
        )

    def embed(self, image: Image.Image) -> NDArray[np.float32]:
        import torch

        inputs = self.clip_processor(images=image, return_tensors="pt")
        with torch.no_grad():
            features = self.clip.get_image_features(**inputs)
        if not torch.is_tensor(features):
            features = features.pooler_output
        features = features / features.norm(p=2, dim=-1, keepdim=True)
        return np.asarray(features[0].numpy(), np.float32)

    def segment(self, image: Image.Image, prompt: str = "floor") -> NDArray[np.bool_]:
        import torch

        inputs = self.clipseg_processor(
            text=[prompt], images=[image], padding="max_length", return_tensors="pt"
        )
        with torch.no_grad():
            logits = self.clipseg(**inputs).logits
        side = logits.shape[-1]
        likely = torch.sigmoid(logits).reshape(1, 1, side, side)
        # Pillow's resizing gives the same unless the photo is smaller than the model's square.
        resized = torch.nn.functional.interpolate(likely, image.size[::-1], mode="bilinear")
        return np.asarray(resized[0, 0].numpy() > 0.5)

    def query(self, image: Image.Image) -> tuple[tuple[int, int, int, int], NDArray[np.float32]]:
        ys, xs = np.where(self.segment(image))
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        return box, self.embed(image.crop(box))


def opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


@pytest.fixture(scope="module")
def transcription(models: Models) -> Transcription:
    """The reference design on the same weights."""
    return Transcription(models)


@pytest.fixture(scope="module")
def lens(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sample products in a catalogue of the preset."""
    stages = load_stages(preset_named("clip"), models=models.options())
    folder = tmp_path_factory.mktemp("reference")
    with Floorlens.open(folder / "catalogue", stages=stages) as opened_lens:
        counts = opened_lens.add(SAMPLES / "products").counts
        assert counts["failed"] == 0
        assert counts["added"] >= 20
        yield opened_lens


@pytest.fixture(scope="module")
def vectors(lens: Floorlens, transcription: Transcription) -> dict[str, NDArray[np.float32]]:
    """The sample products as the reference design's index holds them."""
    return {
        product.id: transcription.embed(opened(Path(product.images[0])))
        for product in lens.products()
    }


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.stem)
def test_the_ranking_is_the_reference_designs(
    room: Path,
    lens: Floorlens,
    transcription: Transcription,
    vectors: dict[str, NDArray[np.float32]],
) -> None:
    """Segment, sigmoid, resize, > .5, box, crop, CLIP, L2, cosine, sort; then all of it again."""
    image = opened(room)
    box, query = transcription.query(image)
    similarity = {name: float(vector @ query) for name, vector in vectors.items()}
    # Its second stage: the pairs' cosine once more, and sorted by it.
    first = sorted(similarity, key=lambda name: -similarity[name])
    again = transcription.query(image)[1]
    pairs = {name: float(vectors[name] @ again) for name in first}
    expected = sorted(pairs, key=lambda name: -pairs[name])
    gaps = [pairs[a] - pairs[b] for a, b in pairwise(expected)]
    assert max(gaps) > 100 * ROUNDING, "nothing is told apart"

    result = lens.search(room)
    assert result.floor.box == box
    found = [match.product.id for match in result.matches]
    assert sorted(found) == sorted(expected)
    assert all(pairs[a] >= pairs[b] - ROUNDING for a, b in pairwise(found))
    assert found[0] == expected[0] or gaps[0] < ROUNDING
    for match in result.matches:
        cosine = pairs[match.product.id]
        assert match.score == pytest.approx((1 + cosine) / 2, abs=ROUNDING)
        assert dict(match.components or {}) == {"region": pytest.approx(match.score)}


def test_the_masks_are_the_reference_designs(lens: Floorlens, transcription: Transcription) -> None:
    for room in ROOMS:
        expected = transcription.segment(opened(room))
        assert 0.001 < expected.mean() < 0.999
        found = lens.mask(room).mask
        # Where the probability is one half to the last bits.
        assert (found != expected).mean() < 1e-5


@pytest.mark.parametrize("shares", [(0.75, 0.9), (1.5, 0.6), (0.6, 1.2)])
def test_the_masks_of_small_photos_are_too(
    lens: Floorlens, transcription: Transcription, shares: tuple[float, float]
) -> None:
    """Smaller than the model's own square, on one side or both, the answer is scaled down."""
    side = transcription.clipseg_processor.image_processor.size["height"]
    image = opened(ROOMS[0]).resize((round(shares[0] * side), round(shares[1] * side)))
    expected = transcription.segment(image)
    assert 0 < expected.mean() < 1
    found = lens.mask(np.asarray(image)).mask
    assert (found != expected).sum() <= 1, "one pixel may be one half to the last bits"


def test_without_re_ranking_the_order_is_the_same(lens: Floorlens) -> None:
    """docs/models.md says why the reference's second stage cannot change it."""
    for room in ROOMS:
        again, once = lens.search(room), lens.search(room, rerank=False)
        place = {match.product.id: match.score for match in once.matches}
        order = [place[match.product.id] for match in again.matches]
        assert all(a >= b - ROUNDING for a, b in pairwise(order))


def test_the_photo_is_segmented_once(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference design does it twice; a click asks no third time, CLIPSeg takes none."""
    from floorlens.models.torch import TorchModel

    calls = []
    true_way = TorchModel.segment

    def counted(self: TorchModel, *arguments: Any) -> Any:
        calls.append(arguments)
        return true_way(self, *arguments)

    monkeypatch.setattr(TorchModel, "segment", counted)
    lens.search(ROOMS[0])
    assert len(calls) == 1
    lens.search(ROOMS[0], clicks=[(5, 5)])
    assert len(calls) == 2


def test_no_pixel_above_one_half_is_no_floor(
    lens: Floorlens, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference design's own rule; a single pixel is a floor to it."""
    from floorlens.models.torch import TorchModel

    likely = np.full((96, 128), 0.5, np.float32)
    monkeypatch.setattr(TorchModel, "segment", lambda *_: likely)
    grey = np.full((96, 128, 3), 128, np.uint8)
    with pytest.raises(NoFloorFound):
        lens.search(grey)
    likely[40, 50] = 0.51
    assert lens.search(grey).floor.box == (50, 40, 51, 41)
