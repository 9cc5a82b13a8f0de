"""Checkpoints of the published sizes with random weights: time does not depend on weights.

Everything else is real: the classes of transformers, tokeniser, image processors. The last bias of
the segmenter makes it find floor everywhere, so that a query runs all of its steps.
"""

from __future__ import annotations

import sys
from pathlib import Path

from machine import ROOT
from reference_design import CLIP_VISION, CLIPSEG_DECODER, CLIPSEG_TEXT, CLIPSEG_VISION

sys.path.insert(0, str(ROOT))

from tests.doubles.clip_checkpoints import fill_weights, pil_class, tokeniser_in


def build(folder: Path) -> dict[str, str]:
    """Writes the checkpoints of the presets' four models; returns their folders by name."""
    folders = {}
    for name, write in {
        "clip": _clip,
        "clipseg": _clipseg,
        "siglip2": _siglip2,
        "dinov2": _dinov2,
    }.items():
        (folder / name).mkdir(parents=True)
        write(folder / name)
        folders[name] = str(folder / name)
    return folders


def _clip(folder: Path) -> None:
    import transformers as tf

    tokeniser, words = tokeniser_in(folder)
    config = tf.CLIPConfig(
        text_config=CLIPSEG_TEXT | _special(words), vision_config=CLIP_VISION, projection_dim=512
    )
    fill_weights(tf.CLIPModel(config)).save_pretrained(folder)
    processor = pil_class("CLIP")(
        size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}
    )
    tf.CLIPProcessor(image_processor=processor, tokenizer=tokeniser).save_pretrained(folder)


def _clipseg(folder: Path) -> None:
    import torch
    import transformers as tf

    tokeniser, words = tokeniser_in(folder)
    config = tf.CLIPSegConfig(
        text_config=CLIPSEG_TEXT | _special(words),
        vision_config=CLIPSEG_VISION,
        **CLIPSEG_DECODER,
    )
    model = fill_weights(tf.CLIPSegForImageSegmentation(config))
    with torch.no_grad():
        model.decoder.transposed_convolution[4].bias.fill_(100.0)
    model.save_pretrained(folder)
    processor = pil_class("ViT")(
        size={"height": 352, "width": 352},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    tf.CLIPSegProcessor(image_processor=processor, tokenizer=tokeniser).save_pretrained(folder)


def _siglip2(folder: Path) -> None:
    """The vision tower of google/siglip2-base-patch16-224; nothing uses its text part."""
    import transformers as tf

    vision = {**_base(768, 12), "image_size": 224, "patch_size": 16}
    config = tf.SiglipConfig(text_config={**_base(768, 2), "vocab_size": 514}, vision_config=vision)
    fill_weights(tf.SiglipModel(config)).save_pretrained(folder)
    pil_class("Siglip")(size={"height": 224, "width": 224}).save_pretrained(folder)


def _dinov2(folder: Path) -> None:
    """The sizes of facebook/dinov2-small."""
    import transformers as tf

    config = tf.Dinov2Config(**_base(384, 6), image_size=518, patch_size=14, mlp_ratio=4)
    fill_weights(tf.Dinov2Model(config)).save_pretrained(folder)
    pil_class("Bit")(
        size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}
    ).save_pretrained(folder)


def _base(width: int, heads: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": 12,
        "num_attention_heads": heads,
    }


def _special(words: int) -> dict[str, int]:
    return {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": words - 1}
