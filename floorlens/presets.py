"""Presets: which backend serves each stage, as data. `load_stages` turns one into objects."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict

from floorlens.errors import SettingsError, StampMismatch
from floorlens.models.hub import MODELS, HubModel, model_named
from floorlens.models.options import Crop, ModelOptions, Rerank

if TYPE_CHECKING:
    from floorlens.embedding import Embedder
    from floorlens.embedding.projection import Projection
    from floorlens.engines import Collection, Engine, VectorIndex
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
        rerank_depth: how many of the retrieved products are compared in detail.
        examine_products: whether product pictures are examined for frames, grounds and rooms; else
            they are taken whole, and none is segmented.
        takes_clicks: whether the segmenter is asked anew with clicks; if not, what it found without
            them is corrected by colour alone.
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
    # Of the largest picture that is accepted one pixel is more.
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
# It tells textures where those of texts tell things; its smallest size, for CPUs.
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
    "index": {
        "exact": "exact.ExactIndex",
        "lancedb": "lancedb.collection.LanceIndex",
        "milvus": "milvus.collection.MilvusIndex",
        "pgvector": "pgvector.collection.PgvectorIndex",
        "pinecone": "pinecone.collection.PineconeIndex",
    },
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

        The projection is no part of it: it belongs to what is stored (`Catalogue.projections`).
        """
        return {
            "preset": self.preset.name,
            "normaliser": self.normaliser.stamp.as_dict(),
            "embedder": self.embedder.stamp.as_dict(),
        }


class Options(TypedDict, total=False):
    """How a catalogue is opened; every one may be left out.

    Attributes:
        preset: a name of `floorlens.presets.PRESETS`; None takes the catalogue's own, for a new one
            the default.
        index: the vector engine, by name or with its place ("exact", "lancedb", "pinecone",
            "pgvector", "milvus"); None is "exact". Any can be named at any time: it is
            filled from the catalogue.
        fallback: "exact" searches in this process's memory while the engine cannot be used, and the
            result says so; None raises the engine's error.
        threads: for the models; 0 takes all cores.
        max_megapixels: larger pictures are refused.
        models: which models of the Hugging Face hub are taken, for presets that run them.
        stages: backends of your own, instead of a preset's.
    """

    preset: str | None
    index: str | Engine | None
    fallback: str | None
    threads: int
    max_megapixels: float
    models: ModelOptions | None
    stages: Stages | None


def identity(stamp: Mapping[str, Any]) -> list[Any]:
    """Returns what of a catalogue's stamp decides comparability: preset, models, versions.

    Licences and descriptions are information: rewording one must not force a rebuild.
    """
    parts = (stamp.get(stage) or {} for stage in ("normaliser", "embedder"))
    keys = ("model_id", "version", "dimension")
    return [stamp.get("preset"), *([part.get(key) for key in keys] for part in parts)]


def check_stamp(live: Mapping[str, Any] | None, ours: Mapping[str, Any], location: str) -> None:
    """Checks that stages of one stamp may be used on a catalogue whose live one is the other.

    Raises:
        StampMismatch: their features cannot be compared.
    """
    if live is None or identity(live) == identity(ours):
        return
    raise StampMismatch(
        f"the catalogue {location} was made with {_describe(live)}, and this is "
        f"{_describe(ours)}: their embeddings cannot be compared. Run `floorlens index "
        f"--rebuild --preset {ours['preset']} --catalogue {location}`, or open it with "
        "the preset and version that made it"
    )


def _describe(stamp: Mapping[str, Any]) -> str:
    parts = (stamp.get(stage) or {} for stage in ("normaliser", "embedder"))
    models = ", ".join(f"{p.get('model_id', '?')} {p.get('version', '?')}" for p in parts)
    return f"preset {stamp.get('preset', '?')!r} ({models})"


def generation_stamp(stamp: Mapping[str, Any], projection: Projection | None) -> dict[str, Any]:
    """Returns the stamp of features that stages of `stamp` made with a projection."""
    if projection is None:
        return dict(stamp)
    return {**stamp, "projection": projection.stamp.as_dict()}


def encoder_key(stamp: Mapping[str, Any]) -> str:
    """Returns a short name, equal for stamps whose base features are comparable."""
    text = json.dumps(identity(stamp)[1:], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def preset_named(name: str) -> Preset:
    """Returns the preset of that name.

    Raises:
        SettingsError: there is none.
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
    """Returns the preset's backends; `threads` = 0 takes all cores.

    The package's own models load at once, those of the hub when they are first needed. `models`
    says which and how; it goes before the preset's own options, and the returned one has them.
    """
    given = models or ModelOptions()
    chosen = replace(
        preset,
        prompts=given.prompts or preset.prompts,
        crop=given.crop or preset.crop,
        rerank=given.rerank or preset.rerank,
    )
    options = replace(given, prompts=chosen.prompts, crop=chosen.crop, rerank=chosen.rerank)
    settings = {"threads": threads, "options": options, "encoder": preset.encoder}
    return Stages(
        chosen,
        segmenter=_made("segmentation", preset.segmenter, settings),
        normaliser=_made("normalisation", preset.normaliser, settings),
        embedder=_made("embedding", preset.embedder, settings),
        reranker=_made("reranking", preset.reranker, settings),
    )


def new_index(
    engine: Engine,
    collection: Collection,
    *,
    create: bool = True,
    take_over: bool = False,
    foreign: bool = False,
) -> VectorIndex:
    """Returns a collection of a vector engine, opened as `VectorIndex.open` does.

    Raises:
        EngineError: it cannot be used.
        MissingDependency: the engine's extra is not installed.
    """
    module, _, name = BACKENDS["index"][engine.name].rpartition(".")
    backend: Any = getattr(import_module(f"floorlens.engines.backends.{module}"), name)
    index: VectorIndex = backend.open(
        engine, collection, create=create, take_over=take_over, foreign=foreign
    )
    return index


def _made(stage: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Returns a backend, made with those of the settings that its constructor names."""
    backend = _backend(stage, name)
    named = inspect.signature(backend).parameters
    return backend(**{key: value for key, value in settings.items() if key in named})


def _backend(stage: str, name: str) -> Any:
    return getattr(import_module(f"floorlens.{stage}.backends.{name}"), BACKENDS[stage][name])
