"""Presets: which backend serves each stage, as data. `load_stages` turns one into objects.

Other packages bring presets too (`floorlens.plugins`): `preset_named` knows all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from floorlens.errors import FloorlensError, SettingsError, StampMismatch
from floorlens.models.hub import MODELS, HubModel, model_named
from floorlens.models.options import Crop, ModelOptions, Rerank
from floorlens.plugins import (
    known_names,
    load_object,
    load_plugin,
    missing_members,
    plugin_named,
)

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
        segmenter, normaliser, embedder, reranker: the backend of each stage: one of ours by its
            file name, or a class of another package as "module:Class".
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
        package: which package brings it, "" for Floorlens itself; `preset_named` fills it in.
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
    package: str = ""


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

        Raises:
            SettingsError: the embedder does not say how long its vectors are.
        """
        embedder = self.embedder.stamp
        if embedder.dimension < 1:
            raise SettingsError(
                f"the embedder {_class_of(self.embedder)} says in its stamp that its vectors have "
                f"{embedder.dimension} numbers: `stamp.dimension` is the length of its vectors"
            )
        package = {"package": self.preset.package} if self.preset.package else {}
        return {
            "preset": self.preset.name,
            **package,
            "normaliser": self.normaliser.stamp.as_dict(),
            "embedder": embedder.as_dict(),
        }


def preset_names() -> list[str]:
    """Returns the names of all presets: Floorlens's own, and those of other packages.

    Example:
        >>> preset_names()
        ['builtin', 'clip', 'dinov2', 'siglip2']
    """
    return known_names("preset", PRESETS)


def preset_named(name: str) -> Preset:
    """Returns the preset of that name, of Floorlens or of another package.

    Raises:
        SettingsError: there is none, or the package that brings it is broken.

    Example:
        >>> preset_named("clip").segmenter
        'clipseg'
    """
    if name in PRESETS:
        return PRESETS[name]
    plugin = plugin_named("preset", name, PRESETS)
    preset = load_plugin(plugin)
    if not isinstance(preset, Preset):
        raise SettingsError(
            f"{plugin} cannot be used: {plugin.target} is a {type(preset).__name__}, not a "
            "floorlens.presets.Preset"
        )
    if preset.name != name:
        raise SettingsError(
            f"{plugin} cannot be used: it calls itself {preset.name!r}; the package must give the "
            "entry point and the preset one name"
        )
    return replace(preset, package=plugin.package)


def stamped_preset(stamp: Mapping[str, Any] | None, location: str) -> Preset:
    """Returns the preset that made a catalogue; the default one if it is new.

    Args:
        stamp: of the catalogue's live features; None before the first product.
        location: the catalogue's address, for the message.

    Raises:
        StampMismatch: the package that brings the preset is not installed here.
        SettingsError: that package is broken.

    Example:
        >>> stamped_preset({"preset": "siglip2"}, "./catalogue").encoder
        'siglip2'
    """
    name = str((stamp or {}).get("preset") or DEFAULT_PRESET)
    if name in PRESETS:
        return PRESETS[name]
    if name not in preset_names():
        package = (stamp or {}).get("package")
        source, cure = "", "install the package that brings it, or pass its `stages=`"
        if package:
            source, cure = f" of the package {package}", f"install it (pip install {package})"
        raise StampMismatch(
            f"the catalogue {location} was made with the preset {name!r}{source}, which is not "
            f"installed here: {cure}; or embed the catalogue anew with another preset, such as "
            f"`floorlens index --rebuild --preset {DEFAULT_PRESET} --catalogue {location}`"
        )
    return preset_named(name)


def models_of(name: str, options: ModelOptions | None = None) -> list[HubModel]:
    """Returns the hub models that a preset needs, or the one model of that name.

    Raises:
        SettingsError: there is neither.

    Example:
        >>> [model.model_id for model in models_of("dinov2")]
        ['CIDAS/clipseg-rd64-refined', 'facebook/dinov2-small']
    """
    preset = PRESETS.get(name)
    if preset is None and name not in MODELS and name in preset_names():
        preset = preset_named(name)
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

    Raises:
        SettingsError: a backend cannot be loaded, or the backends do not fit together.

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
    stages = Stages(
        preset,
        segmenter=_load_backend(preset, "segmentation", preset.segmenter, settings),
        normaliser=_load_backend(preset, "normalisation", preset.normaliser, settings),
        embedder=_load_backend(preset, "embedding", preset.embedder, settings),
        reranker=_load_backend(preset, "reranking", preset.reranker, settings),
    )
    check_fit(stages)
    return stages


def check_fit(stages: Stages) -> None:
    """Checks that backends have what their stages ask of them, and that they fit together.

    No model is loaded for it. `floorlens.testing.check_stages` also runs them.

    Raises:
        SettingsError: one lacks a method, or the re-ranker cannot read the embedder's signatures.

    Example:
        >>> from floorlens.testing import fake_stages
        >>> check_fit(replace(fake_stages(), reranker=load_stages(BUILTIN).reranker))
        Traceback (most recent call last):
        floorlens.errors.SettingsError: the embedder floorlens...FakeEmbedder writes ...
    """
    from floorlens.embedding import Embedder
    from floorlens.normalisation import Normaliser
    from floorlens.reranking import Reranker
    from floorlens.segmentation import Segmenter

    contracts = {
        "segmenter": Segmenter,
        "normaliser": Normaliser,
        "embedder": Embedder,
        "reranker": Reranker,
    }
    for stage, contract in contracts.items():
        backend = getattr(stages, stage)
        missing = missing_members(backend, contract)
        if missing:
            raise SettingsError(
                f"the {stage} {_class_of(backend)} lacks {', '.join(missing)}: give it all that "
                f"{contract.__module__}.{contract.__name__} asks for"
            )
    written, read = stages.embedder.signature_format, stages.reranker.signature_format
    if read not in ("", written):
        raise SettingsError(
            f"the embedder {_class_of(stages.embedder)} writes signatures of the format "
            f"{written!r}, and the re-ranker {_class_of(stages.reranker)} reads {read!r}: the "
            f"preset {stages.preset.name!r} needs a re-ranker that reads {written!r}"
        )


def _load_backend(preset: Preset, stage: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Returns a backend, made with those of the settings that its constructor names."""
    if name in BACKENDS[stage]:
        module = import_module(f"floorlens.{stage}.backends.{name}")
        return _made(getattr(module, BACKENDS[stage][name]), settings)
    of = f" of the package {preset.package}" if preset.package else ""
    owner = f"the preset {preset.name!r}{of}"
    if ":" not in name:
        raise SettingsError(
            f"{owner} cannot be used: there is no backend {name!r} for {stage}; known are "
            f"{', '.join(BACKENDS[stage])}, and classes as 'module:Class'"
        )
    backend = load_object(name, owner)
    try:
        return _made(backend, settings)
    except FloorlensError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{owner} cannot be used: {name} could not be made ({type(error).__name__}: {error}); "
            "the package must mend it"
        ) from error


def _made(backend: Any, settings: Mapping[str, Any]) -> Any:
    parameters = inspect.signature(backend).parameters
    return backend(**{key: value for key, value in settings.items() if key in parameters})


def _class_of(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"
