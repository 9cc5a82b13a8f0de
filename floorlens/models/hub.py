"""Models of the Hugging Face hub: which the presets take, where their files lie, fetching them.

Files are looked for on this machine first. What is not there is fetched once, into the hub's own
cache, so that what another program has fetched already is used. Every model has a revision, which
goes into the stamp: the commit for one of the hub, a hash of its files for a local folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from floorlens.errors import MissingDependency, ModelUnavailable, SettingsError
from floorlens.models.options import ModelOptions

TIMEOUT = 15.0
"""Seconds that the hub is given to say what it has."""
NEEDS_CLIP = "needs torch and transformers: pip install 'floorlens[clip]'"

_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_WEIGHTS = (
    re.compile(r"model(-\d+-of-\d+)?\.safetensors"),
    re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin"),
)
# Configuration, tokeniser and image processor; what else a repository holds is not needed.
_SMALL = re.compile(r".+\.(json|txt|model)")
_CARD = "README.md"
# transformers 5 saves the image processor of a model with a tokeniser in the second of them.
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# A model that takes prompts needs all of one set: without it transformers makes an empty tokeniser.
_TOKENISERS = ({"tokenizer.json"}, {"vocab.json", "merges.txt"})


@dataclass(frozen=True)
class HubModel:
    """A model that a preset takes.

    Attributes:
        name: what the presets and `floorlens models` call it.
        model_id: of the hub, or a local folder.
        revision: the commit that is taken; None: the one that `pull` recorded, or the newest.
        licence: of the weights; empty where only the model itself can say it.
        megabytes: about what is fetched (float32 weights); 0 where it is not known.
        dimension: the length of its embeddings; 0 for a segmenter, or where it is not known.
        description: one sentence.
    """

    name: str
    model_id: str
    revision: str | None
    licence: str
    megabytes: int
    dimension: int
    description: str


MODELS: Mapping[str, HubModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            HubModel(
                name="clipseg",
                model_id="CIDAS/clipseg-rd64-refined",
                revision="999e0328d9e10b484360c477313983f9afdd7050",
                licence="Apache-2.0",
                megabytes=604,
                dimension=0,
                description="Finds what a prompt names: the segmenter of the reference design.",
            ),
            HubModel(
                name="clip",
                model_id="openai/clip-vit-base-patch32",
                revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
                licence="MIT",
                megabytes=605,
                dimension=512,
                description="CLIP ViT-B/32: the embedder of the reference design.",
            ),
            HubModel(
                name="siglip2",
                model_id="google/siglip2-base-patch16-224",
                revision=None,
                licence="Apache-2.0",
                megabytes=1501,
                dimension=768,
                description="SigLIP 2 ViT-B/16: trained on text as CLIP is, later and on more.",
            ),
            HubModel(
                name="dinov2",
                model_id="facebook/dinov2-small",
                revision=None,
                licence="Apache-2.0",
                megabytes=88,
                dimension=384,
                description="DINOv2 ViT-S/14: trained on pictures alone.",
            ),
        )
    }
)


@dataclass(frozen=True)
class ModelFiles:
    """A model on this machine.

    Attributes:
        model: which one.
        folder: where its files lie.
        revision: the commit; "local-" and a hash of weights and configuration for a local folder.
        licence: of the weights, or where to look for it.
    """

    model: HubModel
    folder: Path
    revision: str
    licence: str

    @property
    def model_id(self) -> str:
        """The id for stamps; of a local folder its name alone, so that it may be moved."""
        return self.folder.name if self.revision.startswith("local-") else self.model.model_id


def chosen_model(name: str, options: ModelOptions | None = None) -> HubModel:
    """Returns a model by name, or what the options put in its place.

    Raises:
        SettingsError: there is no such name, or what stands in its place can be no model.
    """
    try:
        model = MODELS[name]
    except KeyError:
        raise SettingsError(
            f"unknown model {name!r}: known are {', '.join(MODELS)} (`floorlens models list`)"
        ) from None
    options = options or ModelOptions()
    other, revision = options.models.get(name), options.revisions.get(name)
    if other and other != model.model_id:
        if not Path(other).expanduser().is_dir() and not _ID.fullmatch(other):
            raise SettingsError(
                f"{variable(name)}: {other!r} is neither a folder nor a Hugging Face id"
            )
        model = HubModel(name, other, None, "", 0, 0, f"Named by {variable(name)}.")
    return replace(model, revision=revision) if revision else model


def locate(model: HubModel) -> ModelFiles:
    """Returns where the files of a model lie; those that are not on this machine are fetched.

    Raises:
        ModelUnavailable: they are neither here nor can be fetched.
        MissingDependency: the extra `[clip]` is not installed.
    """
    return cached(model) or pull(replace(model, revision=_revision(model)))


def cached(model: HubModel) -> ModelFiles | None:
    """Returns where the files of a model lie on this machine; None if they do not. No network.

    Raises:
        ModelUnavailable: a local folder holds no model.
        MissingDependency: the extra `[clip]` is not installed.
    """
    folder = Path(model.model_id).expanduser()
    if folder.is_dir():
        return _local(model, folder.resolve())
    hub = _hub()
    config = hub.try_to_load_from_cache(model.model_id, "config.json", revision=_revision(model))
    if not isinstance(config, str):
        return None
    snapshot = Path(config).parent
    if not _complete(model, snapshot):
        return None
    return ModelFiles(model, snapshot, snapshot.name, _licence(model, snapshot))


def pull(model: HubModel) -> ModelFiles:
    """Fetches the files of a model into the hub's cache, and records its revision and hashes.

    What is there already is not fetched again. A local folder is returned as it is. Where nothing
    can be recorded, that is an error, and for a model that is asked for by its commit a warning.

    Raises:
        ModelUnavailable: the hub does not answer, or has no such model or revision.
        MissingDependency: the extra `[clip]` is not installed.
    """
    folder = Path(model.model_id).expanduser()
    if folder.is_dir():
        return _local(model, folder.resolve())
    hub = _hub()
    try:
        info = hub.HfApi().model_info(
            model.model_id, revision=model.revision, timeout=TIMEOUT, files_metadata=True
        )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings}
        names = wanted(siblings)
        if not _suffices(model, set(names)) or not any(
            w.fullmatch(n) for w in _WEIGHTS for n in names
        ):
            raise unavailable(model, "its repository holds no whole model for PyTorch")
        paths = {
            name: Path(hub.hf_hub_download(model.model_id, name, revision=info.sha))
            for name in names
        }
    except _failures() as error:
        raise unavailable(model, _reason(error)) from error
    hashes = {name: file_hash(path) for name, path in paths.items()}
    for name, digest in hashes.items():
        told = getattr(siblings[name].lfs, "sha256", None)
        if told is not None and told != digest:
            raise unavailable(model, f"{name} arrived damaged; remove {paths[name]}")
    known = _commits(model.model_id)
    pinned = model.revision == info.sha
    if model.revision and not pinned:
        known[model.revision] = info.sha
    try:
        _record(model.model_id, {"revision": info.sha, "revisions": known, "sha256": hashes})
    except ModelUnavailable as error:
        # Its commit needs no record to be found again: it is here, and can be used.
        if not pinned:
            raise
        warnings.warn(str(error), stacklevel=2)
    snapshot = paths["config.json"].parent
    return ModelFiles(model, snapshot, info.sha, _licence(model, snapshot))


def wanted(names: Mapping[str, Any]) -> list[str]:
    """Returns which files of a repository are needed: configuration, card, one set of weights.

    The weights come last: a fetch that is cut short leaves no folder that looks whole.
    """
    weights: list[str] = []
    for pattern in _WEIGHTS:
        weights = weights or sorted(name for name in names if pattern.fullmatch(name))
    small = [name for name in names if "/" not in name and _SMALL.fullmatch(name)]
    return [*sorted({*small, *({_CARD} & set(names))}), *weights]


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def records_path() -> Path:
    """Returns where `pull` records revisions and hashes: in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "floorlens" / "models.json"


def recorded(model_id: str) -> dict[str, Any]:
    """Returns what `pull` recorded of a model; empty if nothing.

    "revision": the commit; "revisions": the commit by the branch, tag or short commit that was
    asked for; "sha256": by file. A record that is lost costs no more than another look at the hub.
    """
    entry = _records().get(model_id)
    return entry if isinstance(entry, dict) else {}


def _revision(model: HubModel) -> str | None:
    """Returns the commit as far as it is known: the hub's cache is asked by no other name."""
    if model.revision:
        return _commits(model.model_id).get(model.revision, model.revision)
    return recorded(model.model_id).get("revision")


def _commits(model_id: str) -> dict[str, str]:
    found = recorded(model_id).get("revisions")
    return dict(found) if isinstance(found, dict) else {}


def _records() -> dict[str, Any]:
    try:
        found = json.loads(records_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _record(model_id: str, entry: Mapping[str, Any]) -> None:
    path = records_path()
    text = json.dumps({**_records(), model_id: entry}, indent=2)
    part = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        raise ModelUnavailable(
            f"the revision of {model_id} cannot be recorded in {path} ({error.strerror}): make "
            "that folder writable, or set XDG_CACHE_HOME to one that is"
        ) from error


def _local(model: HubModel, folder: Path) -> ModelFiles:
    if not _complete(model, folder):
        tokeniser = ", tokenizer.json or vocab.json and merges.txt" if _takes_prompts(model) else ""
        raise ModelUnavailable(
            f"{variable(model.name)}: the folder {folder} holds no model that transformers saved "
            "(config.json, preprocessor_config.json or processor_config.json, model.safetensors or "
            f"pytorch_model.bin{tokeniser})"
        )
    states = tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in model_files(folder))
    return ModelFiles(model, folder, _local_revision(folder, states), _licence(model, folder))


@lru_cache(maxsize=32)
def _local_revision(folder: Path, states: tuple[tuple[str, int, int], ...]) -> str:
    """Returns a hash of weights and configuration; `states` is there to hash changed files anew."""
    digest = hashlib.sha256()
    for name, _, _ in states:
        digest.update(f"{name} {file_hash(folder / name)}\n".encode())
    return f"local-{digest.hexdigest()[:16]}"


def model_files(folder: Path) -> list[Path]:
    """Returns the files that make a model what it is, sorted by name; not its card."""
    patterns = (*_WEIGHTS, _SMALL)
    return sorted(p for p in folder.iterdir() if any(n.fullmatch(p.name) for n in patterns))


def _takes_prompts(model: HubModel) -> bool:
    return model.name == "clipseg"


def _suffices(model: HubModel, names: Set[str]) -> bool:
    """Whether the files beside the weights are all there."""
    return (
        "config.json" in names
        and any(name in names for name in _PROCESSORS)
        and (not _takes_prompts(model) or any(names >= some for some in _TOKENISERS))
    )


def _complete(model: HubModel, folder: Path) -> bool:
    """Whether all that is loaded is there; a fetch that was cut short leaves half of it."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if not _suffices(model, names):
        return False
    for whole in ("model.safetensors", "pytorch_model.bin"):
        if whole in names:
            return True
        if f"{whole}.index.json" in names:
            try:
                index = json.loads((folder / f"{whole}.index.json").read_text("utf-8"))
                return set(index["weight_map"].values()) <= names
            except (OSError, ValueError, KeyError, AttributeError):
                return False
    return False


def _licence(model: HubModel, folder: Path) -> str:
    if model.licence:
        return model.licence
    card = folder / _CARD
    text = card.read_text("utf-8", errors="replace") if card.is_file() else ""
    front = text.partition("---\n")[2].partition("\n---")[0]
    found = re.search(r"^license:[ ]*(\S+)", front, re.MULTILINE)
    return found[1] if found else "unknown: see the model's own page"


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingDependency(f"a model from the Hugging Face hub {NEEDS_CLIP}") from error
    return huggingface_hub


def _failures() -> tuple[type[BaseException], ...]:
    """Returns what the hub's client raises where a model cannot be had."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its bases are the errors of whichever HTTP library this version of the client works with.
    return (*HfHubHTTPError.__bases__, OSError, ValueError)


def _reason(error: BaseException) -> str:
    names = {base.__name__ for base in type(error).__mro__}
    if "OfflineModeIsEnabled" in names:
        return "HF_HUB_OFFLINE forbids to fetch it"
    if "GatedRepoError" in names:
        return "its owner wants to be asked first: log in with `hf auth login`"
    if "RepositoryNotFoundError" in names:
        return "the hub has none of that name, or not for you"
    if "RevisionNotFoundError" in names:
        return "the hub has no such revision of it"
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return f"its files cannot be written: {os.strerror(error.errno)}"
    return f"the hub does not answer as it should: {type(error).__name__}"


def unavailable(
    model: HubModel, reason: str, *, cause: str = "is neither in the cache nor reachable"
) -> ModelUnavailable:
    """Returns the error for a model that cannot be had, with the cure."""
    return ModelUnavailable(
        f"the model {model.model_id} {cause} ({reason}): run `floorlens models pull {model.name}` "
        f"where there is a network, or set {variable(model.name)} to another model or a folder"
    )


def variable(name: str) -> str:
    """Returns the environment variable that puts another model in the place of one."""
    return f"FLOORLENS_{name.upper()}_MODEL"
