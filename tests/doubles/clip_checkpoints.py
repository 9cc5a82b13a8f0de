"""Tiny random checkpoints of the models that the presets take from the hub.

Real classes of transformers, saved as the hub's repositories are, with tokeniser and image
processor: everything that runs is what runs with the published weights, only smaller. `conftest.py`
offers them as the session fixture `tiny_models`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIDE = 64
PATCH = 16
DIMENSIONS = {"clip": 24, "siglip2": 32, "dinov2": 32}
"""Lengths of the embeddings: none is a published one, so that no number is taken for granted."""


@dataclass(frozen=True)
class TinyModels:
    """Folders of tiny checkpoints, as `FLOORLENS_CLIP_MODEL` and its likes take them."""

    clip: Path
    clipseg: Path
    siglip2: Path
    dinov2: Path

    def environment(self) -> dict[str, str]:
        """Returns the variables that put these in the place of the published models."""
        return {
            f"FLOORLENS_{name.upper()}_MODEL": str(getattr(self, name))
            for name in ("clip", "clipseg", "siglip2", "dinov2")
        }


def build(folder: Path) -> TinyModels:
    """Builds and saves the checkpoints below a folder; takes some seconds."""
    made = TinyModels(*(folder / name for name in ("clip", "clipseg", "siglip2", "dinov2")))
    for path in (made.clip, made.clipseg, made.siglip2, made.dinov2):
        path.mkdir(parents=True)
    _clip(made.clip)
    _clipseg(made.clipseg)
    _siglip2(made.siglip2)
    _dinov2(made.dinov2)
    return made


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
    """Returns what makes `from_pretrained` take the image processors that work with Pillow."""
    import transformers

    modern = int(transformers.__version__.partition(".")[0]) >= 5
    return {"backend": "pil"} if modern else {"use_fast": False}


def filled(model: Any) -> Any:
    """Returns the model with weights drawn anew, the same ones with every version of transformers.

    As they are initialised all pictures have nearly the same embedding, and a prompt hardly counts.
    """
    import torch

    # Its number decides which random checkpoints there are: never change it for a single test.
    generator = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for name, weights in sorted(model.named_parameters()):
            if name.endswith("bias"):
                weights.zero_()
            elif weights.ndim > 1:
                inputs = 1 if "embedding" in name and weights.ndim < 4 else weights[0].numel()
                drawn = torch.randn(weights.shape, generator=generator)
                weights.copy_(drawn * (1.5 / inputs**0.5))
                if name.endswith("transposed_convolution.4.weight"):
                    # Logits of about 3, as a trained model has them.
                    weights.mul_(12.0)
    return model.eval()


def _byte_characters() -> list[str]:
    """Returns the 256 characters that CLIP's tokeniser writes bytes with."""
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
    filled(tf.CLIPModel(config)).save_pretrained(folder)
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
    filled(tf.CLIPSegForImageSegmentation(config)).save_pretrained(folder)
    processor = pil_class("ViT")(
        size={"height": SIDE, "width": SIDE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    tf.CLIPSegProcessor(image_processor=processor, tokenizer=tokeniser).save_pretrained(folder)


def _siglip2(folder: Path) -> None:
    """As google/siglip2-base-patch16-224 is: of the type "siglip", of a fixed size."""
    import transformers as tf

    text = _text(514) | {"max_position_embeddings": 64, "projection_size": 32}
    config = tf.SiglipConfig(text_config=text, vision_config=_vision())
    filled(tf.SiglipModel(config)).save_pretrained(folder)
    pil_class("Siglip")(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def _dinov2(folder: Path) -> None:
    import transformers as tf

    config = tf.Dinov2Config(**_vision(mlp_ratio=2))
    filled(tf.Dinov2Model(config)).save_pretrained(folder)
    pil_class("Bit")(
        size={"shortest_edge": 72}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)
