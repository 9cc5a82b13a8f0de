"""What is known of the hub's models on this machine: behind `floorlens models`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from floorlens.errors import ModelUnavailable
from floorlens.models.hub import (
    MODELS,
    HubModel,
    ModelFiles,
    cached,
    chosen_model,
    file_hash,
    model_files,
    recorded,
    unavailable,
)
from floorlens.models.options import ModelOptions


def here(model: HubModel) -> ModelFiles:
    """Returns where a model lies. No network.

    Raises:
        ModelUnavailable: it is not on this machine.
        MissingDependency: the extra `[clip]` is not installed.
    """
    files = cached(model)
    if files is None:
        raise unavailable(
            model, "it is not in the cache, or not whole", cause="is not on this machine"
        )
    return files


@dataclass(frozen=True)
class ModelState:
    """A model, and whether it is on this machine.

    Attributes:
        name, model_id, licence, megabytes, dimension, description: see `HubModel`.
        revision: of what is here; else the one that would be fetched, None for the newest.
        folder: where it lies; None if it is not here.
    """

    name: str
    model_id: str
    licence: str
    megabytes: int
    dimension: int
    description: str
    revision: str | None
    folder: str | None

    def as_dict(self) -> dict[str, Any]:
        """Returns the state as plain JSON values."""
        return asdict(self)


def states(options: ModelOptions | None = None) -> Iterator[ModelState]:
    """Yields the state of each model that the presets take. No network.

    Raises:
        MissingDependency: the extra `[clip]` is not installed.
    """
    for name in MODELS:
        model = chosen_model(name, options)
        try:
            files = cached(model)
        except ModelUnavailable:
            # The folder that a setting names holds no model.
            files = None
        yield ModelState(
            name=name,
            model_id=model.model_id,
            licence=model.licence if files is None else files.licence,
            megabytes=model.megabytes,
            dimension=model.dimension,
            description=model.description,
            revision=model.revision if files is None else files.revision,
            folder=None if files is None else str(files.folder),
        )


@dataclass(frozen=True)
class Verified:
    """What was found when a model was verified.

    Attributes:
        files: where it lies.
        compared: how many of its files have the hash that they should have.
        unknown: how many have no hash to be compared with; of a local folder all.
        dimension: the length of the embeddings that it makes; 0 for a segmenter.
    """

    files: ModelFiles
    compared: int
    unknown: int
    dimension: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the findings as plain JSON values."""
        return {
            "name": self.files.model.name,
            "model_id": self.files.model.model_id,
            "revision": self.files.revision,
            "folder": str(self.files.folder),
            "compared": self.compared,
            "unknown": self.unknown,
            "dimension": self.dimension,
        }


def verify(model: HubModel) -> Verified:
    """Returns what is found when a model's hashes are compared and it is run once.

    Hashes are those that `pull` recorded, else those that the hub's cache names its files by.

    Raises:
        ModelUnavailable: it is not on this machine, a file is damaged or absent, it cannot be
            loaded, or it makes embeddings of another length than it should.
        MissingDependency: the extra `[clip]` is not installed.
    """
    from floorlens.models.torch import try_out

    files = here(model)
    record = recorded(model.model_id)
    known = record.get("sha256", {}) if record.get("revision") == files.revision else {}
    absent = sorted(name for name in known if not (files.folder / name).is_file())
    if absent:
        raise ModelUnavailable(
            f"the model {model.model_id} is not whole: {', '.join(absent)} of what was fetched is "
            f"not in {files.folder} any more; run `floorlens models pull {model.name}`"
        )
    checks = {p.name: _intact(p, known.get(p.name)) for p in model_files(files.folder)}
    damaged = sorted(name for name, intact in checks.items() if intact is False)
    if damaged:
        raise ModelUnavailable(
            f"the model {model.model_id} is damaged: {', '.join(damaged)} in {files.folder} has "
            f"another hash than it should; remove that folder and run `floorlens models pull "
            f"{model.name}`"
        )
    dimension = try_out(files)
    if model.dimension and dimension != model.dimension:
        raise ModelUnavailable(
            f"the model {model.model_id} makes vectors of {dimension} numbers, not of "
            f"{model.dimension}: it is another one than its name says"
        )
    compared = sum(intact is True for intact in checks.values())
    return Verified(files, compared, len(checks) - compared, dimension)


def _intact(path: Path, known: str | None) -> bool | None:
    """Whether a file has the hash that it should have; None where none is known."""
    if known is not None:
        return file_hash(path) == known
    # The hub's cache names large files by SHA-256, small ones by git's hash of them.
    name = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", name):
        return file_hash(path) == name
    if re.fullmatch(r"[0-9a-f]{40}", name):
        data = path.read_bytes()
        head = f"blob {len(data)}\0".encode()
        return hashlib.sha1(head + data, usedforsecurity=False).hexdigest() == name
    return None
