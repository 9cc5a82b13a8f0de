"""Models of the Hugging Face hub: which ones the presets use, finding their files, fetching them.

Files are looked for on this machine first. Those that are absent are fetched once, into the hub's
own cache, which other programs share. Every model has a revision, which goes into the stamp: the
commit for a model of the hub, a hash of its files for a local folder.
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
"""Seconds to wait for the hub's list of a model's files."""
NEEDS_CLIP = "needs torch and transformers: pip install 'floorlens[clip]'"

_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_WEIGHTS = (
    re.compile(r"model(-\d+-of-\d+)?\.safetensors"),
    re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin"),
)
# Configuration, tokeniser and image processor; nothing else of a repository is needed.
_SMALL = re.compile(r".+\.(json|txt|model)")
_CARD = "README.md"
# transformers 5 uses the second name for a model that has a tokeniser as well.
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# A model that takes prompts needs all files of one set: without them transformers makes an empty
# tokeniser.
_TOKENISERS = ({"tokenizer.json"}, {"vocab.json", "merges.txt"})


@dataclass(frozen=True)
class HubModel:
    """A model that a preset uses.

    Attributes:
        name: what the presets and `floorlens models` call it.
        model_id: its id on the hub, or a local folder.
        revision: the commit, tag or branch; None: the commit that `pull` recorded, or the newest.
        licence: of the weights; empty if it is to be read from the model's own files.
        megabytes: about the size of the download (float32 weights); 0 if it is not known.
        dimension: the length of its embeddings; 0 for a segmenter, or if it is not known.
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
        model: the model.
        folder: where its files are.
        revision: the commit; for a local folder "local-" and a hash of weights and configuration.
        licence: of the weights, or where to look for it.
    """

    model: HubModel
    folder: Path
    revision: str
    licence: str

    @property
    def model_id(self) -> str:
        """The id for stamps; for a local folder only its name, so that it may be moved."""
        return self.folder.name if self.revision.startswith("local-") else self.model.model_id


def model_named(name: str, options: ModelOptions | None = None) -> HubModel:
    """Returns the model of a name, or the one that the options put in its place.

    Raises:
        SettingsError: there is no such name, or the options name neither a folder nor an id.

    Example:
        >>> model_named("clip").model_id
        'openai/clip-vit-base-patch32'
        >>> model_named("clip", ModelOptions(models={"clip": "my/model"})).model_id
        'my/model'
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
    """Returns the files of a model; if they are not on this machine, they are fetched.

    Raises:
        ModelUnavailable: they are not here and cannot be fetched.
        MissingDependency: the extra `[clip]` is not installed.

    Example:
        >>> locate(model_named("dinov2")).folder.is_dir()  # doctest: +SKIP
        True
    """
    return find_files(model) or pull(replace(model, revision=_revision(model)))


def find_files(model: HubModel) -> ModelFiles | None:
    """Returns the files of a model on this machine; None if they are not here. No network.

    Raises:
        ModelUnavailable: a local folder holds no model.
        MissingDependency: the extra `[clip]` is not installed.

    Example:
        >>> find_files(model_named("dinov2")) is None  # doctest: +SKIP
        True
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

    Files that are here already are not fetched again. A local folder is returned as it is.

    Raises:
        ModelUnavailable: the hub does not answer, or has no such model or revision; or the
            revision cannot be recorded, which is only a warning if `model.revision` is a commit.
        MissingDependency: the extra `[clip]` is not installed.

    Example:
        >>> pull(model_named("dinov2")).licence  # doctest: +SKIP
        'Apache-2.0'
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
        names = files_to_pull(siblings)
        if not _suffices(model, set(names)) or not any(
            w.fullmatch(n) for w in _WEIGHTS for n in names
        ):
            raise unavailable_error(model, "its repository holds no whole model for PyTorch")
        paths = {
            name: Path(hub.hf_hub_download(model.model_id, name, revision=info.sha))
            for name in names
        }
    except _failures() as error:
        raise unavailable_error(model, _reason(error)) from error
    hashes = {name: file_hash(path) for name, path in paths.items()}
    for name, digest in hashes.items():
        expected = getattr(siblings[name].lfs, "sha256", None)
        if expected is not None and expected != digest:
            raise unavailable_error(model, f"{name} arrived damaged; remove {paths[name]}")
    commits = _commits(model.model_id)
    pinned = model.revision == info.sha
    if model.revision and not pinned:
        commits[model.revision] = info.sha
    try:
        _write_record(
            model.model_id, {"revision": info.sha, "revisions": commits, "sha256": hashes}
        )
    except ModelUnavailable as error:
        # A commit is found again without a record, so the model can be used.
        if not pinned:
            raise
        warnings.warn(str(error), stacklevel=2)
    snapshot = paths["config.json"].parent
    return ModelFiles(model, snapshot, info.sha, _licence(model, snapshot))


def files_to_pull(names: Mapping[str, Any]) -> list[str]:
    """Returns the files of a repository that are needed: configuration, card, one set of weights.

    The weights come last: a download that is cut short leaves no folder that looks whole.

    Example:
        >>> files_to_pull({"model.safetensors": 0, "pytorch_model.bin": 0, "config.json": 0})
        ['config.json', 'model.safetensors']
    """
    weights: list[str] = []
    for pattern in _WEIGHTS:
        weights = weights or sorted(name for name in names if pattern.fullmatch(name))
    small = [name for name in names if "/" not in name and _SMALL.fullmatch(name)]
    return [*sorted({*small, *({_CARD} & set(names))}), *weights]


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file, hexadecimal.

    Example:
        >>> from pathlib import Path
        >>> len(file_hash(Path("room.jpg")))
        64
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def records_path() -> Path:
    """Returns the file in which `pull` records revisions and hashes: in the user's cache folder.

    Example:
        >>> records_path().name
        'models.json'
    """
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "floorlens" / "models.json"


def record_of(model_id: str) -> dict[str, Any]:
    """Returns what `pull` recorded of a model; empty if it recorded nothing.

    "revision": the commit; "revisions": the commit of each branch, tag or short commit that was
    pulled; "sha256": by file. If a record is lost, the hub is asked again.

    Example:
        >>> record_of("somebody/some-model")
        {}
    """
    entry = _records().get(model_id)
    return entry if isinstance(entry, dict) else {}


def _revision(model: HubModel) -> str | None:
    """Returns the commit of a model, if it is known: the hub's cache is searched by commit."""
    if model.revision:
        return _commits(model.model_id).get(model.revision, model.revision)
    return record_of(model.model_id).get("revision")


def _commits(model_id: str) -> dict[str, str]:
    """Returns the commits that `pull` recorded, by branch, tag or short commit."""
    commits = record_of(model_id).get("revisions")
    return dict(commits) if isinstance(commits, dict) else {}


def _records() -> dict[str, Any]:
    try:
        records = json.loads(records_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _write_record(model_id: str, entry: Mapping[str, Any]) -> None:
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
    """Returns a hash of weights and configuration; `states` makes changed files be hashed again."""
    digest = hashlib.sha256()
    for name, _, _ in states:
        digest.update(f"{name} {file_hash(folder / name)}\n".encode())
    return f"local-{digest.hexdigest()[:16]}"


def model_files(folder: Path) -> list[Path]:
    """Returns weights, configuration, tokeniser and image processor in a folder, sorted by name.

    Example:
        >>> from pathlib import Path
        >>> model_files(Path("products"))
        []
    """
    patterns = (*_WEIGHTS, _SMALL)
    return sorted(p for p in folder.iterdir() if any(n.fullmatch(p.name) for n in patterns))


def _takes_prompts(model: HubModel) -> bool:
    return model.name == "clipseg"


def _suffices(model: HubModel, names: Set[str]) -> bool:
    """Returns whether all files but the weights are among the names."""
    return (
        "config.json" in names
        and any(name in names for name in _PROCESSORS)
        and (not _takes_prompts(model) or any(names >= some for some in _TOKENISERS))
    )


def _complete(model: HubModel, folder: Path) -> bool:
    """Returns whether a folder has all that is loaded; a download that was cut short has not."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if not _suffices(model, names):
        return False
    for whole in ("model.safetensors", "pytorch_model.bin"):
        if whole in names:
            return True
        if f"{whole}.index.json" in names:
            try:
                shards = json.loads((folder / f"{whole}.index.json").read_text("utf-8"))
                return set(shards["weight_map"].values()) <= names
            except (OSError, ValueError, KeyError, AttributeError):
                return False
    return False


def _licence(model: HubModel, folder: Path) -> str:
    if model.licence:
        return model.licence
    card = folder / _CARD
    text = card.read_text("utf-8", errors="replace") if card.is_file() else ""
    front = text.partition("---\n")[2].partition("\n---")[0]
    match = re.search(r"^license:[ ]*(\S+)", front, re.MULTILINE)
    return match[1] if match else "unknown: see the model's own page"


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingDependency(f"a model from the Hugging Face hub {NEEDS_CLIP}") from error
    return huggingface_hub


def _failures() -> tuple[type[BaseException], ...]:
    """Returns the errors that the hub's client raises if a model cannot be had."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its bases are the errors of whichever HTTP library this version of the client works with.
    return (*HfHubHTTPError.__bases__, OSError, ValueError)


def _reason(error: BaseException) -> str:
    names = {base.__name__ for base in type(error).__mro__}
    if "OfflineModeIsEnabled" in names:
        return "HF_HUB_OFFLINE forbids to fetch it"
    if "GatedRepoError" in names:
        return "its owner asks for a login first: run `hf auth login`"
    if "RepositoryNotFoundError" in names:
        return "the hub has no model of that name, or you may not see it"
    if "RevisionNotFoundError" in names:
        return "the hub has no such revision of it"
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return f"its files cannot be written: {os.strerror(error.errno)}"
    return f"the hub does not answer as it should: {type(error).__name__}"


def unavailable_error(
    model: HubModel, reason: str, *, cause: str = "is neither in the cache nor reachable"
) -> ModelUnavailable:
    """Returns the error for a model that cannot be had, with the cure.

    Example:
        >>> str(unavailable_error(model_named("clip"), "no network"))
        'the model openai/clip-vit-base-patch32 is neither in the cache nor reachable (no...'
    """
    return ModelUnavailable(
        f"the model {model.model_id} {cause} ({reason}): run `floorlens models pull {model.name}` "
        f"where there is a network, or set {variable(model.name)} to another model or a folder"
    )


def variable(name: str) -> str:
    """Returns the environment variable that puts another model in the place of this one.

    Example:
        >>> variable("clip")
        'FLOORLENS_CLIP_MODEL'
    """
    return f"FLOORLENS_{name.upper()}_MODEL"
