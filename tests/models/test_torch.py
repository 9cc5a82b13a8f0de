"""Models in memory: loaded once, exact about what they lack, equal to transformers' own way."""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import MissingDependency, ModelUnavailable, SettingsError
from floorlens.models import torch as torch_models
from floorlens.models.hub import ModelFiles, locate, model_named
from floorlens.models.options import ModelOptions
from floorlens.models.torch import embedding_dimension, load_model, preprocess, try_out

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

NAMES = ("clip", "siglip2", "dinov2")


def located(name: str, folder: Path) -> ModelFiles:
    return locate(model_named(name, ModelOptions(models={name: str(folder)})))


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def published(files: ModelFiles, picture: Image.Image) -> NDArray[np.float32]:
    """The embedding as transformers' own documentation makes it."""
    import torch
    import transformers

    from tests.doubles.clip_checkpoints import with_pillow

    processor = transformers.AutoImageProcessor.from_pretrained(files.folder, **with_pillow())
    model = transformers.AutoModel.from_pretrained(files.folder).eval()
    inputs = processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        ask = getattr(model, "get_image_features", model)
        answer = ask(**inputs)
    rows = answer if torch.is_tensor(answer) else answer.pooler_output
    return np.asarray(rows.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_cropping_and_embedding_apart_equal_the_processor_in_one(
    name: str, tiny_models: TinyModels
) -> None:
    """The normaliser scales and crops to bytes, the embedder normalises: nothing may get lost."""
    files = located(name, getattr(tiny_models, name))
    model = load_model(files, device="cpu")
    for height, width in ((90, 133), (64, 64), (200, 70), (31, 40)):
        picture = Image.fromarray(noise(height, width))
        pixels = preprocess(files, picture)
        assert pixels.dtype == np.uint8
        np.testing.assert_allclose(
            model.embed(pixels[None]), published(files, picture), rtol=0, atol=2e-5
        )


def test_embeddings_have_the_length_that_the_configuration_says(tiny_models: TinyModels) -> None:
    from tests.doubles.clip_checkpoints import DIMENSIONS

    for name, dimension in DIMENSIONS.items():
        files = located(name, getattr(tiny_models, name))
        assert embedding_dimension(files) == dimension == try_out(files)
    assert try_out(located("clipseg", tiny_models.clipseg)) == 0


def test_equal_pictures_get_equal_bytes_and_many_are_batched(tiny_models: TinyModels) -> None:
    files = located("clip", tiny_models.clip)
    model = load_model(files, device="cpu")
    pixels = np.stack([noise(64, 64, seed) for seed in range(torch_models.BATCH + 3)])
    rows = model.embed(pixels)
    assert rows.shape == (torch_models.BATCH + 3, 24)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, model.embed(pixels))
    np.testing.assert_allclose(rows[-1:], model.embed(pixels[-1:]), atol=1e-5)
    assert model.embed(pixels[:0]).shape == (0, 24)


def test_a_model_is_loaded_once_whoever_asks_first(
    tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two threads that both find it missing would both load it: twice the memory."""
    import transformers

    folder = tmp_path / "own"
    shutil.copytree(tiny_models.clip, folder)
    files = located("clip", folder)
    loads = []
    true_way = transformers.AutoModel.from_pretrained

    def counted(*arguments: Any, **named: Any) -> Any:
        loads.append(arguments)
        return true_way(*arguments, **named)

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", counted)
    with ThreadPoolExecutor(6) as pool:
        models = list(pool.map(lambda _: load_model(files, device="cpu"), range(12)))
    assert len(loads) == 1
    assert all(model is models[0] for model in models)
    assert load_model(files, device="cpu", dtype="bfloat16") is not models[0]
    assert len(loads) == 2


def test_half_precision_gives_nearly_the_same(tiny_models: TinyModels) -> None:
    files = located("clip", tiny_models.clip)
    pixels = preprocess(files, Image.fromarray(noise(90, 90)))[None]
    full = load_model(files, device="cpu").embed(pixels)[0]
    half = load_model(files, device="cpu", dtype="bfloat16").embed(pixels)[0]
    assert half.dtype == np.float32
    assert not np.array_equal(full, half)
    assert full @ half / np.linalg.norm(full) / np.linalg.norm(half) > 0.99


def test_several_prompts_give_the_largest_of_their_answers(tiny_models: TinyModels) -> None:
    model = load_model(located("clipseg", tiny_models.clipseg), device="cpu")
    photo = Image.fromarray(noise(96, 128))
    floor, wall = (model.segment(photo, [prompt], (96, 128)) for prompt in ("floor", "a wall"))
    both = model.segment(photo, ["floor", "a wall"], (96, 128))
    assert float(np.abs(floor - wall).max()) > 0.05, "the prompt decides nothing"
    assert both.shape == (96, 128)
    # The largest is taken before it is scaled, which can only be more.
    assert (both >= np.maximum(floor, wall) - 1e-4).all()
    again = model.segment(photo, ["a wall", "floor"], (96, 128))
    np.testing.assert_allclose(both, again, atol=1e-4)


def test_weights_that_are_missing_are_not_made_up(tiny_models: TinyModels, tmp_path: Path) -> None:
    """transformers fills them with random numbers and warns: a ranking by chance."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "half"
    shutil.copytree(tiny_models.clip, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnavailable, match=r"lacks 1 of its weights.*models pull clip"):
        load_model(located("clip", folder), device="cpu")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"no weights"),
        ("config.json", b'{"model_type": "no-such-type"}'),
        ("config.json", b"{"),
    ],
)
def test_files_that_cannot_be_used_are_a_clear_error(
    tiny_models: TinyModels, tmp_path: Path, file: str, content: bytes
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_models.clip, folder)
    (folder / file).write_bytes(content)
    files = located("clip", folder)
    with pytest.raises(ModelUnavailable, match=r"cannot be used.*models verify clip"):
        embedding_dimension(files)
        load_model(files, device="cpu")


@pytest.mark.parametrize(("name", "other"), [("clipseg", "clip"), ("clip", "clipseg")])
def test_a_model_of_the_wrong_kind_is_refused(
    tiny_models: TinyModels, name: str, other: str
) -> None:
    """A segmenter in the encoder's place, or the other way round: the setting is to be named."""
    files = located(name, getattr(tiny_models, other))
    text = rf"FLOORLENS_{name.upper()}_MODEL: .*{other} in .* is of the type {other}\b"
    with pytest.raises(ModelUnavailable, match=text):
        load_model(files, device="cpu")
    with pytest.raises(ModelUnavailable, match=text):
        embedding_dimension(files)


def test_weights_are_not_loaded_from_a_broken_configuration(
    tiny_models: TinyModels, tmp_path: Path
) -> None:
    """Whoever asks first: the segmenter never asks for a dimension."""
    folder = tmp_path / "broken"
    shutil.copytree(tiny_models.clipseg, folder)
    (folder / "config.json").write_bytes(b'{"model_type": "no-such-type"}')
    with pytest.raises(ModelUnavailable, match=r"cannot be used.*models verify clipseg"):
        load_model(located("clipseg", folder), device="cpu")


def test_a_folder_whose_files_change_is_read_anew(tiny_models: TinyModels, tmp_path: Path) -> None:
    """What is kept is kept for a revision, not for a folder."""
    folder = tmp_path / "own"
    shutil.copytree(tiny_models.clipseg, folder)
    photo = Image.fromarray(noise(64, 64))
    model = load_model(located("clipseg", folder), device="cpu")
    before = model.segment(photo, ["floor"], (64, 64))
    words = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = words["model"]["vocab"]
    vocabulary["f"], vocabulary["w"] = vocabulary["w"], vocabulary["f"]
    (folder / "tokenizer.json").write_text(json.dumps(words), "utf-8")
    again = load_model(located("clipseg", folder), device="cpu")
    assert again is not model
    assert float(np.abs(again.segment(photo, ["floor"], (64, 64)) - before).max()) > 0.01
    clip = tmp_path / "clip"
    shutil.copytree(tiny_models.clip, clip)
    assert embedding_dimension(located("clip", clip)) == 24
    config = json.loads((clip / "config.json").read_text("utf-8"))
    (clip / "config.json").write_text(json.dumps(config | {"projection_dim": 40}), "utf-8")
    assert embedding_dimension(located("clip", clip)) == 40


def test_a_tokeniser_that_cannot_be_used_is_a_clear_error(
    tiny_models: TinyModels, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_models.clipseg, folder)
    for name in ("tokenizer.json", "vocab.json"):
        (folder / name).write_bytes(b"{")
    model = load_model(located("clipseg", folder), device="cpu")
    with pytest.raises(ModelUnavailable, match=r"cannot be used.*models verify clipseg"):
        model.segment(Image.fromarray(noise(64, 64)), ["floor"], (64, 64))


def test_a_model_that_makes_no_vectors_is_refused(tiny_models: TinyModels, tmp_path: Path) -> None:
    """Any id can be named: one whose answer has another form must not be taken for a vector."""
    files = located("clip", tiny_models.clip)
    model = load_model(files, device="cpu")
    odd = torch_models.TorchModel(_Odd(model.model), files, "cpu")
    with pytest.raises(ModelUnavailable, match="makes no vectors of 24 numbers"):
        odd.embed(noise(64, 64)[None])


@pytest.mark.parametrize("name", ["clip", "clipseg"])
def test_one_run_at_a_time(
    tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The lock is held while the model runs, by either way in, and free again after an error."""
    model = load_model(located(name, getattr(tiny_models, name)), device="cpu")
    locks: list[bool] = []

    def fails(*_: Any, **__: Any) -> None:
        locks.append(model._running.locked())
        raise RuntimeError("out of memory")

    monkeypatch.setattr(
        model.model.vision_model if name == "clip" else model.model, "forward", fails
    )
    with pytest.raises(RuntimeError, match="out of memory"):
        if name == "clip":
            model.embed(noise(64, 64)[None])
        else:
            model.segment(Image.fromarray(noise(64, 64)), ["floor"], (64, 64))
    assert locks == [True]
    assert not model._running.locked()


class _Odd:
    """Answers with a map of features."""

    def __init__(self, model: Any) -> None:
        self.dtype = model.dtype

    def get_image_features(self, pixel_values: Any) -> Any:
        return pixel_values


def test_a_device_that_is_not_there_is_refused(tiny_models: TinyModels) -> None:
    files = located("clip", tiny_models.clip)
    with pytest.raises(SettingsError, match=r"FLOORLENS_DEVICE: there is no cuda:99.*auto"):
        load_model(files, device="cuda:99")
    assert load_model(files, device="auto").device in ("cpu", "mps", "cuda")


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_without_the_extra_the_error_says_what_to_install(
    tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    files = located("clip", tiny_models.clip)
    torch_models._config.cache_clear()
    torch_models._load.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependency, match=r"pip install 'floorlens\[clip\]'"):
        load_model(files, device="cpu")


def test_loading_prints_nothing_and_leaves_the_log_as_it_was(
    tiny_models: TinyModels, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its bars and reports would run into tables, and its level is the caller's own."""
    import transformers

    folder = tmp_path / "loud"
    shutil.copytree(tiny_models.clipseg, folder)
    transformers.utils.logging.set_verbosity_info()
    try:
        capfd.readouterr()
        load_model(located("clipseg", folder), device="cpu")
        output = capfd.readouterr()
        assert (output.out, output.err) == ("", "")
        assert transformers.utils.logging.get_verbosity() == transformers.logging.INFO
        assert transformers.utils.logging.is_progress_bar_enabled()
    finally:
        transformers.utils.logging.set_verbosity_warning()
