"""Running models with transformers on PyTorch: loaded once, when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import MissingDependency, ModelUnavailable, SettingsError
from floorlens.models.hub import NEEDS_CLIP, ModelFiles, variable

BATCH = 16
"""Pictures to a run."""
SEGMENTERS = frozenset({"clipseg"})
"""Types of models that segment, and the places of such; all others embed pictures."""

# Loading changes what transformers prints, which is the process's own business.
_LOADING = threading.Lock()
# What transformers raises on files that it cannot use.
_UNUSABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError)
# Made anew where they are absent: indices, and what only training masks with.
_MADE_ANEW = ("position_ids", "mask_token")


@dataclass(frozen=True)
class TorchModel:
    """A model in memory; safe to call from several threads.

    Attributes:
        model: of transformers, in evaluation mode, on its device.
        files: what it was loaded from.
        device: "cpu", "cuda", "cuda:1" or "mps".
    """

    model: Any
    files: ModelFiles
    device: str
    # Two runs at once would only take each other's cores, or memory of the GPU.
    _running: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the embeddings, float32 (n, d), of uint8 (n, h, w, 3) sRGB pictures of its size.

        They are only rescaled and normalised here. Not L2-normalised. Equal arrays give equal ones.

        Raises:
            ModelUnavailable: the model makes no embeddings of pictures.
        """
        import torch

        found = [np.empty((0, embedding_dimension(self.files)), np.float32)]
        scale, mean, spread = self._normalisation
        for start in range(0, len(pixels), BATCH):
            values = (pixels[start : start + BATCH] * scale).astype(np.float32)
            ready = np.ascontiguousarray(((values - mean) / spread).transpose(0, 3, 1, 2))
            batch = torch.from_numpy(ready).to(self.device, self.model.dtype)
            with self._running, torch.inference_mode():
                if hasattr(self.model, "get_image_features"):
                    answer = self.model.get_image_features(pixel_values=batch)
                else:
                    answer = self.model(pixel_values=batch)
            # transformers 4 returns the tensor of features itself.
            rows = answer if torch.is_tensor(answer) else answer.pooler_output
            if rows is None or rows.ndim != 2 or rows.shape[1] != found[0].shape[1]:
                raise ModelUnavailable(
                    f"the model {self.files.model_id} makes no vectors of "
                    f"{found[0].shape[1]} numbers from pictures: take one that does"
                )
            found.append(rows.to("cpu", torch.float32).numpy())
        return np.concatenate(found)

    def segment(
        self, photo: Image.Image, prompts: Sequence[str], shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Returns the probability 0..1, float32 `shape` = (h, w), that a pixel is of any prompt.

        The sigmoid of the logits, the largest of all prompts, scaled to the shape bilinearly.

        Raises:
            ModelUnavailable: its tokeniser or image processor cannot be used.
        """
        import torch

        with _usable(self.files):
            inputs = dict(_tokens(self.files, tuple(prompts)))
        picture = image_processor(self.files)(
            images=photo, return_tensors="pt", input_data_format="channels_last"
        )["pixel_values"]
        pixels = picture.to(self.device, self.model.dtype).repeat(len(prompts), 1, 1, 1)
        inputs = {name: value.to(self.device) for name, value in inputs.items()}
        with self._running, torch.inference_mode():
            logits = self.model(pixel_values=pixels, **inputs).logits
        logits = logits.to("cpu", torch.float32)
        likely = torch.sigmoid(logits.reshape(len(prompts), 1, *logits.shape[-2:]))
        largest = likely.amax(dim=0, keepdim=True)
        scaled = torch.nn.functional.interpolate(
            largest, size=shape, mode="bilinear", align_corners=False
        )
        found: NDArray[np.float32] = scaled[0, 0].numpy()
        return found

    @cached_property
    def _normalisation(self) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        """Factor, mean and spread of the model's image processor."""
        processor = image_processor(self.files)
        scale = float(processor.rescale_factor) if processor.do_rescale else 1.0
        if not processor.do_normalize:
            return scale, np.zeros(3, np.float32), np.ones(3, np.float32)
        mean, spread = processor.image_mean, processor.image_std
        return scale, np.array(mean, np.float32), np.array(spread, np.float32)


def load_model(
    files: ModelFiles, *, device: str = "auto", dtype: str = "float32", threads: int = 0
) -> TorchModel:
    """Returns a model, loaded once per process for each device and dtype.

    `threads` sets PyTorch's threads for the whole process; 0 leaves them as they are.

    Raises:
        ModelUnavailable: the files cannot be loaded, lack weights, or are of the wrong kind of
            model.
        MissingDependency: the extra `[clip]` is not installed.
        SettingsError: there is no such device here.
    """
    torch = _torch()
    if threads:
        torch.set_num_threads(threads)
    with _LOADING:
        return _loaded(files, _device(torch, device), dtype)


@lru_cache(maxsize=16)
def _loaded(files: ModelFiles, device: str, dtype: str) -> TorchModel:
    import torch

    transformers = _transformers()
    segments = _config(files).model_type in SEGMENTERS
    kind = transformers.CLIPSegForImageSegmentation if segments else transformers.AutoModel
    with _quiet(), _usable(files):
        model, info = kind.from_pretrained(
            files.folder,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            output_loading_info=True,
        )
    lacking = [name for name in info["missing_keys"] if not name.endswith(_MADE_ANEW)]
    if lacking:
        # transformers puts random numbers in their place, and says so in a warning alone.
        raise ModelUnavailable(
            f"the model {files.model_id} in {files.folder} lacks {len(lacking)} of its weights "
            f"(first: {sorted(lacking)[0]}): remove it and run `floorlens models pull "
            f"{files.model.name}`"
        )
    return TorchModel(model.to(device).eval(), files, device)


def image_processor(files: ModelFiles) -> Any:
    """Returns the model's image processor, of those that work with Pillow; loaded once.

    Pillow's resizing is what the models' published embeddings were made with; torchvision's
    differs from it in single code values.

    Raises:
        ModelUnavailable: there is none in the model's folder.
        MissingDependency: the extra `[clip]` is not installed.
    """
    with _LOADING:
        return _image_processor(files)


@lru_cache(maxsize=16)
def _image_processor(files: ModelFiles) -> Any:
    transformers = _transformers()
    modern = int(transformers.__version__.partition(".")[0]) >= 5
    choice = {"backend": "pil"} if modern else {"use_fast": False}
    with _quiet(), _usable(files):
        return transformers.AutoImageProcessor.from_pretrained(
            files.folder, local_files_only=True, **choice
        )


def fitted(files: ModelFiles, picture: Image.Image) -> NDArray[np.uint8]:
    """Returns the picture as its image processor scales and crops it, uint8 (h, w, 3) sRGB."""
    processor = image_processor(files)
    ready = processor(
        images=picture,
        do_rescale=False,
        do_normalize=False,
        return_tensors="np",
        input_data_format="channels_last",
    )["pixel_values"]
    if ready.ndim != 4:
        raise ModelUnavailable(
            f"the model {files.model_id} takes pictures of any size in pieces, which is not "
            "supported: take one of a fixed size"
        )
    return np.ascontiguousarray(ready[0].transpose(1, 2, 0)).astype(np.uint8)


def crops(files: ModelFiles) -> bool:
    """Whether the model's image processor takes the middle of a picture, not all of it."""
    return bool(getattr(image_processor(files), "do_center_crop", False))


def embedding_dimension(files: ModelFiles) -> int:
    """Returns the length of a model's picture embeddings, from its configuration; 0 if it segments.

    Raises:
        ModelUnavailable: the configuration cannot be read, says nothing of it, or is of the wrong
            kind of model.
    """
    with _LOADING:
        return _dimension(files)


@lru_cache(maxsize=16)
def _dimension(files: ModelFiles) -> int:
    with _usable(files):
        config = _config(files)
        if config.model_type in SEGMENTERS:
            return 0
        vision = getattr(config, "vision_config", None)
        if vision is None:
            return int(config.hidden_size)
        return int(getattr(config, "projection_dim", None) or vision.hidden_size)


def try_out(files: ModelFiles) -> int:
    """Loads a model and runs it on a grey picture; returns the length of its embedding, 0 if none.

    Raises:
        ModelUnavailable: it cannot be loaded or run.
    """
    grey = Image.new("RGB", (64, 48), "grey")
    model = load_model(files, device="cpu")
    with _usable(files):
        if embedding_dimension(files):
            return int(model.embed(fitted(files, grey)[None]).shape[1])
        model.segment(grey, ["floor"], (48, 64))
    return 0


@lru_cache(maxsize=16)
def _config(files: ModelFiles) -> Any:
    """Returns the configuration, after checking that the model is of the kind its place needs."""
    with _quiet(), _usable(files):
        config = _transformers().AutoConfig.from_pretrained(files.folder, local_files_only=True)
    wanted = files.model.name in SEGMENTERS
    if (config.model_type in SEGMENTERS) != wanted:
        kind = "segments by prompts, as CLIPSeg does" if wanted else "embeds pictures, as CLIP does"
        raise ModelUnavailable(
            f"{variable(files.model.name)}: the model {files.model_id} in {files.folder} is of the "
            f"type {config.model_type}: name one that {kind}"
        )
    return config


@lru_cache(maxsize=64)
def _tokens(files: ModelFiles, prompts: tuple[str, ...]) -> dict[str, Any]:
    """Returns the prompts as tensors for the segmenter."""
    tokeniser = _tokeniser(files)
    found = tokeniser(list(prompts), padding=True, truncation=True, return_tensors="pt")
    return {name: found[name] for name in ("input_ids", "attention_mask")}


@lru_cache(maxsize=4)
def _tokeniser(files: ModelFiles) -> Any:
    kind = _transformers().AutoTokenizer
    with _LOADING, _quiet():
        try:
            return kind.from_pretrained(files.folder, local_files_only=True)
        except Exception as error:
            if type(error) is not Exception:
                raise
            # What the library tokenizers raises on its files has no class of its own.
            raise ValueError("the tokeniser's files cannot be read") from error


@contextmanager
def _usable(files: ModelFiles) -> Iterator[None]:
    """Turns what transformers raises on files that it cannot use into our own error."""
    try:
        yield
    except _unusable() as error:
        raise ModelUnavailable(
            f"the model {files.model_id} in {files.folder} cannot be used "
            f"({type(error).__name__}): `floorlens models verify {files.model.name}` says whether "
            "its files are whole"
        ) from error


def _unusable() -> tuple[type[BaseException], ...]:
    from safetensors import SafetensorError

    return (*_UNUSABLE, SafetensorError)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers from drawing bars and printing reports while something is loaded."""
    log = _transformers().utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def _device(torch: Any, name: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _mps(torch)}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    kind, _, number = name.partition(":")
    if not there.get(kind) or (number and int(number) >= torch.cuda.device_count()):
        raise SettingsError(
            f"FLOORLENS_DEVICE: there is no {name} that PyTorch can use; auto takes what there is"
        )
    return name


def _mps(torch: Any) -> bool:
    return bool(torch.backends.mps.is_available())


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingDependency(f"this preset {NEEDS_CLIP}") from error
    return torch


def _transformers() -> Any:
    _torch()
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency(f"this preset {NEEDS_CLIP}") from error
    return transformers
