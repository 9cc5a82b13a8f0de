"""Stamps: what a model is, written into everything that it makes, and when two are comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from floorlens.errors import CatalogueError, StampMismatch


@dataclass(frozen=True)
class Stamp:
    """Which model or stage it is; stored with everything that it makes.

    Attributes:
        model_id: the model's name, such as "floorlens-segmenter".
        version: of the model; what models of different versions make is not comparable.
        dimension: the length of its output vectors; 0 where it has none.
        licence: SPDX expression or short name of the weights' licence.
        preprocessing: what happens to its input, in words.
    """

    model_id: str
    version: str
    dimension: int
    licence: str
    preprocessing: str

    def as_dict(self) -> dict[str, Any]:
        """Returns the stamp as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Stamp:
        """Returns the stamp in the metadata of an ONNX file.

        Raises:
            CatalogueError: the file carries no stamp.
        """
        try:
            return cls(
                model_id=metadata["model_id"],
                version=metadata["version"],
                dimension=int(metadata["dimension"]),
                licence=metadata["licence"],
                preprocessing=metadata["preprocessing"],
            )
        except KeyError as error:
            raise CatalogueError(f"a model file carries no {error} in its stamp") from error


def identity(stamp: Mapping[str, Any]) -> list[Any]:
    """Returns what decides whether two catalogue stamps are comparable: preset, models, versions.

    Licences and descriptions are information: rewording one must not force a rebuild.

    Example:
        >>> identity({"preset": "builtin", "embedder": {"model_id": "m", "version": "2"}})
        ['builtin', [None, None, None], ['m', '2', None]]
    """
    parts = (stamp.get(stage) or {} for stage in ("normaliser", "embedder"))
    keys = ("model_id", "version", "dimension")
    return [stamp.get("preset"), *([part.get(key) for key in keys] for part in parts)]


def check_stamp(live: Mapping[str, Any] | None, ours: Mapping[str, Any], location: str) -> None:
    """Checks that stages may search a catalogue: its live stamp and theirs must be comparable.

    Args:
        live: the stamp of the catalogue's live features; None before the first product.
        ours: the stamp of the stages.
        location: the catalogue's address, for the message.

    Raises:
        StampMismatch: their features cannot be compared.

    Example:
        >>> check_stamp(None, {"preset": "builtin"}, "./catalogue")
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


def generation_stamp(stamp: Mapping[str, Any], projection: Stamp | None) -> dict[str, Any]:
    """Returns the stamp of features that stages of `stamp` made with a projection of that stamp.

    Example:
        >>> generation_stamp({"preset": "builtin"}, None)
        {'preset': 'builtin'}
    """
    if projection is None:
        return dict(stamp)
    return {**stamp, "projection": projection.as_dict()}


def encoder_key(stamp: Mapping[str, Any]) -> str:
    """Returns a short name of 16 hex digits, equal for stamps whose base features are comparable.

    Example:
        >>> encoder_key({"preset": "builtin"}) == encoder_key({"preset": "other"})
        True
    """
    text = json.dumps(identity(stamp)[1:], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
