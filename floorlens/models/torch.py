"""Models of the hub on PyTorch, with transformers: loaded once, when they are first needed."""

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
"""Pictures of one run."""
SEGMENTERS = frozenset({"clipseg"})
"""The models that segment, by name and by type of transformers; all others embed pictures."""

# While one thread loads a model, transformers prints nothing: a setting of the whole process.
_LOADING = threading.Lock()
# Errors of transformers on files that it cannot use.
_UNUSABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError)
# Weights that may be absent: indices, and the mask of training.
_DISPENSABLE = ("position_ids", "mask_token")


@dataclass(frozen=True)
class TorchModel:
    """A model in memory; safe to call from several threads.

    Attributes:
        model: the model of transformers, in evaluation mode, on its device.
        files: its files.
        device: "cpu", "cuda", "cuda:1" or "mps".
    """

    model: Any
    files: ModelFiles
    device: str
    # Two runs at once would only compete for cores, or for the memory of the GPU.
    _running: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the embeddings, float32 (n, d), of uint8 (n, h, w, 3) sRGB pictures of its size.

        The pictures are rescaled and normalised here; `preprocess` gives them the model's size. The
        embeddings are not L2-normalised. Equal arrays give equal embeddings.

        Raises:
            ModelUnavailable: the model makes no embeddings of pictures.
        """
        import torch

        dimension = embedding_dimension(self.files)
        parts = [np.empty((0, dimension), np.float32)]
        scale, mean, spread = self._normalisation
        for start in range(0, len(pixels), BATCH):
            values = (pixels[start : start + BATCH] * scale).astype(np.float32)
            planes = np.ascontiguousarray(((values - mean) / spread).transpose(0, 3, 1, 2))
            batch = torch.from_numpy(planes).to(self.device, self.model.dtype)
            with self._running, torch.inference_mode():
                if hasattr(self.model, "get_image_features"):
                    answer = self.model.get_image_features(pixel_values=batch)
                else:
                    answer = self.model(pixel_values=batch)
            # transformers 4 returns the tensor of features itself.
            rows = answer if torch.is_tensor(answer) else answer.pooler_output
            if rows is None or rows.ndim != 2 or rows.shape[1] != dimension:
                raise ModelUnavailable(
                    f"the model {self.files.model_id} makes no vectors of {dimension} numbers from "
                    "pictures: take one that does"
                )
            parts.append(rows.to("cpu", torch.float32).numpy())
        return np.concatenate(parts)

    def segment(
        self, photo: Image.Image, prompts: Sequence[str], shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Returns the probability 0..1, float32 `shape` = (h, w), that a pixel shows any prompt.

        It is the sigmoid of the logits, the largest of all prompts, scaled bilinearly to the shape.

        Raises:
            ModelUnavailable: its tokeniser or image processor cannot be used.
        """
        import torch

        with _explained(self.files):
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
        probability: NDArray[np.float32] = scaled[0, 0].numpy()
        return probability

    @cached_property
    def _normalisation(self) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        """Returns factor, mean and spread of the model's image processor."""
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

    Args:
        files: its files.
        device: "auto" (CUDA, else MPS, else the CPU), "cpu", "mps", "cuda" or "cuda:1".
        dtype: of the weights: "float32", "float16" or "bfloat16".
        threads: of PyTorch, for the whole process; 0 leaves them as they are.

    Raises:
        ModelUnavailable: the files cannot be loaded, lack weights, or are those of another kind
            of model.
        MissingDependency: the extra `[clip]` is not installed.
        SettingsError: there is no such device here.

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> load_model(files).device  # doctest: +SKIP
        'cpu'
    """
    torch = _torch()
    if threads:
        torch.set_num_threads(threads)
    with _LOADING:
        return _load(files, _device(torch, device), dtype)


@lru_cache(maxsize=16)
def _load(files: ModelFiles, device: str, dtype: str) -> TorchModel:
    import torch

    transformers = _transformers()
    segments = _config(files).model_type in SEGMENTERS
    kind = transformers.CLIPSegForImageSegmentation if segments else transformers.AutoModel
    with _quiet(), _explained(files):
        model, info = kind.from_pretrained(
            files.folder,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            output_loading_info=True,
        )
    absent = [name for name in info["missing_keys"] if not name.endswith(_DISPENSABLE)]
    if absent:
        # transformers fills them with random numbers, and only warns of it.
        raise ModelUnavailable(
            f"the model {files.model_id} in {files.folder} lacks {len(absent)} of its weights "
            f"(first: {sorted(absent)[0]}): remove it and run `floorlens models pull "
            f"{files.model.name}`"
        )
    return TorchModel(model.to(device).eval(), files, device)


def image_processor(files: ModelFiles) -> Any:
    """Returns the model's image processor, of those that work with Pillow; loaded once.

    The models' published embeddings were made with Pillow's resizing; torchvision's differs from it
    in single code values.

    Raises:
        ModelUnavailable: there is none in the model's folder.
        MissingDependency: the extra `[clip]` is not installed.

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> image_processor(files).size  # doctest: +SKIP
        {'shortest_edge': 224}
    """
    with _LOADING:
        return _image_processor(files)


@lru_cache(maxsize=16)
def _image_processor(files: ModelFiles) -> Any:
    transformers = _transformers()
    modern = int(transformers.__version__.partition(".")[0]) >= 5
    choice = {"backend": "pil"} if modern else {"use_fast": False}
    with _quiet(), _explained(files):
        return transformers.AutoImageProcessor.from_pretrained(
            files.folder, local_files_only=True, **choice
        )


def preprocess(files: ModelFiles, picture: Image.Image) -> NDArray[np.uint8]:
    """Returns the picture as its image processor scales and crops it, uint8 (h, w, 3) sRGB.

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> preprocess(files, Image.new("RGB", (640, 480))).shape  # doctest: +SKIP
        (224, 224, 3)
    """
    processor = image_processor(files)
    values = processor(
        images=picture,
        do_rescale=False,
        do_normalize=False,
        return_tensors="np",
        input_data_format="channels_last",
    )["pixel_values"]
    if values.ndim != 4:
        raise ModelUnavailable(
            f"the model {files.model_id} takes pictures of any size, in pieces, which is not "
            "supported: take a model of a fixed size"
        )
    return np.ascontiguousarray(values[0].transpose(1, 2, 0)).astype(np.uint8)


def crops_middle(files: ModelFiles) -> bool:
    """Returns whether the model's image processor takes only the middle of a picture.

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> crops_middle(files)  # doctest: +SKIP
        True
    """
    return bool(getattr(image_processor(files), "do_center_crop", False))


def embedding_dimension(files: ModelFiles) -> int:
    """Returns the length of a model's picture embeddings, from its configuration; 0 if it segments.

    Raises:
        ModelUnavailable: the configuration cannot be read, does not say it, or is that of another
            kind of model.

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> embedding_dimension(files)  # doctest: +SKIP
        512
    """
    with _LOADING:
        return _dimension(files)


@lru_cache(maxsize=16)
def _dimension(files: ModelFiles) -> int:
    with _explained(files):
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

    Example:
        >>> from floorlens.models.hub import locate, model_named
        >>> files = locate(model_named("clip"))  # doctest: +SKIP
        >>> try_out(files)  # doctest: +SKIP
        512
    """
    grey = Image.new("RGB", (64, 48), "grey")
    model = load_model(files, device="cpu")
    with _explained(files):
        if embedding_dimension(files):
            return int(model.embed(preprocess(files, grey)[None]).shape[1])
        model.segment(grey, ["floor"], (48, 64))
    return 0


@lru_cache(maxsize=16)
def _config(files: ModelFiles) -> Any:
    """Returns the configuration, after checking that the model is of the kind its place needs."""
    with _quiet(), _explained(files):
        config = _transformers().AutoConfig.from_pretrained(files.folder, local_files_only=True)
    segments = files.model.name in SEGMENTERS
    if (config.model_type in SEGMENTERS) != segments:
        kind = (
            "segments by prompts, as CLIPSeg does" if segments else "embeds pictures, as CLIP does"
        )
        raise ModelUnavailable(
            f"{variable(files.model.name)}: the model {files.model_id} in {files.folder} is of the "
            f"type {config.model_type}: name one that {kind}"
        )
    return config


@lru_cache(maxsize=64)
def _tokens(files: ModelFiles, prompts: tuple[str, ...]) -> dict[str, Any]:
    """Returns the prompts as tensors for the segmenter."""
    tokeniser = _tokeniser(files)
    tokens = tokeniser(list(prompts), padding=True, truncation=True, return_tensors="pt")
    return {name: tokens[name] for name in ("input_ids", "attention_mask")}


@lru_cache(maxsize=4)
def _tokeniser(files: ModelFiles) -> Any:
    kind = _transformers().AutoTokenizer
    with _LOADING, _quiet():
        try:
            return kind.from_pretrained(files.folder, local_files_only=True)
        except Exception as error:
            if type(error) is not Exception:
                raise
            # The library tokenizers raises plain `Exception` on files that it cannot read.
            raise ValueError("the tokeniser's files cannot be read") from error


@contextmanager
def _explained(files: ModelFiles) -> Iterator[None]:
    """Turns errors of transformers on files that it cannot use into `ModelUnavailable`."""
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
    """Keeps transformers from drawing bars and printing reports while it loads something."""
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
    devices = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _mps(torch)}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if devices[device])
    kind, _, number = name.partition(":")
    if not devices.get(kind) or (number and int(number) >= torch.cuda.device_count()):
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
