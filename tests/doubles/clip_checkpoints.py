"""Tiny random checkpoints of the models that the presets fetch from the hub.

They use the real classes of transformers and are saved like the hub's repositories, with tokeniser
and image processor: the code that runs is that of the published weights, only the models are
smaller. `conftest.py` has them as the session fixture `tiny_models`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIDE = 64
PATCH = 16
DIMENSIONS = {"clip": 24, "siglip2": 32, "dinov2": 32}
"""Lengths of the embeddings; none is a published one, so that a fixed number in the code shows."""


@dataclass(frozen=True)
class TinyModels:
    """Folders of tiny checkpoints, for `FLOORLENS_CLIP_MODEL` and the like."""

    clip: Path
    clipseg: Path
    siglip2: Path
    dinov2: Path

    def environment(self) -> dict[str, str]:
        """Returns the environment variables that replace the published models by these."""
        return {
            f"FLOORLENS_{name.upper()}_MODEL": str(getattr(self, name))
            for name in ("clip", "clipseg", "siglip2", "dinov2")
        }


def build(folder: Path) -> TinyModels:
    """Builds and saves the checkpoints below a folder; takes some seconds."""
    models = TinyModels(*(folder / name for name in ("clip", "clipseg", "siglip2", "dinov2")))
    for path in (models.clip, models.clipseg, models.siglip2, models.dinov2):
        path.mkdir(parents=True)
    _clip(models.clip)
    _clipseg(models.clipseg)
    _siglip2(models.siglip2)
    _dinov2(models.dinov2)
    return models


def pil_class(name: str) -> Any:
    """Returns the class of an image processor that works with Pillow, in transformers 4 or 5.

    `name`: "CLIP", "ViT", "Siglip" or "Bit".
    """
    import transformers

    if int(transformers.__version__.partition(".")[0]) < 5:
        return getattr(transformers, f"{name}ImageProcessor")
    module = getattr(transformers.models, name.lower())
    return getattr(module, f"{name}ImageProcessorPil")


def with_pillow() -> dict[str, Any]:
    """Returns the options of `from_pretrained` for image processors that work with Pillow."""
    import transformers

    modern = int(transformers.__version__.partition(".")[0]) >= 5
    return {"backend": "pil"} if modern else {"use_fast": False}


def fill_weights(model: Any) -> Any:
    """Returns the model with new random weights, the same with every version of transformers.

    With the initial weights all pictures have nearly the same embedding, and a prompt has hardly
    any effect.
    """
    import torch

    # Another seed would change all checkpoints: never change it for a single test.
    generator = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for name, weights in sorted(model.named_parameters()):
            if name.endswith("bias"):
                weights.zero_()
            elif weights.ndim > 1:
                inputs = 1 if "embedding" in name and weights.ndim < 4 else weights[0].numel()
                values = torch.randn(weights.shape, generator=generator)
                weights.copy_(values * (1.5 / inputs**0.5))
                if name.endswith("transposed_convolution.4.weight"):
                    # Logits of about 3, as a trained model has them.
                    weights.mul_(12.0)
    return model.eval()


def _byte_characters() -> list[str]:
    """Returns the 256 characters by which CLIP's tokeniser writes bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + place) for place in range(len(rest))]


def tokeniser_in(folder: Path) -> tuple[Any, int]:
    """Returns CLIP's tokeniser with single characters for words, and the size of its vocabulary."""
    import transformers

    characters = _byte_characters()
    words = [*characters, *(f"{character}</w>" for character in characters)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    tokeniser = transformers.CLIPTokenizerFast.from_pretrained(folder, model_max_length=77)
    return tokeniser, len(words)


def _vision(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": SIDE,
        "patch_size": PATCH,
        **more,
    }


def _text(words: int) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "vocab_size": words,
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": words - 1,
    }


def _clip(folder: Path) -> None:
    import transformers as tf

    tokeniser, words = tokeniser_in(folder)
    config = tf.CLIPConfig(
        text_config=_text(words), vision_config=_vision(), projection_dim=DIMENSIONS["clip"]
    )
    fill_weights(tf.CLIPModel(config)).save_pretrained(folder)
    processor = pil_class("CLIP")(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    tf.CLIPProcessor(image_processor=processor, tokenizer=tokeniser).save_pretrained(folder)


def _clipseg(folder: Path) -> None:
    import transformers as tf

    tokeniser, words = tokeniser_in(folder)
    config = tf.CLIPSegConfig(
        text_config=_text(words),
        vision_config=_vision(),
        projection_dim=32,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=32,
        use_complex_transposed_convolution=True,
    )
    fill_weights(tf.CLIPSegForImageSegmentation(config)).save_pretrained(folder)
    processor = pil_class("ViT")(
        size={"height": SIDE, "width": SIDE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    tf.CLIPSegProcessor(image_processor=processor, tokenizer=tokeniser).save_pretrained(folder)


def _siglip2(folder: Path) -> None:
    """Like google/siglip2-base-patch16-224: of the type "siglip", of a fixed size."""
    import transformers as tf

    text = _text(514) | {"max_position_embeddings": 64, "projection_size": 32}
    config = tf.SiglipConfig(text_config=text, vision_config=_vision())
    fill_weights(tf.SiglipModel(config)).save_pretrained(folder)
    pil_class("Siglip")(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def _dinov2(folder: Path) -> None:
    import transformers as tf

    config = tf.Dinov2Config(**_vision(mlp_ratio=2))
    fill_weights(tf.Dinov2Model(config)).save_pretrained(folder)
    pil_class("Bit")(
        size={"shortest_edge": 72}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)
