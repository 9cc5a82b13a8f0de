"""The computation of the CLIPSeg + CLIP reference design, with random weights.

Time does not depend on weights. Some inputs are ready-made, which favours the reference. Needs the
extra `[clip]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.images.formats import PILLOW_FORMATS

# The published configurations of CIDAS/clipseg-rd64-refined and openai/clip-vit-base-patch32.
CLIPSEG_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 352,
    "patch_size": 16,
}
CLIPSEG_TEXT = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "vocab_size": 49408,
}
CLIPSEG_DECODER = {
    "projection_dim": 512,
    "reduce_dim": 64,
    "extract_layers": [3, 6, 9],
    "decoder_num_attention_heads": 4,
    "decoder_intermediate_size": 2048,
    "conditional_layer": 0,
    # What "refined" adds: three convolutions in place of one to enlarge the mask.
    "use_complex_transposed_convolution": True,
}
CLIP_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "projection_dim": 512,
}


class ClipSeg:
    """The reference design's segmenter with random weights."""

    SIDE = 352

    def __init__(self, threads: int) -> None:
        """Builds the model; takes some seconds."""
        import torch
        from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._torch = torch
        self._model = CLIPSegForImageSegmentation(
            CLIPSegConfig(text_config=CLIPSEG_TEXT, vision_config=CLIPSEG_VISION, **CLIPSEG_DECODER)
        ).eval()
        # "a floor" between the two special tokens: a pass encodes its prompt too.
        self._prompt = torch.tensor([[49406, 320, 3425, 49407]])
        self.photo = torch.rand(1, 3, self.SIDE, self.SIDE)

    def run(self, photo: Any) -> Any:
        """Returns the logits, a tensor of 352 x 352, for a tensor (1, 3, 352, 352)."""
        with self._torch.inference_mode():
            return self._model(
                input_ids=self._prompt,
                attention_mask=self._torch.ones_like(self._prompt),
                pixel_values=photo,
            ).logits


class Clip:
    """The reference design's image encoder with random weights: CLIP ViT-B/32."""

    SIDE = 224
    # The published preprocessing's.
    MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
    SPREAD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)

    def __init__(self, threads: int) -> None:
        """Builds the model; takes some seconds."""
        import torch
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._torch = torch
        self._threads = threads
        self._model = CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP_VISION)).eval()
        self.crop = torch.rand(1, 3, self.SIDE, self.SIDE)
        self.pair = torch.rand(2, 3, self.SIDE, self.SIDE)

    def run(self, pictures: Any) -> Any:
        """Returns the embeddings, a tensor (n, 512), of a tensor (n, 3, 224, 224)."""
        with self._torch.inference_mode():
            return self._model(pixel_values=pictures).image_embeds

    def index(self, paths: Sequence[Path], batch: int) -> NDArray[np.float32]:
        """Returns the embeddings, float32 (n, 512), of picture files, `batch` to a run.

        Files are decoded by as many threads as the model has, while it runs.
        """
        batches = []
        with ThreadPoolExecutor(self._threads) as pool:
            decoded = pool.map(self._prepare, paths)
            for start in range(0, len(paths), batch):
                count = min(batch, len(paths) - start)
                pictures = np.stack([next(decoded) for _ in range(count)])
                batches.append(self.run(self._torch.from_numpy(pictures)).numpy())
        return np.concatenate(batches)

    def _prepare(self, path: Path) -> NDArray[np.float32]:
        """Returns a file as float32 (3, 224, 224): shorter side to 224, middle, standardised."""
        with Image.open(path, formats=PILLOW_FORMATS) as picture:
            # Decoded at reduced scale, as Floorlens does; the published preprocessing does not.
            picture.draft("RGB", (self.SIDE, self.SIDE))
            factor = self.SIDE / min(picture.size)
            size = round(picture.width * factor), round(picture.height * factor)
            small = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        left, top = (small.width - self.SIDE) // 2, (small.height - self.SIDE) // 2
        middle = small.crop((left, top, left + self.SIDE, top + self.SIDE))
        values = (np.asarray(middle, dtype=np.float32) / 255 - self.MEAN) / self.SPREAD
        return np.ascontiguousarray(values.transpose(2, 0, 1))


class Reference:
    """The reference design: it computes and throws away."""

    def __init__(self, threads: int) -> None:
        """Builds both models; takes some seconds."""
        self._segmenter = ClipSeg(threads)
        self.clip = Clip(threads)

    def query(self, segmentations: int, pairs: int) -> None:
        """Runs the computation of one query, its tensors ready-made."""
        for _ in range(segmentations):
            self._segmenter.run(self._segmenter.photo)
        self.clip.run(self.clip.crop)
        for _ in range(pairs):
            self.clip.run(self.clip.pair)
