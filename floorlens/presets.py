"""Presets: which backend serves each stage, as data. `load_stages` turns one into objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from floorlens.errors import SettingsError, StampMismatch

if TYPE_CHECKING:
    from floorlens.embedding import Embedder
    from floorlens.embedding.projection import Projection
    from floorlens.index import Collection, Engine, VectorIndex
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
        segmenter, normaliser, embedder, reranker, index: the backend of each stage, by file name.
        mask_threshold: a pixel is floor above this probability.
        min_visible: below this probability that there is a floor at all, `NoFloorFound`.
        min_share: below this share of the photo, `NoFloorFound`.
        rerank_depth: how many of the retrieved products are compared in detail.
    """

    name: str
    description: str
    segmenter: str
    normaliser: str
    embedder: str
    reranker: str
    index: str
    mask_threshold: float = 0.5
    min_visible: float = 0.5
    min_share: float = 0.005
    rerank_depth: int = 200


# Small models of our own on onnxruntime, no download: the default.
BUILTIN = Preset(
    name="builtin",
    description="Small models of the package's own on onnxruntime; no download, no GPU.",
    segmenter="builtin",
    normaliser="builtin",
    embedder="builtin",
    reranker="builtin",
    index="exact",
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (BUILTIN,)}

# stage -> backend -> class. A backend is imported only when a preset names it.
BACKENDS: Mapping[str, Mapping[str, str]] = {
    "segmentation": {"builtin": "BuiltinSegmenter"},
    "normalisation": {"builtin": "BuiltinNormaliser"},
    "embedding": {"builtin": "BuiltinEmbedder"},
    "reranking": {"builtin": "BuiltinReranker"},
    "index": {
        "exact": "ExactIndex",
        "lancedb": "LanceIndex",
        "milvus": "MilvusIndex",
        "pgvector": "PgvectorIndex",
        "pinecone": "PineconeIndex",
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


def load_stages(preset: Preset, *, threads: int = 0) -> Stages:
    """Returns the preset's backends; models load at once, `threads` = 0 takes all cores."""
    return Stages(
        preset,
        segmenter=_backend("segmentation", preset.segmenter)(threads=threads),
        normaliser=_backend("normalisation", preset.normaliser)(),
        embedder=_backend("embedding", preset.embedder)(threads=threads),
        reranker=_backend("reranking", preset.reranker)(),
    )


def new_index(
    engine: Engine, collection: Collection, *, create: bool = True, take_over: bool = False
) -> VectorIndex:
    """Returns a collection of a vector engine, opened as `VectorIndex.open` does.

    Raises:
        EngineError: it cannot be used.
        MissingDependency: the engine's extra is not installed.
    """
    index: VectorIndex = _backend("index", engine.name).open(
        engine, collection, create=create, take_over=take_over
    )
    return index


def _backend(stage: str, name: str) -> Any:
    return getattr(import_module(f"floorlens.{stage}.{name}"), BACKENDS[stage][name])
