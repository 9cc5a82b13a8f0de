"""Presets: which backend serves each stage, as data. `load_stages` turns one into objects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from floorlens.errors import SettingsError
from floorlens.models.hub import MODELS, HubModel, model_named
from floorlens.models.options import Crop, ModelOptions, Rerank

if TYPE_CHECKING:
    from floorlens.embedding import Embedder
    from floorlens.normalisation import Normaliser
    from floorlens.reranking import Reranker
    from floorlens.segmentation import Segmenter

DEFAULT_PRESET = "builtin"


@dataclass(frozen=True)
class Preset:
    """A named configuration of the pipeline.

    Attributes:
        name: what users call it.
        description: one sentence on what it is for.
        segmenter, normaliser, embedder, reranker: the backend of each stage, by file name.
        encoder: the hub model that embeds, a name in `hub.MODELS`; empty where there is none.
        mask_threshold: a pixel is floor above this probability.
        min_visible: below this probability that there is a floor at all, `NoFloorFound`.
        min_share: below this share of the photo, `NoFloorFound`.
        sure_visible: below this probability that there is a floor at all, the region is doubtful.
        rerank_depth: how many of the retrieved products are compared in detail.
        examine_products: whether product pictures are examined for frames, grounds and rooms; else
            they are taken whole, and none is segmented.
        takes_clicks: whether the segmenter runs once more with the clicks; if not, its first answer
            is corrected by colour alone.
        prompts, crop, rerank: of presets on hub models, where `ModelOptions` leave them open.
    """

    name: str
    description: str
    segmenter: str
    normaliser: str
    embedder: str
    reranker: str
    encoder: str = ""
    mask_threshold: float = 0.5
    min_visible: float = 0.5
    min_share: float = 0.005
    sure_visible: float = 0.0
    rerank_depth: int = 200
    examine_products: bool = True
    takes_clicks: bool = True
    prompts: tuple[str, ...] = ("floor",)
    crop: Crop = "box"
    rerank: Rerank = "single"


# Small models of our own on onnxruntime, no download: the default.
BUILTIN = Preset(
    name="builtin",
    description="Small models of the package's own on onnxruntime; no download, no GPU.",
    segmenter="builtin",
    normaliser="builtin",
    embedder="builtin",
    reranker="builtin",
    # Held-out rooms, and pictures of kinds that the score was not trained on: below the first are
    # 1.3 % of the rooms, below the second 9 in 10 pictures without a floor.
    min_visible=0.15,
    sure_visible=0.85,
)

# The reference design by its parts, as it computes: box crop, one vector, the same cosine again.
# A floor is found where any pixel is, and product pictures are embedded whole.
CLIP = Preset(
    name="clip",
    description="The reference design: CLIPSeg (Apache-2.0, about 604 MB) and CLIP ViT-B/32 (MIT, "
    "about 605 MB, 512 numbers).",
    segmenter="clipseg",
    normaliser="clip",
    embedder="clip",
    reranker="clip_pairwise",
    encoder="clip",
    # One pixel of the largest picture that is accepted is more: any floor pixel is a floor.
    min_share=1e-9,
    examine_products=False,
    takes_clicks=False,
)
# The reference design with a later encoder of the same kind in CLIP's place.
# Nothing else differs, so that a comparison is one of encoders.
SIGLIP2 = replace(
    CLIP,
    name="siglip2",
    description="The reference design with SigLIP 2 ViT-B/16 (Apache-2.0, about 1501 MB, 768 "
    "numbers) for CLIP.",
    encoder="siglip2",
)
# The same with an encoder that was trained on pictures alone, without texts.
# Such an encoder tells textures apart, one trained with texts tells objects. Its smallest size.
DINOV2 = replace(
    CLIP,
    name="dinov2",
    description="The reference design with DINOv2 ViT-S/14 (Apache-2.0, about 88 MB, 384 numbers) "
    "for CLIP.",
    encoder="dinov2",
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (BUILTIN, CLIP, SIGLIP2, DINOV2)}

# stage -> backend -> class. A backend is imported only when a preset names it.
BACKENDS: Mapping[str, Mapping[str, str]] = {
    "segmentation": {"builtin": "BuiltinSegmenter", "clipseg": "ClipsegSegmenter"},
    "normalisation": {"builtin": "BuiltinNormaliser", "clip": "ClipNormaliser"},
    "embedding": {"builtin": "BuiltinEmbedder", "clip": "ClipEmbedder"},
    "reranking": {"builtin": "BuiltinReranker", "clip_pairwise": "ClipPairwiseReranker"},
}


@dataclass(frozen=True)
class Stages:
    """The loaded backends of one preset; safe to call from several threads."""

    preset: Preset
    segmenter: Segmenter
    normaliser: Normaliser
    embedder: Embedder
    reranker: Reranker

    def stamp(self) -> dict[str, Any]:
        """Returns what decides whether stored features are comparable with new ones.

        The projection is no part of it: it belongs to the catalogue (`Catalogue.projections`).
        """
        return {
            "preset": self.preset.name,
            "normaliser": self.normaliser.stamp.as_dict(),
            "embedder": self.embedder.stamp.as_dict(),
        }


def preset_named(name: str) -> Preset:
    """Returns the preset of that name.

    Raises:
        SettingsError: there is none.

    Example:
        >>> preset_named("clip").segmenter
        'clipseg'
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise SettingsError(
            f"unknown preset {name!r}: known are {', '.join(sorted(PRESETS))}"
        ) from None


def models_of(name: str, options: ModelOptions | None = None) -> list[HubModel]:
    """Returns the hub models that a preset needs, or the one model of that name.

    Raises:
        SettingsError: there is neither.

    Example:
        >>> [model.model_id for model in models_of("dinov2")]
        ['CIDAS/clipseg-rd64-refined', 'facebook/dinov2-small']
    """
    preset = PRESETS.get(name)
    parts = () if preset is None else (preset.segmenter, preset.encoder)
    names = [part for part in parts if part in MODELS]
    return [model_named(part, options) for part in names or [name]]


def load_stages(preset: Preset, *, threads: int = 0, models: ModelOptions | None = None) -> Stages:
    """Returns the backends of a preset, loaded.

    The package's own models load at once, those of the hub when they are first needed.

    Args:
        preset: which.
        threads: for the models; 0 takes all cores.
        models: which models of the hub are taken, and how. What it says of prompts, crop and
            re-ranking takes the place of the preset's own; `Stages.preset` has the result.

    Example:
        >>> load_stages(BUILTIN).segmenter.stamp.model_id
        'floorlens-segmenter'
    """
    options = models or ModelOptions()
    preset = replace(
        preset,
        prompts=options.prompts or preset.prompts,
        crop=options.crop or preset.crop,
        rerank=options.rerank or preset.rerank,
    )
    options = replace(options, prompts=preset.prompts, crop=preset.crop, rerank=preset.rerank)
    settings = {"threads": threads, "options": options, "encoder": preset.encoder}
    return Stages(
        preset,
        segmenter=_load_backend("segmentation", preset.segmenter, settings),
        normaliser=_load_backend("normalisation", preset.normaliser, settings),
        embedder=_load_backend("embedding", preset.embedder, settings),
        reranker=_load_backend("reranking", preset.reranker, settings),
    )


def _load_backend(stage: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Returns a backend, made with those of the settings that its constructor names."""
    module = import_module(f"floorlens.{stage}.backends.{name}")
    backend = getattr(module, BACKENDS[stage][name])
    parameters = inspect.signature(backend).parameters
    return backend(**{key: value for key, value in settings.items() if key in parameters})
