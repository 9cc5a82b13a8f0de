"""The options of presets that run models of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from floorlens.errors import SettingsError

Crop = Literal["box", "mask"]
"""The part of the photo that is embedded: the bounding box of the floor, or floor alone."""
Rerank = Literal["single", "patches"]
"""What is compared after retrieval: the whole region again, or several patches as well."""
Dtype = Literal["float32", "float16", "bfloat16"]

CROPS: tuple[Crop, ...] = get_args(Crop)
RERANKS: tuple[Rerank, ...] = get_args(Rerank)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class ModelOptions:
    """Which models of the hub are used, and how they run.

    Attributes:
        models: name in `floorlens.models.hub.MODELS` -> the Hugging Face id or local folder of the
            model in its place.
        revisions: name in `MODELS` -> commit, tag or branch.
        device: "auto" (CUDA, else MPS, else the CPU), "cpu", "mps", "cuda" or "cuda:1".
        dtype: of the weights: "float32", "float16" or "bfloat16".
        prompts: what the segmenter is asked for; None: as the preset says.
        crop: the part of the photo that is embedded; None: as the preset says.
        rerank: what is compared after retrieval; None: as the preset says.

    Raises:
        SettingsError: a value is not one of these.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    dtype: Dtype = "float32"
    prompts: tuple[str, ...] | None = None
    crop: Crop | None = None
    rerank: Rerank | None = None

    def __post_init__(self) -> None:
        if not _DEVICE.fullmatch(self.device):
            raise SettingsError(
                f"unknown device {self.device!r}: known are auto, cpu, mps, cuda and cuda:NUMBER"
            )
        for what, value, values in (
            ("dtype", self.dtype, DTYPES),
            ("crop", self.crop or CROPS[0], CROPS),
            ("rerank", self.rerank or RERANKS[0], RERANKS),
        ):
            if value not in values:
                raise SettingsError(f"unknown {what} {value!r}: known are {', '.join(values)}")
        if self.prompts is not None and not (self.prompts and all(p.strip() for p in self.prompts)):
            raise SettingsError(
                "the prompts are one or more words or sentences, none of them empty"
            )
